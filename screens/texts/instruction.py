"""A step's Markdown instruction as plain lines, bounded. Pure."""

from __future__ import annotations

from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.cells import cell_len, set_cell_size

from screens.widgets.glyphs import clean

MOST_PARAGRAPHS = 200
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")


@lru_cache(64)
def paragraphs(markdown: str) -> tuple[str, ...]:
    """The text, one string a paragraph, list item, table row or line of code; markup, images and HTML left out.

    Links are written out, since a terminal cannot be trusted to show where a click would go.
    """
    out: list[str] = []
    lists: list[int | None] = []
    bullet = ""
    cells: list[str] | None = None
    for token in _PARSER.parse(markdown):
        match token.type:
            case "bullet_list_open":
                lists.append(None)
            case "ordered_list_open":
                lists.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
            case "list_item_open":
                number = lists[-1] if lists else None
                indent = "  " * (len(lists) - 1)
                bullet = indent + ("- " if number is None else f"{number}. ")
                if number is not None:
                    lists[-1] = number + 1
            case "tr_open":
                cells = []
            case "tr_close":
                out.append(bullet + " | ".join(cells or ()))
                cells = None
            case "inline" if cells is not None:
                cells.append(clean(_inline(token.children or [])).strip())
            case "inline":
                out.append(bullet + clean(_inline(token.children or [])).strip())
                bullet = " " * len(bullet) if lists else ""
            case "fence" | "code_block":
                out.extend("    " + clean(line) for line in token.content.splitlines())
            case _:
                pass
        if len(out) >= MOST_PARAGRAPHS:
            return (*out[:MOST_PARAGRAPHS], "(cut: the instruction is longer than a screen can use)")
    return tuple(out)


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells of a terminal; what has no space is broken hard."""
    if width < 1:
        return []
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        rest = word
        if line and cell_len(line) + 1 + cell_len(rest) <= width:
            line += " " + rest
            continue
        if line:
            lines.append(line)
        *broken, line = _broken(rest, width)
        lines.extend(broken)
    return [*lines, line] if line or not lines else lines


def _broken(word: str, width: int) -> list[str]:
    """A word in pieces that fit; what is wider than the width by itself is a piece of its own."""
    pieces, used = [""], 0
    for char in word:
        wide = cell_len(char)
        if pieces[-1] and used + wide > width:
            pieces.append("")
            used = 0
        pieces[-1] += char
        used += wide
    return pieces


def block(markdown: str, width: int, height: int, more: str) -> list[str]:
    """At most `height` lines of at most `width`; the last one ends with `more` when something is left out."""
    lines = [line for paragraph in paragraphs(markdown) for line in wrap(paragraph, width)]
    if len(lines) <= height:
        return lines
    shown = lines[: max(0, height)]
    if shown and width > len(more):
        shown[-1] = set_cell_size(shown[-1], min(cell_len(shown[-1]), width - len(more))).rstrip() + more
    return shown


def _inline(children: list[Token]) -> str:
    text: list[str] = []
    target = ""
    for token in children:
        match token.type:
            case "text" | "code_inline" | "html_inline":
                text.append(token.content)
            case "softbreak" | "hardbreak":
                text.append(" ")
            case "link_open":
                target = str(token.attrGet("href") or "")
            case "link_close":
                if target and text and text[-1] != target:
                    text.append(f" ({target})")
                target = ""
            case _:
                pass
    return "".join(text)
