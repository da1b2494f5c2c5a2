"""Who sits at the terminal, for the record."""

from __future__ import annotations

import getpass
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operator:
    """Who sits here, for the record."""

    name: str
    jump_host: str

    @classmethod
    def current(cls, name: str | None = None) -> Operator:
        """The account's name on this machine, unless another is given."""
        return cls(name or getpass.getuser(), socket.gethostname())
