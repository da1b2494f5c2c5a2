"""KDC answers: recorded from real ones, over real loopback sockets, and damaged in every way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.facts_kerberos import KdcFacts
from probes.kerberos import kdc, krb_messages
from probes.net import SystemClock, SystemNetwork
from probes.observation import Failure, FailureKind

# krb5kdc 1.20.1 (Debian 12), asked for cutover-clock-probe@KRB.TEST.
MIT_UNKNOWN = bytes.fromhex(
    "7e8199308196a003020105a10302011ea411180f32303236313132363033313034325aa50502030403b9a603020106a70a1b084b52422e54455354a820301ea003020101a11730151b136375746f7665722d636c6f636b2d70726f6265a90a1b084b52422e54455354aa1d301ba003020102a11430121b066b72627467741b084b52422e54455354ab121b10434c49454e545f4e4f545f464f554e44"
)
S = 10**9


class Kdc(asyncio.DatagramProtocol):
    """Answers every datagram with `answer`; None = silence."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.asked.append(data)
        if self.answer is not None:
            self.transport.sendto(self.answer, peer)


@asynccontextmanager
async def serving(udp, tcp=None, pieces=1):
    """One port for both; `tcp`: what a stream answers, in so many pieces (None: nothing listens)."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: Kdc(udp), local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]

    async def stream(reader, writer):
        length = int.from_bytes(await reader.readexactly(4))
        server.asked.append(await reader.readexactly(length))
        size = max(1, len(tcp) // pieces)
        for at in range(0, len(tcp), size):
            writer.write(tcp[at : at + size])
            await writer.drain()
        writer.close()

    listener = await asyncio.start_server(stream, "127.0.0.1", port) if tcp is not None else None
    try:
        yield server, port
    finally:
        transport.close()
        if listener is not None:
            listener.close()
            await listener.wait_closed()


async def ask(port, timeout_s=2.0):
    asker = kdc.Asker(SystemNetwork(), SystemClock(), "KRB.TEST")
    return kdc.parse((await asker.ask("127.0.0.1", port=port, timeout_s=timeout_s),))


def framed(data):
    return len(data).to_bytes(4) + data


async def test_a_recorded_answer_gives_its_clock_and_code():
    async with serving(MIT_UNKNOWN) as (_, port):
        facts = await ask(port)
    assert isinstance(facts, KdcFacts)
    assert (facts.code, facts.answered_realm, facts.transport) == (6, "KRB.TEST", "udp")
    assert facts.stime_ns == 1795662642000000000
    assert facts.susec == 263097
    assert facts.text == "CLIENT_NOT_FOUND"
    assert facts.sent_ns <= facts.received_ns


async def test_what_udp_does_not_bring_tcp_does_also_in_single_bytes():
    async with serving(None, tcp=framed(MIT_UNKNOWN), pieces=10**6) as (server, port):
        facts = await ask(port, timeout_s=0.3)
    assert isinstance(facts, KdcFacts)
    assert facts.transport == "tcp"
    assert len(server.asked) == 2
    assert server.asked[0] != server.asked[1]  # a fresh nonce
    assert len(server.asked[0]) == len(server.asked[1])


async def test_a_kdc_that_wants_tcp_gets_it():
    too_big = MIT_UNKNOWN.replace(b"\xa6\x03\x02\x01\x06", b"\xa6\x03\x02\x01\x34")
    async with serving(too_big, tcp=framed(MIT_UNKNOWN)) as (_, port):
        facts = await ask(port)
    assert isinstance(facts, KdcFacts)
    assert (facts.transport, facts.code) == ("tcp", 6)


async def test_nobody_there_says_so_for_both_ways():
    async with serving(MIT_UNKNOWN) as (_, port):
        pass
    failure = await ask(port)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.UNREACHABLE
    assert "udp" in failure.detail
    assert "tcp" in failure.detail


async def test_a_stream_that_ends_early_or_never_is_a_failure():
    async with serving(None, tcp=framed(MIT_UNKNOWN)[:20]) as (_, port):
        failure = await ask(port, timeout_s=0.3)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.LOST
    async with serving(None) as (_, port):
        failure = await ask(port, timeout_s=0.2)
    assert isinstance(failure, Failure)


@given(st.integers(0, len(MIT_UNKNOWN) - 1))
def test_every_prefix_is_refused(length):
    with pytest.raises(krb_messages.NotUnderstood):
        krb_messages.answer(MIT_UNKNOWN[:length])


@given(st.integers(0, len(MIT_UNKNOWN) - 1), st.integers(0, 255))
def test_a_changed_byte_is_another_answer_or_refused_and_never_an_error_of_ours(at, byte):
    damaged = MIT_UNKNOWN[:at] + bytes([byte]) + MIT_UNKNOWN[at + 1 :]
    with suppress(krb_messages.NotUnderstood):
        krb_messages.answer(damaged)


@given(st.binary(max_size=300).filter(lambda d: not (d[:1] == b"\x6b" and len(d) > 1)))
def test_rubbish_is_refused(data):
    with pytest.raises(krb_messages.NotUnderstood):
        krb_messages.answer(data)


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=60))
def test_any_realm_can_be_asked_for(realm):
    request = krb_messages.as_req(realm, kdc.NOBODY)
    assert realm.encode() in request
    assert len(krb_messages.with_nonce(request, 0x41424344)) == len(request)
