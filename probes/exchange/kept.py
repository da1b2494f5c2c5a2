"""What one attempt saw, as it is kept on the tape, and the facts that follow from it. Pure."""

from __future__ import annotations

from probes.ad.kept import keep, nothing, recall
from probes.attempt import Kept, Told, Trouble
from probes.exchange.service import Service, way
from probes.facts_kerberos import ApInFacts
from probes.kerberos.krb_messages import KrbError, NotUnderstood, answer
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader

NAME = "ap-in"
VERSION = 2
SECOND = 1_000_000_000
LONGEST_TOKEN = 8 * 1024
"""Bytes kept of a service's refusal; a KRB-ERROR has some hundred."""

_TOKEN = bytes.fromhex("06092a864886f712010202") + b"\x03\x00"
"""The frame around a Kerberos error token: the mechanism's OID and KRB_ERROR's id (RFC 4121 section 4.1)."""


def as_raw(service: Service, told: Told) -> Raw:
    """An attempt at that service as it is kept on the tape."""
    argv = (NAME, way(service), service.principal)
    if isinstance(told, Trouble):
        return nothing(argv, Failure(told.kind, told.detail))
    return keep(argv, told)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from one attempt."""
    if len(raws) != 1 or raws[0].argv[:1] != (NAME,) or len(raws[0].argv) != 3:
        return Failure(FailureKind.NOT_UNDERSTOOD, "this is not an attempt")
    (raw,) = raws
    kept = recall(raw, Kept)
    if isinstance(kept, Failure):
        return kept
    if (kept.stage == "done") != (kept.code is None and not kept.text):
        return Failure(FailureKind.NOT_UNDERSTOOD, "the attempt is told as refused and accepted at once")
    error = refusal(kept.token)
    shown_ns, shown_us = (error.stime_ns, error.susec) if error is not None else _moment(kept.shown_ns)
    return ApInFacts(
        service=raw.argv[2],
        over=raw.argv[1],
        principal=kept.principal,
        stage=kept.stage,
        code=error.code if error is not None and error.code != _GENERIC else kept.code,
        text=kept.text or (error.text if error is not None else ""),
        start_ns=_ns(kept.start_s),
        end_ns=_ns(kept.end_s),
        shown_ns=shown_ns,
        shown_us=shown_us,
        sent_ns=kept.sent_ns,
        received_ns=kept.received_ns,
        own_utc_ns=kept.own_utc_ns,
        admitted=kept.admitted,
    )


_GENERIC = 60
"""KRB_ERR_GENERIC: MIT's acceptor says so where its own trouble has no number of the protocol."""


def refusal(token: str) -> KrbError | None:
    """The KRB-ERROR in a service's token, bare or inside SPNEGO; None where it is something else."""
    try:
        data = bytes.fromhex(token)
    except ValueError:
        return None
    _, found, message = data.partition(_TOKEN)
    if not found:
        return None
    try:
        said = answer(message)
    except NotUnderstood:
        return None
    return said if isinstance(said, KrbError) else None


def _moment(utc_ns: int | None) -> tuple[int | None, int | None]:
    """Its whole second in ns, and microseconds of the next."""
    return (utc_ns - utc_ns % SECOND, utc_ns % SECOND // 1000) if utc_ns is not None else (None, None)


def _ns(seconds: int | None) -> int | None:
    return seconds * SECOND if seconds is not None else None


READER = Reader(name=NAME, version=VERSION, family=Family.DIRECTORY, commands=(), parse=parse)
