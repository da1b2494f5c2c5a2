"""What the terminal can do, looked at before the first screen. Pure, apart from `look`."""

from __future__ import annotations

import codecs
import os
import shutil
import sys
from collections.abc import Mapping
from typing import Literal

import msgspec

from screens.widgets.themes import CUTOVER, PLAIN

DotName = Literal["braille", "block", "ascii"]
SMALLEST = (80, 24)


class Terminal(msgspec.Struct, frozen=True):
    """How to draw here. `refusal` is why not at all; `hints` are worth a line before or on the first screen."""

    refusal: str | None
    ascii: bool
    dots: DotName
    theme: str
    hints: tuple[str, ...]


def examine(
    environ: Mapping[str, str],
    *,
    tty: bool,
    encoding: str | None,
    size: tuple[int, int],
    ascii_asked: bool = False,
) -> Terminal:
    """Judge a terminal.

    Args:
        tty: whether input and the stream drawn on are a terminal.
        encoding: of that stream; Textual writes to stderr, which replaces what it cannot encode by escapes
            and so destroys the layout.
        size: columns and rows.
    """
    term = environ.get("TERM", "")
    refusal = None
    if not tty:
        refusal = "standard input and standard error must be a terminal; use `cutover check` in scripts"
    elif term in ("", "dumb"):
        refusal = f"TERM is {term or 'not set'}, which cannot place a cursor; set it to what the terminal is"
    ascii_only = ascii_asked or not is_utf8(encoding)
    hints = []
    if ascii_only and not ascii_asked:
        hints.append(f"The locale is not UTF-8 ({encoding or 'unknown'}); drawing in ASCII.")
    columns, rows = size
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        hints.append(f"This terminal is {columns}x{rows}; 80x24 shows everything.")
    if environ.get("TMUX"):
        hints.append("tmux: set -g escape-time 10, window-size smallest, set-clipboard on")
    return Terminal(
        refusal=refusal,
        ascii=ascii_only,
        dots="ascii" if ascii_only else "block" if term == "linux" else "braille",
        theme=theme(environ),
        hints=tuple(hints),
    )


def theme(environ: Mapping[str, str]) -> str:
    """NO_COLOR (any value but empty) and sixteen colours keep the terminal's own palette.

    Our theme rounded to sixteen colours would lose its green; tmux's default TERM, `screen`, has sixteen.
    """
    if environ.get("TEXTUAL_THEME"):
        return environ["TEXTUAL_THEME"]
    many = environ.get("TERM", "").rpartition("-")[2] in ("256color", "kitty", "direct")
    many = many or environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")
    return CUTOVER.name if many and not environ.get("NO_COLOR") else PLAIN


def is_utf8(encoding: str | None) -> bool:
    """Whether every glyph can be written in this encoding."""
    if not encoding:
        return False
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False


def look(*, ascii_asked: bool = False) -> Terminal:
    """Examine the terminal this process runs on."""
    stream, source = sys.__stderr__, sys.__stdin__
    tty = stream is not None and stream.isatty() and source is not None and source.isatty()
    size = shutil.get_terminal_size(SMALLEST)
    return examine(
        os.environ,
        tty=tty,
        encoding=stream.encoding if stream is not None else None,
        size=(size.columns, size.lines),
        ascii_asked=ascii_asked,
    )
