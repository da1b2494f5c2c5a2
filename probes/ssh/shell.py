"""A kept shell: batches of commands for one round trip, each bounded in bytes and time."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from probes.hostile import clean
from probes.observation import Failure, FailureKind, Raw
from probes.reader import Command
from probes.seam import Clock, LinkError
from probes.ssh.channel import Channel, Sink
from probes.ssh.framing import PRELUDE, PTY_LINE_MAX, PTY_PRELUDE, Batch, Frame, Scanner, exec_line

_NOISE = 1024 * 1024  # what profiles may print before the shell answers
_NOT_FOUND = 127


@dataclass(frozen=True, slots=True)
class Reply:
    """A line of answer and when it was asked for and received (CLOCK_BOOTTIME, ns)."""

    text: str
    sent_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class Started:
    """A channel on which a shell reads lines, or soon will."""

    channel: Channel
    pty: bool


Start = Callable[[Sink], Awaitable[Started]]
"""Opens the channel. Raises what the server's answer means; LinkError when the link is at fault."""


class Inbox:
    """Receives for whoever is reading at the moment; what nobody reads is dropped."""

    def __init__(self) -> None:
        self.reader: Callable[[bytes, bool], None] | None = None
        self.over = False
        self.rc: int | None = None
        self.changed = asyncio.Event()
        self.on_end: Callable[[], None] | None = None

    def feed(self, data: bytes, *, stderr: bool) -> None:
        """Bytes from the channel."""
        if self.reader is not None:
            self.reader(data, stderr)

    def ended(self, rc: int | None) -> None:
        """The channel ended."""
        self.over = True
        self.rc = rc
        self.changed.set()
        if self.on_end is not None:
            self.on_end()


