"""Programs of a guest that hold credentials of its machine account for as long as they run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Holder:
    """A service with a cache of its own: it takes a ticket when it starts, and again every `renew_ns`."""

    process: str  # of its unit
    cache: str  # path
    owner: str
    renew_ns: int
    services: tuple[str, ...] = ()  # whom it talks to
    due: int | None = None  # true time; None = it does not run
    well: bool = False  # whether its last attempt got what it wanted


@dataclass(slots=True)
class Membership:
    """What a guest is in its domain."""

    account: str  # its machine account, NAME$
    realm: str
    holders: list[Holder] = field(default_factory=list)
