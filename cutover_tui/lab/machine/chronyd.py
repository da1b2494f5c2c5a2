"""A model of chronyd over a simulated clock: polls, reach, selection, frequency, step or slew.

Pure: `advance` is given true time and a way to ask a source, and returns nothing but state.
It follows chrony 4.3 where an observer can tell: iburst sends requests two seconds or a quarter of
the interval apart (eight at most, until four are answered), offsets and times of updates are those
of the clock less what is still being slewed, a source needs three samples before it is used and
must agree with most of the others, an offset above `makestep`'s threshold is stepped within its
first updates and slewed at no more than 83333 ppm after
them, and the frequency comes from a line through the samples kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cutover_tui.lab.machine.clocks import PPB, SimClock, part

SECOND = 1_000_000_000
_BURST_GAP = 2 * SECOND
_BURST, _BURST_AT_MOST = 4, 8
_NEEDED = 3
_KEPT = 16
_STEADY = 8
_JUMP = SECOND
_WANDER_PPB = 1_000
"""chrony's maxclockerror: what is never known of a clock's rate (chrony.conf(5): 1 ppm)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one NTP exchange told: the server's time minus the guest's clock, and the path's delay."""

    offset_ns: int  # guest's clock minus server's time, as measured
    delay_ns: int
    stratum: int
    root_delay_ns: int
    root_dispersion_ns: int
    synchronised: bool = True


Ask = Callable[[str, int, SimClock], Reply | None]
"""Ask the server of that address at that true time; None = no answer."""


@dataclass(frozen=True, slots=True)
class ServerLine:
    """One `server` line of a configuration."""

    name: str
    iburst: bool = False
    minpoll: int = 6
    maxpoll: int = 10


@dataclass(frozen=True, slots=True)
class Config:
    """What a chrony.conf says, as far as the model acts on it."""

    servers: tuple[ServerLine, ...] = ()
    makestep_ns: int | None = None
    makestep_updates: int = 0  # negative = always
    local_stratum: int | None = None
    rtcsync: bool = False


