"""Cells with an owner each, out of layers of dots and text. Pure.

A column of dots is one integer with a byte per cell, in which series are OR-ed where they cross.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from functools import lru_cache

from screens.widgets.raster import DotSet, Row


class Layer:
    """The dots of one role: an integer per cell column, one byte per cell from the top down."""

    def __init__(self, width: int, height: int, dots: DotSet) -> None:
        self.masks = [0] * width
        self.prefix = prefix_masks(dots.bits, height)

    def cells(self, height: int) -> bytes:
        """The bytes of all cells, column by column."""
        return b"".join([mask.to_bytes(height, "little") for mask in self.masks])


@lru_cache(maxsize=16)
def prefix_masks(bits: tuple[tuple[int, ...], ...], height: int) -> tuple[tuple[int, ...], ...]:
    """Per dot column of a cell: for each k the mask of the k topmost dots of a plot `height` cells high."""
    columns = []
    for column in bits:
        mask, masks = 0, [0]
        for row in range(height * len(column)):
            mask |= column[row % len(column)] << (8 * (row // len(column)))
            masks.append(mask)
        columns.append(tuple(masks))
    return tuple(columns)


# Background after a run joins it: a space has no colour, and each change of colour costs bytes.
_SAME = re.compile(rb"\0+|(.)(?:\1|\0)*", re.DOTALL)
_FREE = bytes([255] + [0] * 255)
_OWNER = tuple(bytes([0] + [n] * 255) for n in range(256))


DrawnRow = tuple[str, bytes, list[str], Row]
"""Text, the owner of each cell, the roles of the owners, and the runs made of these."""


class Canvas:
    """Cells with an owner each. Dots come from layers; text goes where no dots are, unless forced."""

    def __init__(self, width: int, height: int, dots: DotSet, layers: Sequence[tuple[str, Layer]]) -> None:
        """`layers` in order of precedence: the first to have a dot in a cell gives the cell its role."""
        self.width, self.height = width, height
        self._roles = [""]
        size = width * height
        total = owner = 0
        for role, layer in layers:
            cells = layer.cells(height)
            taken = int.from_bytes(cells.translate(_OWNER[self._role(role)]), "little")
            free = int.from_bytes(owner.to_bytes(size, "little").translate(_FREE), "little")
            owner |= taken & free
            total |= int.from_bytes(cells, "little")
        cells, owners = total.to_bytes(size, "little"), owner.to_bytes(size, "little")
        # Cells come column by column; a stride of the height picks out a row.
        self._text = [
            list(codecs.charmap_decode(cells[y::height], "strict", dots.table)[0]) for y in range(height)
        ]
        self._owner = [bytearray(owners[y::height]) for y in range(height)]

    def _role(self, role: str) -> int:
        if role not in self._roles:
            self._roles.append(role)
        return self._roles.index(role)

    def free(self, x: int, y: int, length: int) -> bool:
        """Whether `length` cells from (x, y) lie on the canvas and hold neither dots nor text."""
        if not (0 <= y < self.height and x >= 0 and x + length <= self.width):
            return False
        return not any(self._owner[y][x : x + length])

    def put(self, x: int, y: int, text: str, role: str, *, over: bool = False) -> None:
        """Write single-width `text`; cells with dots or text are spared unless `over`."""
        if not 0 <= y < self.height:
            return
        number = self._role(role)
        row, owner = self._text[y], self._owner[y]
        for at, char in enumerate(text, x):
            if 0 <= at < self.width and (over or not owner[at]):
                row[at], owner[at] = char, number

    def rows(self, before: list[DrawnRow] | None = None) -> list[Row]:
        """Exactly `height` rows of exactly `width` cells, as runs of one role.

        `before`, of the last canvas, is brought up to date; rows that are the same are taken from it.
        """
        roles = self._roles
        drawn: list[DrawnRow] = []
        for y, (chars, owner) in enumerate(zip(self._text, self._owner, strict=True)):
            text, mine = "".join(chars), bytes(owner)
            if before is not None and y < len(before) and before[y][:3] == (text, mine, roles):
                drawn.append(before[y])
                continue
            row = tuple((text[m.start() : m.end()], roles[mine[m.start()]]) for m in _SAME.finditer(mine))
            drawn.append((text, mine, roles, row))
        if before is not None:
            before[:] = drawn
        return [row for *_, row in drawn]
