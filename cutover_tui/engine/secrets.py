"""Secrets only a person has: asked once, kept in memory, forgotten when refused.

Lives on the probe loop and implements `probes.prompts.Prompts`; the question crosses to the
screens, the answer comes back, and neither is ever written down.
"""

from __future__ import annotations

import asyncio

from cutover_tui.engine.messages import Emit, SecretAsked
from probes.prompts import SecretRequest

_Key = tuple[str, str]


class Secrets:
    """Asks each reusable secret once, however many hosts wait for it."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._waiting: dict[str, asyncio.Future[str | None]] = {}
        self._known: dict[_Key, str] = {}
        self._asking: dict[_Key, asyncio.Lock] = {}
        self._count = 0

    async def ask(self, request: SecretRequest) -> str | None:
        """The secret, from memory or from a person; None when the person declined."""
        if not request.reusable:
            return await self._person(request)
        key = (request.credential, request.kind)
        async with self._asking.setdefault(key, asyncio.Lock()):
            if key not in self._known:
                value = await self._person(request)
                if value is None:
                    return None
                self._known[key] = value
            return self._known[key]

    def rejected(self, request: SecretRequest) -> None:
        """The answer was refused: the next `ask` asks a person again."""
        self._known.pop((request.credential, request.kind), None)

    def answer(self, request: str, value: str | None) -> None:
        """A person's answer, on the probe loop."""
        future = self._waiting.get(request)
        if future is not None and not future.done():
            future.set_result(value)

    async def _person(self, request: SecretRequest) -> str | None:
        self._count += 1
        name = f"secret-{self._count}"
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._waiting[name] = future
        words = f"{request.kind} for {request.subject}" + (f" — {request.text}" if request.text else "")
        self._emit(SecretAsked(name, request.credential, words, request.echo))
        try:
            return await future
        finally:
            del self._waiting[name]
