"""The reports: complete, true to the record, pure, and inert whatever a guest or a person wrote."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.record.journal import read
from cutover_tui.record.reels import read_reels
from cutover_tui.record.report.build import Report, build
from cutover_tui.record.report.html import CSS, html
from cutover_tui.record.report.markdown import code, fenced, inert, markdown
from cutover_tui.record.report.svg import level
from cutover_tui.record.report.text import moment
from cutover_tui.record.report.ticket import LIMIT, ticket
from probes.observation import Instant
from probes.unsafe_text import without_controls
from tests.unit.forgery import Forgery
from tests.unit.honest_session import RUNBOOK, Script, story, tell, walking

MS, S = 10**6, 10**9
HEAD = "ab" * 32
EVIL = (
    "</pre><script>alert(1)</script><img src=x onerror=a()> \u202e\x1b[31m \u200b``` | [a](http://e.vil) <b>"
)


def report_of(path: Path, offset_s: int = 7200) -> Report:
    loaded = read(path / "journal.jsonl", FORMAT.decode)
    reels, errors = read_reels(loaded.events, path / "tapes")
    assert errors == []
    return build(loaded.events, reels, HEAD, "0.1.0", offset_s)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "session"
    asyncio.run(tell(path))
    return path


@pytest.fixture(scope="module")
def report(session: Path) -> Report:
    return report_of(session)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    path = tmp_path_factory.mktemp("hostile") / "session"

    async def walk_it() -> None:
        async with walking(path, Script()) as walk:
            await story(walk)
            await walk.session.note(EVIL, "time", "app01")
            await walk.session.note(EVIL, None, None)
            walk.lose("app01", EVIL)
            await walk.recorder.settle()

    asyncio.run(walk_it())
    forgery = Forgery(path)
    for event in forgery.events:
        event["by"] = EVIL
        if event["body"]["type"] == "action-ended":
            event["body"]["out_tail"] = EVIL
        if event["body"]["type"] == "decided":
            event["body"]["second"] = EVIL
            for finding in event["body"]["decision"]["findings"]:
                finding.update(reason=EVIL, remedy=EVIL, naive=EVIL)
                finding["criterion"]["text"] = EVIL
            for missing in event["body"]["decision"]["missing"]:
                missing.update(reason=EVIL, what=EVIL)
        if event["body"]["type"] == "disturbed":
            event["body"]["cause"] = EVIL
        if event["body"]["type"] == "baseline-captured":
            event["body"]["sections"][0]["reason"] = EVIL
    forgery.publish()
    return report_of(path)


class Page(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in ("meta", "br", "path"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "path":
            return
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "h3",
    "h4",
    "p",
    "span",
    "table",
    "tr",
    "th",
    "td",
    "div",
    "code",
    "pre",
    "ul",
    "li",
    "br",
    "svg",
    "path",
    "text",
}
ATTRIBUTES = {
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "viewbox",
    "role",
    "aria-label",
    "d",
    "x",
    "y",
    "dx",
    "dy",
    "text-anchor",
}


def test_html_is_well_formed_and_holds_nothing_active_or_remote(report: Report, hostile: Report) -> None:
    for one in (report, hostile):
        text = html(one)
        page = Page(text)
        assert page.tags <= TAGS
        assert page.attributes <= ATTRIBUTES
        assert "url(" not in CSS
        assert "@import" not in CSS
        assert without_controls(text) == text


def test_html_shows_the_clock_in_light_dark_and_on_paper(report: Report) -> None:
    text = html(report)
    assert text.count("<svg") == 1
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text
    assert ">no data</text>" in text
    assert "fail +5.00 s" in text
    letters = "".join(re.findall(r'class="mark-text"[^>]*>(\w+)<', text))
    assert set(letters) == set("MABDRL")


def test_every_refusal_and_its_lack_is_told(report: Report) -> None:
    for text in (html(report), markdown(report)):
        assert text.count("Refused 2026") == 4
        assert "needs a second person" in text
        assert "Nothing keeps this guest" in text
        assert "apt-get -y install chrony" in text
        assert "Setting up chrony" in text
        assert "the platform changed from vmware to ahv" in text
        assert "no route to host" in text
        assert "moving now" in text
        assert "wall clock to the second" in text  # the naive check
        assert HEAD in text
        assert "with raj" in text


def test_times_are_utc_with_local_beside(report: Report) -> None:
    assert "2026-09-21 14:30:00 UTC (16:30:00 +02:00)" in html(report)
    assert (
        moment(Instant("b", 0, 1_790_000_000 * S), -5 * 3600) == "2026-09-21 14:13:20 UTC (09:13:20 -05:00)"
    )
    assert moment(Instant("b", 0, 1_790_000_000 * S), 10 * 3600).endswith("(2026-09-22 00:13:20 +10:00)")
    assert "ns after 1970" in moment(Instant("b", 0, 10**40), 0)


def test_only_what_is_done_is_called_done(report: Report) -> None:
    done = [(part.step.id, c.host) for part, c in report.columns() if c.status == "done"]
    assert done == [("base", "app01"), ("move", "app01"), ("time", "app01")]
    assert "3 of 7 steps and hosts done; 1 refused, 3 not started." in ticket(report)
    rows = re.findall(r"^\| (\w+) .*?\| ([\w ]+) \| (.*?) \|", markdown(report), re.MULTILINE)
    states = {(step, host): state for step, host, state in rows if step in ("base", "move", "time", "close")}
    assert {key for key, state in states.items() if "done" in state} == set(done)


def test_a_step_without_a_check_says_that_it_stands_on_a_word(report: Report) -> None:
    assert html(report).count("stands on a person&#x27;s word") == 1
    assert markdown(report).count("stands on a person's word") == 1


def test_reports_are_pure(session: Path, report: Report) -> None:
    again = report_of(session)
    assert (html(again), markdown(again), ticket(again)) == (html(report), markdown(report), ticket(report))


def test_a_wave_under_way_names_what_has_no_end(session: Path, tmp_path: Path) -> None:
    asyncio.run(tell(tmp_path / "session"))
    forgery = Forgery(tmp_path / "session")
    at = next(n for n, e in enumerate(forgery.events) if e["body"]["type"] == "action-intended")
    forgery.events = forgery.events[: at + 2]
    forgery.publish()
    report = report_of(tmp_path / "session")
    assert "its end is not known" in html(report)
    assert "its end is not known" in markdown(report)
    assert "Actions whose end is not known" in ticket(report)
    assert report.steps[2].columns[0].status == "refused"


def test_ticket_fits_and_says_the_important_first(report: Report, hostile: Report) -> None:
    for one in (report, hostile):
        text = ticket(one)
        assert len(text) <= LIMIT
        assert without_controls(text) == text
        assert HEAD in text.split("\n\n", 1)[0]
    assert "time on app01, 3 times, last 2026-" in ticket(report)
    refused = ticket(report).split("worst answer of each gate):\n")[1].split("\n- ")[0]
    assert "(done since)" in refused
    assert "✗ FAIL time.provider" in refused, "what was prevented, not what was left in the end"


def test_a_long_ticket_is_cut_at_a_line_and_counts_the_rest(tmp_path: Path) -> None:
    async def many() -> None:
        async with walking(tmp_path / "session", Script()) as walk:
            for n in range(60):
                await walk.session.note(f"{n} " + "words " * 20, None, None)

    asyncio.run(many())
    text = ticket(report_of(tmp_path / "session"))
    assert LIMIT - 300 < len(text) <= LIMIT
    left = re.search(r"^… (\d+) more lines in report.html$", text, re.MULTILINE)
    assert left is not None
    assert int(left[1]) > 30


def test_what_the_account_could_not_see_stands_with_its_host(report: Report) -> None:
    """The story's guest has no journal to be read of its kernel."""
    assert report.hosts[0].hidden == ("the journal",)
    assert "- Not visible to the account: the journal\n" in markdown(report)
    assert "<p>Not visible to the account</p><ul><li>the journal</li></ul>" in re.sub(r"\n", "", html(report))


