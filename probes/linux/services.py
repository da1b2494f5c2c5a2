"""Which clock writers and guest agents are services here, run, and start at boot.

With systemd as process 1, `systemctl show` answers one block per unit asked. Without it
(another init, or a namespace without one) `systemctl --root=/ list-unit-files` still reads
the links that start a unit at boot, OpenRC and SysV have their own lists, and what runs is
told by the process list only (`active` stays None).
"""

from __future__ import annotations

import re

from probes.facts_time import Puller, ServicesFacts, Unit
from probes.linux import processes
from probes.linux.text import Unparsed, absent, broken, directory, natural, quoted, unusable, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

UNITS = tuple(
    f"{name}.service"
    for name in [
        "chrony",
        "chronyd",
        "ntp",
        "ntpd",
        "ntpsec",
        "openntpd",
        "systemd-timesyncd",
        "ntpdate",
        "sntp",
        "phc2sys",
        "ptp4l",
        "timemaster",
        "vmtoolsd",
        "open-vm-tools",
        "vgauth",
        "vboxadd-service",
        "virtualbox-guest-utils",
        "qemu-guest-agent",
        "ngt_guest_agent",
        "hv-kvp-daemon",
    ]
)
"""Everything known to write a clock, and the guest agents, as Debian, Red Hat and SUSE name them."""

TRIGGERS = tuple(
    f"{name}.{kind}"
    for name in ("chrony", "chronyd", "ntp", "ntpd", "ntpsec", "openntpd", "ntpdate", "sntp")
    for kind in ("timer", "socket")
)
"""What may start a writer instead of itself, under the name systemd gives it unless told otherwise."""

_PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "WantedBy",
    "RequiredBy",
    "TriggeredBy",
)
_NAMES = {unit.removesuffix(".service") for unit in UNITS}
_ID = re.compile(r"[0-9A-Za-z_.@-]{1,200}\.service\Z", re.ASCII)
_PULLER = re.compile(r"[0-9A-Za-z_.@:\\-]{1,250}\.[a-z]{4,9}\Z", re.ASCII)
_LOADS = frozenset(["stub", "loaded", "not-found", "bad-setting", "error", "merged", "masked"])
_ACTIVES = frozenset(
    ["active", "reloading", "inactive", "failed", "activating", "deactivating", "maintenance", "refreshing"]
)
_ENABLED = frozenset(
    [
        "enabled",
        "enabled-runtime",
        "linked",
        "linked-runtime",
        "alias",
        "masked",
        "masked-runtime",
        "static",
        "disabled",
        "indirect",
        "generated",
        "transient",
        "bad",
    ]
)
_NO_SYSTEMD = "has not been booted with systemd"
_FOOTER = re.compile(r"(\d+) unit files listed\.\Z", re.ASCII)
_HEADER = re.compile(r"UNIT FILE +STATE( +(?:VENDOR )?PRESET)? *\Z")
_RC_LINK = re.compile(r"([SK])\d\d([0-9A-Za-z_.-]+)\Z", re.ASCII)
_OPENRC = re.compile(r" *([0-9A-Za-z_.-]+) \|((?: +[a-z]+)*) *\Z", re.ASCII)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from systemctl show, systemctl --root, rc-update, /etc/rc2.d and the process list."""
    show, offline, openrc, sysv, scripts = raws[:5]
    failure = broken(show) or broken(offline) or broken(openrc) or broken(sysv) or broken(scripts)
    if failure is not None:
        return failure
    try:
        running = processes.names(raws[5:])
        if _other_init(show):
            return _started_by_links(offline, _openrc(openrc, scripts), sysv, running)
        failure = unusable(show)
        if failure is not None:
            return failure
        return ServicesFacts(init="systemd", units=_shown(show, _listed(offline)), processes=running)
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, str(error))


def _other_init(show: Raw) -> bool:
    return absent(show) or (show.rc != 0 and (_NO_SYSTEMD in show.out + show.err))


def _shown(show: Raw, listed: dict[str, str]) -> tuple[Unit, ...]:
    if show.rc != 0:
        raise Unparsed(f"systemctl: {quoted(show.err or show.out)}")
    blocks: list[dict[str, str]] = [{}]
    for line in whole_lines(show.out):
        key, equals, value = line.partition("=")
        if not line:
            blocks.append({})
        elif not equals or key not in _PROPERTIES or key in blocks[-1]:
            raise Unparsed(f"systemctl show: {quoted(line)}")
        else:
            blocks[-1][key] = value
    if len(blocks) != len(UNITS):
        raise Unparsed(f"systemctl show: {len(blocks)} units, asked for {len(UNITS)}")
    units = {unit.name: unit for block in blocks if (unit := _unit(block, listed)).load != "not-found"}
    return tuple(units[name] for name in sorted(units))


def _unit(block: dict[str, str], listed: dict[str, str]) -> Unit:
    if set(block) != set(_PROPERTIES):
        raise Unparsed(f"systemctl show: a unit with {len(block)} properties, not {len(_PROPERTIES)}")
    name, condition = block["Id"], block["ConditionResult"]
    if not _ID.match(name) or condition not in ("yes", "no"):
        raise Unparsed(f"systemctl show: {quoted(name)}, condition {quoted(condition)}")
    # Before a unit's conditions were ever looked at, the result reads "no" and the time 0.
    looked_at = natural(block["ConditionTimestampMonotonic"], upto=2**64 - 1) > 0
    return Unit(
        name=name,
        load=_word(block["LoadState"], _LOADS),
        active=_word(block["ActiveState"], _ACTIVES),
        enabled=_word(block["UnitFileState"], _ENABLED) if block["UnitFileState"] else None,
        condition=condition == "yes" if looked_at else None,
        pulled_by=_pullers(f"{block['WantedBy']} {block['RequiredBy']}", listed),
        triggered_by=_pullers(block["TriggeredBy"], listed),
    )


def _pullers(names: str, listed: dict[str, str]) -> tuple[Puller, ...]:
    found = sorted(set(names.split()))
    for name in found:
        if not _PULLER.match(name):
            raise Unparsed(f"systemctl show: no unit {quoted(name)}")
    return tuple(Puller(name, listed.get(name)) for name in found)


def _word(text: str, known: frozenset[str]) -> str:
    if text not in known:
        raise Unparsed(f"systemctl: unknown state {quoted(text)}")
    return text


def _started_by_links(
    offline: Raw, openrc: list[Unit], sysv: Raw, running: tuple[str, ...] | None
) -> ServicesFacts:
    """Units from whichever init lists them; systemd's names are used for all."""
    units: dict[str, Unit] = {}
    for found in (_sysv(sysv), openrc, _offline(offline)):
        units.update({unit.name: unit for unit in found})
    return ServicesFacts(init="other", units=tuple(units[name] for name in sorted(units)), processes=running)


