"""Commands and flags."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from typing import cast

from cutover_tui import __version__

Command = Callable[[argparse.Namespace], int]


def _late(module: str) -> Command:
    """The command of a module, imported when it is run: `--help` stays fast, `check` free of Textual."""

    def run(arguments: argparse.Namespace) -> int:
        return cast("Command", importlib.import_module(f"cutover_tui.cli.{module}").run)(arguments)

    return run


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parsed arguments with `command` set to what runs. Exits with 2 on unusable flags."""
    parser = argparse.ArgumentParser(
        prog="cutover",
        description="A migration runbook that refuses to be marked done until identity continuity is measured.",
    )
    parser.add_argument("--version", action="version", version=f"cutover {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="walk a runbook in the terminal, in a new session")
    run.add_argument("runbook", help="runbook file (YAML)")
    _screen(run)
    _surroundings(run)
    run.set_defaults(command=_late("run"))

    resume = commands.add_parser("resume", help="take a session up again")
    resume.add_argument("session", help="session name, its beginning, or its directory")
    _screen(resume)
    _surroundings(resume)
    resume.set_defaults(command=_late("resume"))

    sessions = commands.add_parser("sessions", help="list the sessions on this machine")
    sessions.set_defaults(command=_late("list_sessions"))

    check = commands.add_parser(
        "check", help="look once, without a screen; exit 0 open, 1 refused, 3 unknown"
    )
    check.add_argument("runbook", help="runbook file (YAML)")
    check.add_argument("--step", help="this step only")
    check.add_argument("--host", help="this guest only")
    check.add_argument("--soak", action="store_true", help="wait until the soaks are complete")
    check.add_argument("--session", help="compare with this session's mark and baseline")
    check.add_argument("--json", action="store_true", help="one JSON document instead of text")
    _surroundings(check)
    check.set_defaults(command=_late("check"))

    export = commands.add_parser("export", help="write a session's evidence for the change ticket")
    export.add_argument("session", help="session name, its beginning, or its directory")
    export.add_argument("-o", "--output", required=True, metavar="DIR", help="new directory to write")
    export.set_defaults(command=_late("export"))

    verify = commands.add_parser("verify", help="check exported evidence: hashes, structure, decisions")
    verify.add_argument("directory", metavar="DIR", help="exported directory, or a session's")
    verify.add_argument("--head", help="the chain head that stands on the change ticket")
    verify.add_argument("--json", action="store_true", help="one JSON document instead of text")
    verify.set_defaults(command=_late("verify"))

    trust = commands.add_parser("trust", help="show and pin the host keys of guests")
    trust.add_argument("host", nargs="*", metavar="HOST", help="address, or address:port")
    trust.add_argument("--from", dest="source", metavar="FILE", help="pin the keys of a known_hosts file")
    trust.add_argument(
        "--yes", action="store_true", help="pin without asking (the keys were compared before)"
    )
    trust.set_defaults(command=_late("trust"))

    sudoers = commands.add_parser(
        "sudoers", help="print the sudoers drop-in for what readers and proofs run as root on a guest"
    )
    sudoers.add_argument("runbook", help="runbook file (YAML)")
    sudoers.add_argument("host", help="a guest of the runbook")
    sudoers.add_argument("--user", help="login user, where the runbook names none")
    sudoers.add_argument("--principal", help="machine account (default: HOST$@REALM)")
    sudoers.set_defaults(command=_late("sudoers"))

    schema = commands.add_parser("schema", help="print the JSON Schema of runbooks, for editors")
    schema.set_defaults(command=_late("schema"))

    demo = commands.add_parser("demo", help="open the incident in the embedded lab")
    which = demo.add_mutually_exclusive_group()
    which.add_argument("--before", action="store_true", help="begin before the move, with the baseline")
    which.add_argument(
        "--world", metavar="WORLD", help="another incident: the name of a shipped world, or a world file"
    )
    _screen(demo)
    demo.set_defaults(command=_late("demo"))

    drill = commands.add_parser("drill", help="play worlds and compare what came out; exit 0 as expected")
    drill.add_argument("world", nargs="*", metavar="WORLD", help="world file (YAML)")
    drill.add_argument("--all", metavar="DIR", help="every world file below this directory")
    drill.add_argument("--generate", metavar="SEED[:COUNT]", help="worlds drawn from seeds instead of files")
    drill.add_argument("--print", action="store_true", help="print generated worlds and play none")
    book = drill.add_mutually_exclusive_group()
    book.add_argument(
        "--naive", action="store_true", help="play the naive checklist instead, and print what it looks at"
    )
    book.add_argument(
        "--table", action="store_true", help="play both, and count incidents caught and false refusals"
    )
    drill.add_argument("--json", action="store_true", help="one JSON document instead of text")
    drill.add_argument(
        "--door",
        choices=("virtual", "real"),
        default="virtual",
        help="in virtual time, or on loopback at rate 1",
    )
    drill.add_argument("--keep", metavar="DIR", help="keep the sessions in this directory")
    drill.add_argument("--schema", action="store_true", help="print the JSON Schema of world files")
    drill.set_defaults(command=_late("drill"))

    return parser.parse_args(argv)


def _screen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--operator", help="your name on the record (default: your account)")
    parser.add_argument("--ascii", action="store_true", help="no characters beyond ASCII")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")


def _surroundings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ssh-config", metavar="FILE", help="OpenSSH client configuration instead of ~/.ssh/config"
    )
