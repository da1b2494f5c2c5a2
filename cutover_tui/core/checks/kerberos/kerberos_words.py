"""Protocol error numbers beside sentences for a tired engineer (RFC 4120 section 7.5.9).

Seen from real KDCs and acceptors: 6, 7, 18, 24, 31, 33, 35, 37, 44. That 41 is what Windows
services say to a wrong key is from the literature.
"""

from __future__ import annotations

from dataclasses import dataclass

SKEW = 37
"""KRB_AP_ERR_SKEW."""

UNKNOWN_SERVICE = 7
"""KDC_ERR_S_PRINCIPAL_UNKNOWN."""

OF_CLOCKS = frozenset({33, SKEW})
"""Refusals that two clocks explain; 33 is KRB_AP_ERR_TKT_NYV."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a number means here: a reason code, a sentence to follow the error's own words, a remedy."""

    code: str
    sentence: str
    remedy: str


_MISMATCH = Meaning(
    "key-mismatch",
    "the ticket was made with another key than the service holds",
    "Compare the key version of the service's keytab with the directory's; join it again or fetch its keytab.",
)
_EXPIRED = Meaning(
    "expired",
    "it is no longer valid",
    "Renew the account, the password or the ticket that the sentence names.",
)

MEANINGS = {
    1: _EXPIRED,
    6: Meaning(
        "unknown-client",
        "the directory does not have this account",
        "Find out who deleted or renamed it, or whether the guest asks another domain; join it again.",
    ),
    7: Meaning(
        "unknown-service",
        "the directory has nobody of this service name",
        "Look for the service principal name: missing, twice, under another name than the runbook's controller, or asked "
        "of another realm (default_realm and domain_realm of krb5.conf).",
    ),
    14: Meaning(
        "enctype",
        "the keytab and the account have no encryption type in common",
        "Compare `klist -kte` with msDS-SupportedEncryptionTypes of the account.",
    ),
    18: Meaning(
        "revoked",
        "the account is disabled, locked or expired",
        "Ask whoever disabled it, enable it in the directory (or correct when it expires), and look for a second machine that uses its name.",
    ),
    23: _EXPIRED,
    24: Meaning(
        "stale-keytab",
        "the keytab's password is not the account's",
        "The machine's password was changed elsewhere: by the source VM still running, or a restored snapshot. "
        "Make sure only one of them runs, then join again or renew the keytab.",
    ),
    31: _MISMATCH,
    32: _EXPIRED,
    33: Meaning(
        "not-yet-valid",
        "the ticket begins in the future of whoever looks at it: that clock is behind",
        "Compare the clocks of guest and controllers (kerberos.margin, kdc.clock).",
    ),
    35: _MISMATCH,
    SKEW: Meaning(
        "skew",
        "guest and KDC are farther apart than Kerberos tolerates",
        "Correct the clock that is wrong (kerberos.margin and kdc.clock say which), then renew old tickets.",
    ),
    41: _MISMATCH,
    44: Meaning(
        "stale-keytab",
        "the keytab has an older key version than the ticket",
        "Renew the service's keytab; whoever changed the password did it elsewhere.",
    ),
    45: _MISMATCH,
}
OTHER = Meaning(
    "refused",
    "this version has no sentence for it",
    "Look at what the tool said and at the KDC's log of that moment.",
)


RENAMED = Meaning(
    MEANINGS[7].code,
    "the library had a ticket for this name and asked for another, by what the controller's address is called here",
    "Compare the controller's reverse record and /etc/hosts of the guest with its name, or set `rdns = false` in krb5.conf.",
)
"""Where kvno was given a ticket for the service and a program that goes by the host's name was not."""

_NO_KEY = Meaning(
    MEANINGS[14].code,
    "the keytab has no key of a type that the KDC asks for and the library permits",
    "Compare `klist -kte` with msDS-SupportedEncryptionTypes of the account and permitted_enctypes of krb5.conf.",
)
_OF_KEYS = ("No key table entry found for ", "Keytab contains no suitable keys for ")
"""The library's own words, which have no number: the KDC was not told."""


def meaning(number: int | None, text: str = "") -> Meaning:
    """What that number means here, or these words of the library where there is none."""
    if number is None:
        return _NO_KEY if text.startswith(_OF_KEYS) else OTHER
    return MEANINGS.get(number, OTHER)
