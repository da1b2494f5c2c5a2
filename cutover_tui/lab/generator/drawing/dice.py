"""Chance of one seed: the same seed throws the same dice on every machine."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Throws of one seed; a drawing that was too near an edge is drawn again with the next `attempt`."""

    def __init__(self, seed: int, attempt: int = 0) -> None:
        self._random = random.Random(f"world {seed} {attempt}")  # noqa: S311 - worlds, no secrets

    def in_100(self, percent: int) -> bool:
        """True so many times of a hundred."""
        return self._random.randrange(100) < percent

    def of(self, several: Sequence[T]) -> T:
        """One of them, all alike."""
        return several[self._random.randrange(len(several))]

    def weighed(self, several: Mapping[T, int]) -> T:
        """One of them, by weight."""
        at = self._random.randrange(sum(several.values()))
        for one, weight in several.items():
            at -= weight
            if at < 0:
                return one
        raise AssertionError("weights are not negative")

    def some(self, several: Sequence[T], count: int) -> tuple[T, ...]:
        """So many of them, in any order."""
        left = list(several)
        return tuple(left.pop(self._random.randrange(len(left))) for _ in range(count))

    def between(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return self._random.randrange(low, high + 1)

    def either_sign(self, low: int, high: int) -> int:
        """The same, ahead or behind."""
        return self.between(low, high) * self.of((-1, 1))
