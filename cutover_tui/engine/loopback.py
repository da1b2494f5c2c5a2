"""The port through encode → decode: what attaching from another process will do, without the socket.

Proof that arguments and results are plain structs, and the shape of a remote port.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from cutover_tui.core.finding import Decision
from cutover_tui.engine.identity.view import IdentityView
from cutover_tui.engine.port import (
    ClockView,
    ProofView,
    Refused,
    SecretRequest,
    SessionPort,
    SessionView,
    StepView,
)

T = TypeVar("T")


def _through(value: object, kind: Any) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind)


class Loopback:
    """A `SessionPort` whose every argument and result was encoded and decoded on the way."""

    def __init__(self, port: SessionPort) -> None:
        self._port = port

    def view(self) -> SessionView:
        view: SessionView = _through(self._port.view(), SessionView)
        return view

    def step(self, step: str, host: str) -> StepView:
        view: StepView = _through(self._port.step(*_strings(step, host)), StepView)
        return view

    def clock(
        self, hosts: tuple[str, ...], since_ns: int, points: int, until_ns: int | None = None
    ) -> ClockView:
        sent = _through((hosts, since_ns, points, until_ns), tuple[tuple[str, ...], int, int, int | None])
        view: ClockView = _through(self._port.clock(*sent), ClockView)
        return view

    def identity(self, host: str) -> IdentityView:
        view: IdentityView = _through(self._port.identity(*_strings(host)), IdentityView)
        return view

    def secrets(self) -> tuple[SecretRequest, ...]:
        asked: tuple[SecretRequest, ...] = _through(self._port.secrets(), tuple[SecretRequest, ...])
        return asked

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        return self._port.subscribe(changed)

    async def start_step(self, step: str, host: str, moved: bool = False) -> Refused | None:
        sent = _through((step, host, moved), tuple[str, str, bool])
        return _refused(await self._port.start_step(*sent))

    async def run_action(self, step: str, host: str, action: str) -> Refused | None:
        return _refused(await self._port.run_action(*_strings(step, host, action)))

    async def mark_done(self, step: str, host: str, second: str | None = None) -> Decision | Refused:
        name, where, who = _through((step, host, second), tuple[str, str, str | None])
        result = await self._port.mark_done(name, where, who)
        kind = Refused if isinstance(result, Refused) else Decision
        back: Decision | Refused = _through(result, kind)
        return back

    async def acknowledge(self, check: str, reason_code: str, host: str, ticket: str) -> Refused | None:
        return _refused(await self._port.acknowledge(*_strings(check, reason_code, host, ticket)))

    def proof(self, host: str) -> ProofView:
        view: ProofView = _through(self._port.proof(*_strings(host)), ProofView)
        return view

    async def prove(self, host: str, shown: tuple[tuple[str, ...], ...]) -> Refused | None:
        sent = _through((host, shown), tuple[str, tuple[tuple[str, ...], ...]])
        return _refused(await self._port.prove(*sent))

    async def read_clock(self, first: str, second: str, utc_ns: int) -> Refused | None:
        sent = _through((first, second, utc_ns), tuple[str, str, int])
        return _refused(await self._port.read_clock(*sent))

    async def look_again(self, host: str) -> None:
        await self._port.look_again(*_strings(host))

    async def note(self, text: str, step: str | None, host: str | None) -> Refused | None:
        sent = _through((text, step, host), tuple[str, str | None, str | None])
        return _refused(await self._port.note(*sent))

    async def answer(self, request: str, value: str | None) -> None:
        name, secret = _through((request, value), tuple[str, str | None])
        await self._port.answer(name, secret)

    async def export(self, directory: str) -> str | Refused:
        result = await self._port.export(*_strings(directory))
        return result if isinstance(result, str) else _through(result, Refused)


def _strings(*values: str) -> tuple[str, ...]:
    sent: tuple[str, ...] = _through(values, tuple[str, ...])
    return sent


def _refused(value: Refused | None) -> Refused | None:
    back: Refused | None = _through(value, Refused | None)
    return back
