"""The comparison of a case with its recording again: what it must report, and what it must not."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from tests.corpus.compare import differences
from tests.unit import corpus
from tests.unit.corpus import Case

CHRONY = corpus.read(corpus.CORPUS, "chrony/4.3/synchronised")
BOOTED = corpus.read(corpus.CORPUS, "services/systemd-252/booted")


def changed(case: Case, index: int, **parts: object) -> Case:
    raw = msgspec.structs.replace(case.raws[index], **parts)
    return replace(case, raws=(*case.raws[:index], raw, *case.raws[index + 1 :]))


@pytest.mark.parametrize("case", corpus.load(), ids=lambda case: case.id)
def test_a_case_is_like_itself(case: Case) -> None:
    assert differences(case, case) == []


def test_other_numbers_of_the_same_kind_are_the_same() -> None:
    columns = CHRONY.raws[0].out.split(",")
    out = ",".join((*columns[:6], "0.987654321", *columns[7:]))
    assert differences(CHRONY, changed(CHRONY, 0, out=out)) == []


@pytest.mark.parametrize(
    ("index", "parts", "words"),
    [
        (0, {"rc": 1}, "exit status 1, in the corpus 0"),
        (0, {"err": "warning: deprecated\n"}, "+ warning: deprecated"),
        (1, {"out": CHRONY.raws[1].out.replace("^,*,", "^,!,")}, "+ ^,!,127.0.0.1"),
        (1, {"out": CHRONY.raws[1].out.replace("\n", ",9\n")}, "- ^,*,127.0.0.1"),
        (2, {"out": CHRONY.raws[2].out.rstrip("\n")}, "(no end of line)"),
        (3, {"out": ""}, "- chronyc (chrony) version 4.3"),
        (4, {"argv": ("date", "-u", "+%s.%N")}, "the corpus has $ date -u +%s"),
    ],
)
def test_another_shape_is_said_with_its_line(index: int, parts: dict[str, object], words: str) -> None:
    assert words in "\n".join(differences(CHRONY, changed(CHRONY, index, **parts)))


def test_a_new_property_of_a_unit_is_said() -> None:
    out = BOOTED.raws[0].out.replace("LoadState=masked", "LoadState=veiled")
    found = "\n".join(differences(BOOTED, changed(BOOTED, 0, out=out)))
    assert "+ LoadState=veiled" in found
    assert "not parsed" in found


def test_facts_that_do_not_hold_are_said_though_the_shape_is_the_same() -> None:
    out = CHRONY.raws[0].out.replace(",3,", ",4,", 1)
    found = differences(CHRONY, changed(CHRONY, 0, out=out))
    assert found == ["stratum is 4, not 3"]


def test_names_in_a_directory_are_the_machines_own() -> None:
    index = next(i for i, raw in enumerate(BOOTED.raws) if raw.argv[-1] == "/etc/init.d")
    more = changed(BOOTED, index, out=f"zzz\n{BOOTED.raws[index].out}")
    assert differences(BOOTED, more) == []
    cut = changed(BOOTED, index, out=BOOTED.raws[index].out.replace("\n.\n", "\n"))
    assert any("- .    (.)" in line for line in differences(BOOTED, cut))
