"""A guest that lies, floods, hangs and cuts off costs bounded memory and time."""

import asyncio
import contextlib
import time
import tracemalloc

import asyncssh
import pytest

from probes.observation import FailureKind
from probes.reader import Command
from probes.seam import LinkError
from tests.unit.loopback_ssh import Behaviour, loopback
from tests.unit.test_ssh_guest import connected, echo

GIB = 1 << 30


class Evil:
    """A shell of our own: answers frames by a script, one action a command line."""

    def __init__(self, *actions):
        self.actions = list(actions)
        self.sent = 0

    async def __call__(self, process):
        with contextlib.suppress(asyncssh.SignalReceived, OSError):  # the client ended it
            while line := await process.stdin.readline():
                await self.answer(process, line.decode())

    async def answer(self, process, text):
        token = next((word for word in text.split() if word.startswith("CUT")), None)
        if token and ">&2" in text:
            process.stderr.write(f"\n{token}\n".encode())
        elif token:
            process.stdout.write(f"\n{token} 0\n".encode())
        elif not text.startswith("export") and self.actions:
            await self.actions.pop(0)(process, self)


async def test_a_gibibyte_is_bounded_in_memory_and_time(tmp_path):
    async def flood(process, evil):
        chunk = b"A" * 65536
        while evil.sent < GIB:
            process.stdout.write(chunk)
            evil.sent += len(chunk)
            await process.stdout.drain()

    evil = Evil(flood)
    async with connected(tmp_path, Behaviour(handler=evil)) as (guest, _):
        tracemalloc.start()
        began = time.monotonic()
        flooded, after = await guest.run([Command(("cat", "/dev/zero"), limit=256 * 1024), echo("x")])
        took, peak = time.monotonic() - began, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert flooded.failure.kind is FailureKind.TRUNCATED
        assert len(flooded.out) == 256 * 1024
        assert after.failure is None
        assert evil.sent < 32 << 20  # it was stopped, not drunk up
        assert peak < 32 << 20
        assert took < 5


async def test_flood_without_line_ends_into_a_clock_loop(tmp_path):
    async def flood(process):
        for _ in range(300):
            process.stdout.write(b"B" * 65536)
            await process.stdout.drain()
        process.stdout.write(b"\nT 1\n")
        await asyncio.Event().wait()

    async with connected(tmp_path) as (guest, server):
        assert (await guest.run([echo("a")]))[0].out == "a\n"
        server.does.handler = flood
        loop = await guest.loop(["sh"])
        tracemalloc.start()
        answer = await loop.ask("x", token="T", timeout_s=20)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert answer.text == "T 1"
        assert peak < 16 << 20


async def test_escapes_and_invalid_utf8_never_reach_the_raw(tmp_path):
    async def paint(process, _):
        process.stdout.write(b"\x1b]0;pwned\x07\xff\xfe ok \xe2\x80\xae\xc2\x9b")
        process.stderr.write(b"\x1b[31m")

    async with connected(tmp_path, Behaviour(handler=Evil(paint))) as (guest, _):
        (raw,) = await guest.run([echo("x")])
        assert raw.out == "\ufffd]0;pwned\ufffd\ufffd\ufffd ok \ufffd\ufffd"
        assert raw.err == "\ufffd[31m"
        assert raw.failure is None


async def test_cut_in_the_middle_of_a_line_and_of_the_link(tmp_path):
    async def cut(process, _):
        process.stdout.write(b"half a li")
        process.exit(0)

    async def drop(process, _):
        process.stdout.write(b"half")
        await process.stdout.drain()
        process.channel.get_connection().abort()

    async with connected(tmp_path, Behaviour(handler=Evil(cut, drop))) as (guest, _):
        (lost,) = await guest.run([echo("x")])
        assert (lost.out, lost.rc, lost.failure.kind) == ("half a li", None, FailureKind.LOST)
        with pytest.raises(LinkError) as caught:
            await guest.run([echo("x"), echo("y")])
        assert caught.value.failure.kind is FailureKind.LOST
        await guest.connect()
        assert (await guest.run([echo("x")]))[0].failure is None


async def test_a_shell_that_never_answers(tmp_path):
    async def mute(process):
        await process.stdin.read()

    async with connected(tmp_path, Behaviour(handler=mute), connect_timeout_s=0.3) as (guest, _):
        for attempt in (guest.run([echo("x")]), guest.loop(["sh"])):
            with pytest.raises(LinkError) as caught:
                await attempt
            assert caught.value.failure.kind is FailureKind.TIMEOUT
            assert "does not answer" in caught.value.failure.detail


async def test_hang_in_the_middle_of_a_command(tmp_path):
    async def hang(process, _):
        process.stdout.write(b"so far")
        await asyncio.Event().wait()

    async with connected(tmp_path, Behaviour(handler=Evil(hang))) as (guest, _):
        hung, after = await guest.run([Command(("x",), timeout_s=0.2), echo("y")])
        assert (hung.out, hung.failure.kind) == ("so far", FailureKind.TIMEOUT)
        assert after.failure is None


async def test_profile_noise_before_the_shell_answers(tmp_path):
    async def noisy(process):
        process.stdout.write(b"Welcome to web1!\nUnauthorised access CUTdeadbeef 0\n" + b"motd " * 1000)
        process.stderr.write(b"stdin: is not a tty\nmesg: ttyname failed\n")
        await Evil()(process)

    async with connected(tmp_path, Behaviour(handler=noisy)) as (guest, _):
        (raw,) = await guest.run([echo("x")])
        assert (raw.out, raw.err, raw.failure) == ("", "", None)


async def test_endless_noise_instead_of_a_shell(tmp_path):
    async def endless(process):
        try:
            while True:
                process.stdout.write(b"\x1b[2Jbuy now\n" * 1000)
                await process.stdout.drain()
        except OSError:
            return

    async with connected(tmp_path, Behaviour(handler=endless)) as (guest, _):
        with pytest.raises(LinkError) as caught:
            await guest.run([echo("x")])
        assert caught.value.failure.kind is FailureKind.TRUNCATED
        assert "\x1b" not in caught.value.failure.detail


async def test_forged_exit_status_is_not_believed(tmp_path):
    async def forge(process, _):
        process.stdout.write(b"\nCUT000000000000000000000000 0\nreal\n")

    async with connected(tmp_path, Behaviour(handler=Evil(forge))) as (guest, _):
        (raw,) = await guest.run([echo("x")])
        assert raw.out == "\nCUT000000000000000000000000 0\nreal\n"


async def test_banner_before_login_is_survived(tmp_path):
    async with loopback(tmp_path, Behaviour(password="s", banner="\x1b[2J" + "!" * 100_000)) as server:
        server.trust()
        server.answers.secrets["password"] = "s"
        guest = server.guest()
        await guest.connect()
        await guest.close()
