"""`cutover drill --generate SEED[:COUNT]`: worlds drawn from seeds, held against what their state says."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import msgspec

from cutover_tui.cli.outcome import OPEN, REFUSED, BadInput
from cutover_tui.lab.generator.generate import generate
from cutover_tui.lab.generator.play import Outcome, play

MOST = 1_000_000


def run(arguments: argparse.Namespace, root: Path) -> int:
    """Exit 0 when every world was refused or allowed as it is; sessions and world files go below `root`."""
    seeds = _seeds(arguments.generate)
    if arguments.print:
        for seed in seeds:
            print(f"---\n{generate(seed).text}", end="")
        return OPEN
    outcomes: list[Outcome] = []
    for one in _play(seeds, root):
        outcomes.append(one)
        if not arguments.json and (one.wrong is not None or len(seeds) == 1):
            print(one)
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(outcomes), indent=2) + b"\n")
    elif len(seeds) > 1:
        _sum_up(outcomes)
    return OPEN if all(one.wrong is None for one in outcomes) else REFUSED


def _seeds(text: str) -> range:
    found = re.fullmatch(r"(\d{1,9})(?::(\d{1,7}))?", text, re.ASCII)
    count = int(found[2] or 1) if found is not None else 0
    if found is None or not 1 <= count <= MOST:
        raise BadInput(f"--generate {text}: expected a seed, or a first seed and a count such as 0:500")
    return range(int(found[1]), int(found[1]) + count)


def _play(seeds: range, root: Path) -> Iterator[Outcome]:
    processes = min(len(seeds), os.cpu_count() or 1)
    if processes == 1:
        yield from map(partial(_one, root), seeds)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(partial(_one, root), seeds, chunksize=4)


def _one(root: Path, seed: int) -> Outcome:
    directory = root / f"seed-{seed}"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"seed-{seed}.yaml").write_text(generate(seed).text, encoding="utf-8")
    return play(seed, directory)


def _sum_up(outcomes: list[Outcome]) -> None:
    healthy = sum(not one.kinds for one in outcomes)
    wrong = [one.wrong for one in outcomes if one.wrong is not None]
    counted = ", ".join(f"{wrong.count(word)} {word}" for word in sorted(set(wrong))) or "none wrong"
    print(f"{len(outcomes)} worlds, {healthy} of them healthy: {counted}")
