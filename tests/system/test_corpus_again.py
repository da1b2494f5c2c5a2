"""What the corpus recorded, real tools print today: the same facts in the same states, in the same shape.

The recording itself runs once for all cases, in namespaces of its own, those of a domain beside the
others on a guest that joined one (tests/corpus/README.md).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.compare import differences
from tests.corpus.record import ALL, DOCUMENTED, root_missing
from tests.unit import corpus

pytestmark = pytest.mark.timeout(300)  # the first test waits until all cases are recorded


@pytest.mark.parametrize("case", ALL)
def test_recorded_again_it_says_the_same(recorded_again: tuple[Path, dict[str, str]], case: str) -> None:
    into, failed = recorded_again
    if missing := root_missing(case):
        pytest.skip(f"{missing} names no unpacked package (tests/corpus/README.md)")
    assert case not in failed, failed[case]
    found = differences(corpus.read(corpus.CORPUS, case), corpus.read(into, case))
    assert not found, "\n".join((f"{case} is not what the corpus holds:", *found))


def test_every_case_is_recorded_again_or_listed_as_documented() -> None:
    recorded = {case.id for case in corpus.load() if case.source.startswith("recorded: ")}
    documented = {case.id for case in corpus.load() if case.source.startswith("documented: ")}
    assert recorded == set(ALL)
    assert documented == set(DOCUMENTED)
