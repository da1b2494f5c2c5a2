"""Which references answer the jump host: what it reaches itself no guest needs to ask."""

from __future__ import annotations

from dataclasses import dataclass, field

SILENT = 3
"""So many exchanges in a row without an answer: a lost packet is not a firewall."""


@dataclass(slots=True)
class Reached:
    """Counted by the jump host's own watches, asked by those over guests. On the probe loop."""

    enough: int = SILENT
    """From how many on a server counts as silent."""
    _missed: dict[str, int] = field(default_factory=dict)

    def answered(self, server: str) -> None:
        """It answered just now."""
        self._missed[server] = 0

    def missed(self, server: str) -> None:
        """An exchange gave no time."""
        self._missed[server] = self._missed.get(server, 0) + 1

    def silent(self, server: str) -> bool:
        """Whether nothing is to be had from here now."""
        return self._missed.get(server, 0) >= self.enough