@dataclass(slots=True)
class Source:
    """One configured server as the daemon sees it."""

    line: ServerLine
    address: str | None  # None: the name does not resolve
    next_poll: int
    poll: int
    burst_left: int = 0  # answers still wanted
    burst_tries: int = _BURST_AT_MOST  # requests still allowed
    fresh: bool = False  # whether its newest sample has not been used yet
    steady: int = 0  # good samples since the interval last changed
    reach: int = 0
    last_rx: int | None = None  # true time of the last good sample
    stratum: int = 0
    measured_ns: int = 0  # the last sample, without the slew that ran then
    adjusted_ns: int = 0  # the same, less what was corrected since
    delay_ns: int = 0
    root_delay_ns: int = 0
    root_dispersion_ns: int = 0
    samples: list[tuple[int, int]] = field(default_factory=list)  # (true time, offset), adjusted
    _slope: int | None = None  # of these samples, once asked for
    _scatter: int | None = None

    @property
    def usable(self) -> bool:
        return len(self.samples) >= _NEEDED and self.reach != 0

    @property
    def bound_ns(self) -> int:
        """Half the root delay plus the root dispersion: chronyc's estimated error."""
        return (self.delay_ns + self.root_delay_ns) // 2 + self.root_dispersion_ns

    def slope_ppb(self) -> int:
        """Rate of the offset by least squares over the samples kept."""
        if self._slope is None:
            self._slope = _least_squares(self.samples)
        return self._slope

    def sampled(self, now: int, offset: int) -> None:
        """One more measurement, and no more than are kept."""
        self.samples.append((now, offset))
        del self.samples[:-_KEPT]
        self._slope = self._scatter = None

    def corrected(self, now: int, offset: int, slope: int) -> None:
        """The clock was moved by that much at `now`, and its rate changed: what was measured goes along."""
        before = self.slope_ppb()
        self.samples = [(t, y - offset - part(t - now, slope)) for t, y in self.samples]
        self._slope = before - slope if len(self.samples) > 1 else None
        self.adjusted_ns -= offset

    def expected(self, now: int) -> int:
        """Where the line through the samples is by now."""
        (at, offset), slope = self.samples[-1], self.slope_ppb()
        return offset + part(now - at, slope)

    def interval(self, now: int, skew_ppb: int) -> tuple[int, int]:
        """From where to where the offset may be by now: wider with scattered samples, and with their age."""
        middle = self.expected(now)
        bound = self.bound_ns + self.scatter_ns() + part(now - self.samples[-1][0], skew_ppb + _WANDER_PPB)
        return middle - bound, middle + bound

    def skew_ppb(self) -> int:
        """How uncertain that rate is: the worst residual over the span."""
        if len(self.samples) < _NEEDED:
            return 2_000_000
        span = self.samples[-1][0] - self.samples[0][0]
        return max(1, self.scatter_ns() * PPB // span) if span else 2_000_000

    def scatter_ns(self) -> int:
        """The worst residual of the samples."""
        if self._scatter is None:
            (t0, y0), slope = self.samples[0], self.slope_ppb()
            self._scatter = max(abs(y - y0 - part(t - t0, slope)) for t, y in self.samples)
        return self._scatter


@dataclass(slots=True)
class Chronyd:
    """A running chronyd. Times are true UTC, so that a step of the guest's clock moves no timer."""

    config: Config
    started: int
    sources: list[Source]
    selected: Source | None = None
    reference: Source | None = None  # whom the last update came from: `tracking` keeps naming it
    updates: int = 0
    steps: int = 0
    stepped: list[tuple[int, int]] = field(default_factory=list)  # (true time, by), not told yet
    last_update: int | None = None
    previous_update: int | None = None
    ref_utc: int = 0  # at the last update, what the guest's clock would show were its slew over
    last_offset_ns: int = 0
    rms_ns: int = 0
    residual_ppb: int = 0
    skew_ppb: int = 0
    virtual: SimClock | None = None
    """With -x: the clock as it would be, which is corrected in place of the guest's, and what reports are about."""

    @classmethod
    def start(cls, config: Config, true_ns: int, resolve: Callable[[str], str | None]) -> Chronyd:
        """Start with that configuration; `resolve` turns a name into an address."""
        sources = [
            Source(
                line=line,
                address=resolve(line.name),
                next_poll=true_ns + SECOND // 5,
                poll=line.minpoll,
                burst_left=_BURST if line.iburst else 0,
            )
            for line in config.servers
        ]
        return cls(config=config, started=true_ns, sources=sources)

    def advance(self, clock: SimClock, true_ns: int, ask: Ask) -> SimClock:
        """Do all that was due until `true_ns` and return the clock as it is then."""
        while True:
            due = min(
                ((s.next_poll, i, s.address) for i, s in enumerate(self.sources) if s.address is not None),
                default=None,
            )
            if due is None or due[0] > true_ns:
                return clock
            now, index, address = due
            clock = self._poll(self.sources[index], now, clock, ask(address, now, clock))

    def _poll(self, source: Source, now: int, clock: SimClock, reply: Reply | None) -> SimClock:
        source.reach = (source.reach << 1) & 0xFF
        good = reply is not None and reply.synchronised
        if source.burst_left:
            source.burst_tries -= 1
            source.burst_left = source.burst_left - good if source.burst_tries else 0
        elif not good and source.reach == 0:
            source.poll = min(source.poll + 1, max(source.line.maxpoll, source.line.minpoll))
        interval = SECOND << max(source.poll, 0)
        source.next_poll = now + (min(_BURST_GAP, interval // 4) if source.burst_left else interval)
        if reply is None or not good:
            if source is self.selected and source.reach == 0:
                self._select(now)
            return clock
        source.reach |= 1
        source.last_rx = now
        source.stratum = reply.stratum
        source.delay_ns = reply.delay_ns
        source.root_delay_ns = reply.root_delay_ns
        source.root_dispersion_ns = reply.root_dispersion_ns
        source.steady += 1
        if not source.burst_left and source.steady >= _STEADY and source.poll < source.line.maxpoll:
            source.poll, source.steady = source.poll + 1, 0
        # A slew that still runs is already decided: the line through the samples is without it.
        sample = (now, reply.offset_ns + clock.slewing(now))
        source.measured_ns = source.adjusted_ns = sample[1]
        if source.samples and abs(sample[1] - source.expected(now)) > _JUMP:
            source.poll, source.steady = source.line.minpoll, 0
            source.samples.clear()  # somebody set the clock: what was measured before says nothing now
        source.sampled(*sample)
        self._select(now)
        best, source.fresh = self.selected, True
        if best is None or not best.fresh:
            return clock
        best.fresh = False
        return self._update(best, now, clock)

    def _select(self, now: int) -> None:
        """The best of the majority whose intervals meet; nobody where there is no majority.

        As SRC_SelectSource of sources.c: a selected source stays as long as it is one of them, and
        nobody is selected while another source is one answer short of being usable.
        """
        usable = [s for s in self.sources if s.usable]
        if self.selected is None and any(_coming(s, usable) for s in self.sources):
            return
        if not usable and self.selected is not None and self.selected.reach:
            return  # after somebody set the clock it measures anew
        agreeing = majority(usable, now, self.skew_ppb)
        if self.selected not in agreeing:
            self.selected = min(agreeing, key=lambda s: (s.stratum, s.bound_ns), default=None)

    def falseticker(self, source: Source) -> bool:
        """Whether its interval does not meet the selected source's (RFC 5905 section 11.2.1)."""
        best = self.selected
        if best is None or source is best:
            return False
        return abs(source.adjusted_ns - best.adjusted_ns) > source.bound_ns + best.bound_ns

    def _update(self, best: Source, now: int, clock: SimClock) -> SimClock:
        offset, slope = best.expected(now), best.slope_ppb()
        self.residual_ppb, self.skew_ppb = slope, best.skew_ppb()
        self.updates += 1
        self.reference = best
        self.previous_update, self.last_update = self.last_update, now
        self.last_offset_ns = offset
        self.rms_ns = abs(offset) if self.updates == 1 else (self.rms_ns * 3 + abs(offset)) // 4
        clock = clock.corrected(now, clock.correction_ppb - slope)
        correction = clock.slewing(now) - offset
        threshold, limit = self.config.makestep_ns, self.config.makestep_updates
        if threshold is not None and (limit < 0 or self.updates <= limit) and abs(correction) > threshold:
            clock = clock.stepped(now, correction)
            self.steps += 1
            self.stepped.append((now, correction))
        else:
            clock = clock.slewed(now, correction)
        self.ref_utc = clock.read(now) + clock.slewing(now)
        for source in self.sources:
            source.corrected(now, offset, slope)
        return clock

    def shift(self, by: int) -> None:
        """Its machine was suspended that long: nothing it keeps has aged."""
        self.started += by
        if self.last_update is not None:
            self.last_update += by
        if self.previous_update is not None:
            self.previous_update += by
        for source in self.sources:
            source.next_poll += by
            source.samples = [(at + by, offset) for at, offset in source.samples]
            if source.last_rx is not None:
                source.last_rx += by

    def makestep(self, now: int, clock: SimClock) -> SimClock:
        """`chronyc makestep`: what is still being slewed is stepped instead."""
        return clock.stepped(now, clock.slewing(now))

    def configure_step(self, threshold_ns: int, updates: int) -> None:
        """`chronyc makestep THRESHOLD LIMIT`: counts from now on."""
        limit = updates if updates < 0 else self.updates + updates
        self.config = replace(self.config, makestep_ns=threshold_ns, makestep_updates=limit)


def _least_squares(samples: Sequence[tuple[int, int]]) -> int:
    """The slope of the line through (ns, ns), in ppb."""
    if len(samples) < 2:
        return 0
    n, origin = len(samples), samples[0][0]
    sx = sy = sxx = sxy = 0
    for t, y in samples:
        x = t - origin
        sx += x
        sy += y
        sxx += x * x
        sxy += x * y
    spread = n * sxx - sx * sx
    return PPB * (n * sxy - sx * sy) // spread if spread else 0


def majority(sources: Sequence[Source], now: int, skew_ppb: int = 0) -> list[Source]:
    """The largest group whose intervals share a point, if it is more than half (RFC 5905 section 11.2.1)."""
    intervals = [s.interval(now, skew_ppb) for s in sources]
    best: list[Source] = []
    for low, _ in intervals:
        group = [s for s, (begin, end) in zip(sources, intervals, strict=True) if begin <= low <= end]
        best = group if len(group) > len(best) else best
    return best if 2 * len(best) > len(sources) else []


def _coming(source: Source, usable: Sequence[Source]) -> bool:
    """Whether it has answered as often as a usable one, or once less, and is not usable itself."""
    newest = max((s.reach for s in usable), default=0)
    return not source.usable and source.reach != 0 and source.reach in (newest, newest >> 1)


def read_config(text: str, path: str = "/etc/chrony/chrony.conf") -> Config:
    """A chrony.conf as the model understands it.

    Raises:
        ValueError: chronyd would refuse to start; the argument is its message.
    """
    servers: list[ServerLine] = []
    step: tuple[int | None, int] = (None, 0)
    local: int | None = None
    rtcsync = False
    for number, raw in enumerate(text.splitlines(), 1):
        words = raw.split()
        if not words or words[0][0] in "#!;%":
            continue
        key, rest = words[0].lower(), words[1:]
        try:
            if key in ("server", "pool"):
                servers.append(_server(rest))
            elif key == "makestep":
                step = (int(float(rest[0]) * SECOND), int(rest[1]))
            elif key == "local":
                local = int(rest[rest.index("stratum") + 1]) if "stratum" in rest else 10
            elif key == "rtcsync":
                rtcsync = True
            elif key not in _KNOWN:
                raise ValueError(f"Invalid directive at line {number} in file {path}")
        except (IndexError, ValueError) as error:
            if str(error).startswith("Invalid"):
                raise
            raise ValueError(f"Could not parse {key} directive at line {number} in file {path}") from error
    return Config(tuple(servers), step[0], step[1], local, rtcsync)


def _server(words: list[str]) -> ServerLine:
    polls = {"minpoll": 6, "maxpoll": 10}
    rest = words[1:]
    for word, value in zip(rest, [*rest[1:], ""], strict=True):
        if word in polls:
            polls[word] = int(value)
    return ServerLine(words[0], "iburst" in rest, polls["minpoll"], max(polls["minpoll"], polls["maxpoll"]))


_KNOWN = frozenset(
    [
        "confdir",
        "sourcedir",
        "keyfile",
        "driftfile",
        "ntsdumpdir",
        "log",
        "logdir",
        "maxupdateskew",
        "leapsectz",
        "allow",
        "deny",
        "port",
        "bindaddress",
        "cmdport",
        "bindcmdaddress",
        "maxslewrate",
        "maxdistance",
        "minsources",
        "refclock",
        "peer",
        "dumpdir",
        "user",
        "hwtimestamp",
        "leapsecmode",
        "smoothtime",
        "pidfile",
        "initstepslew",
    ]
)
