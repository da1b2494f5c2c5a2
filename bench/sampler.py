"""Sampling guests' clocks: cost against a TCP echo, and truth under a busy interface.

1. N guests at 1 Hz with spread phases, through `probes.ssh` and `probes.clocks.clock`, against the
   floor: a bare asyncio protocol over TCP that asks a server for its clock. Interleaved pairs.
2. Every sample within its bound, and best-of-8 error, at an RTT of 20 ms, while another
   thread holds the interpreter 80 ms of every 100.

The guests are an SSH server in a process of its own on loopback that starts a real bash for
each channel; truth is 0 because it is the same machine's clock. The 20 ms are made by a
forwarder in that process. `python -m bench sampler`; BENCH_GUESTS sets N (default 200).
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine
from functools import partial
from pathlib import Path

import asyncssh

from bench.ratios import ratio, say
from probes.breaker import Breaker
from probes.clocks.clock import Missed, open_sampler, run
from probes.net import SystemClock
from probes.observation import Sample
from probes.ssh import SshGuest, SshTarget
from probes.ssh.known_hosts import KnownHosts

GUESTS = int(os.environ.get("BENCH_GUESTS", "200"))
PAIRS = 3
SECONDS = 5
DELAY_S = 0.010
AT_ONCE = 32
BUSY = 4  # guests at RTT 20 ms, back to back: more would measure the forwarder
S = 10**9


class EchoClock(asyncio.Protocol):
    """The floor's server: a line in, the line and the clock out."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.rstrip() + b" %d\n" % time.time_ns())


