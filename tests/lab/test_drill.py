"""The drill: the same session calls, the same record, whatever door; and the truth beside the verdict."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
from pathlib import Path

import msgspec
import pytest

from cutover_tui.cli import drill as cli_drill
from cutover_tui.cli import main
from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.runbook import SECOND
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.watches.watch_reference import ReferenceWatch
from cutover_tui.lab.demo.incident import build_world
from cutover_tui.lab.drill.drill import Defective, Played, differs, drill
from cutover_tui.lab.drill.engineer import NOT_STARTED
from cutover_tui.lab.world import clockwork, hypervisor
from cutover_tui.lab.world.network import JUMP, Rule
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.play import Acknowledged, Expect, ExpectedFinding, PlayedAction
from cutover_tui.record.events import Acknowledged as AcceptedFault
from cutover_tui.record.events import ActionEnded, ActionIntended, Decided, Event, Marked, SessionResumed
from cutover_tui.record.journal import read
from probes.observation import Observation
from tests.lab.incident_piece import Unscripted, piece, runbook, until
from tests.unit.domain_check import NAME, WRONG, check_of

CLOSED = (("time.offset", "offset"), ("time.provider", "no-provider"), ("time.single-master", "no-writer"))


def events(played: Played) -> list[Event]:
    return read(Path(played.journal), FORMAT.decode).events


def without(text: str, step: str) -> str:
    """The runbook without one step (at the end of its phase)."""
    return re.sub(rf"      - id: {step}\n.*?(?=\n  - id: )", "", text, flags=re.DOTALL)


def test_the_incident_is_refused_where_nobody_mends_it_and_is_one_in_truth(tmp_path: Path) -> None:
    played = drill(piece(fix=False, aftermath_ns=3 * 3600 * SECOND), tmp_path)
    assert (played.outcome, played.step, played.host) == ("refused", "provider", "app01")
    assert played.findings == CLOSED
    bad, good = played.truth
    assert bad.guest == "app01"
    assert bad.broken
    assert not good.broken
    assert [e.body.host for e in events(played) if isinstance(e.body, Marked)] == ["app01", "app02"]


def test_what_its_runbook_warns_of_comes_along(tmp_path: Path) -> None:
    purge = "[apt-get, -y, purge, open-vm-tools]"
    assert purge in runbook()
    played = drill(piece(fix=False, text=runbook().replace(purge, "apt-get -y purge a && true")), tmp_path)
    assert len(played.warnings) == 1
    assert "&&" in played.warnings[0]


def test_mended_it_is_allowed_and_stays_right(tmp_path: Path) -> None:
    text = without(runbook(), "cold-boot")
    played = drill(piece(fix=True, text=text, aftermath_ns=600 * SECOND), tmp_path)
    assert (played.outcome, played.findings) == ("allowed", ())
    assert all(truth.worst_ns < SECOND // 10 for truth in played.truth)
    intended = [(i.host, i.action) for e in events(played) if isinstance(i := e.body, ActionIntended)]
    assert intended.count(("app01", "install-chrony")) == 1
    assert ("app02", "install-chrony") not in intended


def test_two_drills_are_the_same_drill(tmp_path: Path) -> None:
    """Down to the nanosecond of every event; what differs are the random tokens inside the tapes."""
    one, two = (drill(piece(fix=False, aftermath_ns=0), tmp_path / name) for name in ("one", "two"))
    assert msgspec.structs.replace(one, journal="") == msgspec.structs.replace(two, journal="")
    first, second = ([(e.at, type(e.body)) for e in events(p)] for p in (one, two))
    assert first == second


def test_a_program_that_breaks_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_watch: ReferenceWatch) -> Observation:
        raise ArithmeticError("a surprise")

    monkeypatch.setattr(ReferenceWatch, "look", broken)
    with pytest.raises(Defective, match="a surprise"):
        drill(piece(fix=False, aftermath_ns=0), tmp_path)


def test_a_crash_is_resumed_and_nothing_runs_twice(tmp_path: Path) -> None:
    text = without(runbook(), "cold-boot")
    made = piece(fix=False, text=text, aftermath_ns=0)
    actions = (PlayedAction(step="cutover", action="power-off", host="app01", crash=True),)
    played = drill(
        dataclasses.replace(made, play=msgspec.structs.replace(made.play, actions=actions)), tmp_path
    )
    bodies = [e.body for e in events(played)]
    assert sum(isinstance(b, SessionResumed) for b in bodies) == 1
    assert [(b.host, b.action) for b in bodies if isinstance(b, ActionIntended)] == [("app01", "power-off")]
    (ended,) = [b for b in bodies if isinstance(b, ActionEnded)]
    assert ended.rc is None
    assert played.outcome == "refused"


def test_a_guest_nobody_can_read_gets_no_mark(tmp_path: Path) -> None:
    def build(now: int) -> tuple[World, Unscripted]:
        world = build_world(now)
        world.network.block(Rule(JUMP, "app01"))
        return world, Unscripted(world)

    text = re.sub(
        r"        gate:\n          - check: time.offset\n            soak: 1min\n\n  - id: cutover",
        "\n  - id: cutover",
        runbook(),
    )
    played = drill(dataclasses.replace(piece(fix=False, text=text, aftermath_ns=0), build=build), tmp_path)
    assert (played.step, played.host, played.findings) == ("cutover", "app01", (NOT_STARTED,))


def test_what_nobody_may_acknowledge_stays_refused(tmp_path: Path) -> None:
    """The incident itself: nobody keeps the clock, and somebody would rather have a ticket for it."""
    made = piece(fix=False, aftermath_ns=0)
    asked = tuple(Acknowledged(check=check) for check, _ in CLOSED)
    play = msgspec.structs.replace(made.play, acknowledge=asked)
    played = drill(dataclasses.replace(made, play=play), tmp_path)
    assert (played.outcome, played.step, played.findings) == ("refused", "provider", CLOSED)
    assert not [e for e in events(played) if isinstance(e.body, AcceptedFault)]


@pytest.mark.parametrize("told", [True, False])
def test_a_wrong_domain_is_accepted_once_with_a_ticket(
    told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ntp1 plays the domain, three seconds ahead of the two others before and after the move."""
    monkeypatch.setitem(CHECKS, NAME, check_of("ntp1.lab.example", "ntp2.lab.example"))  # type: ignore[arg-type]

    def build(now: int) -> tuple[World, Unscripted]:
        world = build_world(now)
        domain = world.references["ntp1.lab.example"]
        domain.clock = domain.clock.stepped(now, 3200 * SECOND // 1000)
        return world, Unscripted(world)

    soak = "          - check: time.offset\n            soak: 1min\n"
    text = until(runbook(), "cold-boot").replace(soak, f"{soak}          - check: {NAME}\n")
    made = piece(fix=True, text=text, aftermath_ns=0)
    play = msgspec.structs.replace(made.play, acknowledge=(Acknowledged(check=NAME),) if told else ())
    played = drill(dataclasses.replace(made, play=play, build=build), tmp_path)
    accepted = [b for e in events(played) if isinstance(b := e.body, AcceptedFault)]
    if not told:
        assert accepted == []
        assert (played.outcome, played.step, played.findings) == ("refused", "baseline", ((NAME, WRONG),))
        return
    assert played.outcome == "allowed", played.findings
    (event,) = accepted
    assert (event.host, event.ticket, [f.host for f in event.findings]) == ("*", "PRB-1", ["app01", "app02"])
    opened = [
        b.decision
        for e in events(played)
        if isinstance(b := e.body, Decided) and b.decision.outcome == "open"
    ]
    rests = {(d.step, d.host) for d in opened if any(f.acknowledged for f in d.findings)}
    assert rests == {(step, host) for step in ("baseline", "provider") for host in ("app01", "app02")}


def test_a_difference_is_told_to_the_finding() -> None:
    played = Played("w", "virtual", "refused", "provider", "app01", CLOSED, "", 0, ())
    right = Expect(
        outcome="refused",
        step="provider",
        host="app01",
        findings=tuple(ExpectedFinding(check=c, reason=r) for c, r in CLOSED),
    )
    assert differs(right, played) == ()
    assert differs(Expect(outcome="allowed"), played)[0] == "refused, expected allowed"
    extra = msgspec.structs.replace(played, findings=(*CLOSED, ("agent.swap", "old-agent-installed")))
    assert differs(right, extra) == ("agent.swap old-agent-installed was not expected",)
    fewer = msgspec.structs.replace(played, findings=CLOSED[1:], step="handover")
    assert differs(right, fewer) == (
        "refused at handover, expected at provider",
        "time.offset offset is missing",
    )


# Both doors

SHORT = """\
schema: 1
change: {id: DOORS, title: The same verdicts through both doors, window: {start: x, end: x}}
source: {platform: ahv}
target: {platform: ahv}
hosts: [{name: app02}, {name: app01}]
phases:
  - id: time
    title: Time
    steps:
      - id: kept
        title: Somebody keeps the time
        gate:
          - check: time.jump-host
          - check: time.provider
          - check: time.single-master
          - check: time.offset
            soak: 1min
"""


def moved(now: int) -> tuple[World, Unscripted]:
    """The morning after, ten seconds late on the guest that nobody keeps."""
    world = build_world(now)
    for guest in world.guests.values():
        hypervisor.migrate(world, guest, now - 10 * SECOND)
    clockwork.advance(world, now)
    bad = world.guests["app01"]
    bad.clock = bad.clock.stepped(now, 10 * SECOND)
    return world, Unscripted(world)


def last_verdicts(played: Played) -> dict[tuple[str, str], tuple[str, str]]:
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for event in events(played):
        if isinstance(event.body, Decided):
            for f in event.body.decision.findings:
                found[f.host, f.check] = (str(f.verdict), f.reason_code)
    return found


# The command

WORLD = """\
world: 1
title: Nobody keeps the time
references: [{name: ntp1}, {name: ntp2}, {name: ntp3}]
guests:
  - name: app01
    move: {clock: {offset: 6s, rate: 31400ppm}}
play:
  actions: [{step: cutover, action: power-off}]
aftermath: 1h
expect:
  outcome: refused
  step: provider
  findings:
    - {check: time.provider, reason: no-provider}
    - {check: time.single-master, reason: no-writer}
    - {check: time.offset, reason: offset}
"""


def test_the_command_scores_worlds_by_what_they_expect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(WORLD)
    bad.write_text(WORLD.replace("reason: offset}", "reason: soaking}"))
    assert main(["drill", str(good), "--keep", str(tmp_path / "kept")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("as expected      good: refused at provider on app01 (time.offset offset,\n")
    assert max(map(len, out.splitlines())) < 80
    assert "in truth app01: +" in out
    assert list((tmp_path / "kept").rglob("journal.jsonl"))
    assert main(["drill", str(bad), "--json"]) == 1
    (scored,) = msgspec.json.decode(capsys.readouterr().out)
    assert scored["differs"] == [
        "time.offset offset was not expected",
        "time.offset soaking is missing",
    ]
    assert scored["played"]["outcome"] == "refused"


def test_a_pending_world_is_listed_and_one_that_comes_right_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = WORLD.replace("outcome: refused\n  step: provider", "outcome: allowed").partition("  findings:")[
        0
    ]
    (tmp_path / "a.yaml").write_text(f"{wrong}pending: a check of part 3\n")
    (tmp_path / "b.yaml").write_text(f"{WORLD}pending: a check of part 3\n")
    (tmp_path / "runbook.yaml").write_text(SHORT)
    assert main(["drill", "--all", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "pending          a: refused" in out
    assert "PENDING NO LONGER b: refused" in out
    assert "1 of 2 as expected, 2 of them pending" in out


@pytest.mark.parametrize("text", ["world: 1\ntitle: x\nnonsense: 1\n", "world: 1\n  : [\n"])
def test_a_file_that_is_no_world_is_bad_input(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    assert main(["drill", str(path)]) == 2
    assert "x.yaml:" in capsys.readouterr().err
    assert main(["drill"]) == 2
    assert main(["drill", "--all", str(tmp_path / "none")]) == 2


def test_a_drill_that_is_ended_leaves_nothing_in_memory() -> None:
    before, made = signal.getsignal(signal.SIGTERM), list[Path]()

    def ended() -> None:
        with cli_drill._sessions(None) as directory:
            made.append(directory)
            assert directory.is_dir()
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit) as left:
        ended()
    assert left.value.code == 143
    assert not made[0].exists()
    assert signal.getsignal(signal.SIGTERM) is before
