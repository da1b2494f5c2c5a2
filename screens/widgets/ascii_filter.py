"""Nothing but ASCII leaves the app: where the stream cannot encode a character, it would destroy the layout.

Our own texts choose ASCII forms beforehand; this is for borders and scroll bars of Textual, and for names that
come from outside.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_ALIKE = {
    **dict.fromkeys("─━═╌╍┄┅┈┉╴╶▔▁▂", "-"),
    **dict.fromkeys("│┃║╎╏┆┇┊┋▏▕▎▍", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝╵╷", "+"),
    **dict.fromkeys("▃▄▅▆▇█▉▊▋▌▐▀", "#"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”", '"'),
    **dict.fromkeys("–—−‐‑", "-"),
    "…": "~",
    "·": "-",
    "•": "*",
    "→": ">",
    "←": "<",
    "↑": "^",
    "↓": "v",
    "▶": ">",
    "▼": "v",
    "±": "~",
    "µ": "u",
    "×": "x",
    "✓": "+",
    "✗": "x",
    "≤": "<",
    "≥": ">",
    "\N{NO-BREAK SPACE}": " ",
}


class AsciiOnly(LineFilter):
    """Replaces every other character by one that looks alike, or by `?`, in as many cells."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.text.isascii()
            else Segment(to_ascii(segment.text), segment.style, segment.control)
            for segment in segments
        ]


@lru_cache(4096)
def to_ascii(text: str) -> str:
    """`text` in ASCII, as wide as before."""
    return "".join(c if c.isascii() else _ALIKE.get(c) or "?" * cell_len(c) for c in text)
