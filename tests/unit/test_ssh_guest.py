"""Batches, clock loops and the ladder down to one channel and to a terminal."""

import asyncio
import contextlib

import pytest

from probes.observation import FailureKind
from probes.reader import Command
from probes.seam import LinkError
from tests.unit.loopback_ssh import Behaviour, local_shell, loopback


@contextlib.asynccontextmanager
async def connected(folder, does=None, **target):
    async with loopback(folder, does) as server:
        server.trust()
        guest = server.guest(**target)
        await guest.connect()
        try:
            yield guest, server
        finally:
            await guest.close()


def echo(*words: str) -> Command:
    return Command(("echo", *words))


async def test_a_batch_comes_back_in_order_to_the_byte(tmp_path):
    async with connected(tmp_path) as (guest, server):
        raws = await guest.run(
            [
                echo("a  b", "it's", "$HOME", "`id`"),
                Command(("printf", r"no line end")),
                Command(("sh", "-c", "echo out; echo err >&2; exit 3")),
                Command(("nosuch-tool",)),
                Command(("cat",)),  # stdin is empty, not the script
            ]
        )
        assert raws[0].out == "a  b it's $HOME `id`\n"
        assert raws[1].out == "no line end"
        assert (raws[2].rc, raws[2].out, raws[2].err) == (3, "out\n", "err\n")
        assert raws[3].rc == 127
        assert (raws[4].rc, raws[4].out) == (0, "")
        assert all(raw.failure is None and not raw.truncated for raw in raws)
        assert server.does.commands == ["sh"]  # one channel, kept
        await guest.run([echo("again")])
        assert server.does.commands == ["sh"]
        assert await guest.run([]) == ()


async def test_environment_of_commands(tmp_path):
    async with connected(tmp_path) as (guest, _):
        locale, path = await guest.run([Command(("printenv", "LC_ALL")), Command(("printenv", "PATH"))])
        assert locale.out == "C\n"
        assert path.out.endswith(":/usr/sbin:/sbin\n")


async def test_hang_flood_and_death_stop_nobody_else(tmp_path):
    async with connected(tmp_path) as (guest, _):
        raws = await guest.run(
            [
                echo("1"),
                Command(("sh", "-c", "echo before; exec sleep 60"), timeout_s=0.2),
                echo("2"),
                Command(("yes",), limit=1000),
                echo("3"),
                Command(("sh", "-c", "yes >&2"), limit=1000),
                echo("4"),
                Command(("sh", "-c", "kill -9 $PPID")),
                echo("5"),
            ]
        )
        assert [raws[n].out for n in (0, 2, 4, 6, 8)] == ["1\n", "2\n", "3\n", "4\n", "5\n"]
        kinds = [raws[n].failure.kind for n in (1, 3, 5, 7)]
        assert kinds == [FailureKind.TIMEOUT, FailureKind.TRUNCATED, FailureKind.TRUNCATED, FailureKind.LOST]
        assert raws[1].out == "before\n"
        assert raws[3].truncated
        assert raws[3].out == "y\n" * 500
        assert raws[5].err == "y\n" * 500
        assert all(raws[n].rc is None for n in (1, 3, 5, 7))


async def test_an_argument_with_a_line_break_is_not_sent(tmp_path):
    async with connected(tmp_path) as (guest, _):
        raws = await guest.run([echo("1"), echo("a\nreboot"), echo("2")])
        assert [raw.out for raw in raws] == ["1\n", "", "2\n"]
        assert raws[1].failure.kind is FailureKind.NOT_UNDERSTOOD


async def test_batches_of_several_callers_do_not_mix(tmp_path):
    async with connected(tmp_path) as (guest, server):
        batches = [[echo(str(n), str(m)) for m in range(5)] for n in range(8)]
        results = await asyncio.gather(*(guest.run(batch) for batch in batches))
        assert [[raw.out for raw in raws] for raws in results] == [
            [f"{n} {m}\n" for m in range(5)] for n in range(8)
        ]
        assert server.does.commands == ["sh"]


