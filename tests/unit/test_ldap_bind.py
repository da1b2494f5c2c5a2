"""The bytes of a bind: as ldap3 reads and writes them, whole, cut and damaged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.protocol import rfc4511
from pyasn1.codec.ber import decoder, encoder

from probes.exchange.ldap_bind import IN_PROGRESS, LONGEST, answer, length_of, request


def said(number: int, code: int, text: str, token: bytes | None) -> bytes:
    """An answer by another implementation."""
    response = rfc4511.BindResponse()
    response["resultCode"] = rfc4511.ResultCode(code)
    response["matchedDN"] = rfc4511.LDAPDN("")
    response["diagnosticMessage"] = rfc4511.LDAPString(text)
    if token is not None:
        response["serverSaslCreds"] = rfc4511.ServerSaslCreds(token)
    message = rfc4511.LDAPMessage()
    message["messageID"] = rfc4511.MessageID(number)
    message["protocolOp"] = rfc4511.ProtocolOp().setComponentByName("bindResponse", response)
    return bytes(encoder.encode(message))


@given(st.integers(1, 20), st.binary(max_size=70_000))
def test_a_request_is_what_another_implementation_reads(number: int, token: bytes):
    message, rest = decoder.decode(request(number, "GSSAPI", token), asn1Spec=rfc4511.LDAPMessage())
    bind = message["protocolOp"]["bindRequest"]
    assert (rest, int(message["messageID"]), int(bind["version"]), bytes(bind["name"])) == (
        b"",
        number,
        3,
        b"",
    )
    assert bytes(bind["authentication"]["sasl"]["mechanism"]) == b"GSSAPI"
    assert bytes(bind["authentication"]["sasl"]["credentials"]) == token


@given(
    st.integers(1, 20),
    st.sampled_from([0, 14, 49]),
    st.text(max_size=300),
    st.none() | st.binary(max_size=9000),
)
def test_an_answer_is_read_whole_and_nothing_of_it_is_read_before(number, code, text, token):
    message = said(number, code, text, token)
    assert length_of(message + b"more") == len(message)
    assert {length_of(message[:n]) for n in range(min(6, len(message)))} <= {None, len(message)}
    assert answer(message, number) == (code, text, token)
    with pytest.raises(ValueError, match="answers something else"):
        answer(message, number + 1)
    with pytest.raises(ValueError):
        answer(message[:-1], number)


@given(st.binary(max_size=80))
def test_nothing_breaks_the_reader(noise: bytes):
    for data in (noise, b"\x30\x20" + noise, said(1, IN_PROGRESS, "", noise)[: len(noise)]):
        try:
            length_of(data)
            answer(data, 1)
        except ValueError:
            pass


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 400", b"\x30\x80", b"\x30\x85\x01\x00\x00\x00\x00", b"\x30\x84\x7f\xff\xff\xff"]
)
def test_what_is_no_ldap_or_too_much_ends_at_once(start: bytes):
    with pytest.raises(ValueError):
        length_of(start)
    assert LONGEST < 0x7FFFFFFF
