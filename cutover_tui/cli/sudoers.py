"""`cutover sudoers`: the drop-in for one guest."""

from __future__ import annotations

import argparse

from cutover_tui.cli import places
from cutover_tui.cli.outcome import OPEN, BadInput
from cutover_tui.core.addresses import is_user
from cutover_tui.core.runbook import Host, Runbook
from cutover_tui.engine.proofs.sudoers import drop_in


def run(arguments: argparse.Namespace) -> int:
    """Print it; nothing is connected to."""
    loaded = places.runbook(arguments.runbook)
    places.warn(loaded)
    book = loaded.runbook
    host = book.host(arguments.host)
    if host is None:
        known = ", ".join(h.name for h in book.hosts)
        raise BadInput(f"{arguments.runbook} has no host {arguments.host}; its hosts are {known}")
    realm = book.domain.realm
    if realm is None:
        raise BadInput(
            f"{arguments.runbook} names no realm: nothing is run as root but its own actions, and no drop-in "
            "holds those; name domain.realm where keytab, caches and tickets are to be looked at"
        )
    user = arguments.user or _user(book, host)
    if user is None:
        raise BadInput(f"the runbook names no login user for {host.name}; give --user")
    if not is_user(user):
        raise BadInput(f"{user!a} cannot be a login name")
    principal = arguments.principal or f"{host.name.partition('.')[0].upper()[:15]}$@{realm}"
    try:
        text = drop_in(book, host, user=user, principal=principal)
    except ValueError as error:
        raise BadInput(str(error)) from None
    print(text, end="")
    return OPEN


def _user(book: Runbook, host: Host) -> str | None:
    credential = book.credentials.get(host.credential or "")
    return host.user or (credential.user if credential is not None else None)
