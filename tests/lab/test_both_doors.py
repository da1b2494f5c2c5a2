"""Worlds through both doors: real SSH, NTP and Kerberos at rate 1, and the same in memory in no time.

At loopback KDCs have other ports than 88; the session asks 88 all the same. Guests really run kinit.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

import cutover_tui.lab.worlds as shipped
from cutover_tui.core.runbook import SECOND, Duration
from cutover_tui.lab.drill.drill import Piece, Played, drill
from cutover_tui.lab.drill.piece import piece_of
from cutover_tui.lab.world_file.loading import load_world
from tests.lab.test_drill import CLOSED, SHORT, last_verdicts, moved, piece

DIRECTORY = Path(next(iter(shipped.__path__)))
DRIFTING = "drifting"
HIDDEN, HEALTHY = "b2-timesync-masks-skew", "b2-timesync-masks-skew-healthy"

pytestmark = pytest.mark.timeout(300)


def drifting() -> Piece:
    """A minute's soak, which one of two guests has and the other does not."""
    made = piece(fix=False)
    play = msgspec.structs.replace(made.play, actions=(), patience=Duration(80 * SECOND))
    return Piece("doors", moved, SHORT, play, 0)


def of_a_domain(name: str) -> Piece:
    made = piece_of(load_world(DIRECTORY / f"{name}.yaml"))
    return replace(
        made, play=msgspec.structs.replace(made.play, settle=Duration(10 * SECOND)), aftermath_ns=0
    )


PIECES = {DRIFTING: drifting(), HIDDEN: of_a_domain(HIDDEN), HEALTHY: of_a_domain(HEALTHY)}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Played]]]:
    """All at once: at rate 1 most of it is waiting."""
    scratch = tmp_path_factory.mktemp("real")
    with ThreadPoolExecutor(len(PIECES)) as pool:
        yield {name: pool.submit(drill, made, scratch / name, "real") for name, made in PIECES.items()}


@pytest.mark.parametrize("name", PIECES)
def test_both_doors_give_the_same_verdicts(
    name: str, real: dict[str, Future[Played]], tmp_path: Path
) -> None:
    virtual, other = drill(PIECES[name], tmp_path), real[name].result()
    assert (other.outcome, other.step, other.host, other.findings) == (
        virtual.outcome,
        virtual.step,
        virtual.host,
        virtual.findings,
    )
    assert last_verdicts(other) == last_verdicts(virtual)
    if name == DRIFTING:
        assert (virtual.outcome, virtual.step, virtual.host) == ("refused", "kept", "app01")
        assert virtual.findings == CLOSED
        assert last_verdicts(virtual)["app02", "time.offset"] == ("pass", "ok")
    elif name == HIDDEN:
        assert virtual.outcome == "refused"
        assert ("kerberos.as", "skew") in virtual.findings
    else:
        assert virtual.outcome == "allowed"
