"""The bound of an offset is never cut off: without it the number says less than it seems to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from screens.texts.clock import columns
from screens.widgets.glyphs import ASCII, UNICODE, Charset, State, offset
from screens.widgets.table import lay_out

US, MS, S = 1_000, 1_000_000, 1_000_000_000
DAY = 86_400 * S


NARROW = 79
"""What a terminal of 80 columns leaves to the table."""


def room(charset: Charset, width: int) -> int:
    table = columns(charset)
    at = next(i for i, c in enumerate(table) if c.key == "offset")
    return dict(lay_out(table, width))[at]


@pytest.mark.parametrize("charset", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("width", [NARROW, 100, 200])
@given(size=st.integers(0, 4 * DAY), behind=st.booleans(), bound=st.integers(20 * US, 10 * S))
def test_offset_and_bound_have_room(
    charset: Charset, width: int, size: int, behind: bool, bound: int
) -> None:
    text = f"{charset.glyphs[State.FAIL]} {offset(-size if behind else size, bound, charset)}"
    assert cell_len(text) <= room(charset, width), text


@pytest.mark.parametrize(
    ("charset", "gone"), [(UNICODE, {"soak", "link"}), (ASCII, {"looks", "soak", "link"})]
)
def test_at_80_columns_another_column_goes_instead(charset: Charset, gone: set[str]) -> None:
    table = columns(charset)
    shown = {table[i].key for i, _ in lay_out(table, NARROW)}
    assert {c.key for c in table} - shown == gone
