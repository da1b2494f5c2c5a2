"""MIT's KDC on a node: a realm of its own, or several, made by kdb5_util, their master keys in stashes.

kdc = MitKdc.create(lab, "kdc1")        # a database, and a server that answers
kdc.principal("app01")
kdc.set_offset(400)                     # its clock
kdc.restart(workers=4)
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field

from tests.system.nodes.lab import SystemLab
from tests.system.nodes.node import Node, NodeError

REALM = "MIT.EXAMPLE"
PASSWORD = "Drill-me-4-times"
"""Of the database and of accounts that exist inside a namespace for a minute."""

_STARTED = b"krb5kdc: starting..."
_KDC_CONF = """\
[kdcdefaults]
    kdc_ports = 88
    kdc_tcp_ports = 88
    kdc_max_dgram_reply_size = {largest}
[realms]
"""
_REALM = """\
    {realm} = {{
        database_name = /var/lib/krb5kdc/{realm}
        key_stash_file = /var/lib/krb5kdc/{realm}.stash
        supported_enctypes = aes256-cts-hmac-sha1-96:normal
    }}
"""
_KRB5_CONF = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
    kdc_timesync = {timesync}
[realms]
    {realm} = {{
        kdc = {address}
    }}
[logging]
    kdc = FILE:/var/log/krb5kdc.log
"""


@dataclass
class MitKdc:
    """A KDC, of one realm or several."""

    lab: SystemLab
    node: Node
    realms: tuple[str, ...] = (REALM,)
    """One alone answers whatever realm it is asked for; one of several keeps silent where that is none of its own."""
    _server: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def create(cls, lab: SystemLab, name: str = "kdc1", *, realms: tuple[str, ...] = (REALM,)) -> MitKdc:
        """New realms, served by one process.

        Raises:
            NodeError: the database was not made, or the server did not come up; carries what was printed.
        """
        made = cls(lab, lab.server(name), realms)
        made.node.write("/etc/krb5.conf", made.krb5_conf())
        made.node.run("rm", "-rf", "/var/lib/krb5kdc")
        made.node.run("install", "-d", "-m", "0700", "/var/lib/krb5kdc")
        made._configure()
        for realm in realms:
            made.node.run("kdb5_util", "-r", realm, "create", "-s", "-P", PASSWORD)
        made.start()
        return made

    @property
    def address(self) -> str:
        return self.node.address

    def krb5_conf(self, *, timesync: int = 1) -> str:
        """What a member of the realm has; `timesync` is the library's own default unless it is said."""
        return _KRB5_CONF.format(realm=self.realms[0], address=self.address, timesync=timesync)

    def start(self, *, workers: int = 0, largest_datagram: int = 4096) -> None:
        """The server, as one process or with workers that share its sockets.

        Args:
            workers: processes (`-w`); 0 = none but itself.
            largest_datagram: of an answer by UDP, in octets; for a larger one a client is sent to TCP.

        Raises:
            NodeError: it does not come up; carries what it printed.
        """
        self._configure(largest_datagram)
        argv = ["krb5kdc", "-n", *(["-w", str(workers)] if workers else [])]
        argv += [word for realm in self.realms for word in ("-r", realm)]
        server = self._server = self.node.popen(*argv)
        assert server.stdout is not None
        said = []
        # Each process says so once its sockets are bound.
        while sum(line.startswith(_STARTED) for line in said) < max(1, workers):
            if not (line := server.stdout.readline()):
                raise NodeError(f"{self.node.name}: krb5kdc does not start: {b''.join(said).decode()}")
            said.append(line)

    def stop(self) -> None:
        """End the server, its workers with it; the database stays."""
        assert self._server is not None
        self.node.run("sh", "-c", "pkill -TERM -o -x krb5kdc")
        self._server.wait(10)

    def restart(self, *, workers: int = 0, largest_datagram: int = 4096) -> None:
        """As `start`, after `stop`."""
        self.stop()
        self.start(workers=workers, largest_datagram=largest_datagram)

    def principal(self, name: str, *options: str) -> None:
        """An account of the first realm with the usual password, and further options of addprinc."""
        self.admin("addprinc", *options, "-pw", PASSWORD, name)

    def admin(self, *query: str) -> None:
        """kadmin.local's word for the first realm's database.

        Raises:
            NodeError: it refused; its own exit status would not tell.
        """
        ran = self.node.run("kadmin.local", "-r", self.realms[0], *query)
        if ran.err.startswith(f"{query[0]}: ") or "while" in ran.err:
            raise NodeError(f"{self.node.name}: kadmin.local {' '.join(query)}: {ran.err}")

    def set_offset(self, seconds: float) -> None:
        """The KDC's own clock."""
        assert self.node.clock is not None
        self.node.clock.set_offset(round(seconds * 1_000_000_000))

    def offset_ns(self) -> int:
        """How far its clock is ahead of true time: the truth."""
        assert self.node.clock is not None
        return self.node.clock.offset_ns()

    def _configure(self, largest_datagram: int = 4096) -> None:
        own = "".join(_REALM.format(realm=realm) for realm in self.realms)
        self.node.write("/etc/krb5kdc/kdc.conf", _KDC_CONF.format(largest=largest_datagram) + own)
