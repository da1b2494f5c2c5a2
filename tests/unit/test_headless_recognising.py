"""A headless look recognises machines as a session does: what another machine showed does not count."""

from __future__ import annotations

import pytest
from msgspec import structs

from cutover_tui.core.finding import Decision, Verdict
from cutover_tui.core.loading import load_text
from cutover_tui.engine.checking import Look, _decisions
from cutover_tui.engine.messages import Broken, LinkChanged, Seen
from probes.observation import Identity, Instant
from tests.unit.honest_guest import Guest
from tests.unit.honest_session import B1, B2, RUNBOOK, VENDOR, S, Script, _observation

BOOK = load_text(
    RUNBOOK.partition("phases:")[0]
    + """\
phases:
  - {id: p, title: P, steps: [{id: services, title: T, gate: [{check: time.single-master}]}]}
""",
    "x.yaml",
)
ONE = Identity("key", "m" * 32, B1, VENDOR["vmware"], "vmware")


def turn(script: Script, identity: Identity, *, only: frozenset[str] = frozenset()) -> list[Seen]:
    """What one turn of readers sends; `only` of these where any are named."""
    guest = Guest(B1, "vmware", booted_ns=100 * S, chrony=True, tools=False)
    began = script.now()
    ended = script.now()
    read = guest.read(ended.boottime_ns, script.utc_ns(ended.boottime_ns))
    return [
        Seen(_observation("app01", r, raws, r.parse(raws), identity, began, ended))
        for r, raws in read
        if not only or r.name in only
    ]


def decided(look: Look, script: Script, anchor: Instant) -> Decision:
    (decision,) = _decisions(BOOK, look, tuple(BOOK.runbook.steps()), ("app01",), script.now(), anchor, None)
    return decision


@pytest.mark.parametrize(
    "other",
    [
        structs.replace(ONE, host_key="another"),
        structs.replace(ONE, machine_id="n" * 32),
        structs.replace(ONE, platform="ahv"),
        structs.replace(ONE, boot_id=B2),
    ],
)
def test_what_another_machine_showed_does_not_count(other: Identity) -> None:
    script, look = Script(), Look()
    anchor = script.now()
    look.take([LinkChanged("app01", script.now(), Identity(), None), *turn(script, ONE)], 0)
    (before,) = decided(look, script, anchor).findings
    script.ns += S
    look.take([*turn(script, other, only=frozenset({"boot"}))], 0)
    (after,) = decided(look, script, anchor).findings
    assert before.reason_code != after.reason_code
    assert (after.verdict, after.reason_code) == (Verdict.UNKNOWN, "not-read")


def test_a_defect_is_said() -> None:
    look = Look()
    look.take([Broken("the watch of app01", "KeyError: 'x'")], 0)
    assert look.broken == ["a defect of this program in the watch of app01: KeyError: 'x'"]
