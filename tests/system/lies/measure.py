"""All states at once on real guests: a recorded session of ours over real ssh, and a checklist's commands beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cutover_tui.core.finding import Decision, Finding
from cutover_tui.core.loading import load_text
from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.opening import Operator, started
from cutover_tui.engine.session import Session
from cutover_tui.engine.sessions import new_session
from probes.net import SystemClock
from tests.system.lies.naive import Said, ask
from tests.system.lies.states import DOMAIN_WRONG_S, STATES, Place, State, Verdicts
from tests.system.nodes.lab import VMWARE, SystemLab
from tests.system.nodes.sshd import USER
from tests.system.nodes.unpacked import missing

RUNBOOK = """\
schema: 1
change:
  id: {change}
  title: States of time
  window: {{start: "2020-01-01T00:00:00Z", end: "2099-01-01T00:00:00Z"}}
source: {{platform: {target}}}
target: {{platform: {target}}}
domain: {{references: [{references}]{controllers}}}
credentials: {{lab: {{method: key, key: {key}}}}}
hosts:
{hosts}
phases:
  - id: time
    title: Time
    steps:
      - {{id: arrived, title: Runs on the target, scope: wave, mark: true, gate: [{{check: time.jump-host}}]}}
      - id: keeps
        title: Time is kept
        depends_on: [arrived]
        gate:
          - check: time.reference
          - check: time.provider
          - check: time.single-master
          - {{check: time.offset, soak: 1min}}
          - {{check: time.projection, soak: 1min}}
          - check: time.rtc
          - check: time.reboot
"""
PATIENCE_S = 150
"""Within this all states have come to what they are; most wait for a soak of a minute."""

_LANES = 4


@dataclass(frozen=True)
class Row:
    """One state: what was said of it, and what we say, decided on the record."""

    state: State
    said: tuple[Said, ...]
    findings: dict[str, Finding]

    @property
    def verdicts(self) -> dict[str, tuple[str, str]]:
        """Check → verdict and reason code, of the checks the state is about."""
        return {c: (f.verdict.value, f.reason_code) for c, f in self.findings.items() if c in self.state.says}


def possible() -> tuple[State, ...]:
    """States whose daemons this machine has."""
    return tuple(s for s in STATES if s.needs is None or not missing(s.needs))


def measure(states: Sequence[State], scratch: Path) -> list[Row]:
    """Set every state, let a session watch from before the mark until all are what they have to be, ask.

    A state that does not come to its verdicts in time is measured as it is then.

    Raises:
        NodeError: a daemon or a guest did not come up.
    """
    with SystemLab() as lab, lab.jump.in_network():
        right = [lab.reference(name).address for name in ("ntp1", "ntp2")]
        wrong = [lab.reference(n, wrong_by_s=DOMAIN_WRONG_S).address for n in ("dc1", "dc2")]
        places = []
        for state in states:
            own = lab.reference(f"of-{state.name}")
            guest = lab.guest(
                state.name,
                drift_ppm=state.drift_ppm,
                vendor=state.vendor,
                tools=state.tools,
                rtc=state.rtc,
                systemd=True,
            )
            places.append(Place(lab, guest, right, own, wrong))
        with ThreadPoolExecutor(_LANES) as pool:
            list(pool.map(lambda state, place: state.before(place), states, places))
        return asyncio.run(_watch(lab, dict(zip(states, places, strict=True)), scratch))


async def _watch(lab: SystemLab, places: dict[State, Place], scratch: Path) -> list[Row]:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(
            _ended, asyncio.create_task(_hardware_clocks([p for s, p in places.items() if s.rtc]))
        )
        sessions: dict[State, Session] = {}
        opened: list[Session] = []
        for about in dict.fromkeys(_about(s) for s in places):
            wave = {s: p for s, p in places.items() if _about(s) == about}
            session = await stack.enter_async_context(_session(lab, wave, scratch, *about))
            sessions |= dict.fromkeys(wave, session)
            opened.append(session)
        for session in opened:
            await _mark(session)
        for state, session in sessions.items():
            await session.start_step("keeps", state.name)
        await asyncio.gather(*(_happens(sessions[s], s, p) for s, p in places.items()))
        await _until(lambda: all(_agrees(sessions[s], s, s.says) for s in places), PATIENCE_S)
        asked = await asyncio.gather(*(asyncio.to_thread(ask, lab, state) for state in places))
        rows = []
        for state, said in zip(places, asked, strict=True):
            decision = await sessions[state].mark_done("keeps", state.name)
            assert isinstance(decision, Decision), decision
            rows.append(Row(state, said, {f.check: f for f in decision.findings}))
    return rows


def _about(state: State) -> tuple[str, bool]:
    """What a runbook says once for all its guests: the platform they arrive on, and whether a domain judges."""
    return "vmware" if state.vendor == VMWARE else "kvm", state.domain


@asynccontextmanager
async def _session(
    lab: SystemLab, wave: dict[State, Place], scratch: Path, target: str, domain: bool
) -> AsyncIterator[Session]:
    """A session on guests of one platform that are judged by the same clocks."""
    some = next(iter(wave.values()))
    host = "  - {{name: {0}, address: {1}, user: {2}, escalation: sudo, credential: lab}}\n"
    text = RUNBOOK.format(
        change=f"LIES-{target}{'-domain' if domain else ''}",
        target=target,
        references=", ".join(some.right),
        controllers=f", controllers: [{', '.join(some.wrong)}]" if domain else "",
        key=lab.user_key,
        hosts="".join(host.format(s.name, p.guest.address, USER) for s, p in wave.items()),
    )
    loaded = load_text(text, "lies.yaml")
    directory = new_session(scratch, loaded.runbook.change.id, SystemClock().now())
    around = Surroundings(lab.known_hosts, ssh_config=())
    async with started(loaded, directory, Operator("ana", "jump"), around, lambda _: "") as session:
        yield session


async def _mark(session: Session) -> None:
    """Set the mark once everything of every guest has been read, so that there is a baseline to compare with."""
    names = [host.name for host in session.view().hosts]
    logs = session.recorder.logs
    readers = {"boot", "rtc", "services", "platform"}
    await _until(lambda: all(readers <= {o.reader for o in logs.of(n).observations} for n in names), 60)
    refused = await session.start_step("arrived", "*")
    assert refused is None, refused
    await session.look_again("*")
    await _until(lambda: session.step("arrived", "*").live.outcome == "open", 60)
    done = await session.mark_done("arrived", "*")
    assert isinstance(done, Decision), done
    assert done.outcome == "open", done.missing


async def _happens(session: Session, state: State, place: Place) -> None:
    await _until(lambda: _agrees(session, state, state.once), PATIENCE_S)
    await asyncio.to_thread(state.after, place)


def _agrees(session: Session, state: State, says: Verdicts) -> bool:
    live = {
        f.check: (f.verdict.value, f.reason_code) for f in session.step("keeps", state.name).live.findings
    }
    return all(live.get(check) == verdict for check, verdict in says.items())


async def _until(holds: Callable[[], bool], seconds: float) -> None:
    """Return when the condition holds, or when the time is over: what is then is what is measured."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not holds() and loop.time() < end:  # noqa: ASYNC110 - samples tell nobody
        await asyncio.sleep(0.5)


async def _hardware_clocks(places: Sequence[Place]) -> None:
    """The guests' hardware clocks tick: their registers are files."""
    while True:
        for place in places:
            place.guest.node.set_rtc(place.rtc_off_ns)
        await asyncio.sleep(0.5)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
