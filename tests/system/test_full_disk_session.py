"""A whole session whose state directory fills up: it says so, accepts nothing, loses nothing, goes on."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cutover_tui.core.finding import Decision
from cutover_tui.core.loading import load
from cutover_tui.engine import housekeeping
from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.opening import Operator, resumed, started
from cutover_tui.engine.port import Refused
from cutover_tui.engine.session import Session
from cutover_tui.engine.sessions import new_session
from cutover_tui.lab.demo.background import incident
from cutover_tui.lab.world import hypervisor
from cutover_tui.record.events import ActionEnded, ActionIntended, Disturbed, Noted
from cutover_tui.record.files import RecordError
from probes.net import SystemClock
from tests.lab.recorded import audited, events_of, tape_of

pytestmark = pytest.mark.system
ACTION = ("provider", "app01", "install-chrony")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "state"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


async def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Samples tell nobody, so what is waited for is looked at again and again."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def noted(session: Session, words: list[str]) -> None:
    """Notes until one is refused; what was accepted is added to `words`."""
    while True:
        text = f"note {len(words)}" + "x" * 500
        answer = await session.note(text, None, None)
        if answer is not None:
            assert "No space left on device" in answer.reason
            assert "is safe" in answer.reason
            assert answer.remedy
            return
        words.append(text)


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):  # noqa: PT012
        while True:
            file.write(b"x" * 4096)


async def test_a_full_disk_is_said_accepts_no_done_and_is_recovered_from(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "SEAL_EVERY_S", 1.0)
    words: list[str] = []
    operator = Operator("op", "jump")
    with incident(tmp_path / "lab", moved=False) as lab:
        text = lab.runbook_path.read_text()
        lab.runbook_path.write_text(text.replace("[apt-get, -y, install, chrony]", "[sleep, '3']"))
        around = Surroundings(lab.known_hosts_path, ssh_config=())
        directory = new_session(small_disk, "FULL", SystemClock().now())
        async with started(load(lab.runbook_path), directory, operator, around, lambda _: "") as session:
            logs, state = session.recorder.logs, session.recorder.state
            await until(lambda: all(len(logs.of(h).samples) for h in ("app01", "app02")))
            for step, host in (("jump-clock", "*"), ("provider", "app01"), ("provider", "app02")):
                assert await session.start_step(step, host) is None
            before = await session.mark_done("provider", "app01")
            assert isinstance(before, Decision)
            acting = asyncio.create_task(session.run_action(*ACTION))
            await until(lambda: bool(state.intents))

            fill(small_disk / "ballast")
            await noted(session, words)
            recording = session.view().recording
            assert recording is not None
            assert "No space left on device" in recording
            seq, head = session.view().seq, session.view().head
            for step, host in (("provider", "app01"), ("jump-clock", "*")):
                refused = await session.mark_done(step, host)
                assert isinstance(refused, Refused)
                assert "No space left on device" in refused.reason
            # What happens meanwhile must be on the record afterwards: an action's end, a reboot.
            ended = await acting
            assert isinstance(ended, Refused)
            hypervisor.reboot(lab.world, lab.world.guests["app02"], lab.door.clock())
            await until(
                lambda: any(isinstance(b, Disturbed) and b.kind == "reboot" for b in session.recorder.owed)
            )
            assert isinstance(await session.run_action(*ACTION), Refused)
            assert (session.view().seq, session.view().head) == (seq, head)
            assert session.view().recording is not None

            (small_disk / "ballast").unlink()
            await until(lambda: session.view().recording is None, 3)
            await until(lambda: not state.intents)
            assert await session.note("after", None, None) is None
            after = await session.mark_done("provider", "app01")
            assert isinstance(after, Decision)
            assert after.outcome == "refused"
        assert audited(directory).answer == "follows", audited(directory).remarks
        async with resumed(directory, operator, around, lambda _: "") as session:
            assert not session.view().notices
    bodies = [e.body for e in events_of(directory)]
    assert [b.text for b in bodies if isinstance(b, Noted)] == [*words, "after"]
    assert sum(isinstance(b, ActionIntended) for b in bodies) == 1
    (end,) = (b for b in bodies if isinstance(b, ActionEnded))
    assert (end.rc, end.failure) == (0, None)
    assert any(isinstance(b, Disturbed) and (b.host, b.kind) == ("app02", "reboot") for b in bodies)
    assert any("not recorded" in gap.why for _, gap in tape_of(directory, "app01").gaps)
    result = audited(directory)
    assert result.answer == "follows", result.remarks


async def test_leaving_while_the_disk_is_full_loses_nothing_that_was_recorded(
    small_disk: Path, tmp_path: Path
) -> None:
    words: list[str] = []
    operator = Operator("op", "jump")
    with incident(tmp_path / "lab", moved=False) as lab:
        around = Surroundings(lab.known_hosts_path, ssh_config=())
        directory = new_session(small_disk, "FULL", SystemClock().now())
        with contextlib.suppress(RecordError):  # said when the buffers could not be written out
            async with started(load(lab.runbook_path), directory, operator, around, lambda _: "") as session:
                logs = session.recorder.logs
                await until(lambda: all(len(logs.of(h).samples) for h in ("app01", "app02")))
                fill(small_disk / "ballast")
                await noted(session, words)
        with pytest.raises(RecordError, match="No space"):
            async with resumed(directory, operator, around, lambda _: ""):
                pytest.fail("a session that cannot be recorded must not begin")
        (small_disk / "ballast").unlink()
        async with resumed(directory, operator, around, lambda _: "") as session:
            assert await session.note("after", None, None) is None
    assert [e.body.text for e in events_of(directory) if isinstance(e.body, Noted)] == [*words, "after"]
    assert audited(directory).answer == "follows"
