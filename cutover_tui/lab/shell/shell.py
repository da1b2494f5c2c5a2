"""A small shell for simulated guests: simple commands, quoting, redirections, `;`, `&&`, `||`.

It speaks as dash (`sh`), bash or busybox's ash. Pipes, substitutions and compound commands are refused as
the syntax errors they would be in a shell that does not know them, and the shell goes on:
what measures guests sends simple commands only, and this is where that is kept honest.
A running shell is a generator of events; who drives it owns channels and time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from zlib import crc32

from cutover_tui.lab.machine.guest import Guest, User
from cutover_tui.lab.shell import sudo
from cutover_tui.lab.shell.builtins import BUILTINS, which
from cutover_tui.lab.shell.redirections import Sink, redirect
from cutover_tui.lab.shell.sockets import UdpSocket
from cutover_tui.lab.shell.words import Incomplete, Part, ShellSyntaxError, Simple, Word, parse
from cutover_tui.lab.tools import table
from cutover_tui.lab.tools.call import Call, Out, ReadLine, Result, Running
from cutover_tui.lab.world import clockwork
from cutover_tui.lab.world.world import World

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")


class Shell:
    """One shell process on a guest."""

    def __init__(
        self,
        world: World,
        guest: Guest,
        user: User,
        clock: Callable[[], int],
        *,
        flavour: str = "sh",
        env: dict[str, str] | None = None,
        name: str | None = None,
    ) -> None:
        self.world, self.guest, self.user, self.clock = world, guest, user, clock
        self.flavour = flavour
        self.name = name or ("sh" if flavour == "ash" else flavour)
        self.env = dict(env) if env is not None else user.environment()
        self.local: dict[str, str] = {}
        self.cwd = self.env.get("HOME", "/")
        self.rc = 0
        self.line = 0
        self.pid = guest.pid()
        self.exiting = False
        self.words: tuple[str, ...] = ()  # $1 and so on
        self.sockets: dict[int, UdpSocket] = {}
        self._draws = 0
        self._stdin: UdpSocket | None = None

    # Running

    def interact(self, prompt: str = "") -> Running:
        """Read lines until `exit` or the end of the input."""
        pending, first = "", 0
        while not self.exiting:
            if prompt:
                yield Out(2, "> " if pending else prompt)
            line = yield ReadLine()
            self.line += 1
            if line is None:
                if pending:
                    yield from self._syntax_error(ShellSyntaxError("Unterminated quoted string"), self.line)
                break
            first = first if pending else self.line
            pending += line + "\n"
            try:
                commands = parse(pending)
            except Incomplete:
                continue
            except ShellSyntaxError as error:
                yield from self._syntax_error(error, first)
            else:
                yield from self._all(commands, first)
            pending = ""
        return self.rc

    def script(self, text: str) -> Running:
        """Run a command string (`-c`)."""
        self.line = 1
        try:
            commands = parse(text)
        except Incomplete:
            yield from self._syntax_error(ShellSyntaxError("Unterminated quoted string"), 1)
        except ShellSyntaxError as error:
            yield from self._syntax_error(error, 1)
        else:
            yield from self._all(commands, 1)
        return self.rc

    def _syntax_error(self, error: ShellSyntaxError, line: int) -> Running:
        self.rc = 2
        if self.flavour == "bash":
            near = str(error).split('"')[1] if '"' in str(error) else "newline"
            yield Out(2, f"{self._where(line)}syntax error near unexpected token `{near}'\n")
        elif self.flavour == "ash":
            what, _, word = str(error).rpartition(" ")
            said = f"{word} {what}" if word == "unexpected" else str(error).lower()
            yield Out(2, f"{self._where(line)}syntax error: {said}\n")
        else:
            yield Out(2, f"{self._where(line)}Syntax error: {error}\n")
        return self.rc

    def _where(self, line: int) -> str:
        if self.flavour == "ash":
            return f"{self.name}: "
        return f"{self.name}: line {line}: " if self.flavour == "bash" else f"{self.name}: {line}: "

    def _complaint(self, text: str, line: int) -> str:
        """What a builtin says, with the line where this shell puts it."""
        if self.flavour != "ash":
            return self._where(line) + text
        builtin, _, rest = text.partition(": ")
        return f"{self.name}: {builtin}: line {line}: {rest}"

    def _all(self, commands: Sequence[Simple], line: int) -> Running:
        for command in commands:
            if self.exiting:
                break
            if (command.joiner == "&&" and self.rc != 0) or (command.joiner == "||" and self.rc == 0):
                continue
            self.rc = yield from self._simple(command, line)
        return self.rc

    def _simple(self, command: Simple, line: int) -> Running:
        words = list(command.words)
        assignments: dict[str, str] = {}
        while words and (found := _ASSIGNMENT.match(_plain_start(words[0]))):
            value = self._expand(_tail(words.pop(0), found.end()), split=False)
            assignments[found[1]] = value[0] if value else ""
        argv = [text for word in words for text in self._expand(word, split=True)]
        if not argv:
            self._assign(assignments)
        sinks = {1: Sink(1), 2: Sink(2)}
        stdin_empty = False
        for redirection in command.redirections:
            problem = redirect(
                self, redirection, "".join(self._expand(redirection.target, split=False)), sinks
            )
            if problem:
                yield Out(2, self._where(line) + problem + "\n")
                return 2 if self.flavour == "sh" else 1
            stdin_empty = stdin_empty or redirection.fd == 0
        opened = {fd: sink.socket for fd, sink in sinks.items() if fd > 2 and sink.socket is not None}
        if argv == ["exec"]:
            self.sockets.update(opened)
        if not argv:
            return 0
        self._stdin = sinks[0].socket if 0 in sinks else None
        env = self.env | assignments
        written: dict[str, str] = {}
        sent = ""
        running = self._run(argv, env, line, stdin_empty=stdin_empty)
        answer: str | None = None
        try:
            while True:
                event = running.send(answer)
                answer = None
                if isinstance(event, Out):
                    sink = sinks[event.fd]
                    if sink.socket is not None:
                        sent += event.text
                    elif sink.path is not None:
                        written[sink.path] = written.get(sink.path, "") + event.text
                    elif sink.fd:
                        yield Out(sink.fd, event.text)
                else:
                    answer = yield event
        except StopIteration as end:
            rc = int(end.value)
        if sent and (socket := sinks[1].socket) is not None:
            socket.send(sent.encode("latin-1"), self.call([], self.env).now)
        for path, text in written.items():
            before = self.guest.files[path]
            self.guest.files[path] = replace(before, text=before.text + text)
        return rc

    # Words

    def _expand(self, word: Word, *, split: bool) -> list[str]:
        fields: list[str] = []
        current: str | None = None
        for part in word:
            if part.quoted or not part.variable:
                text = self._value(part.text) if part.variable else part.text
                current = (current or "") + text
                continue
            pieces = self._value(part.text).split() if split else [self._value(part.text)]
            for index, piece in enumerate(pieces):
                if index and current is not None:
                    fields.append(current)
                    current = None
                current = (current or "") + piece
        if current is not None:
            fields.append(current)
        return fields

    def _value(self, name: str) -> str:
        if name == "?":
            return str(self.rc)
        if name == "$":
            return str(self.pid)
        if name == "0":
            return self.name
        if name == "#":
            return str(len(self.words))
        if name.isdigit():
            return self.words[int(name) - 1] if int(name) <= len(self.words) else ""
        if self.flavour == "bash" and name in ("RANDOM", "SRANDOM"):
            self._draws += 1
            drawn = crc32(f"{self.guest.name} {self.clock()} {self.pid} {self._draws}".encode())
            return str(drawn if name == "SRANDOM" else drawn % 32768)
        if self.flavour != "sh" and name in ("EPOCHREALTIME", "EPOCHSECONDS"):
            moment = self.clock()
            clockwork.advance_guest(self.world, self.guest, moment)
            micros = self.guest.utc(moment) // 1000
            return (
                f"{micros // 10**6}.{micros % 10**6:06}" if name == "EPOCHREALTIME" else str(micros // 10**6)
            )
        if name == "PWD":
            return self.cwd
        return self.local.get(name, self.env.get(name, ""))

    def _assign(self, assignments: dict[str, str]) -> None:
        for name, value in assignments.items():
            (self.env if name in self.env else self.local)[name] = value

    # Commands

    def call(self, argv: list[str], env: dict[str, str], *, stdin_empty: bool = False) -> Call:
        return Call(
            self.world,
            self.guest,
            self.user,
            argv,
            env,
            self.clock,
            self._start,
            cwd=self.cwd,
            stdin_empty=stdin_empty,
            stdin=self._stdin,
        )

    def _start(self, argv: list[str], env: dict[str, str]) -> Running | None:
        """A program as another one starts it, with nothing to read; None where there is no such program."""
        known = (*self.guest.system.shells, "sudo", "env")
        if table.base(argv[0]) not in known and table.find(self.guest, argv[0]) is None:
            return None
        return self._program(argv, env, 1, stdin_empty=True)

    def _run(self, argv: list[str], env: dict[str, str], line: int, *, stdin_empty: bool) -> Running:
        name = argv[0]
        builtin = BUILTINS.get(name)
        if builtin is not None:
            result = builtin(self, argv, env)
            if result.err:
                yield Out(2, self._complaint(result.err, line) + "\n")
            if result.out:
                yield Out(1, result.out)
            return result.rc
        if name == "exec":
            if len(argv) == 1:
                return 0
            self.exiting = True
            return (yield from self._run(argv[1:], env, line, stdin_empty=stdin_empty))
        if name == "command" and len(argv) > 1:
            if argv[1] in ("-v", "-V"):
                shown = which(self, argv, env)
                if shown.out:
                    yield Out(1, shown.out)
                return shown.rc
            return (yield from self._run(argv[1:], env, line, stdin_empty=stdin_empty))
        return (yield from self._program(argv, env, line, stdin_empty=stdin_empty))

    def _program(self, argv: list[str], env: dict[str, str], line: int, *, stdin_empty: bool) -> Running:
        name = table.base(argv[0])
        shells = self.guest.system.shells
        if name is not None and name in shells:
            return (yield from self._nested(argv, shells[name], env, stdin_empty=stdin_empty))
        if name == "sudo":
            return (yield from self._sudo(argv, env, stdin_empty=stdin_empty))
        if name == "env" and any("=" not in word for word in argv[1:]) and not argv[1].startswith("-"):
            return (yield from self._env(argv, env, stdin_empty=stdin_empty))
        tool = table.find(self.guest, argv[0]) if name is not None else None
        if tool is None:
            yield Out(2, self._where(line) + self._not_found(argv[0]) + "\n")
            return 127
        result = tool(self.call(argv, env, stdin_empty=stdin_empty))
        if isinstance(result, Result):
            if result.out:
                yield Out(1, result.out)
            if result.err:
                yield Out(2, result.err)
            return result.rc
        return (yield from result)

    def _not_found(self, name: str) -> str:
        if self.flavour != "bash":
            return f"{name}: not found"
        return f"{name}: No such file or directory" if "/" in name else f"{name}: command not found"

    def _nested(self, argv: list[str], flavour: str, env: dict[str, str], *, stdin_empty: bool) -> Running:
        words = argv[1:]
        command = None
        while words and words[0].startswith("-"):
            option = words.pop(0)
            if not option.startswith("--") and "c" in option:
                if not words:
                    yield Out(2, f"{argv[0]}: 0: -c requires an argument\n")
                    return 2
                command = words.pop(0)
                break
        child = Shell(self.world, self.guest, self.user, self.clock, flavour=flavour, env=env, name=argv[0])
        child.cwd = self.cwd
        if command is not None:
            child.name, child.words = (words[0], tuple(words[1:])) if words else (child.name, ())
            return (yield from child.script(command))
        if words:
            yield Out(2, f"{argv[0]}: 0: cannot open {words[0]}: No such file\n")
            return 2
        if stdin_empty:
            return 0
        return (yield from child.interact())

    def _sudo(self, argv: list[str], env: dict[str, str], *, stdin_empty: bool) -> Running:
        words, user = yield from sudo.granted(self.guest, self.user, argv)
        if user is None:
            return 1
        kept = {key: env[key] for key in ("LANG", "LC_ALL", "TERM") if key in env}
        child = Shell(self.world, self.guest, user, self.clock, env=user.environment() | kept, name="sudo")
        child.cwd = self.cwd
        if (
            table.base(words[0]) in self.guest.system.shells
            or table.base(words[0]) == "env"
            or table.find(self.guest, words[0])
        ):
            return (yield from child._program(words, child.env, 1, stdin_empty=stdin_empty))
        yield Out(2, f"sudo: {words[0]}: command not found\n")
        return 1

    def _env(self, argv: list[str], env: dict[str, str], *, stdin_empty: bool) -> Running:
        words, env = argv[1:], dict(env)
        while words and "=" in words[0]:
            key, _, value = words.pop(0).partition("=")
            env[key] = value
        if self._start(words, env) is None:
            call = self.call(argv, env)
            yield Out(2, f"env: {call.quote(words[0])}: No such file or directory\n")
            return 127
        return (yield from self._program(words, env, 1, stdin_empty=stdin_empty))


def _plain_start(word: Word) -> str:
    text = ""
    for part in word:
        if part.quoted or part.variable:
            break
        text += part.text
    return text


def _tail(word: Word, start: int) -> Word:
    """The word from character `start` on (that many unquoted one-character parts)."""
    return [*word[start:], Part("", quoted=True)]
