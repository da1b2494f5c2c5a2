"""What a guest's own services say about its membership: sssd, winbind, realmd.

Only what asks the running services or reads: `adcli testjoin` and `net ads testjoin` take a
ticket, so they are left out unless asked for (`reader(..., tickets=True)`), and even then an
exit status of 0 proves nothing: with the library's default they succeed at any skew.

That a tool is not installed says nothing about its service: sssctl is in a package of its own (sssd-tools), and
wbinfo is where winbindd need not be. So `find` shows whether there is anything of them for which no tool spoke.

sssctl asks on its standard input whether to start an sssd that does not run. Guests' commands
get none, so the answer is no.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from probes.facts_directory import TrustFacts
from probes.linux.text import Unparsed, absent, broken, quoted, whole_lines
from probes.observation import Facts, Failure, Family, Raw
from probes.reader import Command, Reader

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}\Z")
_PING = re.compile(
    r'checking the NETLOGON for domain\[([^\]]*)\] dc connection to "([^"]*)" (succeeded|failed)\Z'
)
_SECRET = re.compile(r"checking the trust secret for domain (\S+) via RPC calls (succeeded|failed)\Z")
_STATUS = {"Online status: Online": True, "Online status: Offline": False}
_CONTROLLER = "AD Domain Controller: "
_NOT_CONNECTED = "not connected"
_NO_SSSD = ("SSSD needs to be running", "No domains configured", "No domain is enabled")
_NO_WINBIND = "WBC_ERR_WINBIND_NOT_AVAILABLE"
_TESTJOINS = (("adcli", "testjoin"), ("net", "ads", "testjoin"))


_SSSD_CONF, _WINBINDD, _KEYTAB = "/etc/sssd/sssd.conf", "/usr/sbin/winbindd", "/etc/krb5.keytab"
_FIND = ("env", "LC_ALL=C", "find", _SSSD_CONF, _WINBINDD, _KEYTAB, "-maxdepth", "0")

ASKED_S = 8.0
"""Without a controller winbind 4.17 answers neither after 40 s, while --online-status still shows a connection."""


def reader(domain: str, *, tickets: bool = False) -> Reader:
    """The reader for this DNS domain.

    Args:
        tickets: run `adcli testjoin` and `net ads testjoin` too; each leaves a ticket behind.
    """
    more = tuple(Command(argv, elevate=True, timeout_s=20) for argv in _TESTJOINS) if tickets else ()
    commands = (
        Command(("realm", "list")),
        Command(("sssctl", "domain-status", domain), elevate=True),
        Command(("wbinfo", "-P"), timeout_s=ASKED_S),
        Command(("wbinfo", "-t"), elevate=True, timeout_s=ASKED_S),
        Command(_FIND, elevate=True),
        *more,
    )
    return replace(READER, commands=commands)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts; a tool that is not there, or cannot be asked, is named in `unseen` and claims nothing."""
    realm, sssctl, ping, secret, left, *tests = raws
    first = next((r.failure for r in raws if r.failure is not None), None)
    if first is not None and all(r.failure is not None for r in raws):
        return first
    unseen: list[str] = []
    try:
        online, server = _sssd(sssctl, unseen)
        answered, dc = _ping(ping, unseen)
        unseen += _unspoken(left, realm, sssctl, ping)
        return TrustFacts(
            domain=sssctl.argv[-1],
            realms=_realms(realm, unseen),
            sssd_online=online,
            sssd_server=server,
            winbind_ping=answered,
            winbind_server=dc,
            winbind_secret=_secret(secret, unseen),
            testjoins=tuple(_testjoin(raw) for raw in tests if _usable(raw, unseen)),
            unseen=tuple(unseen),
        )
    except Unparsed as problem:
        return problem.failure()


def _usable(raw: Raw, unseen: list[str]) -> bool:
    """Whether there is something to parse."""
    failure = broken(raw)
    if failure is not None:
        unseen.append(f"{raw.argv[0]}: {failure.detail}")
    return failure is None and not absent(raw)


