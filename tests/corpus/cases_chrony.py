"""chronyd in states that are set by its configuration and by the servers it is given."""

from __future__ import annotations

import time
from pathlib import Path

from tests.corpus.recorder import COMMANDS, around, case, daemon, ntp_server, run, settled, write

FAST = "iburst minpoll 0 maxpoll 0\n"


def chrony(where: Path, conf: str, state: str, facts: dict[str, object], *, wait: float) -> None:
    """Run chronyd with that configuration for `wait` seconds and record its reader's commands."""
    Path("/etc/chrony/chrony.conf").write_text(conf)
    with daemon("chronyd", "-x", "-u", "root", "-d", "-f", "/etc/chrony/chrony.conf"):
        raws = settled("chrony", facts, after=wait)
        write(where, "chrony", f"{state}; chrony.conf: {conf!r}", facts, raws)


@case("chrony/4.3/synchronised")
def _(where: Path) -> None:
    with ntp_server("127.0.0.1", offset=0):
        facts = {
            "running": True, "version": "4.3", "leap": "normal", "stratum": 3, "source": "127.0.0.1",
            "refid": "7F000001", "system_offset_ns": around(0, 0.01), "makestep": "1.0 3",
            "local_reference": False, "controls": False, "offline": 0, "sources.0.state": "selected", "sources.0.reach": {"from": 7, "to": 255},
            "sources.0.poll": 0, "sources.0.stratum": 2, "sources.0.last_rx_s": {"from": 0, "to": 3},
        }  # fmt: skip
        chrony(where, f"server 127.0.0.1 {FAST}makestep 1.0 3\n", "a server at offset 0", facts, wait=9)


@case("chrony/4.3/guest-slow")
def _(where: Path) -> None:
    with ntp_server("127.0.0.1", offset=2.5):
        facts = {"running": True, "leap": "normal", "system_offset_ns": around(-2.5, 0.1), "makestep": None}  # fmt: skip
        chrony(where, f"server 127.0.0.1 {FAST}", "the guest is 2.5 s behind its server", facts, wait=6)


@case("chrony/4.3/guest-fast")
def _(where: Path) -> None:
    with ntp_server("127.0.0.1", offset=-2.5):
        facts = {"running": True, "leap": "normal", "system_offset_ns": around(2.5, 0.1)}  # fmt: skip
        chrony(where, f"server 127.0.0.1 {FAST}", "the guest is 2.5 s ahead of its server", facts, wait=6)


@case("chrony/4.3/unreachable")
def _(where: Path) -> None:
    facts = {"running": True, "leap": "unsynchronised", "refid": "00000000", "stratum": 0, "source": "", "ref_time_ns": None, "sources.0.reach": 0, "sources.0.last_rx_s": None, "sources.0.state": "unusable"}  # fmt: skip
    chrony(where, f"server 127.0.0.9 {FAST}", "the only server does not answer", facts, wait=4)


@case("chrony/4.3/no-sources")
def _(where: Path) -> None:
    facts = {"running": True, "leap": "unsynchronised", "sources": []}
    chrony(where, "driftfile /run/drift\n", "no source is configured", facts, wait=2)


@case("chrony/4.3/local")
def _(where: Path) -> None:
    facts = {"running": True, "refid": "7F7F0101", "stratum": 10, "leap": "normal", "local_reference": True}
    chrony(where, "local stratum 10\nallow\n", "only the local reference", facts, wait=3)


@case("chrony/4.3/falseticker")
def _(where: Path) -> None:
    with (
        ntp_server("127.0.0.1", offset=0),
        ntp_server("127.0.0.2", offset=0, stratum=1),
        ntp_server("127.0.0.3", offset=0),
        ntp_server("127.0.0.4", offset=40),
    ):
        servers = "".join(f"server 127.0.0.{n} {FAST}" for n in (1, 2, 3, 4))
        facts = {"running": True, "leap": "normal", "source": "127.0.0.2", "sources.3.state": "falseticker", "sources.3.offset_ns": around(-40, 0.5)}  # fmt: skip
        chrony(where, servers, "the fourth of four servers is 40 s ahead", facts, wait=9)


@case("chrony/4.3/peer-and-refclock")
def _(where: Path) -> None:
    facts = {
        "running": True,
        "leap": "unsynchronised",
        "sources.0.mode": "refclock",
        "sources.1.mode": "peer",
    }
    chrony(
        where,
        "refclock SHM 0 refid VMW\npeer 127.0.0.9\n",
        "a silent refclock and a silent peer",
        facts,
        wait=3,
    )


@case("chrony/4.3/lost-source")
def _(where: Path) -> None:
    Path("/etc/chrony/chrony.conf").write_text(f"server 127.0.0.1 {FAST}confdir /etc/chrony/conf.d\n")
    Path("/etc/chrony/conf.d/site.conf").write_text("makestep 1 -1\n")
    with daemon("chronyd", "-x", "-u", "root", "-d", "-f", "/etc/chrony/chrony.conf"):
        with ntp_server("127.0.0.1", offset=0):
            time.sleep(6)
        facts = {"running": True, "leap": "normal", "refid": "7F000001", "sources.0.reach": 0, "sources.0.last_rx_s": {"from": 8, "to": 30}, "local_reference": None}  # fmt: skip
        state = "the server went silent 14 s ago, at one poll a second; a fragment in conf.d"
        write(where, "chrony", state, facts, settled("chrony", facts, after=14))


@case("chrony/4.3/not-running")
def _(where: Path) -> None:
    Path("/etc/chrony/chrony.conf").write_text("pool pool.ntp.org iburst\nmakestep 1 3\n")
    write(where, "chrony", "chronyd does not run", {"running": False, "version": "4.3", "makestep": "1 3"}, [run(c) for c in COMMANDS["chrony"]])  # fmt: skip


@case("chrony/none/not-installed")
def _(where: Path) -> None:
    raws = [run(c, PATH="/nonexistent") for c in COMMANDS["chrony"]]
    write(where, "chrony", "no tools on PATH", None, raws, failure="tool-absent")
