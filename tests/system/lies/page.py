"""docs/lies.md from a measurement, and its shape without the figures, which differ from run to run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from cutover_tui.core.finding import Finding, Verdict
from tests.system.lies.measure import Row
from tests.system.lies.naive import Said
from tests.system.lies.states import STATES

PAGE = Path(__file__).parents[3] / "docs" / "lies.md"

INTRO = """\
# The lie beside our verdict

Written by `docs/make_lies.py` from a run of the system tier; do not edit by hand. `tests/system/lies` sets the
states on real guests (real chronyd, ntpsec, systemd-timesyncd and systemd under a clock of their own:
[lab.md](lab.md#the-system-tier)), asks what a checklist would ask, and lets a recorded session decide over real ssh.
The test beside it holds this page against a new run in everything but figures.

Left: what was said, verbatim and shortened, exit status in brackets; `✓` where a checklist is content with it.
Right: what the gate says about the same guest in the same minute. `vmware-toolbox-cmd` is the lab's stand-in, with
the real one's words and exit statuses; everything else is the real tool.
"""
TALLY = """
## How often a checklist was content

Of the {refused} states in which the gate refuses:

| command | asked in | content in |
| --- | --- | --- |
"""
_UNIT = r"(?:ns|µs|ms|s|min|h|d|ppm)\b"
_FIGURE = rf"\s?[+\-−±]?\s?\d[\d.:,]*[mhd]?(?:\s{_UNIT})?"
_FIGURES = re.compile(rf"{_FIGURE}(?:,?\s*{_FIGURE})*")
_REFID = re.compile(r"\b[0-9A-F]{8}\b")


def render(rows: Sequence[Row]) -> str:
    """The page."""
    parts = [INTRO, *(_state(row) for row in rows)]
    refused = [row for row in rows if _refused(row)]
    parts.append(TALLY.format(refused=len(refused)))
    lines: dict[str, list[Said]] = {}
    for row in refused:
        for said in row.said:
            lines.setdefault(_kind(said), []).append(said)
    parts += [f"| `{kind}` | {len(s)} | {sum(x.ticked for x in s)} |\n" for kind, s in lines.items()]
    return "".join(parts)


def shape(page: str) -> str:
    """The page without its figures, and without the answers of commands that depend on the moment."""
    changing = {s.name: s.changing for s in STATES}
    heading = ""
    lines = []
    for line in page.splitlines():
        heading = line.removeprefix("## ") if line.startswith("## ") else heading
        if any(f" `{command}`: " in line for command in changing.get(heading, ())):
            line = "| … |" + line.split(" | ")[-1]
        lines.append(line if line.startswith("## ") else _FIGURES.sub("#", _REFID.sub("0", line)))
    return "\n".join(lines)


def sections(page: str) -> dict[str, str]:
    """Heading → what stands under it."""
    return {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in page.split("\n## ")[1:]}


def _refused(row: Row) -> bool:
    return any(verdict not in ("pass", "na") for verdict, _ in row.verdicts.values())


def _kind(said: Said) -> str:
    return "systemctl is-active …" if said.line.startswith("systemctl") else said.line


def _state(row: Row) -> str:
    said = [f"{'✓' if s.ticked else '·'} `{s.line}`: {_cell(s.text)} [{s.rc}]" for s in row.said]
    ours = [_finding(row.findings[check]) for check in row.state.says]
    longest = max(len(said), len(ours))
    said += [""] * (longest - len(said))
    ours += [""] * (longest - len(ours))
    table = "".join(f"| {left} | {right} |\n" for left, right in zip(said, ours, strict=True))
    return f"\n## {row.state.name}\n\n{row.state.words}.\n\n| said | the gate |\n| --- | --- |\n{table}"


def _finding(found: Finding) -> str:
    verdict = found.verdict.value if found.verdict is Verdict.PASS else f"**{found.verdict.value}**"
    sentence = "" if found.verdict is Verdict.PASS else f": {_cell(found.reason)}"
    return f"{verdict} `{found.check}` `{found.reason_code}`{sentence}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
