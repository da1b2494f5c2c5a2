"""A world hears of what is done at the screens what it hears of the scripted engineer, and can be had by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover_tui.engine.session import Session
from cutover_tui.lab.drill.by_hand import follow
from cutover_tui.lab.drill.drill import drill
from cutover_tui.lab.drill.engineer import Engineer, Stopped
from cutover_tui.lab.drill.piece import piece_of
from cutover_tui.lab.world_file.loading import NoSuchWorld, WorldError, load_world, named_world
from cutover_tui.lab.world_file.runbook import shipped_runbooks, shipped_worlds

Told = tuple[str, str, str | None, str]


@pytest.mark.parametrize(
    "name", ["b9-peers-refused", "a1-masked-healthy", "near-fast-but-disciplined", "a14-stun"]
)
def test_what_somebody_does_is_told_as_the_engineer_tells_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_engineer, by_hand = list[Told](), list[Told]()
    walk, tell = Engineer.walk, Engineer._tell

    async def followed(self: Engineer, session: Session) -> Stopped | None:
        stop = follow(session, lambda *told: by_hand.append(told))
        try:
            return await walk(self, session)
        finally:
            stop()

    def told(self: Engineer, on: str, name: str, host: str, when: str) -> None:
        by_engineer.append((on, name, None if host == "*" else host, when))
        tell(self, on, name, host, when)

    monkeypatch.setattr(Engineer, "walk", followed)
    monkeypatch.setattr(Engineer, "_tell", told)
    played = drill(piece_of(named_world(name)), tmp_path)
    assert played.outcome == named_world(name).spec.expect.outcome
    assert sorted(by_hand, key=str) == sorted(by_engineer, key=str)
    assert {on for on, *_ in by_hand} >= {"step", "mark", "action"}


def test_a_world_that_comes_with_the_lab_is_had_by_its_name() -> None:
    names = shipped_worlds()
    assert "b2-timesync-masks-skew" in names
    assert not {f"{name}.yaml" for name in names} & set(shipped_runbooks())
    assert named_world("b2-timesync-masks-skew").spec.scenario == "B2"


def test_a_file_of_that_name_goes_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f2-old-vm").write_bytes(shipped_worlds()["b2-timesync-masks-skew"].read_bytes())
    assert named_world("f2-old-vm").spec.scenario == "B2"
    assert load_world("f2-old-vm").digest == named_world("f2-old-vm").digest


def test_an_unknown_name_is_told_with_the_nearest_one() -> None:
    with pytest.raises(NoSuchWorld, match=r"`b2-timesync-masks-skew` \(did you mean that\?\)"):
        named_world("b2-timesync-mask-skew")
    with pytest.raises(WorldError, match="cannot be read"):
        named_world("no/such/world")
