"""How an attempt ends before the guest has accepted it, and what the trouble of a socket or a KDC is called. For the worker only."""

from __future__ import annotations

import os
import ssl

from probes.attempt import Told, Trouble
from probes.facts_kerberos import ApInStage
from probes.observation import FailureKind
from probes.unsafe_text import without_controls

CONNECT_S = 5.0
ANSWER_S = 10.0


class Ended(Exception):  # noqa: N818 - the attempt's end is no error of ours
    """The attempt has ended before the guest accepted it."""

    def __init__(self, result: Told) -> None:
        super().__init__()
        self.result = result


def proves_nothing(kind: FailureKind, detail: str) -> Ended:
    """The end of an attempt that says nothing either way about the guest."""
    return Ended(Trouble(kind, detail))


def why(error: Exception) -> str:
    """The system's words where it has any: asyncio's name an address instead."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else without_controls(str(error))[:200] or type(error).__name__


def unheard(stage: ApInStage, text: str) -> Trouble | None:
    """The library's word for silence is nobody's refusal."""
    if "Cannot contact any KDC" in text or "Cannot find KDC" in text or "Cannot resolve" in text:
        return Trouble(FailureKind.UNREACHABLE, f"no KDC answers us ({text}), at the {stage}")
    return None


def of_socket(name: str, error: Exception) -> Ended:
    """What kept a connection from being made or from answering."""
    if isinstance(error, TimeoutError):
        return proves_nothing(FailureKind.TIMEOUT, f"{name}: no answer in time")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return proves_nothing(
            FailureKind.UNREACHABLE, f"{name}: it closed the connection before TLS was agreed"
        )
    if isinstance(error, ssl.SSLError):
        return proves_nothing(
            FailureKind.UNTRUSTED, f"{name}: no trusted TLS ({without_controls(str(error))[:200]})"
        )
    return proves_nothing(FailureKind.UNREACHABLE, f"{name}: {why(error)}")


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """The jump host's own CAs, and those of a PEM file where one is given: a site has pages of both.

    Raises:
        Ended: the file cannot be read.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            detail = f"the CA file {ca_file} cannot be read: {why(error)}"
            raise proves_nothing(FailureKind.NOT_UNDERSTOOD, detail) from None
    return context
