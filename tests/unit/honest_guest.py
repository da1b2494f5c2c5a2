"""What a scripted guest and scripted NTP servers print: recorded texts with the state of the story in them.

Readers parse these texts as they would a real guest's, so that an audit can parse them again.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import msgspec

from probes import linux
from probes.clocks import ntp
from probes.observation import Raw
from probes.reader import Reader
from tests.unit.corpus import Case, load

S = 1_000_000_000
NTP_UNIX_S = 2_208_988_800
CASES: dict[str, Case] = {case.id: case for case in load()}
READERS = {reader.name: reader for reader in linux.READERS}
ORDER = (*(n for n in READERS if n not in ("boot", "timedatectl", "keytab", "caches")), "boot")
"""As a live session without naive checks reads: the boot id closes a turn."""


@dataclass(frozen=True)
class Guest:
    """The state of a guest as its tools show it."""

    boot_id: str
    platform: str  # vmware, ahv
    booted_ns: int  # BOOTTIME of the jump host
    chrony: bool = False
    tools: bool = True
    agent: bool = False
    machine_id: str = "4c4c4544003559108054b4c04f4d3732"
    host_key: str = "SHA256:hostkeyofapp01"

    def read(self, mono_ns: int, guest_utc_ns: int) -> Iterator[tuple[Reader, tuple[Raw, ...]]]:
        """Every reader's raw outputs at that moment, in the order they are read."""
        for name in ORDER:
            yield READERS[name], _TEXTS[name](self, mono_ns, guest_utc_ns)


