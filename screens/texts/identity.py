"""The selected row of the identity screen, explained. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from cutover_tui.engine.identity.view import IdentityView, KeytabRow
from screens.texts.identity_held import keytab_text
from screens.texts.identity_words import EXCHANGES, KEYTAB
from screens.texts.instruction import wrap
from screens.texts.wording import lines, say, spell, words
from screens.widgets.glyphs import UNICODE, Charset, fit
from screens.widgets.table import Cell


def explained(view: IdentityView, key: str | None, charset: Charset = UNICODE) -> list[tuple[str, str]]:
    """Label and sentence of what is worth knowing about a row, most urgent first."""
    finding = view.finding(key or "")
    if finding is not None:
        return [
            ("reason", finding.reason),
            ("to do", view.proof.remedy if _cannot(key, view) else finding.remedy),
            ("must", finding.criterion.text),
            ("naive", f"would pass: {finding.naive}" if finding.naive else ""),
        ]
    if key == KEYTAB:
        whose = words(charset, view.keytab.name, view.keytab.machine)
        return [
            ("reason", f"{whose}: {keytab_text(view.keytab)}" if not view.keytab.why else view.keytab.why),
            ("to do", _keytab_remedy(view.keytab)),
        ]
    if key is not None:
        return [
            ("reason", "No step of this runbook asks for it, so nobody has looked."),
            ("to do", f"Add {key} to a gate, in a new session."),
        ]
    return []


def _cannot(key: str | None, view: IdentityView) -> bool:
    """Whether a row rests on the proof, and that cannot be run now."""
    return key in EXCHANGES and bool(view.proof.remedy)


def _keytab_remedy(keytab: KeytabRow) -> str:
    if keytab.directory_kvno is not None and keytab.kvno != keytab.directory_kvno:
        return (
            "Find out who changed the machine's password, then renew the keytab (net ads, adcli, msktutil)."
        )
    return ""


def detail(
    view: IdentityView, key: str | None, width: int, height: int, charset: Charset = UNICODE
) -> Content:
    """The selected row explained in exactly `height` lines, so that nothing jumps; short ones are cut."""
    room = max(1, width - 9)
    rows: list[Content] = []
    told = [(label, spell(text, charset)) for label, text in explained(view, key, charset) if text]
    for n, (label, text) in enumerate(told):
        spare = height - len(rows) - (len(told) - n - 1)
        wrapped = list(wrap(text, room))
        if len(wrapped) > max(1, spare):
            wrapped = [
                *wrapped[: max(1, spare) - 1],
                fit(" ".join(wrapped[max(1, spare) - 1 :]), room, ellipsis=charset.ellipsis),
            ]
        for at, line in enumerate(wrapped):
            rows.append(say((f" {label if at == 0 else '':<7}", "quiet"), line.rstrip()))
    rows += [say(" ")] * (height - len(rows))
    return lines(rows[:height])


def worst_row(view: IdentityView, rows: Iterable[tuple[str, list[Cell]]]) -> str | None:
    """The first row that fails, else the first of a check that could not be measured."""
    found = list(rows)
    for role in ("bad", "unknown"):
        for key, cells in found:
            if cells[0].role == role and view.finding(key) is not None:
                return key
    return None