def _unspoken(left: Raw, realm: Raw, sssctl: Raw, wbinfo: Raw) -> Iterator[str]:
    """What there is, or may be, of a membership whose tools are not installed."""
    why = broken(left)
    shown = whole_lines(left.out) if why is None else []
    missing = [line for line in left.err.splitlines() if line.endswith("No such file or directory")]
    for path, tools in (
        (_SSSD_CONF, (sssctl,)),
        (_WINBINDD, (wbinfo,)),
        (_KEYTAB, (realm, sssctl, wbinfo)),
    ):
        if not all(map(absent, tools)):
            continue
        names = " and ".join(raw.argv[0] for raw in tools)
        if path in shown:
            yield f"{path} is there, and no {names}"
        elif why is not None or not any(path in line for line in missing):
            yield f"whether {path} is there could not be seen, and there is no {names}"


def _realms(raw: Raw, unseen: list[str]) -> tuple[str, ...]:
    if not _usable(raw, unseen):
        return ()
    if raw.rc != 0:  # it needs the system bus
        unseen.append(f"realm: {quoted(raw.err or raw.out)}")
        return ()
    names = [line for line in whole_lines(raw.out) if not line.startswith(" ")]
    if not all(map(_NAME.match, names)):
        raise Unparsed(f"realm list: {quoted(' '.join(names))}")
    return tuple(dict.fromkeys(names))


def _sssd(raw: Raw, unseen: list[str]) -> tuple[bool | None, str | None]:
    if not _usable(raw, unseen):
        return None, None
    if raw.rc != 0:
        said = raw.err + raw.out
        if not any(words in said for words in _NO_SSSD):
            unseen.append(f"sssctl: {quoted(raw.err or raw.out)}")
        return None, None
    lines = whole_lines(raw.out)
    online = _STATUS.get(lines[0].strip()) if lines else None
    if online is None or "Active servers:" not in lines:
        raise Unparsed(f"sssctl domain-status: {quoted(raw.out)}")
    active = lines[lines.index("Active servers:") + 1 :]
    named = [line.removeprefix(_CONTROLLER) for line in active if line.startswith(_CONTROLLER)]
    if len(named) != 1:
        raise Unparsed(f"sssctl domain-status: {len(named)} active domain controllers")
    return online, None if named[0] == _NOT_CONNECTED else _server(named[0])


def _ping(raw: Raw, unseen: list[str]) -> tuple[bool | None, str | None]:
    if not _usable(raw, unseen) or _NO_WINBIND in raw.err:
        return None, None
    found = _PING.match(next(iter(whole_lines(raw.out)), ""))
    if found is None:
        raise Unparsed(f"wbinfo -P: {quoted(raw.out or raw.err)}")
    answered = found.group(3) == "succeeded"
    if answered != (raw.rc == 0):
        raise Unparsed(f"wbinfo -P: {found.group(3)}, yet exit status {raw.rc}")
    return answered, _server(found.group(2)) if found.group(2) else None


def _secret(raw: Raw, unseen: list[str]) -> bool | None:
    if not _usable(raw, unseen) or _NO_WINBIND in raw.err:
        return None
    found = _SECRET.match(next(iter(whole_lines(raw.out)), ""))
    if found is None or (found.group(2) == "succeeded") != (raw.rc == 0):
        raise Unparsed(f"wbinfo -t: {quoted(raw.out or raw.err)}")
    return raw.rc == 0


def _testjoin(raw: Raw) -> tuple[str, bool, str]:
    return raw.argv[0], raw.rc == 0, " ".join((raw.err or raw.out).split())[:200]


def _server(name: str) -> str:
    if not _NAME.match(name):
        raise Unparsed(f"no name of a server: {quoted(name)}")
    return name


READER = Reader(name="trust", version=2, family=Family.DIRECTORY, commands=(), parse=parse, interval_s=60.0)
"""Without commands, which need a domain: see `reader`."""
