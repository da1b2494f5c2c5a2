"""Where time sources are configured, by one grep over all files that name any, and which of chrony's resolve.

Files and directives: chrony.conf(5) (names of directives in any case, `*.conf` below conf.d, `*.sources` below
sources.d); timesyncd.conf(5); ntp.conf(5). DHCP's option 42 arrives as files of hooks:
/run/chrony-dhcp (Debian, Red Hat 9), `ntp.conf.dhcp` beside ntp.conf's, systemd-networkd's
/run/systemd/netif/state (what timesyncd calls LinkNTPServers), and dhclient's leases (`option ntp-servers`).

`chronyc -N` (chrony 4) shows sources by the names they were configured with.
"""

from __future__ import annotations

import re

from probes.facts_time_config import Kind, Provenance, Service, TimeConfigFacts, TimeSource
from probes.linux import grep
from probes.linux.text import Unparsed, absent, broken, quoted, unusable
from probes.linux.timekeeping.chrony import counts, listed_sources
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

PATHS = (
    "/etc/chrony.conf",
    "/etc/chrony.d",
    "/etc/chrony",
    "/run/chrony-dhcp",
    "/etc/systemd/timesyncd.conf",
    "/etc/systemd/timesyncd.conf.d",
    "/run/systemd/timesyncd.conf.d",
    "/usr/lib/systemd/timesyncd.conf.d",
    "/run/systemd/netif/state",
    "/etc/ntp.conf",
    "/etc/ntpsec",
    "/run/ntp.conf.dhcp",
    "/run/ntpsec",
    "/var/lib/dhcp",
    "/var/lib/dhclient",
)
_PATTERN = (
    "^[[:space:]]*((server|pool|peer|refclock|local)([[:space:]]|$)|(Fallback)?NTP=|option ntp-servers )"
)
_CHRONY = re.compile(
    r"/etc/chrony(?:/chrony)?\.conf|/etc/chrony(?:\.d|/conf\.d)/[^/]+\.conf|"
    r"(?:/etc/chrony/sources\.d|/run/chrony-dhcp)/[^/]+\.sources"
)
_TIMESYNCD = re.compile(r"(?:/etc|/run|/usr/lib)/systemd/timesyncd\.conf(?:\.d/[^/]+\.conf)?")
_NTPD = re.compile(
    r"/etc/ntp\.conf|/etc/ntpsec/(?:ntp\.conf|ntp\.d/[^/]+\.conf)|/run/(?:ntpsec/)?ntp\.conf\.dhcp"
)
_DHCP = re.compile(r"/run/chrony-dhcp/|/run/(?:ntpsec/)?ntp\.conf\.dhcp$|/run/systemd/netif/|/var/lib/dh")
_HOST = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.:%_-]{0,252}[0-9A-Za-z.])?\Z", re.ASCII)
_OPTIONS = frozenset([
    "iburst", "burst", "minpoll", "maxpoll", "prefer", "key", "nts", "ntsport", "offline",
    "auto_offline", "maxsources", "presend", "noselect", "require", "trust", "xleave", "version",
    "extfield", "polltarget", "port", "maxdelay", "mindelay", "filter", "minsamples", "maxsamples",
    "certset", "ipv4", "ipv6", "preempt", "mode", "flag1", "flag2", "bias", "stratum", "refid", "poll",
    "offset", "delay", "precision",
])  # fmt: skip
"""Words that follow a name, and stand in its place only where it was lost."""

_DRIVERS = frozenset(["PPS", "SHM", "SOCK", "PHC"])
_VENDOR = re.compile(r"(?:\d\.)?[a-z]+\.pool\.ntp\.org\Z|ntp\.ubuntu\.com\Z|time\d\.google\.com\Z")
"""Vendor zones of the NTP pool (ntppool.org, "for vendors"), Ubuntu's, and systemd's own fallback."""

_SECRET = re.compile(r"\.keys?\Z|/keys/|/cert")
_KINDS: dict[str, Kind] = {
    "server": "server",
    "pool": "pool",
    "peer": "peer",
    "refclock": "refclock",
    "local": "local",
}


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from grep and from chronyd's own list."""
    found, sources, activity = raws
    failure = unusable(found) or broken(sources) or broken(activity)
    if failure is not None:
        return failure
    try:
        following, unresolved = _chronyd(sources, activity)
        return TimeConfigFacts(
            sources=_configured(found),
            hidden=tuple(path for path in grep.hidden(found) if not _SECRET.search(path)),
            following=following,
            unresolved=unresolved,
        )
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"time configuration: {error}")


