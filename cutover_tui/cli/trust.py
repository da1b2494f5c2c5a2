"""`cutover trust`: shows host keys and pins them after a person compared them. Never by itself."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from cutover_tui.cli import places
from cutover_tui.cli.outcome import BAD_INPUT, OPEN, REFUSED, BadInput
from cutover_tui.core.addresses import parse_host_port
from probes.seam import LinkError
from probes.ssh.known_hosts import PresentedKey, adopt, pin, scan


def run(arguments: argparse.Namespace) -> int:
    """Pin the keys of FILE, or scan each HOST, show its fingerprints and ask."""
    own = places.known_hosts()
    if arguments.source is not None:
        if arguments.host:
            raise BadInput("give HOSTs or --from FILE, not both")
        try:
            count = adopt(own, Path(arguments.source))
        except OSError as error:
            raise BadInput(f"{error.filename or own}: {error.strerror}; nothing was pinned") from None
        except ValueError as error:
            raise BadInput(str(error)) from None
        print(f"{count} new entries pinned in {own}")
        return OPEN
    if not arguments.host:
        raise BadInput("name at least one HOST, or --from FILE")
    worst = OPEN
    for name in arguments.host:
        worst = max(worst, _trust(name, own, sure=arguments.yes))
    return worst


def _trust(name: str, own: Path, *, sure: bool) -> int:
    try:
        host, port = parse_host_port(name)
    except ValueError as error:
        print(f"{name}: {error}; give an address or address:port", file=sys.stderr)
        return BAD_INPUT
    try:
        keys = asyncio.run(scan(host, port or 22))
    except LinkError as error:
        print(error.failure.detail, file=sys.stderr)
        return REFUSED
    if not keys:
        print(f"{name} shows no host key this program can use", file=sys.stderr)
        return REFUSED
    print(f"{name} presents:")
    for key in keys:
        print(f"  {key.fingerprint}  {key.algorithm}")
    if not sure:
        if not sys.stdin.isatty():
            print("compare them on the console, then run this again with --yes", file=sys.stderr)
            return REFUSED
        answer = input("Compared with the guest's console and equal? Type the host's name to pin: ")
        if answer.strip() != name:
            print("not pinned")
            return REFUSED
    _pin(own, keys)
    print(f"pinned in {own}")
    return OPEN


def _pin(own: Path, keys: Sequence[PresentedKey]) -> None:
    try:
        pin(own, keys)
    except OSError as error:
        raise BadInput(f"cannot write {own}: {error}") from None
