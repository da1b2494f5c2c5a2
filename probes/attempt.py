"""What one attempt at a guest's service saw, as whoever made it tells it.

A worker of `probes.exchange` tells it of a real one; a simulated world may as well.
"""

from __future__ import annotations

import msgspec

from probes.facts_kerberos import ApInStage
from probes.observation import FailureKind


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="kept"):
    """One attempt as the worker tells it. `stage` is where it ended."""

    stage: ApInStage
    principal: str  # ours; empty = not known
    code: int | None = None  # what the library says the refusal's number is
    text: str = ""
    start_s: int | None = None  # of the service ticket, UTC by the KDC's clock
    end_s: int | None = None
    token: str = ""  # the service's last word, in hex
    sent_ns: int | None = None  # CLOCK_BOOTTIME: before and after it was presented
    received_ns: int | None = None
    own_utc_ns: int | None = None  # CLOCK_REALTIME at the middle
    admitted: bool | None = None  # whether the account may use the service, once it is known who it is
    shown_ns: int | None = None  # UTC by the service's clock, where it said so beside its refusal


class Trouble(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="trouble"):
    """Nothing was proven either way."""

    kind: FailureKind
    detail: str


Told = Kept | Trouble
"""A worker's last line."""
