"""A valid runbook as text, specs that do not move with the product's checks, and a way to load both."""

from __future__ import annotations

from cutover_tui.core.checks.spec import Bound, CheckSpec, Param
from cutover_tui.core.loading import BadRunbook, Loaded, load_text
from cutover_tui.core.runbook import MINUTE, SECOND
from probes.observation import Family

FRESH = Bound(2 * MINUTE, 30 * SECOND, 10 * MINUTE)


def spec(name: str, params: dict[str, Param] | None = None, **changed: object) -> CheckSpec:
    fields: dict[str, object] = {
        "version": 1,
        "family": Family.TIME,
        "soak": None,
        "attempts": None,
        "max_age": FRESH,
        "params": params or {},
    }
    return CheckSpec(id=name, **{**fields, **changed})  # type: ignore[arg-type]


SPECS = {
    one.id: one
    for one in (
        spec("time.jump-host", {"agree": Param("duration", SECOND, 1, SECOND)}),
        spec("time.provider"),
        spec("time.reference"),
        spec(
            "time.offset",
            {
                "warn": Param("duration", SECOND, 1, 30 * SECOND, at_most="fail"),
                "fail": Param("duration", 5 * SECOND, 1, 30 * SECOND, doc="never farther off"),
            },
            soak=Bound(10 * MINUTE, MINUTE, None),
        ),
        spec("time.reboot", needs_mark=True),
        spec(
            "agent.swap",
            {
                "old": Param("str", "", required=True, doc="the package that must be gone"),
                "new": Param("str", "auto"),
            },
        ),
        spec(
            "test.kinds",
            {
                "count": Param("int", 3, 1, 9),
                "strict": Param("bool", True),
                "mode": Param("choice", "full", choices=("full", "quick")),
            },
            attempts=Bound(3, 3, 10),
            max_age=None,
        ),
    )
}

VALID = """\
schema: 1
change:
  id: CHG1
  title: Move
  window:
    start: 2026-03-14T22:00:00+01:00
    end: 2026-03-15T02:00:00+01:00
source: {platform: vmware}
target: {platform: kvm}
credentials:
  ops: {method: key, key: ~/.ssh/id}
hosts:
  - name: web1
    address: 10.0.0.1
    credential: ops
phases:
  - id: one
    title: One
    steps:
      - id: first
        title: First
        gate:
          - check: time.offset
            soak: 2min
            params: {warn: 1s, fail: 5s}
      - id: second
        title: Second
        depends_on: [first]
        mark: true
        actions:
          - id: go
            title: Go
            key: g
            command: {linux: systemctl reboot}
            disturbs: [time]
        rollback:
          - id: back
            title: Back
      - id: third
        title: Third
        gate:
          - check: time.reboot
"""


def loaded(text: str | bytes) -> Loaded:
    return load_text(text, "rb.yaml", specs=SPECS)


def errors(text: str | bytes) -> list[str]:
    """The lines of the error, [] when the text loads."""
    try:
        loaded(text)
    except BadRunbook as bad:
        return str(bad).splitlines()
    return []


def changed(old: str, new: str) -> str:
    """The valid runbook with one piece replaced."""
    assert VALID.count(old) >= 1, old
    return VALID.replace(old, new, 1)
