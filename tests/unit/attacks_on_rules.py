"""Forgeries that exactly one rule of the audit sees: the rest of the record follows from what was forged.

Each stands with the words of its rule. Without that rule whoever recomputes the hashes gets away with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.unit.forgery import Forgery

S = 1_000_000_000


def reboot_the_jump_host_at_the_end(f: Forgery) -> None:
    """The newest event is of another boot, and nobody took the session up in it."""
    note = f.insert(len(f.events), {"type": "noted", "text": "all good", "step": None, "host": None})
    note["at"] = {**note["at"], "boot_id": "another boot", "boottime_ns": 5 * S}


def see_it_after_it_was_sealed(f: Forgery) -> None:
    """The newest reading of the boot id, which nothing was decided by, moves behind the seal that covers it."""
    f.observations("boot")[-1]["ended"]["boottime_ns"] += 10 * S


def date_a_reboot_forward_to_its_reading(f: Forgery) -> None:
    """What saw the new boot would be void itself, and what came with it count from a later moment."""
    began = _first_of_the_second_boot(f)["began"]
    f.bodies("disturbed", kind="reboot")[0]["since"] = dict(began)


def anchor_the_resumed_session_anew(f: Forgery) -> None:
    """The same boot of the jump host, another timescale: nine seconds nobody sees in an offset."""
    (resumed,) = f.bodies("session-resumed")
    was = json.dumps(resumed["anchor"])
    resumed["anchor"]["utc_ns"] += 9 * S
    for lines in f.tapes.values():
        stretches = [line for line in lines if line["t"] == "open"]
        for line in stretches[1:]:
            assert json.dumps(line["anchor"]) == was
            line["anchor"]["utc_ns"] += 9 * S


def widen_what_an_action_disturbed(f: Forgery) -> None:
    for body in f.bodies("disturbed", kind="action"):
        body["families"] = [*body["families"], "network"]


def drop_where_an_action_began(f: Forgery) -> None:
    """Its end voids what it disturbed as well; what was read while it ran counts no less."""
    f.drop_body(f.bodies("disturbed", cause="action fix")[0])


def let_another_machine_answer_within_a_turn(f: Forgery) -> None:
    """One answer of a turn does not say whose it is."""
    f.observations("agents")[-1]["identity"]["machine_id"] = None


def _first_of_the_second_boot(f: Forgery) -> dict[str, dict[str, object]]:
    first = f.observations("boot")[0]["identity"]["boot_id"]
    return next(o for o in f.tapes["app01"] if o["t"] == "obs" and o["identity"]["boot_id"] != first)


ONE_RULE: tuple[tuple[Callable[[Forgery], None], str], ...] = (
    (reboot_the_jump_host_at_the_end, "nobody took the session up again"),
    (see_it_after_it_was_sealed, "younger than the seal that covers it"),
    (date_a_reboot_forward_to_its_reading, "rebooted, and the journal has no such disturbance"),
    (widen_what_an_action_disturbed, "disturbs other families than was intended"),
    (drop_where_an_action_began, "the journal has no disturbance by it"),
    (let_another_machine_answer_within_a_turn, "two machines answered in one turn"),
)
AFTER_A_RESUME: tuple[tuple[Callable[[Forgery], None], str], ...] = (
    (anchor_the_resumed_session_anew, "anchored anew without a reboot of the jump host"),
)
