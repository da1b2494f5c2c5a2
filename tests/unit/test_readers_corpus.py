"""Readers against what real tools printed: facts equal the state that was set, or there are none.

Text that was cut, lost a column or carries foreign words may cost facts, never change them.
For files (`cat FILE`) a cut at a line end cannot be seen in the text; there the transport's
`truncated` and `failure` flags are the guard, and what such a file says may only become less.
Configuration files are left out: every text is somebody's configuration.
"""

from __future__ import annotations

import itertools
import re

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.linux import READERS
from probes.linux.domain import exchange
from probes.linux.text import Unparsed
from probes.observation import Failure, FailureKind
from tests.unit import corpus

CASES = corpus.load()
UNDERSTOOD = [case for case in CASES if case.facts is not None]
FILES = {"cat"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_facts_are_the_state_that_was_set(case):
    parsed = case.parse()
    if case.failure is not None:
        assert isinstance(parsed, Failure)
        assert parsed.kind == case.failure
        return
    assert not isinstance(parsed, Failure), parsed
    assert corpus.differing(parsed, case.facts) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_cases_hold_the_commands_of_their_reader_and_name_their_source(case):
    assert [raw.argv for raw in case.raws] == [command.argv for command in case.reader.commands]
    assert case.source.startswith(("recorded: ", "documented: "))


def test_every_reader_has_cases_with_facts():
    assert {case.reader.name for case in UNDERSTOOD} == {*(reader.name for reader in READERS), exchange.NAME}


def weaker(found, known):
    """Whether `found` says nothing that `known` does not: equal, unknown, or fewer of the same."""
    if found == known or found is None:
        return True
    if isinstance(found, dict) and isinstance(known, dict):
        less = {"conf_visible"} if not found.get("conf_visible", True) else set()
        return found.keys() == known.keys() and all(
            weaker(found[key], known[key]) for key in found.keys() - less
        )
    if isinstance(found, list) and isinstance(known, list):
        return all(any(weaker(one, other) for other in known) for one in found)
    return False


def judge(case, raws, *, file=False):
    """Same facts or a failure; for files also less."""
    before, after = case.parse(), case.reader.parse(raws)
    if isinstance(after, Failure):
        assert after.kind in set(FailureKind)
        return
    if after == before:
        return
    skipped = getattr(after, "skipped", 0)
    if skipped > getattr(before, "skipped", 0):  # a line less, and it says so
        before, after = (msgspec.structs.replace(facts, skipped=skipped) for facts in (before, after))
        file = True
    if file:
        assert weaker(corpus.plain(after), corpus.plain(before)), (after, before)
    else:
        assert after == before


def with_out(case, index, text):
    changed = msgspec.structs.replace(case.raws[index], out=text)
    return (*case.raws[:index], changed, *case.raws[index + 1 :])


def speaking(case):
    """The commands whose output decides facts; configuration files are left whole."""
    return [i for i, raw in enumerate(case.raws) if raw.out and not raw.argv[-1].endswith(".conf")]


OF_CASES = pytest.mark.parametrize("case", [c for c in UNDERSTOOD if speaking(c)], ids=lambda case: case.id)
"""Every damage is done to every case: a reader whose cases are few is not left to chance."""


FREE = {"cron", "ptp"}
"""What these readers show is text of others, commands and names: a word less is another one, and true."""


COMMAND_LINES = {"pgrep"}
"""What it shows is how a program was started: an option less is another start, and true."""


def tabular(case):
    if case.reader.name in FREE:
        return []
    return [i for i in speaking(case) if case.raws[i].argv[0] not in FILES | COMMAND_LINES]


TABULAR = pytest.mark.parametrize("case", [c for c in UNDERSTOOD if tabular(c)], ids=lambda case: case.id)
NAMES = {"ls", "ps", "rc-update", "grep"}
"""What these print are names: a word more is another file, process, runlevel or server, and true."""


def columned(case):
    return [i for i in tabular(case) if case.raws[i].argv[0] not in NAMES]


def is_file(case, index):
    return case.raws[index].argv[0] in FILES


relaxed = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@OF_CASES
@relaxed
@given(data=st.data())
def test_a_prefix_never_changes_facts(case, data):
    index = data.draw(st.sampled_from(speaking(case)))
    text = case.raws[index].out
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    judge(case, with_out(case, index, cut), file=is_file(case, index))


SEPARATORS = (",", "|", "=", " ")
MORE = ("new", "0", "17", "yes", "")


@TABULAR
def test_a_dropped_column_never_changes_facts(case):
    for index in tabular(case):
        lines = case.raws[index].out.splitlines(keepends=True)
        for at, line in enumerate(lines):
            separator = next((s for s in SEPARATORS if s in line), None)
            columns = line.split(separator) if separator is not None else []
            for dropped in range(len(columns)):
                changed = (separator or "").join(columns[:dropped] + columns[dropped + 1 :])
                text = "".join((*lines[:at], changed, *lines[at + 1 :]))
                judge(case, with_out(case, index, text))


FOREIGN = (
    "Normale",
    "Nicht synchronisiert",
    "aktiviert",
    "Désactivé",
    "原本",
    "ja",
    "yes ",
    "-",
    "4294967296",
)
WORDS = (
    "Normal",
    "Not synchronised",
    "enabled",
    "disabled",
    "Enabled",
    "Disabled",
    "active",
    "loaded",
    "yes",
    "no",
)


@OF_CASES
def test_a_foreign_word_never_changes_facts(case):
    for index in speaking(case):
        if case.raws[index].argv[-1].endswith(".pub"):
            continue  # no words: a key's text is the fact
        for word in WORDS:
            if word in case.raws[index].out:
                for foreign in FOREIGN:
                    text = case.raws[index].out.replace(word, foreign)
                    judge(case, with_out(case, index, text), file=True)


LABEL = re.compile(r"^([A-Za-z][\w. ()-]*?)(?= *[=:|])|\"([A-Z]\w*)\"(?=:)", re.MULTILINE)


@TABULAR
@pytest.mark.parametrize("foreign", ["Étiquette", "Ladezustand", "状態", "LoadStatus"])
def test_a_foreign_label_never_changes_facts(case, foreign):
    for index in tabular(case):
        text = case.raws[index].out
        for found in LABEL.finditer(text):
            group = 1 if found.group(1) else 2
            changed = text[: found.start(group)] + foreign + text[found.end(group) :]
            judge(case, with_out(case, index, changed), file=True)


LOCALISED = (
    ("No such file or directory", "Datei oder Verzeichnis nicht gefunden"),
    ("No such file or directory", "Aucun fichier ou dossier de ce type"),
    ("Permission denied", "Keine Berechtigung"),
    ("not found", "nicht gefunden"),
    ("Failed to connect to bus", "Verbindung zum Bus fehlgeschlagen"),
    ("Cannot talk to daemon", "Keine Verbindung zum Dienst"),
    ("no packages found matching", "Kein Paket gefunden, das passt auf"),
    ("has not been booted with systemd", "wurde nicht mit systemd gestartet"),
    ("does not exist", "existiert nicht"),
    ("unit files listed", "Unit-Dateien aufgelistet"),
)


@pytest.mark.parametrize(("words", "localised"), LOCALISED)
def test_a_message_in_another_language_never_changes_facts(words, localised):
    """A login whose locale wins over LC_ALL: what a tool says on stderr decides facts too."""
    changed = 0
    for case in UNDERSTOOD:
        raws = tuple(
            msgspec.structs.replace(
                raw,
                out=raw.out if is_file(case, i) else raw.out.replace(words, localised),
                err=raw.err.replace(words, localised),
            )
            for i, raw in enumerate(case.raws)
        )
        if raws != case.raws:
            changed += 1
            judge(case, raws, file=True)
    assert changed, "no case has these words"


VERSION = re.compile(r"(?<=version )\d+(\.\d+)*")


@TABULAR
@pytest.mark.parametrize("version", ["9.0", "5.1-pre2", "4.3.1", "next", ""])
def test_an_unknown_version_changes_no_other_fact(case, version):
    for index in tabular(case):
        text = VERSION.sub(version, case.raws[index].out)
        if text != case.raws[index].out:
            after = case.reader.parse(with_out(case, index, text))
            if not isinstance(after, Failure):
                known = msgspec.structs.replace(case.parse(), version=version)
                assert after == known


@pytest.mark.parametrize("case", [c for c in UNDERSTOOD if columned(c)], ids=lambda case: case.id)
def test_a_column_more_never_changes_facts(case):
    for index in columned(case):
        lines = case.raws[index].out.splitlines()
        for at, separator, more in itertools.product(range(len(lines)), SEPARATORS, MORE):
            for line in (f"{more}{separator}{lines[at]}", f"{lines[at]}{separator}{more}"):
                text = "\n".join((*lines[:at], line, *lines[at + 1 :])) + "\n"
                judge(case, with_out(case, index, text), file=True)


@TABULAR
@pytest.mark.parametrize(
    "line", ["Note: a newer version says more", "NewProperty=yes", "new,0,1", "", "{}", "WARNING"]
)
def test_a_line_more_never_changes_facts(case, line):
    for index in tabular(case):
        if case.raws[index].argv[0] in NAMES:
            continue
        lines = case.raws[index].out.splitlines()
        for at in range(len(lines) + 1):
            text = "\n".join((*lines[:at], line, *lines[at:])) + "\n"
            judge(case, with_out(case, index, text), file=True)


@OF_CASES
@relaxed
@given(data=st.data(), text=st.text(max_size=300))
def test_any_text_is_parsed_or_refused(case, data, text):
    index = data.draw(st.sampled_from(speaking(case)))
    try:
        case.reader.parse(with_out(case, index, text))
    except Unparsed:  # pragma: no cover
        pytest.fail("Unparsed left the reader")


ALL_ON_STDERR = {"ntpq", exchange.NAME}
"""Readers of tools that say there that nobody answers, or that all was refused."""


@pytest.mark.parametrize("case", [c for c in UNDERSTOOD if not speaking(c)], ids=lambda case: case.id)
def test_a_complaint_that_was_cut_never_changes_facts(case):
    for index, raw in enumerate(case.raws):
        for end in range(len(raw.err)):
            changed = msgspec.structs.replace(raw, err=raw.err[:end])
            judge(case, (*case.raws[:index], changed, *case.raws[index + 1 :]))


def test_every_reader_and_every_case_has_text_to_damage():
    assert {case.reader.name for case in UNDERSTOOD if not speaking(case)} == ALL_ON_STDERR
    tables = {case.reader.name for case in UNDERSTOOD if tabular(case)}
    assert tables == {*(reader.name for reader in READERS), exchange.NAME} - {"boot"} - FREE, (
        "boot reads files of the kernel only"
    )


@pytest.mark.parametrize("kind", list(FailureKind))
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_failure_of_every_command_is_the_failure_of_the_reader(reader, kind):
    case = next(case for case in UNDERSTOOD if case.reader is reader)
    failed = tuple(
        msgspec.structs.replace(raw, out="", rc=None, failure=Failure(kind, "so")) for raw in case.raws
    )
    parsed = reader.parse(failed)
    assert isinstance(parsed, Failure)
    assert parsed.kind == kind
