"""What is said of a failure inside this program: cleaned, in one line, as it may quote the other side."""

from __future__ import annotations

from probes.hostile import error_text
from probes.observation import Failure, FailureKind


def first_of(error: BaseException) -> BaseException:
    """Of a group what went wrong first; the rest was cancelled because of it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def words_of(error: BaseException) -> str:
    """Its kind and what it says; of a group its first."""
    error = first_of(error)
    said = " ".join(error_text(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def internal(error: BaseException) -> Failure:
    """What was being measured when it happened is lost."""
    return Failure(FailureKind.LOST, f"internal error: {words_of(error)}")
