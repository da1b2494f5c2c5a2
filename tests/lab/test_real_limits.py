"""A world that the real door cannot have is not played through it, and told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover_tui.cli import main
from cutover_tui.lab.drill.real_limits import not_real
from cutover_tui.lab.world_file.loading import load_world_text

WORLD = """\
world: 1
title: a world
references: [{name: ntp1}, {name: ntp2}]
guests: [{name: app01}]
expect: {outcome: allowed}
"""


def limit(more: str) -> str | None:
    return not_real(load_world_text(WORLD + more, "w.yaml", Path()))


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ("jump: {offset: 2s}", "jump"),
        ("network: {loss: 3}", "network.loss"),
        ("network: {latency: 80ms}", "network.latency"),
        ("network: {links: [{from: app01, to: jump, latency: 80ms}]}", "network.links[0]"),
        ("network: {blocked: [{to: ntp1, port: 123}]}", "network.blocked[0]"),
        ("events: [{on: mark, do: [{clock: {who: jump, by: 2s}}]}]", "events[0].do[0]"),
        ("events: [{on: mark, do: [{block: {from: jump, to: app01}}]}]", "events[0].do[0]"),
        ("events: [{on: mark, do: [{link: {to: jump, loss: 3}}]}]", "events[0].do[0]"),
    ],
)
def test_what_the_jump_host_has_of_its_own_is_told(more: str, path: str) -> None:
    said = limit(more)
    assert said is not None
    assert said.startswith(f"w.yaml:6: `{path}` cannot be had through the real door: the jump host's ")


@pytest.mark.parametrize(
    "more",
    [
        "",
        "network: {blocked: [{from: app01, port: 123}]}",
        "network: {links: [{from: app01, to: ntp1, loss: 3}]}",
        "events: [{on: mark, do: [{clock: {who: ntp1, by: 2s}}, {block: {from: app01, port: 123}}]}]",
    ],
)
def test_what_guests_have_among_them_is_played(more: str) -> None:
    assert limit(more) is None


def test_the_command_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(f"{WORLD}jump: {{offset: 2s}}\n", encoding="utf-8")
    assert main(["drill", "--door", "real", str(path)]) == 2
    assert f"{path}:6: `jump` cannot be had through the real door" in capsys.readouterr().err
