"""The lab prints nothing that the corpus has not seen, and a damaged answer is never taken for another one.

The corpus is recorded from real tools or documented by their source; the lab is written by
other hands. `EXCEPTIONS` says what the corpus cannot hold, and why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutover_tui.lab.world import hypervisor
from cutover_tui.lab.world.build import USER
from cutover_tui.lab.world.events import apply
from cutover_tui.lab.world_file.model import Change, ReferenceChange
from probes.linux import READERS
from probes.observation import Failure, Raw
from probes.reader import Reader
from tests.lab.corpus import asked, lines, recorded
from tests.lab.worlds import FIXTURES, Played

Answer = tuple[int, str, str]
WORLDS = tuple(sorted(path.stem for path in FIXTURES.glob("*.yaml")))

_NO_SOURCE = (
    r"(#|driftfile |keyfile |leapsectz |logdir |rtcsync$|sourcedir |cmdport |initstepslew |maxupdateskew )"
)
EXCEPTIONS = (
    # Files are no tool's output: what stands in them is the guest's. Of those that decide, only what decides nothing:
    # `server`, `pool`, `local`, `refclock`, `makestep` and every switch of Tools must be lines the corpus has.
    ("cat /etc/os-release", r"\w+=", "other systems"),
    ("cat /etc/chrony.conf", _NO_SOURCE, "the package's file"),
    ("cat /etc/chrony/chrony.conf", _NO_SOURCE, "the package's file"),
    ("cat /etc/vmware-tools/tools.conf", r"#", "comments"),
    ("cat /proc/cmdline", r"BOOT_IMAGE=\S+ root=\S+ ro quiet$", "other kernels"),
    ("cat /sys/class/dmi/id/product_name", r"VMware20,#$", "a newer virtual hardware"),
    (
        "cat /sys/devices/system/clocksource/clocksource0/available_clocksource",
        r"(kvm-clock )?tsc hpet acpi_pm $",
        "the clocks of other hardware",
    ),
    ("cat /sys/devices/system/clocksource/clocksource0/current_clocksource", r"acpi_pm$", "one of them"),
    ("grep", r"(?!!)", "lines of files, behind their names"),
    # Recorded with `-p` for three properties; keys and form of the others are those of org.freedesktop.timedate1(5).
    (
        "timedatectl",
        r"(Timezone=[\w/+#-]+|LocalRTC=(yes|no)|(RTC)?TimeUSec=\w{3} #.*|CanNTP=no)$",
        "`show` of everything, and of a guest without a time service",
    ),
    # chronyd -x follows one server at a time there; `combined` is chrony's client.c.
    ("chronyc", r"\^,\+,NAME,", "a second good source"),
    (
        "pgrep",
        r".*/usr/sbin/chronyd -F #( -x)?$",
        "Debian's chronyd; recorded was one with options of the recorder's",
    ),
    # uname answers with the name it was given, and a kernel of whichever machine.
    ("uname", r"\S+$", "names"),
    # In list-unit-files of `unit-states` the same state is recorded; `show` was recorded without a disabled unit.
    ("systemctl", r"UnitFileState=disabled$", "a disabled unit in `show`"),
    # Differential tier: tests/system holds both against the real tool.
    ("ls", r"!ls: cannot access 'NAME': No such file or directory$", "GNU ls, a directory that is not there"),
    ("ls", r"[\w.-]+$", "names of files are the guest's"),
    ("cat", r"!cat: can't open 'NAME': No such file or directory$", "busybox cat"),
    # The documented case ends with the first line; what follows is usage_messages of busybox 1.36.
    ("ps", r"!($|BusyBox v|Usage: ps |Show list|\t-[oT])", "the usage of busybox ps"),
)


def command_lines(reader: Reader) -> list[tuple[str, ...]]:
    return [command.argv for command in reader.commands]


def moments(name: str) -> Iterator[Played]:
    """A world as it begins, after the move, after a while, and with its sources gone."""
    played = Played(name)
    yield played
    for guest in played.world.guests.values():
        if guest.move is not None:
            hypervisor.migrate(played.world, guest, played.now)
    played.wait(5)
    yield played
    played.wait(1800)
    yield played
    apply(played.world, Change(reference=ReferenceChange(name="*", down=True)), played.now)
    played.wait(3600)
    yield played


@cache
def answers() -> tuple[tuple[str, Reader, tuple[Answer, ...]], ...]:
    """What every guest of every world answers to every reader."""
    found = []
    for name in WORLDS:
        for number, played in enumerate(moments(name)):
            for guest in played.world.guests:
                for reader in READERS:
                    got = tuple(
                        played.run(guest, [*c.argv], user="root" if c.elevate else USER)
                        for c in reader.commands
                    )
                    found.append((f"{name}/{number}/{guest}", reader, got))
    return tuple(found)


def excepted(argv: tuple[str, ...], line: str) -> bool:
    return any(of(name, argv) and re.match(pattern, line) for name, pattern, _ in EXCEPTIONS)


def of(name: str, argv: tuple[str, ...]) -> bool:
    """Whether an exception is about that command: a tool, or one file that is shown."""
    return name in (argv[0], f"{argv[0]} {argv[-1]}")


def test_every_line_of_the_lab_occurs_in_the_corpus() -> None:
    known, unseen = recorded(), set()
    for _, reader, got in answers():
        for argv, (rc, out, err) in zip(command_lines(reader), got, strict=True):
            if rc == 127:
                continue  # the shell's words, held by the differential tier
            for one in lines(argv[0], rc, out, "") | lines(argv[0], rc, err, "!"):
                if one not in known[asked(argv)] and not excepted(argv, one[1]):
                    unseen.add((argv[0], *one))
    assert sorted(unseen) == []


def test_every_reader_understands_every_guest_or_says_why_not() -> None:
    allowed = {"tool-absent", "denied"}
    for where, reader, got in answers():
        facts = reader.parse(raws(reader, got))
        if isinstance(facts, Failure):
            assert facts.kind.value in allowed, (where, reader.name, facts)


def raws(reader: Reader, got: tuple[Answer, ...]) -> tuple[Raw, ...]:
    return tuple(
        Raw(argv=argv, rc=rc, out=out, err=err)
        for argv, (rc, out, err) in zip(command_lines(reader), got, strict=True)
    )


# Damage: of an answer that parses, a part is lost or in another language.

FOREIGN = {
    "Normal": "Normalbetrieb",
    "loaded": "geladen",
    "active": "aktiv",
    "Disabled": "비활성화",
    "yes": "ja",
}


def cut(text: str, at: int) -> str:
    return text[: at % max(len(text), 1)]


def drop_column(text: str, at: int) -> str:
    rows = text.splitlines(keepends=True)
    if not rows:
        return text
    row = rows[at % len(rows)]
    for mark in (",", "|", "="):
        if mark in row:
            cells = row.rstrip("\n").split(mark)
            del cells[at % len(cells)]
            rows[at % len(rows)] = mark.join(cells) + "\n"
            break
    return "".join(rows)


def translate(text: str, at: int) -> str:
    present = sorted(word for word in FOREIGN if word in text)
    if not present:
        return text
    word = present[at % len(present)]
    return text.replace(word, FOREIGN[word])


# What a free text holds cannot be told from a shorter one; what is about such a file is left whole.
FREE = ("/etc/chrony/chrony.conf", "/etc/chrony.conf", "/etc/vmware-tools/tools.conf", "/etc/os-release")


@pytest.mark.parametrize("damage", [cut, drop_column, translate], ids=lambda one: one.__name__)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(which=st.integers(0, 10**6), command=st.integers(0, 100), at=st.integers(0, 10**6))
def test_damage_is_seen_or_does_no_harm(damage, which: int, command: int, at: int) -> None:
    everything = answers()
    where, reader, got = everything[which % len(everything)]
    whole = reader.parse(raws(reader, got))
    index = command % len(got)
    argv, (rc, out, err) = command_lines(reader)[index], got[index]
    if isinstance(whole, Failure) or not out or argv[-1] in FREE or (argv[0] == "cat" and damage is not cut):
        return
    harmed = damage(out, at)
    if harmed == out:
        return
    changed = (*got[:index], (rc, harmed, err), *got[index + 1 :])
    facts = reader.parse(raws(reader, changed))
    assert isinstance(facts, Failure) or facts == whole or not_more(whole, facts), (
        where,
        argv,
        harmed,
        facts,
    )


def not_more(whole: object, facts: object) -> bool:
    """Whether the damaged facts only know less: a value that is None, or a list that is None."""
    if type(whole) is not type(facts):
        return False
    fields = whole.__struct_fields__  # type: ignore[attr-defined]
    return all(getattr(facts, name) in (None, getattr(whole, name)) for name in fields)


def test_no_exception_is_without_use() -> None:
    seen = {
        (argv, one[1])
        for _, reader, got in answers()
        for argv, (rc, out, err) in zip(command_lines(reader), got, strict=True)
        for one in lines(argv[0], rc, out, "") | lines(argv[0], rc, err, "!")
    }
    for tool, pattern, why in EXCEPTIONS:
        assert any(of(tool, argv) and re.match(pattern, line) for argv, line in seen), (tool, why)
