"""NTP exchanges over real loopback sockets, with a server that can lie in every field."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from contextlib import asynccontextmanager

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.clocks import ntp
from probes.facts_time import NtpFacts
from probes.net import SystemClock, SystemNetwork
from probes.observation import Failure, FailureKind
from probes.seam import LinkError

UNIX = 2208988800
S = 10**9


def stamp(utc_ns):
    return (utc_ns + UNIX * S) * 2**32 // S % 2**64


class Server(asyncio.DatagramProtocol):
    """Answers with its own clock; `fields` override what a healthy server sends."""

    def __init__(self, offset_ns=0, **fields):
        self.offset_ns, self.fields, self.asked = offset_ns, fields, []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.asked.append(data)
        now = stamp(time.time_ns() + self.offset_ns)
        f = {"leap": 0, "version": 4, "mode": 4, "stratum": 2, "refid": b"\x0a\0\0\x01", "origin": data[40:48],
             "receive": now, "transmit": now, "cut": 48} | self.fields  # fmt: skip
        first = f["leap"] << 6 | f["version"] << 3 | f["mode"]
        packet = struct.pack(
            "!BBBbII4sQ", first, f["stratum"], 6, -20, 65536 // 4, 65536 // 8, f["refid"], now
        )
        self.transport.sendto(
            (packet + f["origin"] + struct.pack("!QQ", f["receive"], f["transmit"]))[: f["cut"]], peer
        )


@asynccontextmanager
async def serving(**fields):
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: Server(**fields), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def asked(**fields):
    async with serving(**fields) as (server, port):
        raw = await ntp.query(SystemNetwork(), SystemClock(), "127.0.0.1", port=port, timeout_s=5)
    return raw, server


async def test_the_servers_clock_is_read_within_its_bound_and_with_a_kernel_stamp():
    anchor = SystemClock().now()
    raw, server = await asked(offset_ns=7 * S)
    facts = ntp.READER.parse((raw,))
    assert isinstance(facts, NtpFacts)
    assert facts.kernel_stamp
    assert abs(facts.server_ns - anchor.on_timescale(facts.mono_ns) - 7 * S) <= facts.rtt_ns // 2 + 50_000
    assert abs(facts.own_utc_ns - anchor.on_timescale(facts.mono_ns)) < S
    assert (facts.address, facts.stratum, facts.leap, facts.refid) == ("127.0.0.1", 2, "normal", "0A000001")
    assert (facts.root_delay_ns, facts.root_dispersion_ns, facts.precision) == (250_000_000, 125_000_000, -20)
    assert raw.rc is None
    assert len(server.asked[0]) == 48


async def test_the_request_tells_nothing_about_our_clock():
    _, first = await asked()
    _, second = await asked()
    assert first.asked[0][:40] == second.asked[0][:40] == bytes([0x23]) + bytes(39)
    assert first.asked[0][40:] != second.asked[0][40:]


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"leap": 3}, FailureKind.NOT_UNDERSTOOD, "not synchronised"),
        ({"stratum": 16}, FailureKind.NOT_UNDERSTOOD, "not synchronised"),
        ({"stratum": 0, "refid": b"RATE"}, FailureKind.DENIED, "kiss code RATE"),
        ({"stratum": 0, "refid": b"DENY"}, FailureKind.DENIED, "kiss code DENY"),
        ({"stratum": 0, "refid": b"\x1b[2J"}, FailureKind.NOT_UNDERSTOOD, "kiss code 1B5B324A"),
        ({"mode": 3}, FailureKind.NOT_UNDERSTOOD, "mode 3"),
        ({"version": 1}, FailureKind.NOT_UNDERSTOOD, "version 1"),
        ({"origin": bytes(8)}, FailureKind.NOT_UNDERSTOOD, "not to our question"),
        ({"cut": 47}, FailureKind.NOT_UNDERSTOOD, "47 bytes"),
        ({"cut": 1}, FailureKind.NOT_UNDERSTOOD, "1 bytes"),
        ({"transmit": 0}, FailureKind.NOT_UNDERSTOOD, "no time"),
        ({"receive": 1}, FailureKind.NOT_UNDERSTOOD, "do not fit"),
    ],
)
async def test_what_is_no_time_is_a_failure_with_its_reason(fields, kind, text):
    raw, _ = await asked(**fields)
    failure = ntp.READER.parse((raw,))
    assert isinstance(failure, Failure)
    assert failure.kind is kind
    assert text in failure.detail


@pytest.mark.parametrize("year_s", [0, 86400, 2**32 - UNIX - 1, 2**32 - UNIX, 4291747200])
def test_the_era_is_the_one_nearest_to_our_clock(year_s):
    """1970, the last second of era 0 and the first of era 1 (7 February 2036), and 2106."""
    own_ns = year_s * S + 40 * 365 * 86400 * S
    kept = {
        "address": "192.0.2.1", "request": bytes(48).hex(), "sent_ns": 0, "received_ns": 10, "own_utc_ns": own_ns,
        "kernel_stamp": True,
        "answer": (struct.pack("!BBBbIIIQQ", 0x24, 1, 6, -20, 0, 0, 0x47505300, 0, 0)
                   + struct.pack("!QQ", stamp(year_s * S) or 1, stamp(year_s * S) or 1)).hex(),
    }  # fmt: skip
    facts = ntp.parse((msgspec.structs.replace(REFUSED, failure=None, out=json.dumps(kept)),))
    assert isinstance(facts, NtpFacts)
    assert abs(facts.server_ns - year_s * S) <= 1
    assert facts.refid == "GPS"


REFUSED = msgspec.convert(
    {"argv": ("ntp", "192.0.2.1"), "rc": None, "out": "", "failure": {"kind": "timeout", "detail": "no"}},
    ntp.Raw,
)


@given(st.text(max_size=200) | st.binary(max_size=60).map(lambda b: json.dumps({"answer": b.hex()})))
def test_a_tampered_record_is_refused(text):
    assert isinstance(ntp.parse((msgspec.structs.replace(REFUSED, failure=None, out=text),)), Failure)


async def test_a_record_parses_to_the_same_facts_again():
    raw, _ = await asked()
    again = msgspec.json.decode(msgspec.json.encode(raw), type=ntp.Raw)
    assert ntp.parse((again,)) == ntp.parse((raw,))


async def test_silence_a_closed_port_and_a_name_nobody_has():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        raw = await ntp.query(SystemNetwork(), SystemClock(), "127.0.0.1", port=port, timeout_s=0.05)
    assert raw.failure.kind is FailureKind.TIMEOUT
    closed = await ntp.query(SystemNetwork(), SystemClock(), "127.0.0.1", port=port, timeout_s=5)
    assert closed.failure.kind is FailureKind.UNREACHABLE
    assert ntp.parse((closed,)) == closed.failure
    with pytest.raises(LinkError, match=r"nobody\.invalid"):
        await SystemNetwork().udp("nobody.invalid", 123, lambda: b"", timeout_s=5)


def stamping(network: SystemNetwork) -> None:
    """Return once the kernel stamps arrivals: it begins some time after a socket first asked (see `network`)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setsockopt(socket.SOL_SOCKET, 35, 1)
        while True:
            sock.sendto(b"x", sock.getsockname())
            left_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
            time.sleep(0.002)
            _, ((_, _, data),), _, _ = sock.recvmsg(8, 64)
            seconds, nanoseconds = struct.unpack("@ll", data)
            if seconds * S + nanoseconds <= left_ns:
                return


