"""The base of everything in a world file."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Unknown keys are errors."""


Who = Annotated[
    str,
    Meta(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._-]*)$", max_length=64, description="a name, `jump` or `*`"),
]
