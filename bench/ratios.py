"""Interleaved pairs and their medians, printed beside the target."""

from __future__ import annotations

import statistics
from collections.abc import Callable


def interleaved(pairs: int, **measures: Callable[[], float]) -> dict[str, list[float]]:
    """Each measure once a round, `pairs` rounds, so that a busy moment hits them alike."""
    results: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(pairs):
        for name, measure in measures.items():
            results[name].append(measure())
    return results


def ratio(over: list[float], under: list[float]) -> float:
    """The median of the ratios of the rounds."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def say(what: str, value: float, target: str, note: str = "") -> None:
    print(f"{what:<58} {value:8.2f}   {target:<12} {note}", flush=True)