class Open(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False


async def bash(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Run what was asked for in a shell that reads no rc files."""
    argv = ["/bin/sh"] if process.command is None else ["/bin/sh", "-c", process.command]
    child = await asyncio.create_subprocess_exec(
        *argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin"},
    )
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    process.exit(await child.wait())


class Delayed(asyncio.Protocol):
    """One direction of the forwarder: everything DELAY_S later."""

    def __init__(self, port: int | None = None, peer: Delayed | None = None) -> None:
        self.port, self.peer = port, peer
        self.held: list[bytes] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.port is not None:
            self.opening = asyncio.ensure_future(self.reach(self.port))
        for data in self.held:
            transport.write(data)

    async def reach(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        transport, self.peer = await loop.create_connection(lambda: Delayed(peer=self), "127.0.0.1", port)
        for data in self.held:
            transport.write(data)

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(DELAY_S, self.forward, data)

    def forward(self, data: bytes) -> None:
        if self.peer is None or self.peer.transport is None:
            self.held.append(data)
        else:
            self.peer.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.close()


async def guests() -> None:
    """The other side: prints its ports and host key, ends with its stdin."""
    loop = asyncio.get_running_loop()
    key = asyncssh.generate_private_key("ssh-ed25519")
    ssh = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Open,
        server_host_keys=[key],
        process_factory=bash,
        encoding=None,
        backlog=512,
    )
    floor = await loop.create_server(EchoClock, "127.0.0.1", 0)
    far = await loop.create_server(lambda: Delayed(port=ssh.get_port()), "127.0.0.1", 0)
    ports = ssh.get_port(), floor.sockets[0].getsockname()[1], far.sockets[0].getsockname()[1]
    print(*ports, key.export_public_key().decode().strip(), sep="\n", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


class Echo(asyncio.Protocol):
    """The floor's client."""

    answered: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(time.clock_gettime_ns(time.CLOCK_BOOTTIME))

    async def sample(self) -> tuple[int, int]:
        self.answered = asyncio.get_running_loop().create_future()
        sent = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.transport.write(b"ask\n")
        return sent, await self.answered


class Stretch:
    """What one stretch of sampling cost."""

    def __init__(self) -> None:
        self.rtt_ns: list[int] = []
        self.late_ns: list[int] = []
        self.missed = 0

    async def measure(self, sampling: list[Coroutine[None, None, None]]) -> Stretch:
        before = time.process_time_ns()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in sampling]
            await asyncio.sleep(SECONDS)
            for task in tasks:
                task.cancel()
        self.cpu_ns = time.process_time_ns() - before
        return self

    def add(self, sent_ns: int, rtt_ns: int, phase_ns: int) -> None:
        self.rtt_ns.append(rtt_ns)
        self.late_ns.append((sent_ns - phase_ns) % S)

    @property
    def cpu_each_ms(self) -> float:
        return self.cpu_ns / max(1, len(self.rtt_ns)) / 1e6


async def echoing(echo: Echo, phase_ns: int, clock: SystemClock, into: Stretch) -> None:
    due = clock.mono_ns() + (phase_ns - clock.mono_ns()) % S
    while True:
        await clock.sleep_until(due)
        sent, received = await echo.sample()
        into.add(sent, received - sent, phase_ns)
        due += S


def percentile(values: list[int], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] / 1e6


async def connect(port: int, known: Path, count: int, clock: SystemClock) -> list[SshGuest]:
    breaker = Breaker()
    free = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> SshGuest:
        target = SshTarget("127.0.0.1", port=port, user="bench", methods=(), config=())
        guest = SshGuest(
            f"guest{number}",
            target,
            clock=clock,
            known_hosts=KnownHosts([known]),
            prompts=Nobody(),
            breaker=breaker,
        )
        async with free:
            await guest.connect()
        return guest

    return list(await asyncio.gather(*(one(n) for n in range(count))))


class Nobody:
    """There is nobody to ask; the server wants no secret."""

    async def ask(self, request: object) -> str | None:
        raise AssertionError(f"nobody is there to be asked: {request}")

    def rejected(self, request: object) -> None:
        raise AssertionError(f"nobody was asked: {request}")


def rss_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


async def cost(ssh: int, floor: int, known: Path) -> None:
    clock = SystemClock()
    loop = asyncio.get_running_loop()
    first = await connect(ssh, known, 1, clock)  # what is needed once, whatever N
    before, began = rss_kb(), time.process_time()
    opened = await connect(ssh, known, GUESTS, clock)
    cpu_ms = (time.process_time() - began) * 1e3 / GUESTS
    samplers = [await open_sampler(guest, clock) for guest in opened]
    per_guest = (rss_kb() - before) / GUESTS
    echoes = [(await loop.create_connection(Echo, "127.0.0.1", floor))[1] for _ in range(GUESTS)]
    anchor = clock.now()
    ours, floors, outside = [], [], 0
    for _ in range(PAIRS):
        bare = Stretch()
        floors.append(
            await bare.measure([echoing(e, n * S // GUESTS, clock, bare) for n, e in enumerate(echoes)])
        )
        mine = Stretch()

        def keep(got: Sample | Missed, phase_ns: int, mine: Stretch = mine) -> None:
            nonlocal outside
            if isinstance(got, Missed):
                mine.missed += 1
            else:
                mine.add(got.mono_ns - got.rtt_ns // 2, got.rtt_ns, phase_ns)
                outside += abs(got.offset_ns) > got.bound_ns + 1000

        phases = [n * S // GUESTS for n in range(GUESTS)]
        sampling = [
            run(s, anchor, clock, p, S, partial(keep, phase_ns=p))
            for s, p in zip(samplers, phases, strict=True)
        ]
        ours.append(await mine.measure(sampling))
    say(f"CPU a sample / TCP echo, {GUESTS} guests at 1 Hz", ratio([m.cpu_each_ms for m in ours], [f.cpu_each_ms for f in floors]), "<= 3", f"{statistics.median(m.cpu_each_ms for m in ours):.2f} ms")  # fmt: skip
    say("RTT p50 / TCP echo", ratio([percentile(m.rtt_ns, 0.5) for m in ours], [percentile(f.rtt_ns, 0.5) for f in floors]), "<= 5", f"{statistics.median(percentile(m.rtt_ns, 0.5) for m in ours):.2f} ms")  # fmt: skip
    say("lateness p99, ms", statistics.median(percentile(m.late_ns, 0.99) for m in ours), "<= 10", f"floor {statistics.median(percentile(f.late_ns, 0.99) for f in floors):.1f} ms")  # fmt: skip
    say("memory a connection, KB", per_guest, "<= 60", "with its sampler")
    say("CPU to connect one guest, ms", cpu_ms, "<= 6")
    say("samples missed", sum(m.missed for m in ours), "0", f"of {sum(len(m.rtt_ns) for m in ours)}")
    say("samples outside their bound", outside, "0")
    for echo in echoes:
        echo.transport.close()
    await asyncio.gather(*(guest.close() for guest in [*opened, *first]))


async def truth(far: int, known: Path, into: list[list[Sample]]) -> None:
    clock = SystemClock()
    opened = await connect(far, known, BUSY, clock)
    samplers = [await open_sampler(guest, clock) for guest in opened]
    anchor = clock.now()

    async def one(at: int) -> None:
        for _ in range(256):
            into[at].append(await samplers[at].sample(anchor))

    await asyncio.gather(*(one(n) for n in range(len(samplers))))
    await asyncio.gather(*(guest.close() for guest in opened))


def under_load(far: int, known: Path) -> None:
    """Samples in a thread of their own, the main thread busy as an interface would be at its worst."""
    series: list[list[Sample]] = [[] for _ in range(BUSY)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    thread = threading.Thread(target=lambda: asyncio.run(truth(far, known, series)))
    thread.start()
    while thread.is_alive():
        until = time.perf_counter() + 0.08
        while time.perf_counter() < until:
            pass
        thread.join(0.02)
    sys.setswitchinterval(before)
    samples = [s for guest in series for s in guest]
    best = [
        abs(min(guest[n : n + 8], key=lambda s: s.rtt_ns).offset_ns)
        for guest in series
        for n in range(0, len(guest) - 7, 8)
    ]
    say("outside their bound while the interface is busy", sum(abs(s.offset_ns) > s.bound_ns + 1000 for s in samples), "0", f"of {len(samples)}")  # fmt: skip
    say("best-of-8 error p99 at RTT 20 ms, ms", percentile(best, 0.99), "<= 1", f"RTT p50 {percentile([s.rtt_ns for s in samples], 0.5):.1f} ms")  # fmt: skip


def main() -> None:
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2
    )
    other = subprocess.Popen(
        [sys.executable, "-W", "ignore::RuntimeWarning", "-m", "bench.sampler"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdin
    assert other.stdout
    try:
        ssh, floor, far = (int(other.stdout.readline()) for _ in range(3))
        key = other.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as folder:
            known = Path(folder) / "known_hosts"
            known.write_text(f"[127.0.0.1]:{ssh} {key}\n[127.0.0.1]:{far} {key}\n")
            asyncio.run(cost(ssh, floor, known))
            under_load(far, known)
    finally:
        other.stdin.close()
        other.wait(10)


if __name__ == "__main__":
    asyncio.run(guests())
