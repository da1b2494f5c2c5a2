"""Readers against what real tools printed: facts equal the state that was set, or there are none.

Text that was cut, lost a column or carries foreign words may cost facts, never change them.
For files (`cat FILE`) a cut at a line end cannot be seen in the text; there the transport's
`truncated` and `failure` flags are the guard, and what such a file says may only become less.
Configuration files are left out: every text is somebody's configuration.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.linux import READERS
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
    assert {case.reader.name for case in UNDERSTOOD} == {reader.name for reader in READERS}


def weaker(found, known):
    """Whether `found` says nothing that `known` does not: equal, unknown, or fewer of the same."""
    if found == known or found is None:
        return True
    if isinstance(found, dict) and isinstance(known, dict):
        return found.keys() == known.keys() and all(weaker(found[key], known[key]) for key in found)
    if isinstance(found, list) and isinstance(known, list):
        return all(any(weaker(one, other) for other in known) for one in found)
    return False


def judge(case, raws, *, file=False):
    """Same facts or a failure; for files also less."""
    before, after = case.parse(), case.reader.parse(raws)
    if isinstance(after, Failure):
        assert after.kind in set(FailureKind)
        return
    if file:
        assert weaker(corpus.plain(after), corpus.plain(before)), (after, before)
    else:
        assert after == before


def with_out(case, index, text):
    changed = msgspec.structs.replace(case.raws[index], out=text)
    return (*case.raws[:index], changed, *case.raws[index + 1 :])


speaking = st.sampled_from(
    [
        (c, i)
        for c in UNDERSTOOD
        for i, raw in enumerate(c.raws)
        if raw.out and not raw.argv[-1].endswith(".conf")
    ]
)
tabular = speaking.filter(lambda chosen: chosen[0].raws[chosen[1]].argv[0] not in FILES)
relaxed = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@relaxed
@given(speaking, st.data())
def test_a_prefix_never_changes_facts(chosen, data):
    case, index = chosen
    text = case.raws[index].out
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    judge(case, with_out(case, index, cut), file=case.raws[index].argv[0] in FILES)


@relaxed
@given(tabular, st.data())
def test_a_dropped_column_never_changes_facts(chosen, data):
    case, index = chosen
    lines = case.raws[index].out.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    for separator in (",", "|", "=", " "):
        columns = lines[at].split(separator)
        if len(columns) > 1:
            del columns[data.draw(st.integers(0, len(columns) - 1))]
            changed = separator.join(columns)
            text = "".join((*lines[:at], changed, *lines[at + 1 :]))
            judge(case, with_out(case, index, text))
            break


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


@relaxed
@given(speaking, st.sampled_from(WORDS), st.sampled_from(FOREIGN))
def test_a_foreign_word_never_changes_facts(chosen, word, foreign):
    case, index = chosen
    text = case.raws[index].out.replace(word, foreign)
    judge(case, with_out(case, index, text), file=True)


@relaxed
@given(speaking, st.text(max_size=300))
def test_any_text_is_parsed_or_refused(chosen, text):
    case, index = chosen
    try:
        case.reader.parse(with_out(case, index, text))
    except Unparsed:  # pragma: no cover
        pytest.fail("Unparsed left the reader")


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
