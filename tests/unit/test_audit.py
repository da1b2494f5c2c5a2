"""`verify` against people who edit the record and recompute every hash.

Each attack is either caught (`CAUGHT`: something no longer follows) or leads to another
chain head than the one on the ticket (`OTHER_HEAD`). Which of the two is the promise.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from cutover_tui import __version__
from cutover_tui.engine.readers import parsers
from cutover_tui.engine.recorder import FORMAT
from cutover_tui.record.audit import Audit, audit, match_head
from cutover_tui.record.files import Damaged
from cutover_tui.record.journal import read
from tests.unit.forgery import Attack, Forgery, Line
from tests.unit.honest_guest import moved
from tests.unit.honest_session import B3, Script, resuming, tell

S = 1_000_000_000


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("honest") / "session"
    asyncio.run(tell(path))
    return path


@pytest.fixture
def copy(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "copy"))


def verified(path: Path, tool: str = __version__) -> Audit:
    journal = path / "journal.jsonl"
    return audit(read(journal, FORMAT.decode), journal, path / "tapes", parsers(), tool)[0]


def head(path: Path) -> str:
    return read(path / "journal.jsonl", FORMAT.decode).head


def test_an_honest_session_follows(honest: Path) -> None:
    result = verified(honest)
    assert result.remarks == []
    assert result.answer == "follows"
    assert (result.decisions, result.notices) == (7, [])
    assert result.observations > 200
    assert result.samples > 200


def test_republishing_without_an_edit_changes_nothing(copy: Path) -> None:
    before = head(copy)
    Forgery(copy).publish()
    assert head(copy) == before
    Forgery(copy).publish(rederive=True)
    assert head(copy) == before


# Attacks, each with every hash recomputed afterwards.


def edit_a_fact(f: Forgery) -> None:
    observation = f.observations("chrony")[-1]
    observation["facts"]["sources"][0]["reach"] = (
        255 if observation["facts"]["sources"][0]["reach"] != 255 else 1
    )


def edit_a_raw_output(f: Forgery) -> None:
    raw = f.raw_of(f.observations("chrony")[-1], 1)
    raw["raw"]["out"] = raw["raw"]["out"].replace("192.0.2.1", "192.0.2.9")


def turn_a_failure_into_facts(f: Forgery) -> None:
    good = f.observations("chrony")[-1]
    for bad in f.observations("chrony"):
        if bad["failure"] is not None:
            bad["facts"], bad["failure"] = good["facts"], None


def give_an_observation_to_another_host(f: Forgery) -> None:
    f.observations("boot")[0]["host"] = "app02"
    # its identity and id stay


def edit_the_newest_sample(f: Forgery) -> None:
    f.samples()[-1]["v"][2] += S // 1000


def edit_an_older_sample(f: Forgery) -> None:
    f.samples()[0]["v"][2] += S // 1000


def drop_the_samples_that_were_off(f: Forgery) -> None:
    f.tapes["app01"] = [x for x in f.tapes["app01"] if x["t"] != "s" or abs(x["v"][2]) < S]


def drop_a_refusal(f: Forgery) -> None:
    f.drop(f.decisions("time", "refused")[:1])


def drop_all_refusals(f: Forgery) -> None:
    f.drop(f.decisions("time", "refused"))


def swap_two_events(f: Forgery) -> None:
    at = f.events.index(f.decisions("time", "refused")[0])
    f.events[at], f.events[at + 1] = f.events[at + 1], f.events[at]


def swap_two_observations(f: Forgery) -> None:
    tape, pair = f.tapes["app01"], f.observations("chrony")[-2:]
    a, b = (next(n for n, line in enumerate(tape) if line is x) for x in pair)
    for key in tape[a]:
        tape[a][key], tape[b][key] = tape[b][key], tape[a][key]


def change_a_criterion(f: Forgery) -> None:
    for finding in f.decisions("time", "open")[0]["body"]["decision"]["findings"]:
        if finding["check"] == "time.offset":
            finding["criterion"]["limit"] = 30 * S


def change_a_measured_value(f: Forgery) -> None:
    f.decisions("time", "open")[0]["body"]["decision"]["findings"][3]["measured"] = 0


def _loosen(f: Forgery) -> None:
    started = f.bodies("session-started")[0]
    text = started["runbook_text"].replace("soak: 1min}", "soak: 1min, params: {fail: 30s}}")
    assert text != started["runbook_text"]
    started["runbook_text"] = text
    started["runbook_sha256"] = sha256(text.encode()).hexdigest()
    for event in f.events:
        if event["body"]["type"] == "decided":
            event["body"]["decision"]["runbook"] = started["runbook_sha256"]


def loosen_the_runbook(f: Forgery) -> None:
    _loosen(f)


def loosen_the_runbook_and_decide_again(f: Forgery) -> None:
    _loosen(f)


def change_only_the_runbook_text(f: Forgery) -> None:
    started = f.bodies("session-started")[0]
    started["runbook_text"] = started["runbook_text"].replace("title: Base", "title: Basis") + "\n"


def make_the_runbook_unloadable(f: Forgery) -> None:
    started = f.bodies("session-started")[0]
    started["runbook_text"] = "schema: 1\n"
    started["runbook_sha256"] = sha256(b"schema: 1\n").hexdigest()
    for event in f.events:
        if event["body"]["type"] == "decided":
            event["body"]["decision"]["runbook"] = started["runbook_sha256"]


def open_a_refusal(f: Forgery) -> None:
    decision = f.decisions("time", "refused")[0]["body"]["decision"]
    decision["outcome"], decision["missing"] = "open", []
    for finding in decision["findings"]:
        finding["verdict"] = "pass"


def open_a_refusal_by_dropping_findings(f: Forgery) -> None:
    decision = f.decisions("time", "refused")[0]["body"]["decision"]
    decision["outcome"], decision["missing"] = "open", []
    decision["findings"] = [x for x in decision["findings"] if x["verdict"] == "pass"]


def open_a_refusal_by_other_rules(f: Forgery) -> None:
    decision = f.decisions("time", "refused")[0]["body"]["decision"]
    decision["outcome"], decision["missing"], decision["findings"] = "open", [], []
    decision["rules"] = [[check, version + 1] for check, version in decision["rules"]]


def insert_a_done_for_a_refusal(f: Forgery) -> None:
    refused = f.decisions("time", "refused")[0]
    f.insert(
        f.events.index(refused) + 1,
        {"type": "done", "step": "time", "host": "app01", "decision": refused["seq"]},
    )


def insert_a_done_by_an_old_decision(f: Forgery) -> None:
    opened = f.decisions("base", "open")[0]
    f.insert(len(f.events) - 1, {"type": "done", "step": "base", "host": "app01", "decision": opened["seq"]})


def insert_a_done_for_another_host(f: Forgery) -> None:
    opened = f.decisions("base", "open")[0]
    f.insert(len(f.events) - 1, {"type": "done", "step": "base", "host": "app02", "decision": opened["seq"]})


def insert_a_decision_and_done_for_a_host_never_seen(f: Forgery) -> None:
    decision = json.loads(json.dumps(f.decisions("time", "open")[0]["body"]["decision"]))
    decision["host"] = "app02"
    for finding in decision["findings"]:
        finding["host"] = "app02"
    at = len(f.events) - 1
    decided = f.insert(at, {"type": "decided", "decision": decision, "second": "raj"})
    decision["at"] = decided["at"]
    f.insert(at + 1, {"type": "done", "step": "time", "host": "app02", "decision": at + 1})


def insert_a_decision_for_a_column_that_is_not(f: Forgery) -> None:
    decision = json.loads(json.dumps(f.decisions("base", "open")[0]["body"]["decision"]))
    decision["host"] = "*"
    at = len(f.events) - 1
    decided = f.insert(at, {"type": "decided", "decision": decision, "second": None})
    decision["at"] = decided["at"]
    f.insert(at + 1, {"type": "done", "step": "base", "host": "*", "decision": at + 1})


def drop_a_reboot(f: Forgery) -> None:
    f.drop_body(f.bodies("disturbed", kind="reboot")[0])


def drop_every_disturbance(f: Forgery) -> None:
    for body in f.bodies("disturbed"):
        f.drop_body(body)


def drop_what_an_action_disturbed(f: Forgery) -> None:
    for body in f.bodies("disturbed", kind="action"):
        f.drop_body(body)


def date_a_disturbance_back(f: Forgery) -> None:
    f.bodies("disturbed", kind="reboot")[0]["since"]["boottime_ns"] -= 100 * S


def date_an_actions_disturbance_back(f: Forgery) -> None:
    for body in f.bodies("disturbed", kind="action"):
        body["since"]["boottime_ns"] -= 100 * S


def narrow_a_disturbance(f: Forgery) -> None:
    f.bodies("disturbed", kind="platform")[0]["families"] = ["identity"]


def hide_a_reboot_in_the_identities(f: Forgery) -> None:
    before = f.observations("boot")[0]["identity"]["boot_id"]
    for line in f.tapes["app01"]:
        if line["t"] == "obs":
            line["identity"]["boot_id"] = before
    f.drop_body(f.bodies("disturbed", kind="reboot")[0])


def hide_a_reboot_behind_the_vantage(f: Forgery) -> None:
    for line in f.tapes["app01"]:
        if line["t"] == "obs":
            line["vantage"] = "jump"
    f.drop_body(f.bodies("disturbed", kind="reboot")[0])


def change_what_was_run(f: Forgery) -> None:
    f.bodies("action-intended")[0]["argv"] = ["date", "-s", "now"]


def say_that_an_action_disturbs_nothing(f: Forgery) -> None:
    f.bodies("action-intended")[0]["disturbs"] = []
    drop_what_an_action_disturbed(f)


def drop_an_actions_end(f: Forgery) -> None:
    f.drop_body(f.bodies("action-ended")[0])


def drop_an_action(f: Forgery) -> None:
    drop_what_an_action_disturbed(f)
    f.drop_body(f.bodies("action-ended")[0])
    f.drop_body(f.bodies("action-intended")[0])


def name_another_second_person(f: Forgery) -> None:
    f.decisions("time", "open")[0]["body"]["second"] = "eve"


def take_the_second_person_away(f: Forgery) -> None:
    f.decisions("time", "open")[0]["body"]["second"] = None


def be_ones_own_second_person(f: Forgery) -> None:
    f.decisions("time", "open")[0]["body"]["second"] = "ANA"


def name_another_operator(f: Forgery) -> None:
    for event in f.events:
        event["by"] = "eve"
        if event["body"].get("second") == "Ana ":
            event["body"]["second"] = "Eve "


def change_the_baselines_boot(f: Forgery) -> None:
    f.bodies("baseline-captured")[0]["boot_id"] = B3


def change_a_verdict_of_the_baseline(f: Forgery) -> None:
    f.bodies("baseline-captured")[0]["findings"] = [["time.provider", "fail", "no-provider"]]


def rest_the_baseline_on_nothing(f: Forgery) -> None:
    f.bodies("baseline-captured")[0]["sections"][0]["observations"] = ["app01/chrony/0"]


def drop_the_baseline(f: Forgery) -> None:
    f.drop_body(f.bodies("baseline-captured")[0])


def drop_the_mark(f: Forgery) -> None:
    f.drop_body(f.bodies("marked")[0])


def decide_at_another_moment(f: Forgery) -> None:
    f.decisions("time", "refused")[1]["body"]["decision"]["at"]["boottime_ns"] += 60 * S


def move_a_refusal_to_a_better_moment(f: Forgery) -> None:
    event = f.decisions("time", "refused")[0]
    event["at"]["boottime_ns"] += 95 * S
    event["body"]["decision"]["at"]["boottime_ns"] += 95 * S


def see_what_was_not_sealed_yet(f: Forgery) -> None:
    for observation in f.observations("services")[-1:]:
        observation["ended"]["boottime_ns"] += 1000 * S


def anchor_the_time_anew(f: Forgery) -> None:
    f.bodies("session-started")[0]["anchor"]["utc_ns"] += 9 * S
    for lines in f.tapes.values():
        lines[0]["anchor"]["utc_ns"] += 9 * S


def truncate_the_tail(f: Forgery) -> None:
    f.events = f.events[:-3]


def add_a_note(f: Forgery) -> None:
    f.insert(len(f.events), {"type": "noted", "text": "all good", "step": None, "host": None})


def say_another_tool_version(f: Forgery) -> None:
    f.bodies("session-started")[0]["tool"] = "9.9"
    open_a_refusal_by_other_rules(f)


CAUGHT = (
    edit_a_fact,
    edit_a_raw_output,
    turn_a_failure_into_facts,
    give_an_observation_to_another_host,
    edit_the_newest_sample,
    swap_two_events,
    swap_two_observations,
    change_a_criterion,
    change_a_measured_value,
    loosen_the_runbook,
    change_only_the_runbook_text,
    make_the_runbook_unloadable,
    open_a_refusal,
    open_a_refusal_by_dropping_findings,
    open_a_refusal_by_other_rules,
    insert_a_done_for_a_refusal,
    insert_a_done_by_an_old_decision,
    insert_a_done_for_another_host,
    insert_a_decision_and_done_for_a_host_never_seen,
    insert_a_decision_for_a_column_that_is_not,
    drop_a_reboot,
    drop_every_disturbance,
    drop_what_an_action_disturbed,
    date_a_disturbance_back,
    date_an_actions_disturbance_back,
    narrow_a_disturbance,
    hide_a_reboot_in_the_identities,
    hide_a_reboot_behind_the_vantage,
    change_what_was_run,
    say_that_an_action_disturbs_nothing,
    drop_an_actions_end,
    drop_an_action,
    take_the_second_person_away,
    be_ones_own_second_person,
    change_the_baselines_boot,
    change_a_verdict_of_the_baseline,
    rest_the_baseline_on_nothing,
    drop_the_baseline,
    drop_the_mark,
    decide_at_another_moment,
    move_a_refusal_to_a_better_moment,
    see_what_was_not_sealed_yet,
    anchor_the_time_anew,
)
OTHER_HEAD = (
    edit_an_older_sample,
    drop_a_refusal,
    drop_all_refusals,
    name_another_second_person,
    name_another_operator,
    truncate_the_tail,
    add_a_note,
)


@pytest.mark.parametrize("attack", CAUGHT, ids=lambda a: a.__name__)
def test_caught_though_every_hash_was_recomputed(attack: Attack, honest: Path, copy: Path) -> None:
    forgery = Forgery(copy)
    attack(forgery)
    forgery.publish()
    result = verified(copy)
    assert result.answer == "does-not-follow"
    assert all(":" in r.where for r in result.remarks)
    assert head(copy) != head(honest)


@pytest.mark.parametrize("attack", OTHER_HEAD, ids=lambda a: a.__name__)
def test_it_follows_but_is_not_what_stands_on_the_ticket(attack: Attack, honest: Path, copy: Path) -> None:
    forgery = Forgery(copy)
    attack(forgery)
    forgery.publish()
    assert verified(copy).remarks == []
    _not_on_the_ticket(copy, honest)


REDERIVED = (
    loosen_the_runbook_and_decide_again,
    edit_the_newest_sample,
    edit_an_older_sample,
    drop_a_refusal,
)


@pytest.mark.parametrize("attack", REDERIVED, ids=lambda a: a.__name__)
def test_whoever_decides_again_on_forged_evidence_gets_another_head(
    attack: Attack, honest: Path, copy: Path
) -> None:
    forgery = Forgery(copy)
    attack(forgery)
    forgery.publish(rederive=True)
    assert verified(copy).remarks == []
    _not_on_the_ticket(copy, honest)


def _not_on_the_ticket(copy: Path, honest: Path) -> None:
    journal = copy / "journal.jsonl"
    remark = match_head(read(journal, FORMAT.decode), journal, head(honest))
    assert remark is not None
    assert remark.answer == "does-not-follow"


def test_dropping_the_bad_samples_does_not_open_the_gate_even_if_decided_again(copy: Path) -> None:
    forgery = Forgery(copy)
    drop_the_samples_that_were_off(forgery)
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"
    Forgery(copy).publish(rederive=True)
    refused = Forgery(copy).decisions("time", "refused")[0]["body"]["decision"]
    assert {m["what"] for m in refused["missing"]} >= {"time.provider", "time.offset"}


def test_another_version_is_a_third_answer_not_an_accusation(copy: Path) -> None:
    forgery = Forgery(copy)
    say_another_tool_version(forgery)
    forgery.publish()
    result = verified(copy)
    assert result.answer == "not-rederivable"
    assert "other rules" in result.remarks[0].what


def test_a_reader_of_another_version_cannot_be_parsed_here(copy: Path) -> None:
    forgery = Forgery(copy)
    forgery.bodies("session-started")[0]["tool"] = "9.9"
    for observation in forgery.observations("chrony"):
        observation["version"] = 7
    forgery.publish()
    result = verified(copy)
    assert [r.what for r in result.remarks] == ["reader chrony version 7 is not in this program"]
    forgery = Forgery(copy)
    forgery.bodies("session-started")[0]["tool"] = __version__
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"


# Without recomputing hashes


@pytest.mark.parametrize("name", ["journal.jsonl", "tapes/app01.jsonl", "tapes/@jump.jsonl"])
def test_one_changed_byte_is_named_with_its_line(copy: Path, name: str) -> None:
    path = copy / name
    lines = path.read_bytes().split(b"\n")
    at = len(lines) // 2
    lines[at] = (
        lines[at].replace(b'"', b"'", 1) if b"9" not in lines[at] else lines[at].replace(b"9", b"8", 1)
    )
    path.write_bytes(b"\n".join(lines))
    if name == "journal.jsonl":
        with pytest.raises(Damaged, match=r"journal.jsonl:\d+:"):
            verified(copy)
        return
    result = verified(copy)
    assert result.answer == "does-not-follow"
    assert any(f"{path}:" in r.where for r in result.remarks)


def test_a_missing_tape_is_named(copy: Path) -> None:
    (copy / "tapes" / "app01.jsonl").unlink()
    result = verified(copy)
    assert result.answer == "does-not-follow"
    assert any("cannot read" in r.what for r in result.remarks)


@pytest.mark.parametrize("fit_the_anchor", [False, True])
def test_a_tape_of_another_session(copy: Path, honest: Path, tmp_path: Path, fit_the_anchor: bool) -> None:
    """Spliced in with all hashes recomputed; with the anchor made to fit, its decisions do not."""
    script = Script(ns=1100 * S)
    asyncio.run(tell(tmp_path / "other", script))
    forgery, other = Forgery(copy), Forgery(tmp_path / "other")
    lines = other.tapes["app01"]
    if fit_the_anchor:
        lines[0]["anchor"] = forgery.tapes["app01"][0]["anchor"]
    n = min(len(lines), len(forgery.tapes["app01"]))
    for mine, theirs in zip(forgery.tapes["app01"][:n], lines[:n], strict=True):
        mine.clear()
        mine.update(theirs)
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"


def test_spliced_journals(copy: Path, tmp_path: Path) -> None:
    """The end of one session behind the beginning of another."""
    asyncio.run(tell(tmp_path / "other", Script(ns=5000 * S)))
    forgery, other = Forgery(copy), Forgery(tmp_path / "other")
    forgery.events = forgery.events[:20] + other.events[20:]
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"


def test_the_tickets_head_inside_a_longer_record_is_named(honest: Path, copy: Path) -> None:
    forgery = Forgery(copy)
    add_a_note(forgery)
    forgery.publish()
    journal = copy / "journal.jsonl"
    remark = match_head(read(journal, FORMAT.decode), journal, head(honest))
    assert remark is not None
    assert "nothing vouches for the 1 events after it" in remark.what


def test_a_torn_tail_and_unsealed_lines_are_notices(copy: Path) -> None:
    with (copy / "journal.jsonl").open("ab") as file:
        file.write(b'{"seq":99,')
    with (copy / "tapes" / "app01.jsonl").open("ab") as file:
        file.write(b'{"t":"s","v":[1,2,3,0]}\n')
    result = verified(copy)
    assert len(result.notices) == 2


HOSTILE: tuple[Callable[[Line], None], ...] = (
    lambda o: o.update(raw=[]),
    lambda o: o["began"].update(boottime_ns=2**80),
    lambda o: o["ended"].update(boottime_ns=-(2**80)),
    lambda o: (o["facts"] or {}).update(guest_utc_ns=2**90),
    lambda o: o.update(reader="../../etc/passwd"),
)


@pytest.mark.parametrize("spoil", HOSTILE)
def test_a_hostile_record_is_judged_not_crashed_on(copy: Path, spoil: Callable[[Line], None]) -> None:
    forgery = Forgery(copy)
    spoil(forgery.observations("chrony")[-1])
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"


def test_a_sample_no_clock_shows_does_not_crash_the_audit(copy: Path) -> None:
    forgery = Forgery(copy)
    forgery.samples()[-1]["v"][0] = 2**70
    forgery.publish()
    assert verified(copy).answer == "does-not-follow"


# Resumes


async def test_a_reboot_while_nobody_watched_is_noticed_at_resume(tmp_path: Path) -> None:
    path = tmp_path / "session"
    script = await tell(path)
    script.ns += 60 * S
    script.guests["app01"] = moved(script.guests["app01"], B3, script.ns - 30 * S)
    async with resuming(path, script) as walk:
        walk.connect("app01")
        await walk.pass_time(30)
        await walk.recorder.settle()
        assert list(Forgery(path).bodies("disturbed", kind="reboot"))[1:]
    assert verified(path).remarks == []


async def test_a_reboot_of_the_jump_host_between_follows(tmp_path: Path) -> None:
    path = tmp_path / "session"
    script = await tell(path)
    up = script.ns + 300 * S
    again = Script("jump-boot-2", 40 * S, script.utc0_ns + up - 40 * S, script.guests, script.servers)
    again.offset_ns = script.offset_ns
    async with resuming(path, again, operator="raj") as walk:
        walk.connect("app01")
        await walk.pass_time(100)
        await walk.session.start_step("base", "app02")
        assert (await walk.done("base", "app02")).outcome == "open"
    result = verified(path)
    assert result.remarks == []
    assert result.decisions == 8


async def test_an_action_cut_off_by_the_end_of_the_program_follows_after_resume(tmp_path: Path) -> None:
    path = tmp_path / "session"
    script = await tell(path)
    forgery = Forgery(path)
    at = forgery.events.index(next(e for e in forgery.events if e["body"]["type"] == "action-intended"))
    forgery.events = forgery.events[: at + 2]  # died while the command ran
    forgery.publish()
    async with resuming(path, script) as walk:
        assert walk.recorder.state.intents == {}
        walk.connect("app01")
        await walk.pass_time(20)
    assert verified(path).remarks == []
    assert Forgery(path).bodies("disturbed", cause="action fix ended")