def _offline(raw: Raw) -> list[Unit]:
    return [
        Unit(name=name, load="loaded", active=None, enabled=enabled)
        for name, enabled in _listed(raw).items()
        if enabled != "alias" and name in UNITS  # an alias is another name of a unit that is listed itself
    ]


def _listed(raw: Raw) -> dict[str, str]:
    """Unit files and their states, as links on the disk say."""
    if absent(raw) or raw.rc != 0:
        return {}
    lines = [line for line in whole_lines(raw.out) if line]
    footer = _FOOTER.match(lines[-1]) if lines else None
    header = _HEADER.match(lines[0]) if lines else None
    rows = lines[1:-1] if header is not None else lines[:-1]
    # Without the header nothing says which of a row's words is the state and which the preset.
    columns = 0 if header is None else 3 if header.group(1) else 2
    if footer is None or int(footer.group(1)) != len(rows):
        raise Unparsed("systemctl list-unit-files: the list is not complete")
    listed = {}
    for row in rows:
        words = row.split()
        if len(words) != columns or words[0] not in (*UNITS, *TRIGGERS):
            raise Unparsed(f"systemctl list-unit-files: {quoted(row)}")
        listed[words[0]] = _word(words[1], _ENABLED)
    return listed


def _openrc(raw: Raw, scripts: Raw) -> list[Unit]:
    """rc-update's list says nothing of where it ends; every script in /etc/init.d must be on it."""
    if absent(raw) or raw.rc != 0:
        return []
    listed = {line.partition("|")[0].strip() for line in whole_lines(raw.out)}
    missing = set(directory(scripts) or ()) & set(_NAMES) - listed
    if missing:
        raise Unparsed(f"rc-update: the list is not complete ({min(missing)} is not on it)")
    units = []
    for line in whole_lines(raw.out):
        match = _OPENRC.match(line)
        if match is None:
            raise Unparsed(f"rc-update: {quoted(line)}")
        if match.group(1) in _NAMES:
            enabled = "enabled" if match.group(2).split() else "disabled"
            units.append(Unit(name=f"{match.group(1)}.service", load="loaded", active=None, enabled=enabled))
    return units


def _sysv(raw: Raw) -> list[Unit]:
    units = []
    for line in directory(raw) or ():
        match = _RC_LINK.match(line)
        if match is not None and match.group(2) in _NAMES:
            enabled = "enabled" if match.group(1) == "S" else "disabled"
            units.append(Unit(name=f"{match.group(2)}.service", load="loaded", active=None, enabled=enabled))
    return units


READER = Reader(
    name="services",
    version=3,
    family=Family.TIME,
    commands=(
        Command(("systemctl", "show", "--all", "-p", ",".join(_PROPERTIES), *UNITS)),
        Command(("systemctl", "--root=/", "list-unit-files", *UNITS, *TRIGGERS)),
        Command(("rc-update", "show", "-v")),
        Command(("ls", "-ar", "/etc/rc2.d")),
        Command(("ls", "-ar", "/etc/init.d")),
        *processes.COMMANDS,
    ),
    parse=parse,
    interval_s=15.0,
)
