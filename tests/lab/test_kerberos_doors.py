"""A domain through both doors: KDCs at loopback ports that the session asks at 88, guests that really run kinit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

import cutover_tui.lab.worlds as shipped
from cutover_tui.core.runbook import SECOND, Duration
from cutover_tui.lab.drill.drill import DoorName, Piece, Played, drill
from cutover_tui.lab.drill.piece import piece_of
from cutover_tui.lab.world_file.loading import load_world
from tests.lab.test_drill import last_verdicts

DIRECTORY = Path(next(iter(shipped.__path__)))
SETTLE = Duration(10 * SECOND)
WORLDS = ("b2-timesync-masks-skew", "b2-timesync-masks-skew-healthy")


def short(name: str) -> Piece:
    made = piece_of(load_world(DIRECTORY / f"{name}.yaml"))
    return replace(made, play=msgspec.structs.replace(made.play, settle=SETTLE), aftermath_ns=0)


@pytest.mark.timeout(300)
def test_a_hidden_skew_and_its_twin_through_both_doors(tmp_path: Path) -> None:
    def play(name: str, door: DoorName) -> Played:
        return drill(short(name), tmp_path / f"{door}-{name}", door)

    with ThreadPoolExecutor(len(WORLDS)) as pool:  # at rate 1 most of it is waiting
        real = list(pool.map(lambda name: play(name, "real"), WORLDS))
    virtual = [play(name, "virtual") for name in WORLDS]
    assert [p.outcome for p in virtual] == ["refused", "allowed"]
    assert ("kerberos.as", "skew") in virtual[0].findings
    for one, other in zip(real, virtual, strict=True):
        assert (one.outcome, one.step, one.host, one.findings) == (
            other.outcome, other.step, other.host, other.findings
        )  # fmt: skip
        assert last_verdicts(one) == last_verdicts(other)
