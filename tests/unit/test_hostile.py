"""Whatever a guest prints, a terminal is never told to do anything."""

import socket
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.hostile import clean, error_text
from probes.unsafe_text import REPLACEMENT, without_controls


def test_plain_text_is_kept():
    assert clean("a\tb\nc ß 漢 🙂".encode(), 100) == ("a\tb\nc ß 漢 🙂", False)


def test_escape_sequences_lose_their_escape():
    text, _ = clean(b"\x1b[2J\x1b]0;owned\x07 \x9b31m", 100)
    assert text == "\ufffd[2J\ufffd]0;owned\ufffd \ufffd31m"


def test_c1_as_utf8_bidi_and_invisible_characters_become_visible():
    for character in "\x85\x9b\u202e\u2066\u200b\u200d\ufeff\u2028\u00ad\u3164\U000e0041":
        assert clean(f"a{character}b".encode(), 100) == ("a\ufffdb", False)
        assert without_controls(character) == REPLACEMENT


def test_carriage_return_cannot_overwrite_a_line():
    assert clean(b"fail\rpass", 100)[0] == "fail\ufffdpass"


def test_cut_leaves_out_half_a_character():
    assert clean("aä".encode(), 2) == ("a", True)
    assert clean("aä".encode(), 3) == ("aä", False)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes(data: bytes, limit: int):
    text, truncated = clean(data, limit)
    assert len(text) <= limit
    assert truncated == (len(data) > limit)
    for character in text:
        assert character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert without_controls(text) == text


@given(st.text(max_size=200))
def test_any_text(original: str):
    text, _ = clean(original.encode("utf-8", "surrogatepass"), 10_000)
    assert all(c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in text)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('192.0.2.1', 22)"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (OSError("Multiple exceptions: [Errno 111] a, [Errno 101] b"), "Multiple exceptions: a, b"),
        (PermissionError(13, "Permission denied", "/k"), "Permission denied: '/k'"),
        (ValueError("a\x1b[31mb"), "a\ufffd[31mb"),
        (ValueError("x" * 400), "x" * 300),
    ],
)
def test_an_error_is_said_without_its_number(error: BaseException, said: str):
    assert error_text(error) == said
