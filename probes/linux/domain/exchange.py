"""Fresh Kerberos exchanges of the machine account on the guest itself, as root: one attempt.

Everything happens in a private directory under /run that is removed at the end, and with a
private krb5.conf in front of the system's (`KRB5_CONFIG=a:b`: the first file wins). With
`kdc_timesync = 0` in it the library does not correct its clock by the KDC's error
(krb5.conf(5)): at 600 s off, kinit then says so instead of hiding it. Each exchange is done
unmasked and, as programs have it, masked side by side.

- AS: `kinit -k PRINCIPAL`, by the keytab. TGS: `kvno` for a controller's LDAP service.
  AP: `ldapsearch -Y GSSAPI` of the controller's root entry.
- An exit status of 0 proves nothing: the ticket must be in the cache that `klist` shows, and
  the answer must name who was authenticated.
- A KDC that does not answer holds libkrb5 for 27 s whatever is configured; every tool runs
  under `timeout -k`, on a shell of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from probes.facts_kerberos import Exchange, ExchangeFacts, ExchangeKind
from probes.kerberos.krb_errors import refusal_in, unheard_in
from probes.linux.domain.klist import Cache, Ticket, cache
from probes.linux.text import Unparsed, broken, quoted, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

NAME = "exchange"
VERSION = 3
PARENT = "/run"
PREFIX = "cutover-exchange-"
TOOL_S = 10
"""How long one tool may take; an answer takes milliseconds."""

_KILL_S = 2
_WRITE = "printf '[libdefaults]\\n kdc_timesync = 0\\n' > \"$1\""
_SYSTEM = "/etc/krb5.conf"
_PRINCIPAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*\$?@[A-Za-z0-9][A-Za-z0-9._-]*\Z", re.ASCII)
_CONTROLLER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*\Z", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z", re.ASCII)
_KVNO = re.compile(r"(\S+): kvno = \d+\Z", re.ASCII)
_NO_MECHANISM = "SASL(-4): no mechanism available"
"""Cyrus SASL's word where its GSSAPI plug-in is not installed."""

_TOOLS: dict[str, ExchangeKind] = {"kinit": "as", "kvno": "tgs", "ldapsearch": "ap-out"}


@dataclass(frozen=True, slots=True)
class Plan:
    """Who asks whom, and where.

    Raises:
        ValueError: one of them could be taken for an option or has characters no such name has.
    """

    principal: str
    controller: str  # host name of a domain controller; empty = only the AS exchange
    label: str  # makes the directory ours

    def __post_init__(self) -> None:
        for pattern, text in ((_PRINCIPAL, self.principal), (_LABEL, self.label)):
            if not pattern.match(text):
                raise ValueError(f"not to be used in a command: {text!a}")
        if self.controller and not _CONTROLLER.match(self.controller):
            raise ValueError(f"not to be used in a command: {self.controller!a}")

    @property
    def directory(self) -> str:
        """The private directory; under /run only root can make names, so a fixed one is safe."""
        return f"{PARENT}/{PREFIX}{self.label}"


def commands(plan: Plan) -> tuple[Command, ...]:
    """One attempt. The removal is the last command and is run whatever came before it."""
    return tuple(Command(argv, elevate=True, timeout_s=TOOL_S + 5, aside=True) for argv in _argvs(plan))


def reader(plan: Plan) -> Reader:
    """A reader whose one turn is an attempt."""
    return Reader(NAME, VERSION, Family.DIRECTORY, commands(plan), parse)


def _argvs(plan: Plan) -> Iterator[tuple[str, ...]]:
    directory = plan.directory
    private = f"{directory}/krb5.conf"
    left_over = ("-maxdepth", "1", "-name", f"{PREFIX}*", "-mmin", "+5")
    yield ("find", PARENT, *left_over, "-exec", "rm", "-rf", "{}", "+")
    yield ("rm", "-rf", directory)
    yield ("mkdir", "-m", "0700", directory)
    yield ("sh", "-c", _WRITE, "sh", private)
    for masked in (False, True):
        config = _SYSTEM if masked else f"{private}:{_SYSTEM}"
        tickets = f"FILE:{directory}/{'masked' if masked else 'unmasked'}"
        environment = ("LC_ALL=C", "TZ=UTC", f"KRB5_CONFIG={config}", f"KRB5CCNAME={tickets}")
        within = ("env", *environment, "timeout", "-k", str(_KILL_S), str(TOOL_S))
        yield (*within, "kinit", "-k", plan.principal)
        if plan.controller:
            yield (*within, "kvno", f"ldap/{plan.controller}")
            root = ("-H", f"ldap://{plan.controller}", "-b", "", "-s", "base", "dnsHostName")
            # -N: a controller without a reverse record is not the machine account's fault.
            yield (*within, "ldapsearch", "-LLL", "-N", "-Y", "GSSAPI", "-o", "nettimeout=5", *root)
        yield (*within, "klist")
    yield ("rm", "-rf", directory)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from one attempt; each command is known by its argv."""
    failure = next((f for raw in raws if (f := broken(raw)) is not None), None)
    if failure is not None:
        return failure
    for raw in raws[:-1]:
        if raw.argv[0] in ("mkdir", "sh") and raw.rc != 0:
            return Failure(FailureKind.DENIED, f"no private directory under {PARENT}: {_said(raw)}")
    try:
        principal = next(raw.argv[-1] for raw in raws if _tool(raw) == "kinit")
        exchanges = tuple(e for masked in (False, True) for e in _side(raws, principal, masked=masked))
    except Unparsed as error:
        return error.failure()
    except _Absent as error:
        return Failure(FailureKind.TOOL_ABSENT, f"{error} is not installed")
    except (LookupError, StopIteration):
        return Failure(FailureKind.NOT_UNDERSTOOD, "these are not the commands of an attempt")
    return ExchangeFacts(principal, exchanges, removed=raws[-1].rc == 0)


class _Absent(Exception):  # noqa: N818 - what it says
    """A tool that every attempt needs."""


def _side(raws: Sequence[Raw], principal: str, *, masked: bool) -> Iterator[Exchange]:
    """The exchanges with or without the library's correction, in their order."""
    mine = [raw for raw in raws if _tool(raw) and (f"KRB5_CONFIG={_SYSTEM}" in raw.argv) is masked]
    by_tool = {_tool(raw): raw for raw in mine}
    listed = _listed(by_tool["klist"])
    if listed is not None and listed.principal != principal:
        raise Unparsed(f"the cache is of {quoted(listed.principal)}")
    usable = True
    for tool, kind in _TOOLS.items():
        raw = by_tool.get(tool)
        if raw is None:
            continue
        done = _exchange(raw, kind, listed, masked=masked, usable=usable)
        usable = usable and (kind != "as" or done.outcome == "ok")
        yield done


