"""The one protocol screens speak: views to read, intents to send.

Arguments and results are plain structs that survive encode → decode, so attaching from
another process is the same port over a socket. A view is a read-only snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from cutover_tui.core.estimate.regime import Regime
from cutover_tui.core.finding import Decision, Soak, Verdict
from cutover_tui.core.runbook import Tier
from cutover_tui.engine.identity.view import IdentityView
from cutover_tui.record.state import Status
from probes.observation import Family, Instant


class HostView(msgspec.Struct, frozen=True):
    """One guest at a glance. Offsets are guest minus references, true within `bound_ns`."""

    name: str
    address: str
    os: str
    role: str
    link: Literal["connecting", "up", "lost"]
    link_detail: str
    link_since: Instant | None
    platform: str | None
    provider: str | None
    offset_ns: int | None
    bound_ns: int | None
    sample_age_ns: int | None
    marked: bool
    arrived: bool = False  # seen on the target's platform, and no mark was set
    no_way_back: str | None = (
        None  # title of the action that broke rollback here; its outcome does not matter
    )


class StepRow(msgspec.Struct, frozen=True):
    """One step on the overview: its state in every column (host name, or `*` for the wave)."""

    id: str
    phase: str
    phase_title: str
    title: str
    scope: str
    mark: bool
    expected_ns: int
    states: tuple[tuple[str, Status], ...]
    gated: bool = True  # False: no check, it is done when somebody says so


class SessionView(msgspec.Struct, frozen=True):
    """Where are we? All of it at one moment."""

    session: str
    change: str
    title: str
    now: Instant
    window_start_ns: int  # UTC
    window_end_ns: int
    rollback_until_ns: int | None
    operator: str
    recording: str | None  # None = recording; otherwise why not
    seq: int
    head: str
    steps: tuple[StepRow, ...]
    hosts: tuple[HostView, ...]
    left_ns: int  # work that is still ahead on the critical path, by the runbook's expectations
    notices: tuple[str, ...]
    warnings: tuple[str, ...] = ()  # what is probably not meant in the runbook, with its line
    realm: str | None = None  # of the runbook; without one nobody's tickets are looked at


class ActionView(msgspec.Struct, frozen=True):
    """An action of a step, as it would run on this host."""

    id: str
    title: str
    key: str
    argv: tuple[str, ...]
    tier: Tier
    provocation: bool
    elevate: bool
    disturbs: tuple[Family, ...]
    touches: tuple[str, ...]
    breaks_rollback: bool
    state: Literal["not run", "running", "ended", "unfinished"]
    rc: int | None
    out_tail: str
    ended: Instant | None


class StepView(msgspec.Struct, frozen=True):
    """May I mark this done, and if not, what is missing? `live` is not on the record."""

    step: str
    host: str
    phase_title: str
    title: str
    instruction: str
    status: Status
    mark: bool
    two_person: bool
    actions: tuple[ActionView, ...]
    live: Decision
    since: tuple[tuple[str, str, Instant], ...]  # check, host, since when that verdict stands in any step
    unverified_since: Instant | None
    position: int
    of: int
    lacks: tuple[str, ...] = ()  # what a baseline taken now would miss, where starting it sets the mark
    objections: tuple[tuple[str, str, str], ...] = ()  # check, host, why its failure may not be accepted
    gated: bool = True  # False: no check, it is done when somebody says so
    arrived: tuple[tuple[str, str], ...] = ()  # guests without a mark, on the target's platform already


class ClockPoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A clock minus domain or references at one moment, true within `bound_ns`."""

    mono_ns: int
    offset_ns: int
    bound_ns: int = 0


class ClockRate(msgspec.Struct, frozen=True):
    """How fast a clock runs off, and when Kerberos' tolerance is used up if that stays so.

    The same figures as `time.projection` has: the rate lies within `low_ppb`..`high_ppb`. Before
    there is a rate (`n` = 0) all three are 0. `basis`: *statistics* (95 %) or *bounds* (hard, wider).
    `earliest_ns` None: never; `latest_ns` None: perhaps never. `reaches` is about the horizon; where
    it is None, `more_ns` says how much longer to measure until it can be told (None: the window is
    too short for that). `regime` is what the readings alone say; who keeps the clock says `provider`.
    """

    ppb: int
    low_ppb: int
    high_ppb: int
    basis: Literal["none", "statistics", "bounds"]
    n: int  # buckets of ten seconds it rests on
    span_ns: int
    regime: Regime
    earliest_ns: int | None
    latest_ns: int | None
    reaches: bool | None
    more_ns: int | None
    step_count: int
    steps: tuple[tuple[int, int], ...] = ()  # the last few: mono_ns, amount


class ClockLooks(msgspec.Struct, frozen=True):
    """What `time.reboot` says of a guest: how many of its two looks after the boot have passed.

    `state`: *waiting* for the next look (`rest_ns` until it, where that is known), *passed*, *failed* or
    *missed*; *none* = no boot after the mark has been seen.
    """

    state: Literal["none", "waiting", "passed", "failed", "missed"]
    passed: int = 0
    rest_ns: int | None = None


