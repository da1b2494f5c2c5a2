"""Five hundred random worlds: whoever is broken is refused, whoever is healthy is let through.

What must come out is told by an oracle from the drawn state; checks, readers, session and gate
are the real ones. A seed that fails here is played alone with `cutover drill --generate SEED`.
"""

from __future__ import annotations

import ast
import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import msgspec
import pytest

import cutover_tui.lab.generator as package
from cutover_tui.cli import main
from cutover_tui.lab.drill.drill import Played
from cutover_tui.lab.drill.scratch import scratch
from cutover_tui.lab.generator.generate import Drawn, generate
from cutover_tui.lab.generator.oracle.judge import truth_of
from cutover_tui.lab.generator.oracle.truth import Borderline
from cutover_tui.lab.generator.play import Outcome, play, wrong
from cutover_tui.lab.world_file.amounts import Span
from cutover_tui.lab.world_file.loading import load_world_text
from cutover_tui.lab.world_file.model import ClockSpec

SEEDS = range(500)
CHUNK = 10


def played(root: Path, seed: int) -> Outcome:
    """One seed; what it left on the disk goes at once."""
    directory = root / str(seed)
    directory.mkdir()
    try:
        return play(seed, directory)
    finally:
        shutil.rmtree(directory)


@pytest.mark.timeout(900)
def test_five_hundred_random_worlds_come_out_as_they_are() -> None:
    # Spawned: a fork would share the threads of this process.
    with (
        scratch() as root,
        ProcessPoolExecutor(os.cpu_count() or 1, multiprocessing.get_context("spawn")) as pool,
    ):
        outcomes = list(pool.map(partial(played, root), SEEDS, chunksize=CHUNK))
    missed = [str(o) for o in outcomes if o.wrong == "miss"]
    cried_wolf = [str(o) for o in outcomes if o.wrong == "false refusal"]
    elsewhere = [str(o) for o in outcomes if o.wrong not in (None, "miss", "false refusal")]
    assert (missed, cried_wolf, elsewhere) == ([], [], [])
    healthy = sum(not o.kinds for o in outcomes)
    assert len(SEEDS) // 3 < healthy < 2 * len(SEEDS) // 3
    assert len({kind for o in outcomes for kind in o.kinds}) >= 14


def test_a_seed_is_the_same_world_again_and_its_file_loads_to_it() -> None:
    for seed in range(150):
        drawn = generate(seed)
        assert generate(seed) == drawn
        assert load_world_text(drawn.text, "drawn.yaml", Path()).spec == drawn.spec


def test_the_oracle_asks_no_check_and_no_reader() -> None:
    folder = Path(next(iter(package.__path__)))
    for path in (folder / "oracle").glob("*.py"):
        tree = ast.parse(path.read_text())
        modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        ours = {m for m in modules if m.startswith(("cutover_tui", "probes", "screens"))}
        foreign = {m for m in ours if not m.startswith("cutover_tui.lab.generator.oracle.")}
        assert foreign <= {"cutover_tui.lab.generator.runbook", "cutover_tui.lab.world_file.model"}, path


def first(*, healthy: bool) -> Drawn:
    return next(d for d in map(generate, range(100)) if d.truth.healthy == healthy)


def outcome(drawn: Drawn, *, step: str | None, findings: tuple[tuple[str, str], ...] = ()) -> Played:
    host = drawn.first[0].host if drawn.first else "app01"
    word = "refused" if step is not None else "allowed"
    return Played("w", "virtual", word, step, host, findings, "", 0, ())


def test_misses_false_refusals_and_other_reasons_are_told_apart() -> None:
    broken, healthy = first(healthy=False), first(healthy=True)
    fault = broken.first[0]
    right = ((next(iter(fault.checks)), "any"),)
    assert wrong(broken, outcome(broken, step=fault.step, findings=right)) is None
    assert wrong(broken, outcome(broken, step=None)) == "miss"
    assert wrong(broken, outcome(broken, step="elsewhere", findings=right)) == "refused elsewhere"
    assert wrong(broken, outcome(broken, step=fault.step, findings=(("x", "y"),))) == "refused elsewhere"
    assert wrong(healthy, outcome(healthy, step=None)) is None
    assert wrong(healthy, outcome(healthy, step="kept")) == "false refusal"


@pytest.mark.parametrize(("own", "kinds"), [("right", set()), ("edge", None), ("wrong", {"own-clock-wrong"})])
def test_the_oracle_keeps_away_from_edges(own: str, kinds: set[str] | None) -> None:
    ms = {"right": 500, "edge": 1_000, "wrong": 2_000}[own]
    clock = ClockSpec(offset=Span(ms * 1_000_000))
    spec = msgspec.structs.replace(first(healthy=True).spec, jump=clock)
    if kinds is None:
        with pytest.raises(Borderline):
            truth_of(spec)
    else:
        assert {fault.kind for fault in truth_of(spec).faults} == kinds


def test_the_command_plays_seeds_and_writes_their_worlds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drill", "--generate", "0:2", "--keep", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("2 worlds, ")
    file = tmp_path / "seed-1" / "seed-1.yaml"
    assert file.read_text() == generate(1).text
    assert main(["drill", str(file)]) == 0
    assert capsys.readouterr().out.startswith("as expected")
    assert main(["drill", "--generate", "1", "--print"]) == 0
    assert capsys.readouterr().out == f"---\n{generate(1).text}"


@pytest.mark.parametrize("text", ["x", "1:0", "-1", "1:2:3"])
def test_what_is_no_seed_is_bad_input(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drill", f"--generate={text}"]) == 2
    assert "a first seed and a count" in capsys.readouterr().err
