"""DNS over dnspython: a few questions at once, each with an end. The one file that knows dnspython.

Every name server is asked by itself, so that what one says and another does not is seen.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver

from probes.directory_seam import Question
from probes.facts_directory import Answer, RecordKind, RecordOutcome
from probes.unsafe_text import without_controls

AT_ONCE = 8
LONGEST_S = 4.0
MOST_VALUES = 64


class Names:
    """Name servers. `port` is for tests."""

    def __init__(self, *, port: int = 53) -> None:
        self._port = port
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def ask(self, questions: Sequence[Question]) -> tuple[Answer, ...]:
        """Every answer, in the order of the questions. Never raises for what the network does."""
        return tuple(await asyncio.gather(*map(self._one, questions)))

    async def address(self, host: str) -> str | None:
        """The address a name server is asked at; None where its name does not resolve."""
        loop = asyncio.get_running_loop()
        try:
            (first, *_) = await loop.getaddrinfo(host, self._port, type=socket.SOCK_DGRAM)
        except OSError:
            return None
        return str(first[4][0])

    async def _one(self, q: Question) -> Answer:
        async with self._gate:
            try:
                resolver = self._resolver(q.server)
                answer = await resolver.resolve(
                    dns.name.from_text(q.name), q.kind, lifetime=LONGEST_S, search=False
                )
            except dns.resolver.NXDOMAIN as error:
                return _absent(q, error.kwargs.get("responses"))
            except dns.resolver.NoAnswer as error:
                return _absent(q, {q.name: error.kwargs.get("response")})
            except dns.resolver.LifetimeTimeout as error:
                return Answer(q.server, q.name, q.kind, _why(error))
            except dns.resolver.NoNameservers:
                return Answer(q.server, q.name, q.kind, "refused")
            except (dns.exception.DNSException, UnicodeError, ValueError):
                return Answer(q.server, q.name, q.kind, "not-understood")
            except OSError:
                return Answer(q.server, q.name, q.kind, "unreachable")
        values = sorted({_value(q.kind, item) for item in list(answer)[:MOST_VALUES]})
        return Answer(q.server, q.name, q.kind, "found", _authoritative(answer.response), tuple(values))

    def _resolver(self, server: str) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=not server)
        if server:
            resolver.nameservers = [server]
            resolver.port = self._port
        resolver.timeout = LONGEST_S / 2
        resolver.cache = None
        resolver.retry_servfail = False
        return resolver


def _absent(q: Question, responses: object) -> Answer:
    found = (
        [r for r in responses.values() if isinstance(r, dns.message.Message)]
        if isinstance(responses, dict)
        else []
    )
    return Answer(q.server, q.name, q.kind, "absent", any(map(_authoritative, found)))


def _authoritative(response: dns.message.Message) -> bool:
    return bool(response.flags & dns.flags.AA)


def _why(error: dns.resolver.LifetimeTimeout) -> RecordOutcome:
    """Nobody listens, or nobody answers: dnspython tries until its time is over either way."""
    errors = error.kwargs.get("errors") or ()
    refused = [e for e in errors if isinstance(e[3], ConnectionRefusedError)]
    return "unreachable" if refused and len(refused) == len(errors) else "timeout"


def _value(kind: RecordKind, item: object) -> str:
    text = without_controls(str(item))[:512]
    return text.removesuffix(".") if kind in ("PTR", "SRV") else text
