"""sssd on a joined guest, run as itself on a system bus of the guest's own, by the guest's clock."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass

from tests.system.nodes.domain import DNS_DOMAIN, REALM, Domain
from tests.system.nodes.lab import Guest
from tests.system.nodes.node import NodeError

_CONFIG = f"""\
[sssd]
services = nss, ifp
domains = {DNS_DOMAIN}
[domain/{DNS_DOMAIN}]
id_provider = ad
access_provider = permit
ad_domain = {DNS_DOMAIN}
ad_server = {{controller}}
ad_hostname = {{fqdn}}
ad_enable_gc = false
ad_maximum_machine_account_password_age = 0
krb5_realm = {REALM}
cache_credentials = true
dyndns_update = false
"""
_UNIT = """\
[Unit]
DefaultDependencies=no
Requires=dbus.service
After=dbus.service
[Service]
ExecStart=/usr/sbin/sssd -i
[Install]
WantedBy=multi-user.target
"""
_UP_WITHIN_S = 30.0


def configure(domain: Domain, guest: Guest) -> None:
    """Write sssd.conf."""
    config = _CONFIG.format(controller=domain.controller.name, fqdn=f"{guest.name}.{DNS_DOMAIN}")
    guest.node.write("/etc/sssd/sssd.conf", config, mode=0o600)


def enable(domain: Domain, guest: Guest) -> None:
    """As a service of the guest's systemd: now, and after each boot.

    Raises:
        NodeError: it does not start.
    """
    assert guest.systemd is not None
    configure(domain, guest)
    guest.systemd.unit("sssd.service", _UNIT)
    guest.systemd.systemctl("daemon-reload")
    guest.node.run(
        "rm", "-f", "/etc/init.d/sssd"
    )  # or `enable` wants the links of it, which `prepare` took away
    guest.systemd.systemctl("enable", "--now", "sssd.service")


@dataclass
class GuestSssd:
    """The service of one guest."""

    guest: Guest
    server: subprocess.Popen[bytes]

    @classmethod
    def start(cls, domain: Domain, guest: Guest) -> GuestSssd:
        """Up, and asked once.

        Raises:
            NodeError: it does not come up.
        """
        node = guest.node
        configure(domain, guest)
        if not node.path("/run/dbus/system_bus_socket").exists():
            node.run("install", "-d", "/run/dbus")
            node.popen("dbus-daemon", "--system", "--nofork", "--nopidfile", stdout=subprocess.DEVNULL)
        made = cls(guest, node.popen("sssd", "-i", stdout=subprocess.DEVNULL))
        until = time.monotonic() + _UP_WITHIN_S
        while node.run(*made.status_argv, check=False).rc:
            if made.server.poll() is not None or time.monotonic() > until:
                raise NodeError(f"{guest.name}: sssd does not come up")
            time.sleep(0.1)  # polled: it has no other word for "ready"
        return made

    @property
    def status_argv(self) -> tuple[str, ...]:
        """How the guest itself is asked."""
        return ("sssctl", "domain-status", DNS_DOMAIN)

    def knows(self, name: str) -> bool:
        """Whether it has an account of that name: a new name is asked of the controller, a known one of the cache."""
        return not self.guest.node.run("getent", "-s", "sss", "passwd", name, check=False, timeout_s=60).rc

    def status(self) -> str:
        """The first line of what it says of itself."""
        return self.guest.node.run(*self.status_argv).out.partition("\n")[0]