async def test_a_cancelled_batch_leaves_a_clean_shell(tmp_path, held):
    async with connected(tmp_path) as (guest, _):
        task = asyncio.create_task(guest.run([Command(held().argv, timeout_s=60)]))
        await held().reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await guest.run([echo("clean")]))[0].out == "clean\n"


async def test_elevation_where_none_is_allowed(tmp_path):
    async with connected(tmp_path) as (guest, _):
        plain, raised = await guest.run([echo("a"), Command(("id",), elevate=True)])
        assert plain.out == "a\n"
        assert raised.failure.kind is FailureKind.DENIED
        assert raised.rc is None


async def test_sudo_that_is_not_there(tmp_path):
    async def without_sudo(process):
        if process.command and "sudo" in process.command:
            process.stderr.write(b"env: 'sudo': No such file or directory\n")
            process.exit(127)
            return
        await local_shell(process)

    async with connected(tmp_path, Behaviour(handler=without_sudo), escalation="sudo") as (guest, server):
        for _ in range(2):
            raised, plain = await guest.run([Command(("id",), elevate=True), echo("a")])
            assert plain.out == "a\n"
            assert raised.failure.kind is FailureKind.DENIED
            assert "sudo is not there" in raised.failure.detail
        assert server.does.commands.count("env LC_ALL=C sudo -n sh") == 1


async def test_loop_answers_with_stamps_in_order(tmp_path, held):
    async with connected(tmp_path) as (guest, _):
        loop = await guest.loop(["sh"])
        before = guest._clock.mono_ns()
        answer = await loop.ask("echo noise; echo T1 42; echo T1 again", token="T1", timeout_s=5)
        assert answer.text == "T1 42"
        assert before <= answer.sent_ns < answer.received_ns <= guest._clock.mono_ns()
        with pytest.raises(LinkError) as caught:
            await loop.ask(f"{held().line}; echo T2 late", token="T2", timeout_s=0.1)
        assert caught.value.failure.kind is FailureKind.TIMEOUT
        held().let_go()
        assert (await loop.ask("echo T3 now", token="T3", timeout_s=5)).text == "T3 now"
        await loop.close()
        with pytest.raises(LinkError):
            await loop.ask("echo T4", token="T4", timeout_s=1)


async def test_loop_of_a_program_that_is_not_there(tmp_path):
    async with connected(tmp_path) as (guest, _):
        loop = await guest.loop(["nosuch-shell", "--norc"])
        with pytest.raises(LinkError) as caught:
            await loop.ask("echo T", token="T", timeout_s=5)
        assert caught.value.failure.kind is FailureKind.TOOL_ABSENT


async def test_loop_and_batches_have_channels_of_their_own(tmp_path, held):
    async with connected(tmp_path) as (guest, server):
        loop = await guest.loop(["sh"])
        slow = asyncio.create_task(guest.run([Command(held().argv, timeout_s=60)]))
        await held().reached()
        await loop.ask("echo T", token="T", timeout_s=20)
        assert not slow.done()
        held().let_go()
        assert [raw.rc for raw in await slow] == [0]
        assert server.does.commands == ["sh", "sh"]


async def test_one_session_only_is_shared(tmp_path, held):
    async with connected(tmp_path, Behaviour(max_sessions=1), escalation="sudo") as (guest, server):
        loop = await guest.loop(["sh"])
        for n in range(3):
            assert (await loop.ask(f"echo T{n} x", token=f"T{n}", timeout_s=5)).text == f"T{n} x"
            raws = await guest.run([echo("a"), Command(("sleep", "9"), timeout_s=0.1), echo("b")])
            assert [raw.out for raw in raws] == ["a\n", "", "b\n"]
        with pytest.raises(LinkError):
            await loop.ask(f"{held('x').line}; echo TX", token="TX", timeout_s=0.1)
        held("x").let_go()
        async with asyncio.TaskGroup() as group:
            commands = [Command(held(name).argv, timeout_s=60) for name in ("first", "second")]
            batch = group.create_task(guest.run(commands))
            await held("first").reached()
            between = group.create_task(loop.ask("echo between", token="between", timeout_s=20))
            await asyncio.sleep(0)  # it asks, and the first command is still running
            held("first").let_go()
            await between
            assert not batch.done()  # an ask waits for one command, not for the batch
            held("second").let_go()
        assert [raw.rc for raw in batch.result()] == [0, 0]
        assert server.does.open_sessions == 1
        raised = (await guest.run([Command(("true",), elevate=True)]))[0]
        assert raised.argv == ("true",)


