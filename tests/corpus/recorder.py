"""Record one case: daemons in a state that is set, commands as the transport runs them, files."""

from __future__ import annotations

import json
import os
import shlex
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from probes.linux import READERS
from probes.observation import Failure, Raw
from tests.unit.corpus import BY_NAME, differing

PATIENCE_S = 15
"""What a busy machine gets beyond the time a state takes."""

COMMANDS = {reader.name: [list(c.argv) for c in reader.commands] for reader in READERS}
CASES: dict[str, Callable[[Path], None]] = {}
BUS = """<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_return"/>
<allow receive_type="error"/><allow receive_type="method_call"/><allow receive_type="signal"/>
<allow send_type="signal"/></policy></busconfig>"""


def case(where: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Register a recording under tests/corpus/WHERE."""

    def register(function: Callable[[Path], None]) -> Callable[[Path], None]:
        CASES[where] = function
        return function

    return register


@contextmanager
def ntp_server(address: str, *, offset: float, stratum: int = 2, leap: int = 0) -> Iterator[None]:
    """An NTP server on port 123 whose clock is `offset` seconds ahead of this machine's."""

    def stamp() -> int:
        return int((time.time_ns() + int(offset * 1e9) + 2208988800 * 10**9) * 2**32 // 10**9)

    def serve(sock: socket.socket) -> None:
        while not done.is_set():
            try:
                data, peer = sock.recvfrom(512)
            except TimeoutError:
                continue
            received = stamp()
            head = struct.pack("!BBBbII4sQ", leap << 6 | 4 << 3 | 4, stratum, data[2], -20, 262, 131, b"\x0a\0\0\x01", stamp() - (5 << 32))  # fmt: skip
            sock.sendto(head + data[40:48] + struct.pack("!QQ", received, stamp()), peer)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 123))
        sock.settimeout(0.2)
        done = threading.Event()
        serving = threading.Thread(target=serve, args=(sock,))
        serving.start()
        try:
            yield
        finally:
            done.set()
            serving.join()


@contextmanager
def daemon(*argv: str, env: dict[str, str] | None = None) -> Iterator[None]:
    """A program that runs while the block does."""
    process = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})}
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:  # unshare does not pass SIGTERM on
            process.kill()
            process.wait()


def run(argv: list[str], **extra: str) -> dict[str, object]:
    """One command as the transport runs it: through sh, C locale."""
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C",
        **extra,
    }
    done = subprocess.run(
        ["/bin/sh", "-c", shlex.join(argv)], capture_output=True, text=True, env=environment
    )
    return {"argv": argv, "rc": done.returncode, "out": done.stdout, "err": done.stderr}


def until(holds: Callable[[], bool]) -> None:
    """Return when the condition holds.

    Raises:
        TimeoutError: it did not come to that within PATIENCE_S.
    """
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("what the state needs did not come up")
        time.sleep(0.1)


def settled(reader: str, facts: dict[str, object], *, after: float) -> list[dict[str, object]]:
    """What the reader's commands print `after` seconds from now.

    On a busy machine the state may come later: until its facts hold, the commands are run again. If they
    never hold, what was printed last is kept, for the comparison to say so.
    """
    time.sleep(after)
    end = time.monotonic() + PATIENCE_S
    while True:
        raws = [run(c) for c in COMMANDS[reader]]
        parsed = BY_NAME[reader].parse(tuple(_raw(raw) for raw in raws))
        holds = not isinstance(parsed, Failure) and not differing(parsed, facts)
        if holds or time.monotonic() > end:
            return raws
        time.sleep(0.5)


def _raw(printed: dict[str, object]) -> Raw:
    argv, rc = printed["argv"], printed["rc"]
    assert isinstance(argv, list)
    assert isinstance(rc, int)
    return Raw(argv=tuple(argv), rc=rc, out=str(printed["out"]), err=str(printed["err"]))


def write(
    where: Path,
    reader: str,
    state: str,
    facts: dict[str, object] | None,
    raws: list[dict[str, object]],
    source: str = "recorded: Debian 12, Linux 6.18, tests/corpus/record.py as root",
    failure: str | None = None,
) -> None:
    """Keep a case: case.json, and outputs as files beside it."""
    where.mkdir(parents=True, exist_ok=True)
    for old in where.iterdir():
        old.unlink()
    commands = []
    for number, raw in enumerate(raws):
        entry = {"argv": raw["argv"], "rc": raw["rc"]}
        for stream in ("out", "err"):
            if raw[stream]:
                (where / f"{number}.{stream}").write_text(str(raw[stream]))
                entry[stream] = f"{number}.{stream}"
        commands.append(entry)
    expected = {"failure": failure} if failure else {"facts": facts}
    document = {"reader": reader, "source": source, "state": state, **expected, "commands": commands}
    (where / "case.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def around(value: float, width: float) -> dict[str, int]:
    return {"from": int((value - width) * 1e9), "to": int((value + width) * 1e9)}