def _boot(guest: Guest, mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    boot, uptime = CASES["boot/linux-6.18/plain"].raws
    up = (mono_ns - guest.booted_ns) // 10_000_000
    return replaced(boot, f"{guest.boot_id}\n"), replaced(uptime, f"{up // 100}.{up % 100:02} 999.00\n")


def _platform(guest: Guest, _mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    raws = CASES[f"platform/documented/{guest.platform}"].raws
    return tuple(replaced(r, f"{guest.machine_id}\n") if r.argv[-1] == "/etc/machine-id" else r for r in raws)


def _services(guest: Guest, _mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    show, offline, openrc, sysv, scripts, ps, busybox = CASES["services/systemd-252/booted"].raws
    text = show.out
    if not guest.chrony:
        text = re.sub(r"(Id=chrony\.service\n(?:\w+=.*\n)*?ActiveState=)active", r"\1inactive", text)
    running = (_processes(guest, ps), _processes(guest, busybox))
    return replaced(show, text), offline, openrc, sysv, scripts, *running


def _processes(guest: Guest, ps: Raw) -> Raw:
    extra = [
        f"    {pid} {name}\n"
        for pid, name, runs in (
            (612, "vmtoolsd", guest.tools),
            (700, "chronyd", guest.chrony),
            (701, "ngt_guest_agent", guest.agent),
        )
        if runs
    ]
    return replaced(ps, ps.out + "".join(extra))


def _chrony(guest: Guest, _mono_ns: int, utc_ns: int) -> tuple[Raw, ...]:
    if not guest.chrony:
        return CASES["chrony/none/not-installed"].raws
    tracking, sources, *rest = CASES["chrony/4.3/synchronised"].raws
    columns = tracking.out.strip().split(",")
    columns[0], columns[1], columns[3] = "0A000001", "192.0.2.1", f"{utc_ns // S - 9}.000000000"
    line = sources.out.strip().split(",")
    line[2], line[4], line[6] = "192.0.2.1", "6", "9"
    now = {"date": f"{utc_ns // S}\n", "pgrep": "700 /usr/sbin/chronyd -F 1\n"}  # recorded was one with -x
    dated = (replaced(r, now[r.argv[0]]) if r.argv[0] in now else r for r in rest)
    return (
        replaced(tracking, ",".join(columns) + "\n"),
        replaced(sources, ",".join(line) + "\n"),
        *dated,
    )


def _timesyncd(_guest: Guest, _mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    return CASES["timesyncd/none/no-bus"].raws


def _vmtools(guest: Guest, _mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    name = "vmtools/documented/periodic-enabled" if guest.tools else "vmtools/12.2.0/off-vmware"
    return CASES[name].raws


def _agents(guest: Guest, _mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    dpkg, rpm, apk, ps, busybox = CASES["agents/debian-12/none-installed"].raws
    out = "ii |open-vm-tools|2:12.2.0-1+deb12u2\n" if guest.tools else dpkg.out
    return replaced(dpkg, out), rpm, apk, _processes(guest, ps), _processes(guest, busybox)


def _rtc(_guest: Guest, _mono_ns: int, utc_ns: int) -> tuple[Raw, ...]:
    raws = CASES["rtc/documented/utc"].raws
    shown = {2: f"{utc_ns // S}+0000\n", 3: f"{utc_ns // S}\n", 4: f"{utc_ns // S}\n"}
    return tuple(replaced(r, shown.get(number, r.out)) for number, r in enumerate(raws))


def _kernel_clock(_guest: Guest, _mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    return CASES["kernel-clock/documented/kvm-clock"].raws


def _steps(guest: Guest, mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    journal, uptime = CASES["steps/systemd-252/nothing-said"].raws
    up = (mono_ns - guest.booted_ns) // 10_000_000
    return journal, replaced(uptime, f"{up // 100}.{up % 100:02} 999.00\n")


def _time_config(guest: Guest, _mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    found, sources, activity = CASES["time-config/debian-12/nothing"].raws
    if guest.chrony:
        conf = "/etc/chrony/chrony.conf:server 192.0.2.1 iburst\n"
        listed = CASES["chrony/4.3/synchronised"].raws
        found = replaced(found, conf + found.out)
        sources = msgspec.structs.replace(listed[1], argv=sources.argv)
        activity = msgspec.structs.replace(listed[2], argv=activity.argv)
    return found, sources, activity


def _cron(_guest: Guest, _mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    return CASES["cron/debian-12/none"].raws


def _ptp(_guest: Guest, _mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    return CASES["ptp/linux-6.18/none"].raws


def _ntpq(_guest: Guest, _mono_ns: int, _utc_ns: int) -> tuple[Raw, ...]:
    return CASES["ntpq/none/not-installed"].raws


_TEXTS: dict[str, Callable[[Guest, int, int], tuple[Raw, ...]]] = {
    "boot": _boot,
    "platform": _platform,
    "services": _services,
    "chrony": _chrony,
    "timesyncd": _timesyncd,
    "vmtools": _vmtools,
    "agents": _agents,
    "rtc": _rtc,
    "ntpq": _ntpq,
    "kernel-clock": _kernel_clock,
    "steps": _steps,
    "time-config": _time_config,
    "cron": _cron,
    "ptp": _ptp,
}


def replaced(raw: Raw, out: str) -> Raw:
    return msgspec.structs.replace(raw, out=out)


@dataclass(frozen=True)
class Server:
    """An NTP server that is off by so much."""

    name: str
    offset_ns: int = 0

    def exchange(self, sent_ns: int, rtt_ns: int, utc_ns: Callable[[int], int]) -> Raw:
        """What `probes.clocks.ntp.query` would have kept of one exchange. `utc_ns` is true time at a BOOTTIME."""
        middle = sent_ns + rtt_ns // 2
        request = bytearray(48)
        request[0] = 4 << 3 | 3
        request[40:48] = sent_ns.to_bytes(8, "big")
        stamp = _ntp(utc_ns(middle) + self.offset_ns)
        answer = struct.pack(
            "!BBbbII4sQ8sQQ",
            4 << 3 | 4,
            2,
            6,
            -24,
            0,
            0,
            b"\x0a\0\0\1",
            stamp,
            bytes(request[40:48]),
            stamp,
            stamp,
        )
        kept = {
            "address": "192.0.2.123",
            "request": bytes(request).hex(),
            "answer": answer.hex(),
            "sent_ns": sent_ns,
            "received_ns": sent_ns + rtt_ns,
            "own_utc_ns": utc_ns(middle),
            "kernel_stamp": True,
        }
        return Raw(argv=("ntp", self.name), rc=None, out=msgspec.json.encode(kept).decode() + "\n")


def _ntp(utc_ns: int) -> int:
    seconds, rest = divmod(utc_ns, S)
    return (seconds + NTP_UNIX_S) % 2**32 << 32 | (rest << 32) // S


def moved(guest: Guest, boot_id: str, booted_ns: int) -> Guest:
    """The same VM after the move: another platform, another boot."""
    return replace(guest, boot_id=boot_id, platform="ahv", booted_ns=booted_ns)


NTP_READER = ntp.READER
