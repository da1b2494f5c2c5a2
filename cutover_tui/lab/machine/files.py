"""Every file of a guest: its own, those its packages bring, and what the kernel makes up."""

from __future__ import annotations

from dataclasses import replace

from cutover_tui.lab.machine.guest import ALWAYS, File, Guest
from cutover_tui.lab.machine.kernel import kernel_files

_DIRECTORIES = {
    **{f"/{path}/": File("", 0o1777) for path in ("tmp", "var/tmp")},
    **{f"/{path}/": File("", 0o755) for path in ("run", "run/user", "var/lib", "var/cache", "home")},
    "/root/": File("", 0o700),
}


def all_files(guest: Guest, true_ns: int) -> dict[str, File]:
    """Every file, those the kernel makes up included."""
    made = {
        **_DIRECTORIES,
        "/etc/hostname": File(f"{guest.host}\n"),
        "/etc/machine-id": File(f"{guest.machine_id}\n", 0o444),
        "/etc/os-release": File(guest.system.os_release),
    }
    made |= {path: File(text, mode) for path, (text, mode) in kernel_files(guest, true_ns).items()}
    if guest.host_key_public:
        key = "/etc/ssh/ssh_host_ed25519_key"
        made[key] = File(guest.host_key, 0o600)
        made[f"{key}.pub"] = File(f"{guest.host_key_public} root@{guest.host}\n")
    made |= {path: File(text) for path, text in guest.system.extra_files.items()}
    if guest.system.manager in ("dpkg", "apk"):
        made |= {f"/etc/init.d/{name}": File("#!/bin/sh\n", 0o755) for name in _scripts(guest)}
    if guest.system.manager == "dpkg":
        made |= {f"/etc/rc2.d/{link}": File("") for link in _sysv_links(guest)}
    if guest.rtc.guest_local:
        made["/etc/adjtime"] = File("0.0 0 0.0\n0\nLOCAL\n")
    found = made | guest.files
    return found | {
        path: replace(found[path], mode=0o600, owner="root", group="root")
        for path in guest.unreadable
        if path in found
    }


def _scripts(guest: Guest) -> list[str]:
    """Services with a script in /etc/init.d; what OpenRC always has is among them."""
    named = [u.file.name.removesuffix(".service") for u in guest.units.values() if u.package]
    return [*named, *(ALWAYS if guest.system.init == "openrc" else ("udev", "procps"))]


def _sysv_links(guest: Guest) -> list[str]:
    """What Debian's packages leave in /etc/rc2.d for an init that is not there."""
    named = [(u.file.name.removesuffix(".service"), u.enabled) for u in guest.units.values() if u.package]
    return ["README", *(f"{'S' if state == 'enabled' else 'K'}01{name}" for name, state in named)]
