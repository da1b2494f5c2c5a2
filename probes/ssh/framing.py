r"""The protocol of the kept shell: which lines are sent, and how answers are told apart.

A POSIX `sh` is started on a channel and fed single lines. Nothing but these is ever sent
(`ARG` is quoted as `shlex.quote` does: bare, or in single quotes with `'"'"'` for a quote):

    export LC_ALL=C                          once, when the shell is opened
    export PATH="$PATH:/usr/sbin:/sbin"      once
    ARG… </dev/null                          a command
    printf '\n%s %s\n' TOKEN $?              after it (and before a batch), on stdout
    printf '\n%s\n' TOKEN >&2                after it (and before a batch), on stderr

On a terminal (PTY) stderr is not apart and the line with `>&2` is left out; what is typed ahead may
be read by a command that opens /dev/tty (sudo with use_pty does), so one line is sent at a time:
`ARG… </dev/null; printf '\n%s %s\n' TOKEN $?`. The shell there is opened with ` export HISTFILE=`, ` exec sh`, then ` export HISTFILE=`, `export PS1=`,
`export PS2=`, `export PROMPT_COMMAND=`, `stty -echo -onlcr`. A shared channel
may also get, once, `printf '\n%s %s\n' TOKEN $?; exec ARG…`: nothing is sent after it before TOKEN
is seen, since a shell may have read ahead what is meant for its successor. TOKEN is random and used once, so that no program can print it
by accident; the newline before it belongs to the frame, so output is kept to the byte.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence

PRELUDE = ("export LC_ALL=C", 'export PATH="$PATH:/usr/sbin:/sbin"')
PTY_TAKEOVER = (" export HISTFILE=", " exec sh")
PTY_PRELUDE = (
    " export HISTFILE=",
    "export PS1=",
    "export PS2=",
    "export PROMPT_COMMAND=",
    "stty -echo -onlcr",
)
PTY_LINE_MAX = 4000  # a terminal in canonical mode takes 4095 bytes a line (N_TTY)
_RC_MAX = 8  # digits and line end


class Frame:
    """One command's lines and what has been read for it."""

    def __init__(self, argv: Sequence[str], limit: int) -> None:
        self.token = f"CUT{secrets.token_hex(12)}"
        self.limit = limit
        self.line = f"{shlex.join(argv)} </dev/null" if argv else ""
        self.out = b""
        self.err = b""
        self.rc: int | None = None
        self.flooded = False
        self.out_done = False
        self.err_done = False

    @property
    def done(self) -> bool:
        """The command ended and all it printed is here."""
        return self.out_done and self.err_done

    def text(self, *, pty: bool) -> bytes:
        """The lines to send."""
        lines = [self.line] if self.line else []
        lines.append(rf"printf '\n%s %s\n' {self.token} $?")
        if pty:
            return f"{'; '.join(lines)}\n".encode()
        lines.append(rf"printf '\n%s\n' {self.token} >&2")
        return "".join(f"{line}\n" for line in lines).encode()


def exec_line(frame: Frame, argv: Sequence[str]) -> bytes:
    """Announces itself, then replaces the shell."""
    return rf"printf '\n%s %s\n' {frame.token} $?; exec {shlex.join(argv)}".encode() + b"\n"


class Batch:
    """Frames under way on one shell, and an incremental parser of both streams.

    Memory is bounded by the limits of the frames: a stream that passes its limit without the
    token is flooded, and nothing more of it is kept.
    """

    def __init__(self, frames: Sequence[Frame], *, pty: bool) -> None:
        self.frames = tuple(frames)
        self._pty = pty
        self._buffers = (bytearray(), bytearray())
        self._at = [0, 0]
        self._searched = [0, 0]
        self.flooded: int | None = None
        if pty:
            for frame in self.frames:
                frame.err_done = True

    @property
    def done(self) -> int:
        """How many frames from the front are complete."""
        count = 0
        for frame in self.frames:
            if not frame.done:
                break
            count += 1
        return count

    def text(self) -> bytes:
        """All lines to send."""
        return b"".join(frame.text(pty=self._pty) for frame in self.frames)

    def feed(self, data: bytes, *, stderr: bool) -> bool:
        """Take bytes of one stream; True when a frame ended or flooded."""
        stream = int(stderr and not self._pty)
        if self.flooded is not None or self._at[stream] >= len(self.frames):
            return False
        self._buffers[stream].extend(data)
        moved = False
        while self._at[stream] < len(self.frames) and self._take(stream):
            moved = True
        return moved or self.flooded is not None

    def cut(self, index: int) -> None:
        """End frame `index` where it is (hung, flooded, shell lost); keep what it printed."""
        frame = self.frames[index]
        for stream in (0, 1):
            if self._at[stream] == index:
                self._store(stream, frame, bytes(self._buffers[stream][: frame.limit]))
                self._buffers[stream].clear()

    def _take(self, stream: int) -> bool:
        index = self._at[stream]
        frame = self.frames[index]
        buffer = self._buffers[stream]
        needle = f"\n{frame.token}".encode()
        start = buffer.find(needle, self._searched[stream])
        if start < 0:
            self._searched[stream] = max(0, len(buffer) - len(needle))
            if len(buffer) > frame.limit + len(needle) + _RC_MAX:
                self._flood(index)
            return False
        after = start + len(needle)
        end = buffer.find(b"\n", after)
        if end < 0:
            self._searched[stream] = start
            if len(buffer) - after > _RC_MAX:
                self._searched[stream] = after
            return False
        tail = bytes(buffer[after:end]).strip()
        if stream == 0 and not tail.isdigit():
            self._searched[stream] = after  # the line that was sent, echoed back
            return True
        if start > frame.limit:
            self._flood(index)
            return False
        if stream == 0:
            frame.rc = int(tail[:_RC_MAX])
        self._store(stream, frame, bytes(buffer[:start]))
        del buffer[: end + 1]
        self._searched[stream] = 0
        self._at[stream] += 1
        return True

    def _flood(self, index: int) -> None:
        self.flooded = index
        self.frames[index].flooded = True

    def _store(self, stream: int, frame: Frame, data: bytes) -> None:
        if stream == 0:
            frame.out = data.replace(b"\r\n", b"\n") if self._pty else data
            frame.out_done = True
        else:
            frame.err = data
            frame.err_done = True


class Scanner:
    """Finds the first line that holds a token; passes over all others."""

    LINE_MAX = 4096

    def __init__(self) -> None:
        self._partial = bytearray()
        self._skipping = False
        self._token = b""
        self._sent = b""

    def expect(self, token: str, sent: str) -> None:
        """Look for `token` from now on; `sent` may come back as an echo and is no answer."""
        self._token = token.encode()
        self._sent = sent.strip().encode()

    def feed(self, data: bytes) -> bytes | None:
        """The answer, once it is complete."""
        *lines, rest = (bytes(self._partial) + data).split(b"\n")
        self._partial = bytearray()
        answer: bytes | None = None
        for line in lines:
            whole, self._skipping = not self._skipping, False
            if whole and answer is None and self._token and self._token in line and self._sent not in line:
                answer = line.rstrip(b"\r")
                self._token = b""
        if len(rest) > self.LINE_MAX:
            self._skipping = True
        elif not self._skipping:
            self._partial.extend(rest)
        return answer