class ClockSeries(msgspec.Struct, frozen=True):
    """One guest's clock over a stretch, oldest first.

    `gaps` are the stretches (last reading before, first after, in mono_ns) in which nothing could be told:
    in thinned points they cannot be seen. `provider` is the sentence of `time.provider` while that passes;
    `kept` its verdict.
    """

    host: str
    points: tuple[ClockPoint, ...]
    drift_ppb: int | None  # the middle of `rate`, None = not enough data
    provider: str | None
    gaps: tuple[tuple[int, int], ...] = ()
    rate: ClockRate | None = None  # None = no reading in the last minutes
    kept: Verdict = Verdict.UNKNOWN
    soak: Soak | None = None  # of the runbook's `time.offset`; None while the clock is not read
    looks: ClockLooks | None = None  # None = this runbook asks for no reboot, or not looked yet
    set_by: Literal["nobody", "somebody", "unknown"] = "nobody"
    """While no provider keeps it: who else acts on it, by `time.single-master`. Only what nobody sets runs freely."""


class ReferenceSeries(msgspec.Struct, frozen=True):
    """One clock that is asked for the time, minus what guests are judged by, like a guest's.

    An answer speaks for it for `holds_ns`.
    """

    server: str
    kind: Literal["controller", "reference"]
    points: tuple[ClockPoint, ...]
    gaps: tuple[tuple[int, int], ...] = ()
    holds_ns: int = 90_000_000_000


class ClockMark(msgspec.Struct, frozen=True):
    """An event on the time axis.

    Letters: M mark, A action, T Tools removed, B boot, D another disturbance, S step of the clock.
    """

    mono_ns: int
    letter: str
    label: str
    host: str | None


class ClockView(msgspec.Struct, frozen=True):
    """What the clock screen draws of the stretch from `since_ns` to `until_ns` (CLOCK_BOOTTIME).

    Points, gaps and marks are of that stretch, all else is of `now`.
    """

    now: Instant
    anchor: Instant
    warn_ns: int
    fail_ns: int
    series: tuple[ClockSeries, ...]
    marks: tuple[ClockMark, ...]
    references: tuple[str, ...]  # those whose time guests are judged by
    dissenting: tuple[str, ...]
    judged_by: Literal["domain", "references"] | None = "references"
    domain_off_ns: int | None = None  # the domain minus the independents, where that is too much
    kerberos_ns: int = 300_000_000_000  # the runbook's tolerance
    clocks: tuple[ReferenceSeries, ...] = ()  # as they are asked for the first of the guests
    since_ns: int = 0
    until_ns: int = 0


class SecretRequest(msgspec.Struct, frozen=True):
    """A password or an answer that only a person has. The value never leaves memory."""

    id: str
    credential: str
    prompt: str
    echo: bool = False


class ProofView(msgspec.Struct, frozen=True):
    """What a proof would run on a guest, in full; `refused` says why it cannot be run now."""

    host: str
    proof: str
    commands: tuple[tuple[str, ...], ...]
    attempts: int  # how often in one series
    approved: bool
    running: bool
    refused: Refused | None


class Refused(msgspec.Struct, frozen=True):
    """An intent that was not carried out, and what to do."""

    reason: str
    remedy: str = ""


class SessionPort(Protocol):
    """What screens may ask of a session."""

    def view(self) -> SessionView: ...

    def step(self, step: str, host: str) -> StepView: ...

    def clock(
        self, hosts: tuple[str, ...], since_ns: int, points: int, until_ns: int | None = None
    ) -> ClockView:
        """Offsets from CLOCK_BOOTTIME `since_ns` to `until_ns` (None: now), thinned to about `points` a host.

        Extremes are kept. There are at most twelve hours, the older the coarser.
        """
        ...

    def identity(self, host: str) -> IdentityView:
        """Who can authenticate to whom, as it is known of one guest."""
        ...

    def secrets(self) -> tuple[SecretRequest, ...]:
        """What is being asked of a person now."""
        ...

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` after events (not samples); returns how to stop."""
        ...

    async def start_step(self, step: str, host: str, moved: bool = False) -> Refused | None:
        """Begin a step. `moved`: a person confirmed that what it marks is on the target already."""
        ...

    async def run_action(self, step: str, host: str, action: str) -> Refused | None:
        """Intent on the record, then the command; returns when it ended or could not begin."""
        ...

    async def mark_done(self, step: str, host: str, second: str | None = None) -> Decision | Refused:
        """Compare-and-set: seals, decides, and appends `done` only if the gate is open."""
        ...

    async def acknowledge(self, check: str, reason_code: str, host: str, ticket: str) -> Refused | None:
        """Accept a fault from before the mark with a problem ticket, once for its cause.

        The cause is named whole, so that nobody accepts another than they saw; `host` `*` = wherever it is.
        """
        ...

    def proof(self, host: str) -> ProofView:
        """What the proof of this guest's exchanges would run."""
        ...

    async def prove(self, host: str, shown: tuple[tuple[str, ...], ...]) -> Refused | None:
        """Approve the commands that were shown, and make one series of attempts; returns at its end."""
        ...

    async def read_clock(self, first: str, second: str, utc_ns: int) -> Refused | None:
        """Two people say what a clock they trust shows at this moment; a witness of ± 2 s for ten minutes."""
        ...

    async def look_again(self, host: str) -> None:
        """Read everything of this host now instead of at the next turn."""
        ...

    async def note(self, text: str, step: str | None, host: str | None) -> Refused | None: ...

    async def answer(self, request: str, value: str | None) -> None:
        """A person's answer to a SecretRequest; None = refused to say."""
        ...

    async def export(self, directory: str) -> str | Refused:
        """Write the evidence; returns the chain head that belongs on the ticket."""
        ...
