"""`ad.object`: the guest's account in the directory is whole, is its own, and is not older than before the mark."""

from __future__ import annotations

from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.directory import keytab_against
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from cutover_tui.core.timestamps import utc_text
from probes.facts_directory import AES, RC4, AccountFacts, AddressesFacts
from probes.observation import Observation

UNCHANGED = "unchanged"
NOT_OLDER = "not-older"
SHOWN = 3


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("account")
    account = evidence.facts("account", AccountFacts)
    if account is None or newest is None:
        return no_facts(says, "account", newest)
    used = (newest,)
    if account.found == 0:
        return says.fails(
            "no-account",
            f"{account.server} has no computer account for {account.asked}.",
            remedy="Restore or re-create the account before anything else; a rejoin breaks rollback.",
            used=used,
        )
    if account.found > 1:
        return says.fails(
            "several-accounts",
            f"{account.found} accounts go by the name {account.asked}.",
            remedy="Find the stale one and remove its names.",
            measured=account.found,
            used=used,
        )
    if not account.enabled:
        return says.fails(
            "disabled",
            f"{account.sam} is disabled.",
            remedy="Enable the account, and find out who disabled it.",
            used=used,
        )
    if account.duplicates:
        first = account.duplicates[0]
        return says.fails(
            "duplicate-spn",
            f"{first.spn} belongs to {first.dn} too, one of {len(account.duplicates)}: tickets for it fail.",
            remedy="Remove the name from the account that should not have it (setspn -D).",
            measured=len(account.duplicates),
            used=used,
        )
    if not account.spns_compared:
        return says.unknown(
            "too-many-spns",
            f"{account.sam} has more service names than are compared.",
            remedy="Look for duplicates with setspn -X.",
            used=used,
        )
    if account.enctypes is not None and not account.enctypes & (AES | RC4):
        return says.fails(
            "no-enctype",
            f"{account.sam} allows no encryption type that is still in use.",
            remedy="Set msDS-SupportedEncryptionTypes to include AES.",
            measured=account.enctypes,
            used=used,
        )
    fqdn = _fqdn(evidence)
    if fqdn is not None and account.dns_host_name.casefold() != fqdn.casefold():
        return says.fails(
            "other-dns-name",
            f"The account's DNS name is {account.dns_host_name or 'not set'}, the guest calls itself {fqdn}.",
            remedy="Give the guest its name back, or set dNSHostName and the SPNs.",
            used=used,
        )
    if evidence.mark is None:
        words = f"{account.sam} is enabled, {len(account.spns)} service names of its own"
        later = "; what it was before is compared after the mark"
        return _with_keytab(evidence, account, newest, asked, says, (words, later))
    before = evidence.baseline.facts.get("account") if evidence.baseline is not None else None
    if not isinstance(before, AccountFacts) or before.found != 1:
        return says.unknown(
            "no-baseline",
            "How the account was before the mark was not captured.",
            remedy="Compare pwdLastSet and the SPNs with a backup of the directory by hand.",
            used=used,
        )
    return _compared(evidence, before, account, newest, asked, says)


def _compared(
    evidence: Evidence,
    before: AccountFacts,
    account: AccountFacts,
    newest: Observation,
    asked: Asked,
    says: Says,
) -> Finding:
    used = (newest,)
    was, now = before.pwd_last_set_ns, account.pwd_last_set_ns
    if was is None or now is None:
        return says.unknown(
            "password-age-not-visible",
            f"When the password of {account.sam} was set is not shown.",
            remedy="Give the account that asks the right to read pwdLastSet.",
            used=used,
        )
    if now < was or (before.kvno is not None and account.kvno is not None and account.kvno < before.kvno):
        return says.fails(
            "password-rolled-back",
            f"The password of {account.sam} is from {utc_text(now)}, before the mark it was from {utc_text(was)}.",
            remedy="The directory was restored or asked before it replicated: compare all controllers.",
            measured=now - was,
            used=used,
        )
    if now != was and asked.text("password") == UNCHANGED:
        return says.fails(
            "password-changed",
            f"The password of {account.sam} was changed at {utc_text(now)}: the source VM no longer has it.",
            remedy="Rolling back now needs a rejoin of the source; freeze the rotation next time.",
            measured=now - was,
            used=used,
        )
    gone = sorted({s.casefold() for s in before.spns} - {s.casefold() for s in account.spns})
    if gone:
        more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
        return says.fails(
            "spns-lost",
            f"{account.sam} no longer has {', '.join(gone[:SHOWN])}{more}.",
            remedy="Register the names again (setspn -S).",
            measured=len(gone),
            used=used,
        )
    if before.enctypes and account.enctypes and not before.enctypes & account.enctypes:
        return says.fails(
            "enctypes-changed",
            f"{account.sam} allows none of the encryption types it allowed before the mark.",
            remedy="Set msDS-SupportedEncryptionTypes as before, or renew the keytab.",
            used=used,
        )
    changed = "" if now == was else f"; its password was changed at {utc_text(now)}"
    words = f"{account.sam} is enabled, {len(account.spns)} service names as before and its own{changed}"
    return _with_keytab(evidence, account, newest, asked, says, (words, ""))


def _with_keytab(
    evidence: Evidence,
    account: AccountFacts,
    newest: Observation,
    asked: Asked,
    says: Says,
    words: tuple[str, str],
) -> Finding:
    """A pass in these words, if the keytab has nothing against it: what the account lacks is said before."""
    if not asked.params["keytab"]:
        return says.passes("".join(words), used=(newest,))
    keys = keytab_against.against_keytab(evidence, account, newest, says)
    if not isinstance(keys, str):
        return keys
    keytab = evidence.latest("keytab")
    return says.passes(keys.join(words), used=(newest, keytab) if keytab is not None else (newest,))


def criterion(asked: Asked) -> Criterion:
    password = "unchanged" if asked.text("password") == UNCHANGED else "not older than in the baseline"
    keys = ", the keytab's newest keys those of the directory" if asked.params["keytab"] else ""
    return Criterion(
        f"one enabled account, its SPNs as in the baseline and unique, its password {password}, "
        f"an encryption type in use, dNSHostName the guest's name{keys}"
    )


def _fqdn(evidence: Evidence) -> str | None:
    """What the guest calls itself, else the name in the runbook; None where neither has a domain."""
    facts = evidence.facts("addresses", AddressesFacts)
    if facts is not None and facts.fqdn is not None:
        return facts.fqdn
    address = evidence.host.address
    return address if any(c.isalpha() for c in address) and "." in address and ":" not in address else None
