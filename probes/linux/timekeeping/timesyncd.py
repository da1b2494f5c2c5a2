"""systemd-timesyncd, read from its bus properties as JSON.

`timedatectl show-timesync` prints the same properties as local-time strings of whole
seconds, and its call starts a stopped timesyncd through D-Bus activation; `busctl` with
--auto-start=no does neither. `NTPMessage` is (leap, version, mode, stratum, precision,
root delay, root dispersion, reference, origin, receive, transmit, destination, ignored,
packet count, jitter), times in µs (systemd: org.freedesktop.timesync1(5)); `Frequency` is
the kernel's unit, ppm × 2^16. Before the first answer the packet count is 0 and the times
mean nothing.
"""

from __future__ import annotations

import ipaddress
from typing import Literal

import msgspec

from probes.facts_time import Leap, TimesyncdFacts
from probes.linux.text import Unparsed, epoch_ns, only_line, quoted, unusable, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

_NAME = "org.freedesktop.timesync1"
_LEAPS: tuple[Leap, ...] = ("normal", "insert", "delete", "unsynchronised")
_US = 1000
_U32 = 2**32
_HIGHEST_US = 2**33 * 10**6
# sd-bus's and the bus daemon's words for a name that nobody owns.
_NOBODY = (f'Name "{_NAME}" does not exist', f"name {_NAME} was not provided", "has no owner")


class _Text(msgspec.Struct, frozen=True):
    type: Literal["s"]
    data: str


class _Number(msgspec.Struct, frozen=True):
    type: Literal["t"]
    data: int


class _Signed(msgspec.Struct, frozen=True):
    type: Literal["x"]
    data: int


class _Address(msgspec.Struct, frozen=True):
    type: Literal["(iay)"]
    data: tuple[int, list[int]]


class _Message(msgspec.Struct, frozen=True):
    type: Literal["(uuuuittayttttbtt)"]
    data: tuple[
        int, int, int, int, int, int, int, list[int], int, int, int, int, bool, int, int
    ]  # fmt: skip


class _Properties(msgspec.Struct, frozen=True, rename="pascal"):
    server_name: _Text
    server_address: _Address
    poll_interval_usec: _Number = msgspec.field(name="PollIntervalUSec")
    ntp_message: _Message = msgspec.field(name="NTPMessage")
    frequency: _Signed


class _Reply(msgspec.Struct, frozen=True):
    type: Literal["a{sv}"]
    data: tuple[_Properties]


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from busctl, `timedatectl show` and date."""
    call, show, date = raws
    failure = unusable(call)
    if failure is not None:
        return failure
    try:
        guest_utc_ns, synchronized = epoch_ns(date), _synchronized(show)
        if call.rc != 0:
            return _silent(call, guest_utc_ns, synchronized)
        reply = msgspec.json.decode(only_line(call.out), type=_Reply)
        return _facts(reply.data[0], guest_utc_ns, synchronized)
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"timesyncd: {error}")
    except msgspec.DecodeError as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, f"busctl: {error}")


def _silent(call: Raw, guest_utc_ns: int | None, synchronized: bool | None) -> TimesyncdFacts | Failure:
    said = call.err or call.out
    if "Failed to connect to bus" in said:
        return Failure(FailureKind.TOOL_ABSENT, "no system bus to ask for timesyncd")
    if call.out or not any(words in said for words in _NOBODY):
        raise Unparsed(quoted(said))
    return TimesyncdFacts(
        running=False,
        server_name=None,
        server_address=None,
        poll_interval_ns=None,
        packet_count=0,
        stratum=None,
        leap=None,
        root_distance_ns=None,
        offset_ns=None,
        frequency_ppb=None,
        last_answer_utc_ns=None,
        guest_utc_ns=guest_utc_ns,
        ntp_synchronized=synchronized,
    )


def _facts(found: _Properties, guest_utc_ns: int | None, synchronized: bool | None) -> TimesyncdFacts:
    leap, _, _, stratum, _, delay, dispersion, _, origin, receive, transmit, arrival, ignored, packets, _ = (
        found.ntp_message.data
    )
    answered = packets > 0
    if answered and not (
        0 <= leap < len(_LEAPS)
        and 0 <= stratum <= 16
        and 0 <= delay < _U32 * 10**6
        and 0 <= dispersion < _U32 * 10**6
        and all(0 < stamp < _HIGHEST_US for stamp in (origin, receive, transmit, arrival))
    ):
        raise Unparsed("NTPMessage is out of range")
    return TimesyncdFacts(
        running=True,
        server_name=found.server_name.data or None,
        server_address=_address(*found.server_address.data),
        poll_interval_ns=_microseconds(found.poll_interval_usec.data) or None,
        packet_count=packets,
        stratum=stratum if answered else None,
        leap=_LEAPS[leap] if answered else None,
        root_distance_ns=(delay // 2 + dispersion) * _US if answered else None,
        offset_ns=((receive - origin) + (transmit - arrival)) * _US // 2 if answered else None,
        frequency_ppb=found.frequency.data * 1000 >> 16,
        last_answer_utc_ns=arrival * _US if answered else None,
        guest_utc_ns=guest_utc_ns,
        ntp_synchronized=synchronized,
        ignored=ignored if answered else None,
    )


def _microseconds(value: int) -> int:
    if not 0 <= value < _HIGHEST_US:
        raise Unparsed(f"a duration out of range: {value} µs")
    return value * _US


def _address(family: int, octets: list[int]) -> str | None:
    if family == 0 and not octets:
        return None
    try:
        return str(ipaddress.ip_address(bytes(octets)))
    except ValueError:
        raise Unparsed(f"not an address of family {family}") from None


def _synchronized(show: Raw) -> bool | None:
    if show.failure is not None or show.truncated or show.rc != 0:
        return None
    values = dict(line.partition("=")[::2] for line in whole_lines(show.out))
    return {"yes": True, "no": False}.get(values.get("NTPSynchronized", ""))


READER = Reader(
    name="timesyncd",
    version=1,
    family=Family.TIME,
    commands=(
        Command(
            (
                "busctl",
                "--json=short",
                "--auto-start=no",
                "call",
                _NAME,
                "/org/freedesktop/timesync1",
                "org.freedesktop.DBus.Properties",
                "GetAll",
                "s",
                f"{_NAME}.Manager",
            )
        ),
        Command(("timedatectl", "show")),
        Command(("date", "-u", "+%s")),
    ),
    parse=parse,
    interval_s=15.0,
)
