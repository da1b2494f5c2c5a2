"""What a controller shows to a connection: searches over the world's directory, and who may log in.

Codes and sentences of refusals are Active Directory's. Both doors ask here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cutover_tui.lab.kerberos import directory
from cutover_tui.lab.kerberos.domain import Domain
from cutover_tui.lab.ldap.filters import Entry, Filter, fits

Scope = Literal["base", "one", "sub"]
MOST_VALUES = 1500
"""Of one attribute in one answer (MaxValRange; [MS-ADTS] section 3.1.1.3.1.3.3)."""

MOST_ENTRIES = 1000
"""In one answer (MaxPageSize); who wants more asks for pages."""

PASSWORD = "correct horse"  # noqa: S105 - of a simulated domain's only person
OPERATIONS, REFERRAL, STRONGER, NO_OBJECT, CREDENTIALS, SIZE = 1, 10, 8, 32, 49, 4
_RANGE = re.compile(r"(.+);range=(\d+)-(\d+|\*)\Z", re.IGNORECASE)
_BUILD = "v4563"
_SENTENCES = {
    OPERATIONS: "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind "
    f"must be completed on the connection., data 0, {_BUILD}",
    STRONGER: "00002028: LdapErr: DSID-0C090257, comment: The server requires binds to turn on integrity checking "
    f"if SSL\\TLS are not already active on the connection, data 0, {_BUILD}",
    NO_OBJECT: "0000208D: NameErr: DSID-0310028B, problem 2001 (NO_OBJECT), data 0, best match of:\n\t''\n",
    CREDENTIALS: f"80090308: LdapErr: DSID-0C090569, comment: AcceptSecurityContext error, data 52e, {_BUILD}",
    REFERRAL: "0000202B: RefErr: DSID-0310084A, data 0, 1 access points",
    SIZE: "",
}


class Refused(Exception):  # noqa: N818 - the controller's answer
    """A search or login has another result than success; `code` as of RFC 4511 section 4.1.9."""

    def __init__(self, code: int, referral: str = "") -> None:
        super().__init__(_SENTENCES.get(code, ""))
        self.code, self.referral = code, referral


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for."""

    base: str
    scope: Scope
    wanted: Filter
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A controller's directory; `shown`: what its clock shows, UTC ns."""

    domain: Domain
    controller: str
    shown: Callable[[], int]

    def login(self, user: str, password: str) -> None:
        """Let somebody in: the domain's one person, by any name of theirs.

        Raises:
            Refused: anybody else.
        """
        if password != PASSWORD or not user:
            raise Refused(CREDENTIALS)

    def search(self, asked: Search, *, bound: bool) -> list[tuple[str, Entry]]:
        """Distinguished names and the attributes that were asked for, sorted by name.

        Raises:
            Refused: no such base, or nobody has logged in.
        """
        if not asked.base:
            root = directory.root(self.domain, self.controller, self.shown())
            found = [("", root)] if asked.scope == "base" else []
            return [
                (dn, chosen(e, asked.attributes))
                for dn, e in found
                if fits({**e, "objectClass": ("top",)}, asked.wanted)
            ]
        if not bound:
            raise Refused(OPERATIONS)
        entries, base = directory.entries(self.domain), asked.base.casefold()
        known = {dn.casefold() for dn in entries}
        inside = {dn.casefold().split(",", n)[-1] for dn in entries for n in range(dn.count(",") + 1)}
        if base not in known | inside:
            outside = not base.endswith(directory.base(self.domain).casefold())
            raise (
                Refused(REFERRAL, f"ldap://{_dns(asked.base)}/{asked.base}")
                if outside
                else Refused(NO_OBJECT)
            )
        return [
            (dn, chosen(entry, asked.attributes))
            for dn, entry in sorted(entries.items())
            if _within(dn.casefold(), base, asked.scope) and fits(entry, asked.wanted)
        ]


def chosen(entry: Entry, attributes: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Those attributes, all where none or `*` is named; more than MOST_VALUES values in a range."""
    ranges = {found[1].casefold(): int(found[2]) for a in attributes if (found := _RANGE.match(a))}
    names = {a.casefold() for a in attributes} | set(ranges)
    out: dict[str, tuple[str, ...]] = {}
    for key, values in entry.items():
        if names and "*" not in names and key.casefold() not in names:
            continue
        first = ranges.get(key.casefold())
        if first is None and len(values) <= MOST_VALUES:
            out[key] = values
        else:
            some = values[first or 0 :][:MOST_VALUES]
            whole = (first or 0) + len(some) >= len(values)
            out[f"{key};range={first or 0}-{'*' if whole else (first or 0) + len(some) - 1}"] = some
    return {key: values for key, values in out.items() if values}


def _within(dn: str, base: str, scope: Scope) -> bool:
    match scope:
        case "base":
            return dn == base
        case "one":
            return dn.partition(",")[2] == base
        case _:
            return dn == base or dn.endswith(f",{base}")


def _dns(dn: str) -> str:
    labels = [part[3:] for part in dn.split(",") if part.casefold().startswith("dc=")]
    return ".".join(labels).lower() or "elsewhere"