def _configured(found: Raw) -> tuple[TimeSource, ...]:
    sources = {source for file, text in grep.lines(found) for source in _of_line(file, text)}
    return tuple(sorted(sources, key=lambda s: (s.service, s.file, s.kind, s.name)))


def _of_line(file: str, text: str) -> list[TimeSource]:
    dhcp = _DHCP.match(file) is not None
    if _CHRONY.fullmatch(file):
        return [_directive("chrony", file, text, dhcp)]
    if _NTPD.fullmatch(file):
        return [_directive("ntpd", file, text, dhcp)]
    if _TIMESYNCD.fullmatch(file) or file == "/run/systemd/netif/state":
        return _assignment(file, text, dhcp)
    if file.startswith("/var/lib/dh") and text.startswith("option ntp-servers "):
        names = text.removeprefix("option ntp-servers ").removesuffix(";").split(",")
        return [TimeSource("lease", "server", _host(n.strip()), "dhcp", file) for n in names]
    return []  # a copy, a README, a lease of something else: nobody reads it as configuration


def _directive(service: Service, file: str, text: str, dhcp: bool) -> TimeSource:
    """`server NAME …` and its like, of chrony and of ntpd; ntpd writes its drivers as addresses in 127.127."""
    words = [w for w in text.split() if w not in ("-4", "-6")]
    kind = _KINDS.get(words[0].lower()) if words else None
    if kind is None:
        raise Unparsed(f"{file}: {quoted(text)}")
    if kind == "local":
        return TimeSource(service, "local", "", "static", file)
    if kind == "refclock":
        return _refclock(service, file, words[1:])
    name = _host(words[1] if len(words) > 1 else "")
    if service == "ntpd" and name.startswith("127.127."):
        kind, name = ("local", "") if name.startswith("127.127.1.") else ("refclock", name)
    return TimeSource(service, kind, name, _of_name(name, dhcp), file)


def _refclock(service: Service, file: str, words: list[str]) -> TimeSource:
    if service == "ntpd" and words[:1] == ["local"]:
        return TimeSource(service, "local", "", "static", file)
    if service == "chrony" and (
        len(words) < 2 or words[0] not in _DRIVERS or not (words[1].startswith("/") or words[1][0].isdigit())
    ):
        raise Unparsed(f"{file}: refclock {quoted(' '.join(words))}")
    return TimeSource(service, "refclock", " ".join(words[:2]), "static", file)


def _assignment(file: str, text: str, dhcp: bool) -> list[TimeSource]:
    key, equals, value = text.partition("=")
    if not equals or key not in ("NTP", "FallbackNTP"):
        raise Unparsed(f"{file}: {quoted(text)}")
    kind: Kind = "server" if key == "NTP" else "fallback"
    names = [_host(word) for word in value.split()]
    if kind == "fallback":
        return [TimeSource("timesyncd", kind, name, "default", file) for name in names]
    return [TimeSource("timesyncd", kind, name, _of_name(name, dhcp), file) for name in names]


def _of_name(name: str, dhcp: bool) -> Provenance:
    return "dhcp" if dhcp else "default" if _VENDOR.match(name) else "static"


def _host(word: str) -> str:
    if not _HOST.match(word) or word in _OPTIONS:
        raise Unparsed(f"not a name or address: {quoted(word)}")
    return word


def _chronyd(sources: Raw, activity: Raw) -> tuple[tuple[str, ...] | None, int | None]:
    """The names chronyd goes by, and how many have no address; an older chronyc knows no -N."""
    if absent(sources) or sources.rc != 0:
        return None, None
    counted = counts(activity) if activity.rc == 0 else None
    following = tuple(s.name for s in listed_sources(sources, counted))
    return tuple(dict.fromkeys(following)), None if counted is None else counted[4]


READER = Reader(
    name="time-config",
    version=1,
    family=Family.TIME,
    commands=(
        grep.command(_PATTERN, PATHS),
        Command(("chronyc", "-N", "-c", "sources")),
        Command(("chronyc", "-N", "-c", "activity")),
    ),
    parse=parse,
    interval_s=60.0,
)
