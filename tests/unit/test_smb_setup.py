"""A login at an SMB server: the bytes of both requests, what answers mean, and servers that answer otherwise."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.attempt import Trouble
from probes.exchange import smb_server, smb_setup
from probes.exchange.ended import Ended
from probes.exchange.service import OverSmb
from probes.exchange.smb_server import SmbServer
from probes.observation import FailureKind
from tests import smb_answers as by_hand
from tests.smb_answers import MORE, OK, PENDING, SESSION, SMBD, agreement, answering, framed, login, refusal

KERBEROS = bytes.fromhex("06092a864886f712010202")
NTLM = bytes.fromhex("060a2b06010401823702020a")


def read(message: bytes) -> smb_setup.Negotiated:
    return smb_setup.negotiated(smb_setup.answer(message, smb_setup.NEGOTIATE, 0))


def test_the_first_request_offers_each_dialect_and_what_the_last_needs():
    """Offsets as [MS-SMB2] sections 2.2.1.2, 2.2.3 and 2.2.3.1 have them."""
    framed_request = smb_setup.negotiate(b"C" * 16, b"S" * 32)
    message = framed_request[4:]
    assert framed_request[:4] == struct.pack(">I", len(message))
    assert message[:4] == b"\xfeSMB"
    assert struct.unpack_from("<HHIHHIIQ", message, 4) == (64, 0, 0, 0, 1, 0, 0, 0)
    assert struct.unpack_from("<HHHHI", message, 64) == (36, 5, 1, 0, 0x40)
    assert message[76:92] == b"C" * 16
    begin, count, _ = struct.unpack_from("<IHH", message, 92)
    assert struct.unpack_from("<5H", message, 100) == (0x0202, 0x0210, 0x0300, 0x0302, 0x0311)
    assert (begin % 8, count) == (0, 2)
    assert struct.unpack_from("<HHIHHH", message, begin) == (1, 38, 0, 1, 32, 1)
    assert message[begin + 14 : begin + 46] == b"S" * 32
    assert struct.unpack_from("<HHIHHH", message, begin + 48) == (2, 6, 0, 2, 2, 1)
    assert len(message) == begin + 48 + 14


def test_a_step_carries_its_token_and_the_session():
    message = smb_setup.session_setup(2, SESSION, b"token")[4:]
    assert struct.unpack_from("<HHIHHIIQIIQ", message, 4) == (64, 0, 0, 1, 1, 0, 0, 2, 0, 0, SESSION)
    assert struct.unpack_from("<HBBIIHHQ", message, 64) == (25, 0, 1, 0, 0, 88, 5, 0)
    assert message[88:] == b"token"
    with pytest.raises(ValueError, match="65536 bytes"):
        smb_setup.session_setup(1, 0, bytes(65536))


def test_what_a_real_server_agrees_to():
    assert read(SMBD) == (0x0311, True, by_hand.SMBD_SHOWED_NS)


@pytest.mark.parametrize(
    ("offers", "tickets"),
    [(b"", True), (b"`" + KERBEROS + NTLM, True), (b"\x06\x09\x2a\x86\x48\x82\xf7\x12\x01\x02\x02", True), (NTLM, False)],
)  # fmt: skip
def test_tickets_are_taken_where_kerberos_is_offered_or_nothing_is(offers: bytes, tickets: bool):
    assert read(agreement(offers)).tickets is tickets


@pytest.mark.parametrize(
    ("filetime", "utc_ns"),
    [
        (0, None), (1, None), (116_444_736_000_000_000, None), (2**64 - 1, None), (2**63, None),
        (116_444_736_000_000_001, 100), (134_401_952_000_000_000, 1_795_721_600 * 10**9),
    ],
)  # fmt: skip
def test_its_clock_is_told_where_it_is_a_date(filetime: int, utc_ns: int | None):
    assert read(agreement(filetime=filetime)).utc_ns == utc_ns


def test_a_step_is_answered_with_a_token_or_a_number():
    def said(message: bytes) -> smb_setup.SetUp:
        return smb_setup.set_up(smb_setup.answer(message, smb_setup.SESSION_SETUP, 1))

    assert said(login(1, MORE, b"theirs")) == (MORE, SESSION, b"theirs", False)
    assert said(login(1, OK, b"theirs")) == (OK, SESSION, b"theirs", False)
    assert said(login(1, OK, b"", flags=1)).nobody
    assert said(login(1, OK, b"", flags=2)).nobody
    assert not said(login(1, OK, b"", flags=4)).nobody  # SESSION_FLAG_ENCRYPT_DATA
    assert said(refusal(1, 1, 0xC000006D)) == (0xC000006D, SESSION, b"", False)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"\xffSMB" + bytes(60), "no SMB 2"),
        (b"\xfeSMB\x41" + bytes(59), "no SMB 2"),
        (by_hand.header(0, 0)[:-1], "ends in the middle"),
        (by_hand.header(0, 0), "ends in the middle"),
        (by_hand.header(0, 1) + bytes(64), "answers something else"),
        (by_hand.header(1, 0) + bytes(64), "answers something else"),
        (by_hand.header(0, 0, flags=0) + bytes(64), "answers something else"),
        (by_hand.header(0, 0, following=64) + bytes(64), "several answers"),
        (by_hand.header(0, 0) + bytes(64), "agrees to nothing"),
        (agreement(dialect=0x02FF), "0x02ff, which was not offered"),
        (agreement(b"token", begin=127), "not where it should be"),
        (agreement(b"token", begin=129), "not where it should be"),
        (agreement(b"token", begin=0xFFFF), "not where it should be"),
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(message: bytes, words: str):
    with pytest.raises(ValueError, match=words):
        read(message)


@pytest.mark.parametrize(
    "frame", [b"", b"\0\0\1", b"HTTP", b"\x85\0\0\0", b"\0\0\0\x3f", b"\0\x02\0\1", b"\0\xff\xff\xff"]
)
def test_a_length_is_bounded(frame: bytes):
    with pytest.raises(ValueError):
        smb_setup.length_of(frame)
    assert smb_setup.length_of(b"\0\0\0\x40") == 64
    assert smb_setup.length_of(b"\0\x02\0\0") == smb_setup.LONGEST


@given(st.integers(0, len(SMBD)), st.binary(max_size=90))
def test_any_prefix_reads_as_the_same_or_not_at_all_and_nothing_breaks_the_reader(cut: int, noise: bytes):
    for message in (SMBD[:cut], SMBD[:64] + noise, by_hand.header(1, 1) + noise, noise):
        for command, number, meant in (
            (smb_setup.NEGOTIATE, 0, smb_setup.negotiated),
            (smb_setup.SESSION_SETUP, 1, smb_setup.set_up),
        ):
            try:
                found = meant(smb_setup.answer(message, command, number))
            except ValueError:
                continue
            if message == SMBD[:cut] and cut:
                assert found == read(SMBD)


# A server at the other end


def over(told: by_hand.Told) -> OverSmb:
    return OverSmb("127.0.0.1", told.port)


def test_two_steps_are_of_one_session_and_an_answer_that_takes_a_while_is_waited_for():
    slow = framed(refusal(1, 1, PENDING, flags=3)) + framed(login(1, MORE, b"a"))
    answers = framed(SMBD), slow, framed(login(2, OK, b"b"))
    with answering(*answers) as told, SmbServer(over(told)) as server:
        assert server.set_up(b"mine") == (MORE, SESSION, b"a", False)
        assert server.set_up(b"more") == (OK, SESSION, b"b", False)
        assert server.utc_ns == by_hand.SMBD_SHOWED_NS
        assert 0 < server.sent_ns <= server.received_ns
    first, second, third = told.requests
    assert (first[12:14], second[12:14], third[12:14]) == (b"\0\0", b"\1\0", b"\1\0")
    assert struct.unpack_from("<Q", second, 40) == (0,)
    assert struct.unpack_from("<QIIQ", third, 24) == (2, 0, 0, SESSION)
    assert (second[88:], third[88:]) == (b"mine", b"more")


def test_a_refusal_is_a_number_with_its_name():
    for status, name in (
        (0xC000006D, "STATUS_LOGON_FAILURE"),
        (0xC0000133, "STATUS_TIME_DIFFERENCE_AT_DC"),
        (0xC000005E, "STATUS_NO_LOGON_SERVERS"),
        (0xC0DE0001, "NTSTATUS 0xc0de0001"),
    ):
        with answering(framed(SMBD), framed(refusal(1, 1, status))) as told, SmbServer(over(told)) as server:
            assert server.set_up(b"mine").status == status
        assert smb_server.named(status) == name


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        ((framed(SMBD), framed(refusal(1, 1, 0xC0000072))), FailureKind.DENIED, "our own account in (STATUS_ACCOUNT_DISABLED)"),
        ((framed(SMBD), framed(refusal(1, 1, 0xC00000D0))), FailureKind.UNREACHABLE, "no login now (STATUS_REQUEST_NOT_ACCEPTED)"),
        ((framed(SMBD), framed(login(2, OK, b""))), FailureKind.NOT_UNDERSTOOD, "answers something else"),
        ((framed(SMBD), framed(login(1, OK, b"x", begin=60))), FailureKind.NOT_UNDERSTOOD, "not where it should be"),
        ((framed(SMBD), framed(login(1, OK, b""))[:-3]), FailureKind.UNREACHABLE, "closed the connection"),
        ((framed(SMBD), framed(refusal(1, 1, PENDING, flags=3)) * 9), FailureKind.NOT_UNDERSTOOD, "wait again and again"),
        ((framed(SMBD), b""), FailureKind.UNREACHABLE, "closed the connection"),
        ((framed(refusal(0, 0, 0xC00000BB)),), FailureKind.TOOL_ABSENT, "no SMB from 2.0.2 to 3.1.1 (STATUS_NOT_SUPPORTED)"),
        ((framed(agreement(NTLM)),), FailureKind.TOOL_ABSENT, "takes no tickets"),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), FailureKind.NOT_UNDERSTOOD, "no SMB message"),
        ((b"\0\xff\xff\xff" + bytes(5000),), FailureKind.NOT_UNDERSTOOD, "longer than"),
        ((framed(b"\xffSMB" + bytes(80)),), FailureKind.NOT_UNDERSTOOD, "no SMB 2"),
        ((b"\0\0",), FailureKind.UNREACHABLE, "closed the connection"),
        ((), FailureKind.UNREACHABLE, ""),
    ],
)  # fmt: skip
def test_what_says_nothing_about_the_ticket_says_what_instead(
    answers: tuple[bytes, ...], kind: FailureKind, words: str
):
    with answering(*answers) as told:
        trouble = ended(lambda: SmbServer(over(told)), b"mine")
    assert trouble.kind is kind, trouble
    assert words in trouble.detail
    assert trouble.detail.startswith("SMB server of 127.0.0.1")


def test_who_says_nothing_or_too_little_is_left_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(smb_server, "ANSWER_S", 0.3)
    for answers in ((), (b"\0\0",), (framed(SMBD),)):
        with answering(*answers, hold=True) as told:
            trouble = ended(lambda: SmbServer(over(told)), b"mine")
        assert (trouble.kind, "no answer in time" in trouble.detail) == (FailureKind.TIMEOUT, True), trouble


def test_who_does_not_listen_is_told_as_that():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = OverSmb("127.0.0.1", listener.getsockname()[1])
    trouble = ended(lambda: SmbServer(gone), b"")
    assert (trouble.kind, "refused" in trouble.detail) == (FailureKind.UNREACHABLE, True)


def ended(connect: Callable[[], SmbServer], token: bytes) -> Trouble:
    with pytest.raises(Ended) as end, connect() as server:
        server.set_up(token)
    assert isinstance(end.value.result, Trouble)
    return end.value.result
