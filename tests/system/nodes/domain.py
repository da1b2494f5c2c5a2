"""An Active Directory domain: Samba's domain controller on a node, guests that really join it.

dc = Domain(lab, "dc1")              # provisioned, serving Kerberos, LDAP, DNS, NTP
member = dc.join(lab.guest("app01"))  # machine account, keytab, secrets
dc.controllers[0].clock.set_offset(...)
"""

from __future__ import annotations

import socket
import subprocess
import time
from dataclasses import dataclass, field

from tests.system.nodes import chronyd
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.nodes.node import Node, NodeError, Ran

REALM = "CORP.EXAMPLE"
DOMAIN = "CORP"
DNS_DOMAIN = REALM.lower()
ADMINISTRATOR = "Administrator"
PASSWORD = "Drill-me-4-times"
"""Of accounts that exist inside a namespace for a minute."""

PORTS = (53, 88, 389, 445, 464, 636)
_UP_WITHIN_S = 60.0

_KRB5_CONF = f"""\
[libdefaults]
    default_realm = {REALM}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
[realms]
    {REALM} = {{{{
{{kdcs}}
    }}}}
[domain_realm]
    .{DNS_DOMAIN} = {REALM}
    {DNS_DOMAIN} = {REALM}
"""

_SMB_MEMBER = f"""\
[global]
    security = ADS
    realm = {REALM}
    workgroup = {DOMAIN}
    netbios name = {{name}}
    kerberos method = secrets and keytab
    dedicated keytab file = /etc/krb5.keytab
    client ldap sasl wrapping = seal
    idmap config * : backend = tdb
    idmap config * : range = 10000-99999
"""


@dataclass
class Controller:
    """A domain controller."""

    node: Node

    @property
    def name(self) -> str:
        return f"{self.node.name}.{DNS_DOMAIN}"

    @property
    def address(self) -> str:
        return self.node.address

    def tool(self, *argv: str, check: bool = True, timeout_s: float = 60) -> Ran:
        """`samba-tool` with the directory's own rights."""
        return self.node.run("samba-tool", *argv, check=check, timeout_s=timeout_s)

    def start(self) -> None:
        """The directory's server on a database that is there.

        Raises:
            NodeError: it does not come up; carries what it printed.
        """
        # With another mode the whole server exits: "Cannot create NTP signd pipe directory".
        self.node.run("install", "-d", "-m", "0750", "/var/lib/samba/ntp_signd")
        with self.node.path("/var/log/samba/log.stdout").open("wb") as said:
            # Modules bind past anything preloaded unless told otherwise, and would show the machine's clock.
            env = {"LDB_MODULES_DISABLE_DEEPBIND": "1"}
            argv = ("setsid", "samba", "-F", "-d1", "--debug-stdout")
            server = self.node.popen(*argv, env=env, stdout=said.fileno())
        self._await_ports(server)

    def stop(self) -> None:
        """End the directory's server, all of its processes; its database stays."""
        self.node.run(
            "sh", "-c", "pkill -TERM -x samba; while pgrep -x samba; do sleep 0.1; done", timeout_s=30
        )

    def _await_ports(self, server: subprocess.Popen[bytes]) -> None:
        """Until every port answers; the server has no other word for "ready"."""
        until = time.monotonic() + _UP_WITHIN_S
        waiting = list(PORTS)
        with self.node.in_network():
            while waiting:
                if server.poll() is not None or time.monotonic() > until:
                    said = self.node.read("/var/log/samba/log.stdout")[-2000:]
                    raise NodeError(f"{self.node.name}: port {waiting[0]} does not open: {said}")
                try:
                    socket.create_connection((self.address, waiting[0]), timeout=1).close()
                    waiting.pop(0)
                except OSError:
                    time.sleep(0.1)  # polled: the kernel tells nobody when somebody starts to listen

    def set_offset(self, seconds: float) -> None:
        """The controller's own clock, which its KDC, its LDAP server and its NTP server all show."""
        assert self.node.clock is not None
        self.node.clock.set_offset(round(seconds * 1_000_000_000))

    @property
    def certificate(self) -> str:
        """The CA certificate of its LDAP server, PEM (Samba makes its own at its first start)."""
        return self.node.read("/var/lib/samba/private/tls/ca.pem")


