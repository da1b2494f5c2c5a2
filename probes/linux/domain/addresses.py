"""The addresses a guest has, and the name it believes to have."""

from __future__ import annotations

import ipaddress
import re

import msgspec

from probes.facts_directory import Address, AddressesFacts
from probes.linux.text import Unparsed, broken, only_line, quoted, unusable
from probes.observation import Facts, Failure, Family, Raw
from probes.reader import Command, Reader

_FQDN = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\Z")
_INTERFACE = re.compile(r"[A-Za-z0-9_.@:-]{1,32}\Z")


class _Info(msgspec.Struct, frozen=True):
    family: str
    local: str
    prefixlen: int
    scope: str


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from `ip -j addr` and `hostname -f`."""
    addresses, name = raws
    failure = unusable(addresses) or broken(name)
    if failure is not None:
        return failure
    try:
        return AddressesFacts(_fqdn(name), _addresses(addresses))
    except Unparsed as problem:
        return problem.failure()


def _fqdn(raw: Raw) -> str | None:
    """None where it has no name with a domain (`hostname -f` fails, or answers a short one)."""
    if raw.rc != 0:
        return None
    name = only_line(raw.out).lower()
    if not _FQDN.match(name):
        raise Unparsed(f"hostname -f: {quoted(name)}")
    return name if "." in name else None


def _addresses(raw: Raw) -> tuple[Address, ...]:
    if raw.rc != 0:
        raise Unparsed(f"ip: {quoted(raw.err or raw.out)}")
    try:
        links = msgspec.json.decode(raw.out, type=tuple[dict[str, object], ...])
        found = [
            (link["ifname"], msgspec.convert(info, _Info))
            for link in links
            if link
            for info in msgspec.convert(link.get("addr_info", []), tuple[dict[str, object], ...])
            if info
        ]
        return tuple(
            Address(_interface(name), str(ipaddress.ip_address(i.local)), _prefix(i.prefixlen), i.scope)
            for name, i in found
        )
    except (msgspec.MsgspecError, LookupError, ValueError) as problem:
        if isinstance(problem, Unparsed):
            raise
        raise Unparsed(f"ip -j addr: {type(problem).__name__}") from None


def _interface(name: object) -> str:
    if not isinstance(name, str) or not _INTERFACE.match(name):
        raise Unparsed(f"ip -j addr: interface {quoted(str(name))}")
    return name


def _prefix(length: int) -> int:
    if not 0 <= length <= 128:
        raise Unparsed(f"ip -j addr: prefix {length}")
    return length


READER = Reader(
    name="addresses",
    version=1,
    family=Family.NETWORK,
    commands=(Command(("ip", "-j", "addr")), Command(("hostname", "-f"))),
    parse=parse,
    interval_s=60.0,
)
