"""Who the engineer is to the domain: the principal whose password is asked for, or a ticket that is there. Pure."""

from __future__ import annotations

from cutover_tui.core.runbook import Runbook


def password_principal(runbook: Runbook) -> str | None:
    """`name@REALM` of `domain.credential` where its method is `password`; None = the ticket that is there."""
    domain = runbook.domain
    credential = runbook.credentials.get(domain.credential or "")
    if credential is None or credential.method != "password" or credential.user is None:
        return None
    user, at, realm = credential.user.partition("@")
    return f"{user}@{realm}" if at else f"{user}@{domain.realm}"