@dataclass
class Domain:
    """One domain with one controller, in a lab."""

    lab: SystemLab
    controller: Controller
    members: dict[str, Guest] = field(default_factory=dict)

    @classmethod
    def provision(cls, lab: SystemLab, name: str = "dc1") -> Domain:
        """A new forest; takes some ten seconds.

        Raises:
            NodeError: the controller did not come up; carries what it printed.
        """
        node = lab.server(name)
        node.path("/etc/samba/smb.conf").unlink(missing_ok=True)
        node.write("/etc/hosts", f"127.0.0.1 localhost\n{node.address} {name}.{DNS_DOMAIN} {name}\n")
        node.run("rm", "-rf", "/var/lib/samba", "/var/cache/samba")
        node.run("mkdir", "-p", "/var/lib/samba/private", "/var/cache/samba", "/run/samba", "/var/log/samba")
        node.run(
            "samba-tool", "domain", "provision",
            f"--realm={REALM}", f"--domain={DOMAIN}", "--server-role=dc", "--dns-backend=SAMBA_INTERNAL",
            f"--adminpass={PASSWORD}", f"--host-name={name}", f"--host-ip={node.address}",
            "--option=interfaces=lo eth0", "--option=bind interfaces only=yes",
            # As Windows does: inside TLS a Kerberos login need not sign once more.
            "--option=ldap server require strong auth=allow_sasl_over_tls",
            timeout_s=120,
        )  # fmt: skip
        made = cls(lab, Controller(node))
        made.controller.start()
        node.write("/etc/krb5.conf", made.krb5_conf())
        node.write("/etc/resolv.conf", f"search {DNS_DOMAIN}\nnameserver {node.address}\n")
        chronyd.serve(node, stratum=4)
        return made

    def promote(self, name: str) -> Controller:
        """A second controller that replicates from the first; takes some ten seconds.

        Raises:
            NodeError: it did not join or did not come up.
        """
        return self.promote_node(self.lab.server(name))

    def promote_node(self, node: Node) -> Controller:
        """The same on a node that is there: a guest becomes a controller.

        Raises:
            NodeError: it did not join or did not come up.
        """
        name = node.name
        node.path("/etc/samba/smb.conf").unlink(missing_ok=True)
        node.write(
            "/etc/hosts",
            f"127.0.0.1 localhost\n{node.address} {name}.{DNS_DOMAIN} {name}\n"
            f"{self.controller.address} {self.controller.name}\n",
        )
        node.run("rm", "-rf", "/var/lib/samba", "/var/cache/samba")
        node.run("mkdir", "-p", "/var/lib/samba/private", "/var/cache/samba", "/run/samba", "/var/log/samba")
        node.write("/etc/krb5.conf", self.krb5_conf())
        node.write("/etc/resolv.conf", f"search {DNS_DOMAIN}\nnameserver {self.controller.address}\n")
        node.run(
            "samba-tool", "domain", "join", DNS_DOMAIN, "DC", "-U", f"{ADMINISTRATOR}%{PASSWORD}",
            "--dns-backend=SAMBA_INTERNAL", f"--server={self.controller.name}",
            "--option=interfaces=lo eth0", "--option=bind interfaces only=yes",
            "--option=ldap server require strong auth=allow_sasl_over_tls",
            timeout_s=120,
        )  # fmt: skip
        made = Controller(node)
        made.start()
        return made

    def krb5_conf(self) -> str:
        """What distributions ship, for this realm: `kdc_timesync` is left at its default, which hides skew."""
        return _KRB5_CONF.format(kdcs=f"        kdc = {self.controller.address}")

    def join(self, guest: Guest, *, upn: bool = True) -> Guest:
        """`net ads join`: machine account, /etc/krb5.keytab and secrets.tdb.

        Raises:
            NodeError: it did not join.
        """
        node, fqdn = guest.node, f"{guest.name}.{DNS_DOMAIN}"
        node.write("/etc/krb5.conf", self.krb5_conf())
        node.write("/etc/resolv.conf", f"search {DNS_DOMAIN}\nnameserver {self.controller.address}\n")
        node.write(
            "/etc/hosts",
            f"127.0.0.1 localhost\n{node.address} {fqdn} {guest.name}\n"
            f"{self.controller.address} {self.controller.name}\n",
        )
        node.run("rm", "-rf", "/var/lib/samba")
        node.run("mkdir", "-p", "/var/lib/samba/private", "/var/cache/samba", "/run/samba", "/var/log/samba")
        node.write("/etc/samba/smb.conf", _SMB_MEMBER.format(name=guest.name.upper()))
        argv = ["net", "ads", "join", "-U", ADMINISTRATOR, "--no-dns-updates"]
        if upn:
            argv.append(f"createupn=host/{fqdn}@{REALM}")
        node.run(*argv, stdin=f"{PASSWORD}\n", env={"PASSWD": PASSWORD}, timeout_s=60)
        self.controller.tool(
            "dns", "add", self.controller.name, DNS_DOMAIN, guest.name, "A", node.address,
            "-U", f"{ADMINISTRATOR}%{PASSWORD}",
        )  # fmt: skip
        self.members[guest.name] = guest
        return guest
