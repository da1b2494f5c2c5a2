"""Attempts to use guests' services, by workers that can be ended."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import as_file, files

import msgspec

from probes.attempt import Kept, Told, Trouble
from probes.breaker import Breaker, Turn
from probes.exchange.kept import as_raw
from probes.exchange.service import Request, Service
from probes.hostile import clean
from probes.observation import FailureKind, Raw
from probes.prompts import Prompts, SecretRequest
from probes.seam import LinkError

AT_ONCE = 2
"""Workers side by side: each costs half a second of processor time."""

LIMIT_S = 25.0
"""For a whole attempt; shorter than libkrb5 waits for one KDC that is silent."""

SYSTEM_CONFIG = "/etc/krb5.conf"
_COMPLAINT = 64 * 1024
_WAITED = {
    "": "the worker did not begin",
    "login": "no KDC gave us a ticket of our own, or refused one,",
    "ticket": "no KDC gave us a ticket for the service, or refused one,",
    "service": "the service neither took nor refused our ticket",
}
_STAGES = frozenset(stage.encode() for stage in _WAITED if stage)
_NOT_TOLD = ("KRB5_TRACE", "KRB5CCNAME", "PYTHONSTARTUP")
"""A trace would hold what passwords can be guessed from."""

_OF_THE_SECRET = frozenset({6, 18, 23, 24})
"""Refusals of the account or its password. One because of skew (33, 37) says nothing about either."""


@dataclass(frozen=True, slots=True)
class Cache:
    """Tickets that are there: the engineer ran kinit. `name` None = where the environment says."""

    name: str | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """A user principal with a realm, whose password is asked for and kept in memory."""

    principal: str


Credential = Cache | Login


class Initiator:
    """Makes attempts with one credential, AT_ONCE at a time. Belongs to one event loop.

    Nobody may call this while KDCs are known to be silent: each attempt would hold a place for LIMIT_S.

    Args:
        config: krb5.conf to use instead of the system's; its settings give way to `unmasked.conf`.
    """

    def __init__(
        self,
        credential: Credential,
        *,
        prompts: Prompts,
        breaker: Breaker,
        config: str | None = None,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._credential, self._prompts, self._breaker = credential, prompts, breaker
        self._config, self._limit_s = config, limit_s
        self._places = asyncio.Semaphore(AT_ONCE)

    async def ap_in(self, service: Service) -> Raw:
        """One attempt, kept as a `Raw`."""
        return as_raw(service, await self.attempt(service))

    async def attempt(self, service: Service) -> Told:
        """One attempt. Never raises for what the network or a server does."""
        async with self._places:
            match self._credential:
                case Cache(name):
                    return await self._worked(Request(service, ccache=name), None)
                case Login(principal):
                    return await self._with_password(service, principal)

    async def _with_password(self, service: Service, principal: str) -> Told:
        """One login at a time until one was good, none after a refused one: accounts lock."""
        try:
            turn = await self._breaker.enter(principal)
        except LinkError as error:
            return Trouble(error.failure.kind, error.failure.detail)
        asked = SecretRequest(principal, "password", principal)
        try:
            password = await self._prompts.ask(asked)
            if password is None:
                return Trouble(FailureKind.CANCELLED, f"no password was given for {principal}")
            told = await self._worked(Request(service, login=principal), password)
            if _judged(turn, told) == "refused":
                self._prompts.rejected(asked)
            return told
        finally:
            turn.abandoned()

    async def _worked(self, request: Request, password: str | None) -> Told:
        config = self._config or os.environ.get("KRB5_CONFIG") or SYSTEM_CONFIG
        with as_file(files("probes.exchange") / "unmasked.conf") as unmasked:
            environment = _environment(os.environ, f"{unmasked}:{config}", request.ccache)
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "probes.exchange.worker",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                env=environment,
            )  # fmt: skip
            stages: list[str] = []
            try:
                async with asyncio.timeout(self._limit_s):
                    return await _heard(worker, request, password, stages)
            except TimeoutError:
                return Trouble(
                    FailureKind.TIMEOUT, f"{_WAITED[stages[-1] if stages else '']} within {self._limit_s:g} s"
                )
            finally:
                if worker.returncode is None:
                    with suppress(ProcessLookupError):
                        worker.kill()
                    await worker.wait()


async def _heard(
    worker: asyncio.subprocess.Process, request: Request, password: str | None, stages: list[str]
) -> Told:
    """The worker's answer; the stages it comes to are noted as it comes to them."""
    assert worker.stdin is not None  # noqa: S101 - asked for as pipes
    assert worker.stdout is not None  # noqa: S101
    assert worker.stderr is not None  # noqa: S101
    secret = msgspec.json.encode(password) if password is not None else b""
    worker.stdin.write(msgspec.json.encode(request) + b"\n" + secret + b"\n")
    line = b""
    try:
        while (line := await worker.stdout.readline()).strip() in _STAGES:
            stages.append(line.decode().strip())
        told: Told = msgspec.json.decode(line, type=Told)
    except (ValueError, ConnectionError):  # of a line without an end, and of one that is no answer
        said = clean(await worker.stderr.read(_COMPLAINT), _COMPLAINT)[0].strip().rpartition("\n")[2][:300]
        return Trouble(FailureKind.NOT_UNDERSTOOD, f"the worker failed: {said or 'it said nothing'}")
    return told


def _judged(turn: Turn, told: Told) -> str:
    """What the attempt says about the password, if anything."""
    if isinstance(told, Kept) and told.stage != "login":
        turn.accepted()
        return "accepted"
    if isinstance(told, Kept) and told.code in _OF_THE_SECRET:
        turn.refused(f"the KDC ({told.text})")
        return "refused"
    return ""


def _environment(ours: Mapping[str, str], config: str, ccache: str | None) -> dict[str, str]:
    given = {name: value for name, value in ours.items() if name not in _NOT_TOLD}
    where = ccache or ours.get("KRB5CCNAME")
    if where:
        given["KRB5CCNAME"] = where
    return {**given, "KRB5_CONFIG": config, "LC_ALL": "C.UTF-8"}
