"""Installed packages from dpkg, rpm or apk, for a fixed list of names. Pure.

Each tool is asked in a form whose answer accounts for every name asked, so that a cut
answer is seen: dpkg and rpm say which are not installed; apk lists what is, in the order
asked, and is asked for itself last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from probes.linux.text import Unparsed, absent, broken, quoted, whole_lines
from probes.observation import Raw
from probes.reader import Command

_DPKG_FORMAT = r"${db:Status-Abbrev}|${Package}|${Version}\n"
_RPM_FORMAT = r"%{NAME}|%{VERSION}-%{RELEASE}\n"
_APK_ITSELF = "apk-tools"
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+:~_-]*\Z", re.ASCII)
_DPKG_MISSING = re.compile(r"dpkg-query: no packages found matching (\S+)\Z")
_RPM_MISSING = re.compile(r"package (\S+) is not installed\Z")

Packages = tuple[str, dict[str, str]]
"""The tool that answered, and the version of each installed package."""


def commands(names: Sequence[str]) -> tuple[Command, ...]:
    """One question to each package tool."""
    return (
        Command(("dpkg-query", "-W", "-f", _DPKG_FORMAT, *names)),
        Command(("rpm", "-q", "--qf", _RPM_FORMAT, *names)),
        Command(("apk", "info", "-e", "-v", *names, _APK_ITSELF)),
    )


def installed(raws: Sequence[Raw], names: Sequence[str]) -> Packages | None:
    """What is installed of `names`; None = no package tool that can be asked.

    Raises:
        Unparsed: an answer in another format, or one that leaves names out.
    """
    answers = [
        (tool, raw)
        for tool, raw in zip(("dpkg", "rpm", "apk"), raws, strict=True)
        if broken(raw) is None and not absent(raw)
    ]
    readers = {"dpkg": _dpkg, "rpm": _rpm, "apk": _apk}
    found = [(tool, readers[tool](raw, names)) for tool, raw in answers]
    if not found:
        return None
    # Debian can have an rpm installed for other ends: the tool that knows a package is the system's.
    return next(((tool, known) for tool, known in found if known), found[0])


def _dpkg(raw: Raw, names: Sequence[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    seen: set[str] = set()
    for line in whole_lines(raw.out) + whole_lines(raw.err):
        missing = _DPKG_MISSING.match(line)
        if missing:
            seen.add(missing.group(1))
            continue
        state, name, version = _columns(line, 3)
        seen.add(name)
        if not re.fullmatch(r"[uihrp][ncHUFWti][ R]", state):
            raise Unparsed(f"dpkg-query: unknown state {quoted(state)}")
        if state[1] not in "nc":
            known[name] = _version(version)
        elif version:
            _version(version)
    return _whole("dpkg-query", known, seen, names)


def _rpm(raw: Raw, names: Sequence[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    seen: set[str] = set()
    for line in whole_lines(raw.out):
        missing = _RPM_MISSING.match(line)
        if missing:
            seen.add(missing.group(1))
            continue
        name, version = _columns(line, 2)
        seen.add(name)
        known[name] = _version(version)
    return _whole("rpm", known, seen, names)


def _apk(raw: Raw, names: Sequence[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    asked = (*names, _APK_ITSELF)
    for line in whole_lines(raw.out):
        match = re.fullmatch(r"([a-z0-9_.+-]+?)-(\d[\w.]*-r\d+)", line, re.ASCII)
        if match is None or match.group(1) not in asked:
            raise Unparsed(f"apk: {quoted(line)}")
        known[match.group(1)] = match.group(2)
    if known.pop(_APK_ITSELF, None) is None:
        raise Unparsed("apk: the answer is not complete")
    return known


def _columns(line: str, count: int) -> list[str]:
    columns = line.split("|")
    if len(columns) != count:
        raise Unparsed(f"package list: {quoted(line)}")
    return columns


def _version(text: str) -> str:
    if not _VERSION.match(text):
        raise Unparsed(f"not a package version: {quoted(text)}")
    return text


def _whole(tool: str, known: dict[str, str], seen: set[str], names: Sequence[str]) -> dict[str, str]:
    if seen != set(names):
        raise Unparsed(f"{tool}: the answer is not about the packages asked for")
    return known
