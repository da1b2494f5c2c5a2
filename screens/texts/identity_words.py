"""What the parts of the identity screen have in common: names, states, which checks. Pure."""

from __future__ import annotations

from cutover_tui.engine.identity.view import IdentityView
from screens.texts.wording import finding_state
from screens.widgets.glyphs import Charset, State, mark
from screens.widgets.table import Cell

PROVE_KEY = "x"
EXCHANGES = ("kerberos.as", "kerberos.tgs", "kerberos.ap-out", "kerberos.ap-in")
KEYTAB = "keytab"
HELD = ("kdc.clock", "kerberos.caches", KEYTAB, "ad.trust", "ad.object", "ad.dns", "net.ad-paths")


def state_width(charset: Charset) -> int:
    """Room for the longest state of these tables."""
    return 9 if charset.name == "unicode" else 12


def short(name: str, view: IdentityView) -> str:
    """A name without the domain that all of them are in."""
    return name.removesuffix(f".{(view.realm or '').lower()}")


def state_cell(name: str, view: IdentityView, charset: Charset) -> Cell:
    finding = view.finding(name)
    if finding is None:
        unknown = mark(State.UNKNOWN, charset)
        return Cell(f"{unknown.glyph} unasked" if name in view.unasked else unknown.text, "unknown")
    shown = mark(finding_state(finding), charset)
    return Cell(shown.text, shown.role)
