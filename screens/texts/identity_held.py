"""What a guest holds to authenticate with, and what the directory's checks say. Pure."""

from __future__ import annotations

from cutover_tui.core.finding import Finding
from cutover_tui.engine.identity.view import CachesRow, IdentityView, KeytabRow
from screens.texts.identity_words import HELD, KEYTAB, state_cell, state_width
from screens.texts.wording import MINUTE, spell
from screens.widgets.glyphs import UNICODE, Charset, State, duration, mark, offset
from screens.widgets.table import Cell, Column

READ_EVERY_NS = 3 * MINUTE
"""What a guest holds is read more often than this; older looks stale."""


def held_columns(charset: Charset) -> list[Column]:
    """What the guest holds, and what the directory and the guest say of each other."""
    return [
        Column("state", "state", state_width(charset), priority=0),
        Column("check", "check", 15, priority=1),
        Column("measured", "measured", 30, priority=0, min_width=10, grow=True),
    ]


def held_rows(view: IdentityView, charset: Charset = UNICODE) -> list[tuple[str, list[Cell]]]:
    """KDCs' clocks, caches, keytab, and the directory's checks, a line each."""
    rows: list[tuple[str, list[Cell]]] = []
    for name in HELD:
        if name == KEYTAB:
            rows.append((name, _keytab_cells(view.keytab, charset)))
            continue
        finding = view.finding(name)
        measured = _measured(name, finding, view, charset)
        role = "quiet" if finding is None or finding.verdict == "na" else ""
        rows.append((name, [state_cell(name, view, charset), Cell(name), Cell(measured, role)]))
    return rows


def _measured(name: str, finding: Finding | None, view: IdentityView, charset: Charset) -> str:
    if finding is None:
        return "no step of this runbook asks for it" if name in view.unasked else "not looked at yet"
    said = spell(finding.reason, charset)
    if name == "kerberos.caches" and not view.caches.why:
        return spell(caches_text(view.caches, charset), charset)
    return said


def caches_text(caches: CachesRow, charset: Charset = UNICODE) -> str:
    """`nslcd's /tmp/krb5cc_9 made at -412 s; 3 caches: 2 older, 1 newer than the mark`."""
    made = [f"{m.owner}'s {m.path} made at {offset(m.offset_ns, None, charset)}" for m in caches.made_off]
    more = f" and {len(made) - 2} more" if len(made) > 2 else ""
    age = ""
    if caches.before_mark is not None and caches.after_mark is not None:
        age = f": {caches.before_mark} older, {caches.after_mark} newer than the mark"
    count = f"{caches.alive} cache{'' if caches.alive == 1 else 's'}, {caches.tickets} tickets{age}"
    elsewhere = f"; {', '.join(caches.elsewhere)} not read" if caches.elsewhere else ""
    off = f"{', '.join(made[:2])}{more}; " if made else ""
    return f"{_stale(caches.age_ns)}{off}{count}{elsewhere}"


def _keytab_cells(keytab: KeytabRow, charset: Charset) -> list[Cell]:
    unknown = mark(State.UNKNOWN, charset)
    if keytab.why:
        return [Cell(unknown.text, "unknown"), Cell(KEYTAB), Cell(spell(keytab.why, charset))]
    if not keytab.present:
        return [Cell(unknown.text, "unknown"), Cell(KEYTAB), Cell(f"there is no {keytab.name}")]
    text = spell(keytab_text(keytab), charset)
    if keytab.directory_kvno is not None and keytab.kvno != keytab.directory_kvno:
        state = Cell(f"{charset.glyphs[State.ACKNOWLEDGED]} differs", "warn")
    elif keytab.directory_kvno is not None:
        state = Cell(f"{charset.glyphs[State.PASS]} same", "ok")
    else:
        state = Cell(f"{charset.glyphs[State.NA]} read", "quiet")
    return [state, Cell(KEYTAB), Cell(text)]


def keytab_text(keytab: KeytabRow) -> str:
    """`5 principals, kvno 2 (directory 4), aes256-cts-hmac-sha1-96`."""
    many = f"{keytab.principals} principal{'' if keytab.principals == 1 else 's'}"
    beside = "not asked" if keytab.directory_kvno is None else str(keytab.directory_kvno)
    kvno = f"kvno {keytab.kvno if keytab.kvno is not None else '?'} (directory: {beside})"
    return f"{_stale(keytab.age_ns)}{many}, {kvno}, {', '.join(keytab.enctypes)}"


def _stale(age_ns: int | None) -> str:
    return f"STALE, read {duration(age_ns)} ago: " if age_ns is not None and age_ns > READ_EVERY_NS else ""
