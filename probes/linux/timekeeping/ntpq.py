"""ntpd and ntpsec, read through ntpq: the table of peers and the system variables, in one call.

Columns and tally codes are those of ntpq (ntpsec's ntp/util.py `PeerSummary`, the reference
implementation's ntpq-subs.c `doprintpeers`): offset and jitter in ms, positive where the
*server* is ahead; `frequency` in ppm is what is added to the clock, so that both signs are
turned round here. `reftime` and `clock` are NTP stamps in hex (RFC 5905 section 6). The
variables end with a line without a comma, which shows a list that was cut.

With `-n` a peer is its address, cut to 15 columns, or its driver (`SHM(0)`). Only what has no address
yet, a pool or a server whose name was not resolved (srcadr 0.0.0.0), is called by its name.
"""

from __future__ import annotations

import re

from probes.facts_ntpd import NtpdFacts, NtpdPeer, PeerState
from probes.facts_time import Leap
from probes.linux.text import Unparsed, natural, quoted, scaled, unusable, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

_HEAD = re.compile(r" {5}remote +refid +st t when poll reach +delay +offset +(?:jitter|disp)\Z")
_RULE = re.compile(r"={60,120}\Z")
_STATES: dict[str, PeerState] = {
    " ": "discarded",
    "x": "falseticker",
    ".": "excess",
    "-": "outlier",
    "+": "candidate",
    "#": "backup",
    "*": "selected",
    "o": "selected",  # by a pulse a second
}
_ADDRESS = re.compile(r"[0-9A-Fa-f:][0-9A-Fa-f:.]{0,44}(?:%[0-9A-Za-z._-]{0,15})?\Z", re.ASCII)
_DRIVER = re.compile(r"[A-Z][0-9A-Z_]{0,30}(?:\(\d{0,3}\)?)?\Z", re.ASCII)
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}\Z", re.ASCII)
_REFID = re.compile(r"\S{1,24}\Z")
_SPAN = re.compile(r"(\d{1,10})([mhdy]?)\Z", re.ASCII)
_UNITS = {"": 1, "m": 60, "h": 3600, "d": 86_400, "y": 31_536_000}
_LEAPS: dict[str, Leap] = {"00": "normal", "01": "insert", "10": "delete", "11": "unsynchronised"}
_VALUE = {
    "leap": r"[01]{2}",
    "stratum": r"\d{1,2}",
    "rootdelay": r"\d{1,9}(?:\.\d{1,9})?",
    "rootdisp": r"\d{1,9}(?:\.\d{1,9})?",
    "refid": r"[0-9A-Za-z.:_()-]{1,64}",
    "reftime": r"[0-9a-f]{8}\.[0-9a-f]{8}",
    "clock": r"[0-9a-f]{8}\.[0-9a-f]{8}",
    "offset": r"[+-]?\d{1,12}(?:\.\d{1,9})?",
    "frequency": r"[+-]?\d{1,6}(?:\.\d{1,9})?",
    "version": r'"[^"\n]{1,120}"',
}
_TINY = re.compile(r"[+-]?\d(?:\.\d{1,9})?e-\d{1,2}\Z", re.ASCII)
_NTP_UNIX_S = 2_208_988_800
_MS = 6  # digits from milliseconds to nanoseconds
_NO_PEERS = "No association IDs returned"
_NOBODY = ("Connection refused", "probably ntpd is not running")
_NO_ANSWER = ("Request timed out", "timed out with no data")


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from the one call of ntpq."""
    (raw,) = raws
    failure = unusable(raw)
    if failure is not None:
        return failure
    if not raw.out and any(words in raw.err for words in _NOBODY):
        return _SILENT
    if any(words in raw.err for words in _NO_ANSWER):
        return Failure(FailureKind.DENIED, "something on port 123 does not answer ntpq (restrict … noquery)")
    try:
        if raw.rc != 0 or raw.err:
            raise Unparsed(quoted(raw.err or raw.out))
        return _facts(whole_lines(raw.out))
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"ntpq: {error}")


def _facts(lines: list[str]) -> NtpdFacts:
    start = next((n for n, line in enumerate(lines) if line.startswith("associd=")), None)
    if start is None or lines[-1].endswith(","):
        raise Unparsed("the answer is not complete")
    table, variables = lines[:start], _variables("\n".join(lines[start:]))
    if len(table) == 1 and table[0].endswith(_NO_PEERS):
        peers: tuple[NtpdPeer, ...] = ()
    elif len(table) < 3 or not _HEAD.match(table[0]) or not _RULE.match(table[1]):
        raise Unparsed(f"not a table of peers: {quoted(lines[0])}")
    else:
        peers = tuple(_peer(line) for line in table[2:])
    return NtpdFacts(
        running=True,
        version=variables["version"].strip('"'),
        leap=_LEAPS[variables["leap"]],
        stratum=natural(variables["stratum"], upto=16),
        refid=variables["refid"],
        ref_time_ns=_stamp(variables["reftime"]),
        guest_utc_ns=_stamp(variables["clock"]),
        system_offset_ns=-_decimal(variables["offset"], _MS),
        frequency_ppb=-_decimal(variables["frequency"], 3),
        root_delay_ns=_decimal(variables["rootdelay"], _MS),
        root_dispersion_ns=_decimal(variables["rootdisp"], _MS),
        peers=peers,
    )


_SILENT = NtpdFacts(
    running=False,
    version=None,
    leap="unsynchronised",
    stratum=0,
    refid="",
    ref_time_ns=None,
    guest_utc_ns=None,
    system_offset_ns=0,
    frequency_ppb=0,
    root_delay_ns=0,
    root_dispersion_ns=0,
    peers=(),
)


def _variables(text: str) -> dict[str, str]:
    found = {}
    for name, value in _VALUE.items():
        tiny = r"|[+-]?\d(?:\.\d{1,9})?e-\d{1,2}" if name in ("offset", "frequency") else ""
        matches = re.findall(rf"(?:^|[ ,\n]){name}=({value}{tiny})(?=[, \n]|\Z)", text)
        if len(matches) != 1 or len(re.findall(rf"(?:^|[ ,\n]){name}=", text)) != 1:
            raise Unparsed(f"no single value of {name}")
        found[name] = matches[0]
    return found


def _decimal(text: str, digits: int) -> int:
    """ntpsec writes Python floats: what is below 10^-4 comes with an exponent, and is less than one unit here."""
    if not _TINY.match(text):
        return scaled(text, digits)
    number, _, exponent = text.partition("e-")
    value: int = scaled(number, 9) * 10**digits // 10 ** (9 + int(exponent))
    return value


def _stamp(text: str) -> int | None:
    seconds, fraction = (int(part, 16) for part in text.split("."))
    if seconds == fraction == 0:
        return None
    # The era is that of Unix time from 1970 to 2106.
    return (seconds - _NTP_UNIX_S) % 2**32 * 10**9 + (fraction * 10**9 >> 32)


def _peer(line: str) -> NtpdPeer:
    tally, columns = line[:1], line[1:].split()
    if tally not in _STATES or line[1:2].isspace() or len(columns) != 10:
        raise Unparsed(f"not a peer: {quoted(line)}")
    name, refid, stratum, kind, when, poll, reach, delay, offset, jitter = columns
    known = _ADDRESS.match(name) or _DRIVER.match(name)
    nameless = tally == " " and natural(reach, upto=0o377, base=8) == 0 and _NAME.match(name)
    if not (known or nameless) or not _REFID.match(refid) or not re.fullmatch("[a-zA-Z]", kind):
        # A blank before a line moves its tally into the name: a falseticker would read as one that is discarded.
        raise Unparsed(f"not a peer: {quoted(line)}")
    scaled(delay, _MS)
    return NtpdPeer(
        state=_STATES[tally],
        name=name,
        refid=refid.strip("."),
        stratum=natural(stratum, upto=16),
        kind=kind,
        last_rx_s=_ago(when, heard=natural(reach, upto=0o377, base=8) & 1 == 1),
        poll_s=_span(poll),
        reach=natural(reach, upto=0o377, base=8),
        offset_ns=-scaled(offset, _MS),
        jitter_ns=scaled(jitter, _MS),
    )


def _ago(when: str, *, heard: bool) -> int | None:
    """ntpsec writes what is less than a second ago as it writes never (ntp/util.py `prettyinterval`)."""
    if when == "-":
        return 0 if heard else None
    return _span(when)


def _span(text: str) -> int:
    match = _SPAN.match(text)
    if match is None:
        raise Unparsed(f"not a span: {quoted(text)}")
    return int(match.group(1)) * _UNITS[match.group(2)]


READER = Reader(
    name="ntpq",
    version=2,
    family=Family.TIME,
    commands=(Command(("ntpq", "-n", "-c", "peers", "-c", "rv"), timeout_s=20.0),),  # two timeouts of its own
    parse=parse,
    interval_s=15.0,
)