async def test_one_session_only_becomes_the_shell_the_loop_needs(tmp_path):
    async with connected(tmp_path, Behaviour(max_sessions=1)) as (guest, _):
        with pytest.raises(LinkError) as caught:
            await guest.loop(["nosuch-shell"])
        assert caught.value.failure.kind is FailureKind.TOOL_ABSENT
        assert (await guest.run([echo("a")]))[0].out == "a\n"
        loop = await guest.loop(["sh", "-u"])
        assert (await loop.ask("echo T $-", token="T", timeout_s=5)).text.count("u") == 1
        assert (await guest.run([echo("b")]))[0].out == "b\n"


@pytest.mark.parametrize("sessions", [1, 10])
async def test_terminal_only(tmp_path, sessions):
    does = Behaviour(exec_allowed=False, max_sessions=sessions)
    async with connected(tmp_path, does) as (guest, server):
        raws = await guest.run(
            [
                echo("a", "it's"),
                Command(("printf", "x")),
                Command(("sh", "-c", "echo err >&2; exit 3")),
                Command(("sleep", "60"), timeout_s=0.2),
                echo("a\tb"),
                echo("b"),
            ]
        )
        assert [raw.out for raw in raws] == ["a it's\n", "x", "err\n", "", "", "b\n"]
        assert raws[2].rc == 3
        assert raws[3].failure.kind is FailureKind.TIMEOUT
        assert raws[4].failure.kind is FailureKind.NOT_UNDERSTOOD
        loop = await guest.loop(["sh"])
        assert (await loop.ask("echo T 1", token="T", timeout_s=5)).text == "T 1"
        assert (await guest.run([echo("c")]))[0].out == "c\n"
        assert None in server.does.commands


async def test_a_bastion_menu_that_takes_commands_and_ends(tmp_path):
    async def menu(process):
        if process.command:
            process.stdout.write(b"This account is for interactive use.\n")
            process.exit(1)
            return
        await local_shell(process)

    async with connected(tmp_path, Behaviour(handler=menu)) as (guest, _):
        assert (await guest.run([echo("a")]))[0].out == "a\n"


async def test_no_session_at_all(tmp_path):
    async with connected(tmp_path, Behaviour(max_sessions=0)) as (guest, _):
        for attempt in (guest.run([echo("a")]), guest.loop(["sh"])):
            with pytest.raises(LinkError) as caught:
                await attempt
            assert caught.value.failure.kind is FailureKind.DENIED


async def test_close_leaves_no_tasks(tmp_path, held):
    async with loopback(tmp_path) as server:
        server.trust()
        before = asyncio.all_tasks()
        guest = server.guest()
        await guest.connect()
        await guest.run([echo("a"), Command(("sleep", "60"), timeout_s=0.1)])
        loop = await guest.loop(["sh"])
        waiting = asyncio.create_task(loop.ask(held("asked").line, token="T", timeout_s=60))
        busy = asyncio.create_task(guest.run([Command(held("busy").argv, timeout_s=60)]))
        await held("asked").reached()
        await held("busy").reached()
        await guest.close()
        outcomes = await asyncio.wait_for(asyncio.gather(waiting, busy, return_exceptions=True), 6)
        assert all(isinstance(outcome, LinkError) for outcome in outcomes)
        left = {task for task in asyncio.all_tasks() - before if "loopback_ssh" not in str(task)}
        assert not left
        await guest.close()
