"""What a guest prints is bounded on the tape, by output and by turn."""

from __future__ import annotations

from cutover_tui.engine.assembly import LINUX_READERS
from cutover_tui.engine.watches.watch_guest import KEPT_OF_CUT, TURN_LIMIT, bounded
from probes.observation import Failure, FailureKind, Raw


def test_what_was_not_cut_is_kept_to_the_letter() -> None:
    raws = tuple(Raw((str(n),), 0, "x" * 4000, "y") for n in range(20))
    assert bounded(raws) == raws


def test_a_cut_output_is_an_excerpt_and_keeps_its_failure() -> None:
    failure = Failure(FailureKind.TRUNCATED, "too much")
    (kept,) = bounded([Raw(("cat",), None, "x" * 100_000, "y" * 100_000, True, failure)])
    assert kept == Raw(("cat",), None, "x" * KEPT_OF_CUT, "y" * KEPT_OF_CUT, True, failure)


def test_a_turn_is_bounded_however_many_commands_print_much() -> None:
    raws = [Raw(("cat",), 0, "x" * (TURN_LIMIT // 2), "y") for _ in range(60)]
    kept = bounded(raws)
    assert sum(len(r.out) + len(r.err) for r in kept) <= TURN_LIMIT + 60 * 2 * KEPT_OF_CUT
    assert [r.truncated for r in kept[:3]] == [False, True, True]


def test_every_reader_refuses_what_was_cut() -> None:
    for reader in LINUX_READERS:
        raws = [Raw(command.argv, 0, "x" * (TURN_LIMIT + 1)) for command in reader.commands]
        outcome = reader.parse(bounded(raws))
        assert isinstance(outcome, Failure)
        assert outcome.kind is FailureKind.TRUNCATED
