"""The `Date` of an HTTPS server: a clock to the second that no firewall for NTP stands before.

One HEAD request (RFC 9110) over verified TLS. A Date names the second in which the answer was
made (6.6.1), so the server's clock then lay in it. What a cache gives out is not made now: an `Age` above
zero (RFC 9111 5.1), or a cache that says it had it, is refused; and one that says nothing shows the
same second twice, which contradicts itself (`core.checks.witness`).
"""

from __future__ import annotations

import calendar
import re

import msgspec

from probes.facts_time import HttpDateFacts
from probes.hostile import clean
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader
from probes.seam import Clock, LinkError, Network

_HEAD_BYTES = 16 * 1024
_STATUS = re.compile(r"HTTP/1\.[01] ([1-5][0-9]{2})(?: .*)?\Z", re.ASCII)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(
    rf"({'|'.join(_DAYS)}), (\d\d) ({'|'.join(_MONTHS)}) (20\d\d) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)
"""IMF-fixdate, the one form a sender may generate (RFC 9110 5.6.7)."""


class _Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    head: str
    sent_ns: int
    received_ns: int


def argv(url: str) -> tuple[str, ...]:
    """How an exchange with this server names itself."""
    return ("https-date", url)


async def query(
    network: Network, clock: Clock, url: str, host: str, port: int, path: str, *, timeout_s: float = 5.0
) -> Raw:
    """Ask once. Never raises for what the network does: the Raw then holds the failure."""
    names = argv(url)
    named = f"[{host}]" if ":" in host else host
    request = (
        f"HEAD {path} HTTP/1.1\r\nHost: {named}{'' if port == 443 else f':{port}'}\r\n"
        "User-Agent: cutover\r\nAccept: */*\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n"
    ).encode("ascii")
    try:
        answer = await network.tls(
            host, port, lambda: request, lambda data: b"\r\n\r\n" in data, timeout_s=timeout_s
        )
    except LinkError as error:
        return Raw(argv=names, rc=None, out="", failure=error.failure)
    head, _, _ = answer.data.partition(b"\r\n\r\n")
    kept = _Exchange(
        address=answer.address,
        head=clean(head.replace(b"\r\n", b"\n"), _HEAD_BYTES)[0],
        sent_ns=answer.sent_ns,
        received_ns=answer.received_ns,
    )
    return Raw(argv=names, rc=None, out=msgspec.json.encode(kept).decode() + "\n")


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from one exchange; a failure where it shows no time of now."""
    (raw,) = raws
    if raw.failure is not None:
        return raw.failure
    url = raw.argv[1] if len(raw.argv) > 1 else "?"

    def no(why: str) -> Failure:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"{url}: {why}")

    try:
        kept = msgspec.json.decode(raw.out, type=_Exchange)
    except msgspec.DecodeError as error:
        return no(f"the recorded exchange cannot be read: {error}")
    first, *lines = kept.head.split("\n")
    status = _STATUS.match(first)
    if status is None or status[1][0] in "15":
        return no(f"answered {first[:60]!a}")
    fields = [
        (name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
    ]
    ages = [value for name, value in fields if name == "age"]
    if any(value != "0" for value in ages):
        return no(f"the answer is out of a cache (Age: {ages[0][:20]!a})")
    if any(name.startswith("x-cache") and "hit" in value.lower() for name, value in fields):
        return no("the answer is out of a cache (X-Cache: hit)")
    dates = [value for name, value in fields if name == "date"]
    date_ns = _utc_ns(dates[0]) if len(dates) == 1 else None
    if date_ns is None:
        return no("the answer has no Date" if not dates else f"Date {', '.join(dates)[:60]!a} is no date")
    if kept.received_ns < kept.sent_ns:
        return no("it was answered before it was asked")
    return HttpDateFacts(url, kept.address, kept.sent_ns, kept.received_ns, date_ns)


def _utc_ns(text: str) -> int | None:
    """UTC of an IMF-fixdate; None where it is none, or no such day."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found[4]), _MONTHS.index(found[3]) + 1, int(found[2])
    hour, minute, second = (int(part) for part in found.groups()[4:])
    if not 1 <= day <= calendar.monthrange(year, month)[1] or hour > 23 or minute > 59 or second > 59:
        return None
    if _DAYS[calendar.weekday(year, month, day)] != found[1]:
        return None
    return calendar.timegm((year, month, day, hour, minute, second)) * 10**9


READER = Reader(name="http-date", version=1, family=Family.TIME, commands=(), parse=parse, interval_s=60.0)
