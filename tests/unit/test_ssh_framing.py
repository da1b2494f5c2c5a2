"""The kept shell's framing gives back exactly what each command printed, however it arrives."""

from hypothesis import given
from hypothesis import strategies as st

from probes.ssh.framing import Batch, Frame, Scanner

PRINTED = st.lists(st.tuples(st.binary(max_size=80), st.binary(max_size=80), st.integers(0, 255)), max_size=6)


def feed_in_pieces(batch: Batch, data: bytes, sizes: list[int], *, stderr: bool) -> None:
    at = 0
    while at < len(data):
        size = sizes[at % len(sizes)]
        batch.feed(data[at : at + size], stderr=stderr)
        at += size


@given(PRINTED, st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_every_byte_comes_back_in_any_slices(printed: list[tuple[bytes, bytes, int]], sizes: list[int]):
    frames = [Frame(("x",), 80) for _ in printed]
    batch = Batch(frames, pty=False)
    out = b"".join(o + f"\n{f.token} {rc}\n".encode() for f, (o, _, rc) in zip(frames, printed, strict=True))
    err = b"".join(e + f"\n{f.token}\n".encode() for f, (_, e, _) in zip(frames, printed, strict=True))
    feed_in_pieces(batch, err, sizes, stderr=True)
    feed_in_pieces(batch, out, sizes, stderr=False)
    assert batch.done == len(printed)
    assert [(f.out, f.err, f.rc) for f in frames] == printed
    assert batch.flooded is None


def test_a_flood_is_kept_to_the_limit():
    frame = Frame(("yes",), 100)
    batch = Batch([frame], pty=False)
    for _ in range(1000):
        batch.feed(b"y\n" * 1000, stderr=False)
    assert batch.flooded == 0
    batch.cut(0)
    assert frame.out == b"y\n" * 50
    assert frame.flooded


def test_one_byte_more_than_the_limit_is_a_flood_even_with_its_end():
    frame = Frame(("x",), 10)
    batch = Batch([frame], pty=False)
    batch.feed(b"x" * 11 + f"\n{frame.token} 0\n".encode(), stderr=False)
    assert batch.flooded == 0


def test_an_echoed_line_is_not_an_answer():
    frame = Frame(("date",), 1000)
    batch = Batch([frame], pty=True)
    echo = frame.text(pty=True).replace(b"\n", b"\r\n")
    batch.feed(b"\n" + echo + b"now\r\n\n" + f"{frame.token} 0\r\n".encode(), stderr=False)
    assert batch.done == 1
    assert frame.rc == 0
    assert frame.out.endswith(b"now\n")


def test_lines_are_single_and_quoted():
    frame = Frame(("cat", "/etc/a b", "it's", "$(reboot)", ";", "*"), 10)
    lines = frame.text(pty=False).decode().splitlines()
    assert lines[0] == """cat '/etc/a b' 'it'"'"'s' '$(reboot)' ';' '*' </dev/null"""
    assert lines[1:] == [rf"printf '\n%s %s\n' {frame.token} $?", rf"printf '\n%s\n' {frame.token} >&2"]


def test_tokens_differ():
    assert len({Frame((), 1).token for _ in range(100)}) == 100


def test_scanner_passes_over_noise_late_answers_and_its_own_echo():
    scanner = Scanner()
    scanner.expect("T2", "echo T2")
    assert scanner.feed(b"Welcome!\nT1 late\necho T2\nT2 4") is None
    assert scanner.feed(b"2\r\nmore") == b"T2 42"
    assert scanner.feed(b"T2 again\n") is None


@given(st.binary(max_size=20_000).filter(lambda data: b"TOKEN" not in data), st.integers(1, 6000))
def test_scanner_is_bounded_and_finds_its_line_after_any_noise(noise: bytes, size: int):
    scanner = Scanner()
    scanner.expect("TOKEN", "ask")
    data = noise + b"\nTOKEN 1\n"
    answers = [scanner.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert [a for a in answers if a is not None] == [b"TOKEN 1"]
    assert len(scanner._partial) <= Scanner.LINE_MAX