class KeptShell:
    """One `sh` kept open on one channel; opened when first needed and again after it was lost.

    `lock` serialises its users.
    """

    def __init__(self, start: Start, clock: Clock, *, where: str, ready_s: float) -> None:
        self._start = start
        self._clock = clock
        self._where = where
        self._ready_s = ready_s
        self._inbox = Inbox()
        self._channel: Channel | None = None
        self._replaced: tuple[str, ...] | None = None
        self._lock = asyncio.Lock()
        self.pty = False

    async def open(self) -> None:
        """Have a shell that answers.

        Raises:
            LinkError: it does not answer, or the link is gone. What `start` raises.
        """
        async with self._lock:
            await self._ready()

    async def run(self, commands: Sequence[Command]) -> tuple[Raw, ...]:
        """All commands in order, for one round trip; one that hangs or floods costs a new shell.

        Raises:
            LinkError: no shell can be had any more.
        """
        async with self._lock:
            raws: list[Raw] = []
            while len(raws) < len(commands):
                await self._ready()
                rest = commands[len(raws) :]
                unfit = next((n for n, command in enumerate(rest) if self._unfit(command)), len(rest))
                if unfit == 0:
                    detail = "an argument holds a control character or is too long for this link"
                    raws.append(_raw(rest[0], None, Failure(FailureKind.NOT_UNDERSTOOD, detail)))
                else:
                    raws += await self._batch(rest[:unfit])
            return tuple(raws)

    async def ask(self, line: str, *, token: str, timeout_s: float) -> Reply:
        """One exchange with the shell itself (a channel shared with a clock loop).

        Raises:
            LinkError: timeout, lost.
        """
        async with self._lock:
            await self._ready()
            channel = self._open_channel()
            try:
                return await exchange(
                    self._inbox, channel, self._clock, Scanner(), line, token, timeout_s, self._where
                )
            except BaseException:
                await self._kill()  # a late answer must not become a command's output
                raise

    async def replace(self, argv: Sequence[str]) -> None:
        """Make the shell a better one (`exec bash …`), now and whenever it is opened again.

        Raises:
            LinkError: tool-absent; the plain shell is in place again. Others as `open`.
        """
        async with self._lock:
            if tuple(argv) == self._replaced:
                return
            await self._ready()
            before = self._replaced
            self._replaced = tuple(argv)
            try:
                await self._exec_replacement()
            except LinkError:
                self._replaced = before
                await self._kill()
                detail = f"{self._where}: {argv[0]} is not there, and the server allows no further session"
                raise LinkError(Failure(FailureKind.TOOL_ABSENT, detail)) from None

    async def close(self) -> None:
        """End the shell."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def _batch(self, commands: Sequence[Command]) -> list[Raw]:
        """As many results as one shell gives: all, or up to the first that hung, flooded or killed it."""
        channel, inbox = self._open_channel(), self._inbox
        frames = [Frame((), _NOISE), *(Frame(command.argv, command.limit) for command in commands)]
        batch = Batch(frames, pty=self.pty)
        results: list[Raw] = []
        clean_end = False
        try:
            inbox.reader = _reader(inbox, batch)
            if not self.pty:
                channel.write(batch.text())
            for index, frame in enumerate(frames):
                if self.pty:
                    channel.write(frame.text(pty=True))
                seconds = commands[max(index - 1, 0)].timeout_s
                failure = await self._finish(inbox, batch, index, seconds)
                if failure is not None:
                    batch.cut(index)
                if index:
                    results.append(_raw(commands[index - 1], frame, failure))
                elif failure is not None:
                    results.append(_raw(commands[0], None, failure))
                if failure is not None:
                    return results
            clean_end = True
            return results
        finally:
            inbox.reader = None
            if not clean_end:
                await self._kill()

    async def _finish(self, inbox: Inbox, batch: Batch, index: int, timeout_s: float) -> Failure | None:
        frame = batch.frames[index]
        try:
            async with asyncio.timeout(timeout_s):
                while not frame.done and not frame.flooded and not inbox.over:
                    if batch.flooded is not None and batch.flooded > index:
                        batch.cut(index)  # its end was seen on one stream; the other is not waited for
                        return None
                    inbox.changed.clear()
                    await inbox.changed.wait()
        except TimeoutError:
            return Failure(FailureKind.TIMEOUT, f"{self._where}: no end within {timeout_s:g} s")
        if frame.flooded:
            detail = f"{self._where}: printed more than {frame.limit} bytes"
            return Failure(FailureKind.TRUNCATED, detail)
        if not frame.done:
            return Failure(FailureKind.LOST, f"{self._where}: the shell ended while the command ran")
        return None

    async def _ready(self) -> None:
        if self._channel is not None and not self._channel.over:
            return
        self._channel = None
        self._inbox = Inbox()
        started = await self._start(self._inbox)
        self._channel, self.pty = started.channel, started.pty
        await self._handshake()
        if self._replaced is not None:
            await self._exec_replacement()

    async def _handshake(self) -> None:
        """Set the shell up and wait until it answers; what it printed before is noise."""
        channel, inbox = self._open_channel(), self._inbox
        frame = Frame((), _NOISE)
        batch = Batch([frame], pty=self.pty)
        prelude = (*PTY_PRELUDE, *PRELUDE) if self.pty else PRELUDE
        inbox.reader = _reader(inbox, batch)
        try:
            channel.write("".join(f"{line}\n" for line in prelude).encode() + batch.text())
            failure = await self._finish(inbox, batch, 0, self._ready_s)
        except BaseException:
            await self._kill()
            raise
        finally:
            inbox.reader = None
        if failure is not None:
            batch.cut(0)
            said = clean(frame.err or frame.out, 200)[0].strip()
            what = "the shell ended at once" if inbox.over else "the shell does not answer"
            await self._kill()
            detail = f"{self._where}: {what}" + (f", it said: {said}" if said else "")
            raise LinkError(Failure(failure.kind, detail))

    async def _exec_replacement(self) -> None:
        channel, inbox, frame = self._open_channel(), self._inbox, Frame((), _NOISE)
        frame.err_done = True
        inbox.reader = _reader(inbox, batch := Batch([frame], pty=self.pty))
        try:
            channel.write(exec_line(frame, self._replaced or ("sh",)))
            failure = await self._finish(inbox, batch, 0, self._ready_s)
        finally:
            inbox.reader = None
        if failure is not None:
            raise LinkError(failure)
        await self._handshake()

    def _unfit(self, command: Command) -> bool:
        forbidden = "\n\r\0"
        if not self.pty:
            return any(c in forbidden for arg in command.argv for c in arg)
        text = shlex.join(command.argv)
        return len(text.encode()) > PTY_LINE_MAX or any(c < " " or c == "\x7f" for c in text)

    def _open_channel(self) -> Channel:
        if self._channel is None:
            raise LinkError(Failure(FailureKind.LOST, f"{self._where}: the shell is closed"))
        return self._channel

    async def _kill(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.kill()


async def exchange(
    inbox: Inbox,
    channel: Channel,
    clock: Clock,
    scanner: Scanner,
    line: str,
    token: str,
    timeout_s: float,
    where: str,
) -> Reply:
    """Send `line`, return the first line with `token`. Stamps are taken right at the socket's edge.

    Raises:
        LinkError: timeout, lost, tool-absent (the program was not found).
    """
    answer: asyncio.Future[tuple[bytes, int]] = asyncio.get_running_loop().create_future()

    def read(data: bytes, stderr: bool) -> None:
        received_ns = clock.mono_ns()
        found = None if stderr else scanner.feed(data)
        if found is not None and not answer.done():
            answer.set_result((found, received_ns))

    def end() -> None:
        if not answer.done():
            answer.set_exception(_loop_ended(inbox, where))

    if inbox.over:
        raise _loop_ended(inbox, where)
    scanner.expect(token, line)
    inbox.reader, inbox.on_end = read, end
    try:
        payload = f"{line}\n".encode()
        sent_ns = clock.mono_ns()
        with contextlib.suppress(LinkError):  # closing already: why comes with its end
            channel.write(payload)
        async with asyncio.timeout(timeout_s):
            data, received_ns = await answer
        return Reply(clean(data, Scanner.LINE_MAX)[0], sent_ns, received_ns)
    except TimeoutError:
        detail = f"{where}: no answer within {timeout_s:g} s"
        raise LinkError(Failure(FailureKind.TIMEOUT, detail)) from None
    finally:
        answer.cancel()
        inbox.reader = inbox.on_end = None


def _loop_ended(inbox: Inbox, where: str) -> LinkError:
    if inbox.rc == _NOT_FOUND:
        return LinkError(Failure(FailureKind.TOOL_ABSENT, f"{where}: the program is not there"))
    return LinkError(Failure(FailureKind.LOST, f"{where}: the channel ended"))


def _reader(inbox: Inbox, batch: Batch) -> Callable[[bytes, bool], None]:
    def read(data: bytes, stderr: bool) -> None:
        if batch.feed(data, stderr=stderr):
            inbox.changed.set()

    return read


def _raw(command: Command, frame: Frame | None, failure: Failure | None) -> Raw:
    if frame is None:
        return Raw(command.argv, None, "", failure=failure)
    out, out_cut = clean(frame.out, command.limit)
    err, err_cut = clean(frame.err, command.limit)
    rc = frame.rc if failure is None else None
    return Raw(command.argv, rc, out, err, out_cut or err_cut or frame.flooded, failure)
