"""Who answers behind a name: every change is noticed once, and voids no less than it must."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from msgspec import structs

from cutover_tui.engine.messages import Seen
from cutover_tui.engine.readers import parsers
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.record.audit import audit
from cutover_tui.record.events import ActionIntended, Disturbed, Event, SessionStarted
from cutover_tui.record.files import RecordError
from cutover_tui.record.journal import read
from cutover_tui.record.machine import Machine, machine_of
from cutover_tui.record.state import ALL_FAMILIES, State
from probes.observation import JUMP, Failure, FailureKind, Family, Identity, Instant, Observation, Raw
from probes.reader import Command
from tests.unit.evidence_builders import at, boot, observed
from tests.unit.forgery import Forgery
from tests.unit.honest_guest import Guest, moved
from tests.unit.honest_session import B1, B2, B3, S, Script, resuming, story, walking

ONE = Identity("k1", "m1", "b1", "VMware, Inc.", "vmware")
FAILED = Failure(FailureKind.TIMEOUT, "no answer")


def seen(seconds: float, identity: Identity, host: str = "app01") -> Observation:
    return observed("boot", seconds, boot(1), host=host, identity=identity)


def test_the_first_look_is_no_change() -> None:
    assert Machine().see(seen(1, ONE)) == ()


def test_each_attribute_is_a_change_of_its_kind() -> None:
    other = Identity("k2", "m2", "b2", "Nutanix", "ahv")
    machine = machine_of([seen(1, ONE)])
    changes = machine.see(seen(2, other))
    assert [c.kind for c in changes] == ["host-key", "machine", "platform", "reboot"]
    assert machine.see(seen(3, other)) == ()


def on(seconds: float, platform: str) -> Observation:
    return seen(seconds, structs.replace(ONE, platform=platform))


def test_a_platform_in_doubt_is_no_other_platform() -> None:
    machine = machine_of([on(1, "vmware")])
    assert machine.see(on(2, "unknown")) == ()
    assert machine.see(on(3, "vmware")) == ()
    assert machine.see(on(4, "unknown")) == ()
    assert [c.cause for c in machine.see(on(5, "ahv"))] == ["the platform changed from vmware to ahv"]
    assert machine_of([on(1, "unknown")]).see(on(2, "ahv")) == ()


async def test_a_reading_of_the_platform_that_failed_moves_no_guest(tmp_path: Path) -> None:
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S, chrony=True)
    async with walking(tmp_path / "session", script) as walk:
        walk.connect("app01")
        seen_there = walk.recorder.machines["app01"].identity
        doubt = structs.replace(
            on(script.ns / S, "unknown"), identity=structs.replace(seen_there, platform="unknown")
        )
        walk.intake.take([Seen(doubt)], 0)
        walk.look("app01")
        await walk.recorder.settle()
        assert walk.recorder.state.moved_unmarked == {}
        assert walk.recorder.state.voids.get("app01", {}) == {}


def booted(seconds: float, uptime_s: float, boot_id: str = "b1") -> Observation:
    identity = Identity("k1", "m1", boot_id, "Nutanix", "ahv")
    return observed("boot", seconds, boot(uptime_s, boot_id), identity=identity)


def test_an_uptime_that_goes_back_within_a_boot_is_a_restored_snapshot() -> None:
    machine = machine_of([booted(10, 500), booted(20, 510), booted(80, 510)])  # it stood still for a minute
    assert [c.kind for c in machine.see(booted(90, 130))] == ["restored"]
    assert machine.see(booted(100, 140)) == ()
    assert [c.kind for c in machine.see(booted(110, 3, "b2"))] == ["reboot"]
    assert machine.see(booted(120, 13, "b2")) == ()


def test_a_snapshot_restored_over_a_new_connection_keeps_what_that_connection_showed() -> None:
    """The uptime is read last in its turn: what was read with it is of the same machine."""
    before, turn = [seen(10, ONE), booted(10, 500)], observed("chrony", 21, boot(1), identity=ONE)
    machine = machine_of([*before, turn])
    assert machine.void_since(at(15), booted(21, 130).began) == at(15)
    assert machine.seen_before(booted(21, 130).began) == at(10)


def test_what_was_not_read_is_not_another() -> None:
    machine = machine_of([seen(1, ONE), seen(2, Identity(host_key="k1"))])
    assert machine.identity == ONE
    assert [c.kind for c in machine.see(seen(3, Identity(boot_id="b9")))] == ["reboot"]


def test_failures_and_the_jump_host_show_no_guest() -> None:
    machine = machine_of([seen(1, ONE)])
    assert machine.see(observed("boot", 2, FAILED, identity=Identity(boot_id="b2"))) == ()
    assert machine.see(seen(2, Identity(boot_id="j2"), host=JUMP)) == ()


def test_what_the_jump_host_sees_of_a_guest_shows_no_machine() -> None:
    machine = machine_of([seen(1, ONE)])
    looked = structs.replace(seen(2, Identity(boot_id="of the jump host")), reader="account", vantage="jump")
    assert machine.see(looked) == ()
    assert machine.seen == seen(1, ONE).ended


def test_a_new_connection_leads_to_the_new_machine() -> None:
    machine = machine_of([seen(10, ONE)])
    assert machine.void_since(at(12), at(13)) == at(12)


def test_within_one_connection_nothing_older_than_the_change_counts() -> None:
    machine = machine_of([seen(10, ONE)])
    assert machine.void_since(at(5), at(13)).boottime_ns == at(13).boottime_ns - 1
    assert machine.void_since(None, at(13)).boottime_ns == at(13).boottime_ns - 1


def test_another_boot_of_the_jump_host_says_nothing_of_order() -> None:
    machine = machine_of([seen(10, ONE)])
    now, up = Instant("jump-2", 9 * S, 0), Instant("jump-2", 3 * S, 0)
    assert machine.void_since(up, now) == up
    assert machine.void_since(at(12), now).boot_id == "jump-2"


def test_a_change_noticed_late_never_makes_count_again_what_was_void() -> None:
    state = State()
    start = SessionStarted("s", "0", "r", "d", "", at(0), (), "ana", "jump")
    state.apply(Event(1, "", at(0), "ana", start))
    state.apply(Event(2, "", at(50), "ana", Disturbed("app01", (Family.TIME,), "action", "a", at(50))))
    state.apply(Event(3, "", at(60), "ana", Disturbed("app01", ALL_FAMILIES, "reboot", "rebooted", at(40))))
    assert state.last_voids("app01")[Family.TIME] == at(50)
    assert state.last_voids("app01")[Family.IDENTITY] == at(40)
    newest = state.disturbed_since(2, ("app01",), (Family.TIME,))
    assert newest is not None
    assert newest.cause == "rebooted"
    later = Instant("jump-2", 5, 0)
    state.apply(Event(4, "", later, "ana", Disturbed("app01", ALL_FAMILIES, "reboot", "rebooted", later)))
    assert state.last_voids("app01")[Family.TIME] == later


# What must reach the journal although the disk did not take it


async def test_a_reboot_seen_while_the_disk_is_full_is_journaled_when_it_takes_writes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "session"
    async with walking(path, Script()) as walk:
        await story(walk)
        recorder, script = walk.recorder, walk.script
        with monkeypatch.context() as full:
            full.setattr("os.fdatasync", _no_space)
            walk.lose("app01")
            await recorder.settle()
            script.guests["app01"] = moved(script.guests["app01"], B3, script.ns)
            walk.connect("app01")
            await recorder.settle()
            assert recorder.problem
        await recorder.recover()
        await recorder.settle()
        assert not recorder.problem
        voided = recorder.state.voids["app01"][Family.TIME]
        assert voided.cause == "rebooted"
        await walk.pass_time(20)
    reboots = Forgery(path).bodies("disturbed", kind="reboot")
    assert len(reboots) == 2
    assert verified(path) == []


async def test_the_end_of_an_action_is_journaled_when_the_disk_takes_writes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "session"
    async with walking(path, Script()) as walk:
        walk.script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
        walk.connect("app01")
        await walk.pass_time(20)
        for step in ("base", "move"):
            await walk.session.start_step(step, "app01")
            await walk.done(step, "app01")
        await walk.session.start_step("time", "app01")
        with monkeypatch.context() as full:

            def ran(_host: str, command: Command) -> Raw:
                full.setattr("os.fdatasync", _no_space)
                return Raw(command.argv, 0, "")

            walk.probes.on_act = ran
            assert await walk.session.run_action("time", "app01", "fix") is not None
        missing = await walk.session.mark_done("time", "app01", "raj")
        assert "Not recorded" in getattr(missing, "reason", "")
        await walk.recorder.recover()
        await walk.recorder.settle()
        assert walk.recorder.state.intents == {}
        await walk.pass_time(5)
    assert [b["cause"] for b in Forgery(path).bodies("disturbed", kind="action")] == [
        "action fix",
        "action fix ended",
    ]
    assert verified(path) == []


async def test_a_change_that_was_taped_but_not_journaled_is_owed_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "session"
    script = Script()
    async with walking(path, script) as walk:
        script.guests["app01"] = Guest(B1, "ahv", booted_ns=100 * S)
        walk.connect("app01")
        await walk.pass_time(40)
        script.guests["app01"] = dataclasses.replace(script.guests["app01"], boot_id=B2)
        walk.look("app01")
    forgery = Forgery(path)
    at_seq = next(n for n, e in enumerate(forgery.events) if e["body"].get("kind") == "reboot")
    forgery.events = forgery.events[:at_seq]  # killed before the disk had it
    forgery.publish()
    async with resuming(path, script) as walk:
        assert walk.recorder.state.voids["app01"][Family.TIME].cause == "rebooted"
    assert verified(path) == []


async def test_a_gate_stays_closed_while_an_action_disturbs(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", Script()) as walk:
        await story(walk)
        intents = Forgery(tmp_path / "session").bodies("action-intended")
        assert intents
        walk.recorder.state.intents[99] = next(
            e.body
            for e in read(tmp_path / "session" / "journal.jsonl", FORMAT.decode).events
            if isinstance(e.body, ActionIntended)
        )
        live = walk.session.step("time", "app01").live
        assert "action" in [m.what for m in live.missing]


def _no_space(_fd: int) -> None:
    raise OSError(28, "No space left on device")


def verified(path: Path) -> list[object]:
    journal = path / "journal.jsonl"
    try:
        return list(
            audit(read(journal, FORMAT.decode), journal, path / "tapes", parsers(), "0.1.0")[0].remarks
        )
    except RecordError as error:
        return [error]
