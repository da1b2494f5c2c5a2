"""Commands without a screen start without one: they import neither Textual nor rich, from any directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREEN = {"textual", "rich", "screens", "markdown_it", "pygments"}
COMMANDS: dict[str, tuple[str, int]] = {
    # What is run and its exit code. Nothing here touches a network.
    "--version": ("--version", 0),
    "--help": ("--help", 0),
    "check --help": ("check --help", 0),
    "check": ("check missing.yaml", 2),
    "verify": ("verify missing", 2),
    "export": ("export missing -o out", 2),
    "schema": ("schema", 0),
    "sessions": ("sessions", 0),
    "trust": ("trust", 2),
}
SCRIPT = """\
import json, sys
from cutover_tui.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code or 0
sys.stdout.flush()
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


def imported(arguments: str, elsewhere: Path) -> tuple[int, set[str]]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(elsewhere),
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C.UTF-8",
    }
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments.split()],
        cwd=elsewhere,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    code, modules = json.loads(ended.stderr.splitlines()[-1])
    return code, set(modules)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, set[str]]]:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda c: imported(c[0], elsewhere), COMMANDS.values())
        return dict(zip(COMMANDS, found, strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_screen_is_imported(command: str, outcomes: dict[str, tuple[int, set[str]]]) -> None:
    code, modules = outcomes[command]
    assert code == COMMANDS[command][1]
    assert modules.isdisjoint(SCREEN)


@pytest.mark.parametrize("command", ["--version", "--help", "check --help"])
def test_help_imports_nothing_that_takes_time(
    command: str, outcomes: dict[str, tuple[int, set[str]]]
) -> None:
    _, modules = outcomes[command]
    assert modules.isdisjoint({"asyncio", "asyncssh", "cryptography", "msgspec", "yaml", "probes"})


@pytest.mark.parametrize("command", COMMANDS)
def test_the_directorys_libraries_wait_until_a_runbook_asks(
    command: str, outcomes: dict[str, tuple[int, set[str]]]
) -> None:
    _, modules = outcomes[command]
    assert modules.isdisjoint({"ldap3", "dns"})


@pytest.mark.parametrize("command", ["schema", "sessions"])
def test_what_asks_no_guest_imports_no_transport(
    command: str, outcomes: dict[str, tuple[int, set[str]]]
) -> None:
    _, modules = outcomes[command]
    assert "asyncssh" not in modules