def test_markdown_is_inert(hostile: Report) -> None:
    text = markdown(hostile)
    assert without_controls(text) == text
    outside = re.sub(r"^(`{3,})text$.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    outside = re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)
    assert not re.search(r"(?<!\\)[<\[]", outside)
    assert "http://" not in outside
    for line in outside.splitlines():
        if line.startswith("| ") and "---" not in line:
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 5, 6, 7, 10)


def test_code_and_fences_cannot_be_left() -> None:
    assert fenced("a\n```\nb").startswith("\n````text\n")
    assert code("a `` b") == "``` a `` b ```"
    assert (
        inert("# *x* <y> www.a.b https://c @d ~e |")
        == r"\# \*x\* \<y\> www\.a.b https\:// c".replace(" c", "c") + r" \@d \~e \|"
    )


def test_the_scale_is_linear_in_a_decade_and_odd() -> None:
    assert [level(x) for x in (0, MS, 10 * MS, 100 * MS, S, 10 * S)] == [0, 1000, 2000, 3000, 4000, 5000]
    assert level(5 * MS) == 1444
    assert all(level(-x) == -level(x) for x in (1, 17 * MS, 5 * S))
    values = [level(n * MS // 7) for n in range(2000)]
    assert values == sorted(values)


def test_a_runbook_with_a_rollback_nobody_began_has_no_more_steps(tmp_path: Path) -> None:
    book = RUNBOOK.replace(
        "depends_on: [base]}", "depends_on: [base], rollback: [{id: back, title: Go back}]}"
    )

    async def start() -> None:
        async with walking(tmp_path / "session", Script(), book) as walk:
            await walk.session.start_step("base", "app01")

    asyncio.run(start())
    assert "Go back" not in html(report_of(tmp_path / "session"))
