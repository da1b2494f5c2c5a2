"""What a forger does to a session, one attack a function, and what must come of it.

`CAUGHT`: something no longer follows though every hash was recomputed. `OTHER_HEAD`: it
follows, and the chain head is not the one on the ticket. `REDERIVED`: the forger also let
the program decide again on the forged evidence; the head gives it away.
"""

from __future__ import annotations

import json
from hashlib import sha256

from tests.unit.forgery import Forgery
from tests.unit.honest_session import B3

S = 1_000_000_000

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


def say_that_another_did_it(f: Forgery) -> None:
    f.decisions("time", "open")[0]["by"] = "eve"


def name_another_operator(f: Forgery) -> None:
    f.bodies("session-started")[0]["operator"] = "eve"
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
    say_that_another_did_it,
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


REDERIVED = (
    loosen_the_runbook_and_decide_again,
    edit_the_newest_sample,
    edit_an_older_sample,
    drop_a_refusal,
)
