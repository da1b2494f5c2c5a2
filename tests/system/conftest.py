"""The system tier runs real OpenSSH and chronyd in namespaces; where it cannot, it says why."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus.record import ALL, record, root_missing
from tests.system.nodes.lab import SystemLab

_HERE = Path(__file__).parent
_COMMANDS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "gcc": "gcc",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "chronyd": "chrony",
    "sudo": "sudo",
    "doas": "opendoas",
    "busybox": "busybox",
    "dash": "dash",
    "dpkg-deb": "dpkg",
    "systemctl": "systemd",
    "dbus-daemon": "dbus",
    "pgrep": "procps",
    "samba": "samba",
    "samba-tool": "samba-common-bin",
    "smbd": "samba",
    "winbindd": "winbind",
    "adcli": "adcli",
    "kinit": "krb5-user",
    "krb5kdc": "krb5-kdc",
    "kadmin.local": "krb5-admin-server",
    "ldapsearch": "ldap-utils",
    "slapd": "slapd",
    "nft": "nftables",
    "sssd": "sssd-ad",
    "sssctl": "sssd-tools",
    "sssd_ifp": "sssd-dbus",
}


def _missing() -> str | None:
    if os.geteuid() != 0:
        return "the system tier needs root (namespaces and overlay mounts)"
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/libexec/sssd"))
    packages = sorted({p for command, p in _COMMANDS.items() if shutil.which(command, path=path) is None})
    if packages:
        return f"the system tier needs these Debian packages: {' '.join(packages)}"
    if not Path("/proc/self/ns/time").exists():
        return "the system tier needs a kernel with time namespaces (CONFIG_TIME_NS)"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = _missing()
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.system)
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def lab() -> Iterator[SystemLab]:
    """A jump node and an empty segment; make references and guests as needed."""
    with SystemLab() as made:
        yield made


@pytest.fixture
def jump_network(lab: SystemLab) -> Iterator[SystemLab]:
    """The lab, with the test itself (event loop, new threads, new processes) in the jump node's network."""
    with lab.jump.in_network():
        yield lab


@pytest.fixture(scope="session")
def recorded_again(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Every case of the corpus that can be recorded here, recorded today, and what went wrong with others."""
    into = tmp_path_factory.mktemp("corpus")
    return into, record([case for case in ALL if root_missing(case) is None], into)
