"""A controller's rootDSE asked for by a guest, where its sshd carries none of our connections.

OpenLDAP's ldapsearch, without credentials, without TLS and without root: the rootDSE is shown to everybody
([MS-ADTS] section 3.1.1.3.2), and its `currentTime` is believed no more than a KDC's unsigned error.
"""

from __future__ import annotations

from probes.ad.rootdse import generalized_ns
from probes.facts_directory import GuestRootDseFacts
from probes.linux.text import quoted, unusable
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader
from probes.unsafe_text import without_controls

ATTRIBUTES = ("currentTime", "isSynchronized", "dnsHostName")
_URI = "ldap://"
_CANNOT_CONTACT = "Can't contact LDAP server"
_LONGEST_NAME = 255


def command(server: str) -> Command:
    """One search, with an end of its own."""
    return Command(
        (
            *("ldapsearch", "-x", "-LLL", "-o", "nettimeout=3", "-l", "3", "-H", f"{_URI}{server}"),
            *("-s", "base", "-b", "", *ATTRIBUTES),
        ),
        timeout_s=8.0,
        limit=8192,
    )


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from its LDIF (RFC 2849); a failure where no time is shown."""
    (raw,) = raws
    server = next((word.removeprefix(_URI) for word in raw.argv if word.startswith(_URI)), "?")
    failure = unusable(raw)
    if failure is not None:
        return failure
    if raw.rc:
        said = next((line for line in raw.err.splitlines() if line.strip()), f"exit status {raw.rc}")
        silent = _CANNOT_CONTACT in raw.err
        kind = FailureKind.UNREACHABLE if silent else FailureKind.NOT_UNDERSTOOD
        return Failure(kind, f"ldapsearch of {server}: {quoted(said)}")
    values = dict(_values(raw.out))
    shown = values.get("currenttime", "")
    now_ns = generalized_ns(shown)
    if now_ns is None:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"{server}: currentTime is no time: {quoted(shown)}")
    return GuestRootDseFacts(
        server=server,
        current_time_ns=now_ns,
        dns_host_name=values.get("dnshostname", "")[:_LONGEST_NAME],
        synchronized={"TRUE": True, "FALSE": False}.get(values.get("issynchronized", "")),
    )


def _values(ldif: str) -> list[tuple[str, str]]:
    """Plain values, attribute names in small letters; base64 (`::`) is none of those asked for."""
    pairs = (line.split(": ", 1) for line in ldif.splitlines())
    return [(p[0].lower(), without_controls(p[1]).strip()) for p in pairs if len(p) == 2]


READER = Reader(
    name="rootdse-guest", version=1, family=Family.DIRECTORY, commands=(), parse=parse, interval_s=60.0
)