async def test_a_blocked_event_loop_does_not_spoil_the_kernel_stamp():
    """The answer waits 60 ms for us to read it; the stamp says when it came.

    Over loopback a datagram has come when `sendto` returns, so it came no later than that.
    """
    left = []
    network = SystemNetwork()
    stamping(network)
    async with serving() as (_, port):
        loop = asyncio.get_running_loop()

        class Blocking(Server):
            def datagram_received(self, data, peer):
                super().datagram_received(data, peer)
                left.append(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
                time.sleep(0.06)

        transport, _ = await loop.create_datagram_endpoint(lambda: Blocking(), local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        raw = await ntp.query(network, SystemClock(), "127.0.0.1", port=port, timeout_s=5)
        transport.close()
    facts = ntp.parse((raw,))
    assert facts.kernel_stamp
    grain_ns = 1_000_000  # the stamp is of another clock, and the two are read one after the other
    assert json.loads(raw.out)["received_ns"] <= left[0] + grain_ns


async def test_the_jump_hosts_clocks_are_read_together_and_waited_on():
    clock = SystemClock()
    now = clock.now()
    assert abs(now.utc_ns - time.time_ns()) < S
    before = clock.mono_ns()
    assert 0 <= before - now.boottime_ns < S
    await clock.sleep_until(before + 3_000_000)
    assert 3_000_000 <= clock.mono_ns() - before < S