def _exchange(raw: Raw, kind: ExchangeKind, listed: Cache | None, *, masked: bool, usable: bool) -> Exchange:
    """What one tool achieved.

    Raises:
        Unparsed: its status and its output do not fit together.
        _Absent: `timeout` itself is not there.
    """
    service = _service(raw, kind)
    if not usable:
        return Exchange(kind, masked, "not-tried", service)
    match raw.rc:
        case 127:
            if "'timeout'" in raw.err or "timeout: not found" in raw.err:
                raise _Absent("timeout")
            return Exchange(kind, masked, "absent", service, text=f"{_tool(raw)} is not installed")
        case 124 | 137:
            return Exchange(kind, masked, "silent", service, text=f"no end within {TOOL_S} s")
        case 0:
            ticket = _ticket(listed, service, raw)
            _must_show(raw, kind, service)
            return Exchange(kind, masked, "ok", service, start_ns=ticket.start_ns, end_ns=ticket.end_ns)
        case _:
            said = raw.err.splitlines()
            if any(_NO_MECHANISM in line for line in said):
                return Exchange(
                    kind, masked, "absent", service, text="SASL's GSSAPI mechanism is not installed"
                )
            refusal, nobody = refusal_in(said), unheard_in(said)
            if refusal is not None:
                return Exchange(kind, masked, "refused", service, refusal.number, refusal.text)
            if nobody is not None:
                return Exchange(kind, masked, "silent", service, text=nobody)
            raise Unparsed(f"{_tool(raw)} ended with {raw.rc}: {quoted(_said(raw))}")


def _ticket(listed: Cache | None, service: str, raw: Raw) -> Ticket:
    """The ticket that a success must have left."""
    for ticket in listed.tickets if listed is not None else ():
        if ticket.service == service or ticket.service.startswith(f"{service}@"):
            return ticket
    raise Unparsed(f"{_tool(raw)} ended with 0, and klist shows no ticket for {service}")


def _must_show(raw: Raw, kind: ExchangeKind, service: str) -> None:
    """What else a success prints."""
    if kind == "tgs":
        lines = whole_lines(raw.out)
        match = _KVNO.match(lines[0]) if len(lines) == 1 else None
        if match is None or match.group(1).partition("@")[0] != service:
            raise Unparsed(f"kvno ended with 0 and printed {quoted(raw.out)}")
    if kind == "ap-out":
        if "dn:" not in whole_lines(raw.out):
            raise Unparsed(f"ldapsearch ended with 0 and printed {quoted(raw.out)}")
        if "SASL username: " not in raw.err:
            raise Unparsed("ldapsearch ended with 0 and names nobody who was authenticated")


def _listed(raw: Raw) -> Cache | None:
    """The cache, or None where there is none.

    Raises:
        Unparsed: neither tickets nor klist's word for no cache.
        _Absent: there is no klist, so that no success could be shown.
    """
    if raw.rc == 127:
        raise _Absent("timeout" if "'timeout'" in raw.err else "klist")
    if raw.rc == 0:
        return cache(whole_lines(raw.out))
    if "No credentials cache found" in raw.err:
        return None
    raise Unparsed(f"klist ended with {raw.rc}: {quoted(raw.err)}")


def _service(raw: Raw, kind: ExchangeKind) -> str:
    match kind:
        case "as":
            realm = raw.argv[-1].rpartition("@")[2]
            return f"krbtgt/{realm}@{realm}"
        case "tgs":
            return raw.argv[-1]
        case "ap-out":
            return "ldap/" + raw.argv[raw.argv.index("-H") + 1].removeprefix("ldap://")


def _tool(raw: Raw) -> str:
    """The Kerberos tool that `timeout` was to run; empty for the other commands."""
    if raw.argv[0] != "env" or "timeout" not in raw.argv:
        return ""
    return raw.argv[raw.argv.index("timeout") + 4]


def _said(raw: Raw) -> str:
    """The line of its complaint that says most: the last one that is not empty."""
    lines = [line.strip() for line in raw.err.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
