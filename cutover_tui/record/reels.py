"""The tapes of a session beside its journal: read, verified against their seals, split by boots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cutover_tui.core.evidence import HostLog
from cutover_tui.core.finding import Window
from cutover_tui.record.events import Event, Sealed
from cutover_tui.record.files import RecordError
from cutover_tui.record.tape import TapeContents, read_tape, tape_path
from probes.observation import Observation, Sample


@dataclass(slots=True)
class Reel:
    """One tape, split by the boots of the jump host: evidence never crosses one."""

    name: str
    path: Path
    contents: TapeContents
    by_boot: dict[str, HostLog] = field(default_factory=dict)

    def sealed_observations(self) -> Iterator[tuple[int, Observation]]:
        """Observations that a seal covers, with their lines."""
        return ((line, o) for line, o in self.contents.observations if line <= self.contents.sealed)


def seals_by_tape(events: Sequence[Event]) -> dict[str, list[Window]]:
    """The seals of every tape, in the order of the journal."""
    seals: dict[str, list[Window]] = {}
    for event in events:
        if isinstance(event.body, Sealed):
            for window in event.body.windows:
                seals.setdefault(window.tape, []).append(window)
    return seals


def read_reels(
    events: Sequence[Event], tapes: Path
) -> tuple[dict[str, Reel], list[tuple[Path, RecordError]]]:
    """Every sealed tape by its name, and what could not be read or was not what was sealed. Blocks."""
    reels: dict[str, Reel] = {}
    errors: list[tuple[Path, RecordError]] = []
    for name, seals in seals_by_tape(events).items():
        path = tape_path(tapes, name)
        try:
            contents = read_tape(path, seals)
        except RecordError as error:
            errors.append((path, error))
            continue
        try:
            reels[name] = Reel(name, path, contents, logs_of(contents))
        except OverflowError:
            errors.append((path, RecordError(f"{path} holds times that no clock shows")))
    return reels, errors


def logs_of(contents: TapeContents) -> dict[str, HostLog]:
    """What a tape holds, by boot of the jump host."""
    boots: dict[str, HostLog] = {}
    for line, observation in contents.observations:
        boots.setdefault(observation.began.boot_id, HostLog()).add_observation(line, observation)
    for boot, line, sample in samples_of(contents):
        boots.setdefault(boot, HostLog()).add_sample(line, sample)
    return boots


def samples_of(contents: TapeContents) -> Iterator[tuple[str, int, Sample]]:
    """Every sample with its line and the boot of the jump host whose BOOTTIME it carries."""
    starts = [(line, opened.anchor.boot_id) for line, opened in contents.anchors]
    at = 0
    for line, sample in contents.samples:
        while at + 1 < len(starts) and starts[at + 1][0] < line:
            at += 1
        yield (starts[at][1] if starts else ""), line, sample
