"""The top lines, the same on every screen: which change, how long is left, who, is it recorded, what is worst."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from cutover_tui.engine.port import HostView, SessionView
from screens.texts.wording import MINUTE, SECOND, Part, ago, coarse, lines, say, status_mark, utc_time
from screens.widgets.glyphs import UNICODE, Charset, duration, fit

STALE_NS = 5 * SECOND
"""A guest's clock is read once a second; this long without a reading looks stale."""


TINY = 16
"""Lines of a terminal below which whole parts of a screen are left out, as the app's breakpoint."""


class TopLine(Widget):
    """Two lines, three while nothing is recorded. `show` repaints only when the text changed."""

    DEFAULT_CSS = """
    TopLine {
        dock: top;
        height: 2;
        background: $panel;
        &.-unrecorded { height: 3; }
    }
    """

    def __init__(self, charset: Charset = UNICODE, *, hidden: str = "") -> None:
        """Args:
        hidden: what this screen leaves out on a terminal that is too small for it.
        """
        super().__init__(id="top")
        self.hidden = hidden
        self._charset = charset
        self._view: SessionView | None = None
        self._where: tuple[str, str] = ("", "")
        self._shown: Content | None = None

    def show(self, view: SessionView, where: str, place: str = "") -> None:
        """`where` we are, and the `place` in it that must survive a narrow terminal."""
        self._view, self._where = view, (where, place)
        self.set_class(view.recording is not None, "-unrecorded")
        if self._shown is None or not self._draw().is_same(self._shown):
            self.refresh()

    def render(self) -> Content:
        self._shown = self._draw()
        return self._shown

    def _draw(self) -> Content:
        view, width = self._view, self.size.width
        if view is None or width < 1:
            return Content("")
        rows = [change_line(view, width, self._charset), self._where_line(view, width)]
        if view.recording is not None:
            text = f" NOT RECORDED: {view.recording} Nothing can be marked done."
            rows.append(say((fit(text, width, ellipsis=self._charset.ellipsis), "$text on $error bold")))
        return lines(rows)

    def _where_line(self, view: SessionView, width: int) -> Content:
        where, place = self._where
        found = alerts(view, self._charset)
        if self.hidden and self.app.size.height < TINY:
            size = self.app.size
            # What is lost or wrong on a guest is worse than what is not shown.
            worse = sum(role == "bad" for _, role in found)
            found.insert(worse, (f"{size.width}x{size.height} hides {self.hidden}", "warn"))
        alert, role = found[0] if found else ("", "")
        if len(found) > 1:
            alert += f" +{len(found) - 1}"
        tail = f" {place}" if place else ""
        after = f"  {alert} " if alert else " "
        room = width - cell_len(tail) - cell_len(after)
        if room < 8:
            return say((fit(after.strip() or where, width, ellipsis=self._charset.ellipsis), role))
        shown = fit(f" {where}", room, ellipsis=self._charset.ellipsis)
        return say((shown, "strong"), tail, (after, role))


def change_line(view: SessionView, width: int, charset: Charset = UNICODE) -> Content:
    """Change id, title, time left, operator, recording; what does not fit goes in the order of least loss."""
    recorded = view.recording is None
    record: Part = ("REC ", "ok") if recorded else ("NOT RECORDED ", "$text on $error bold")
    fits, role = rollback(view)
    rank = 1 if lost_ways(view) else 2
    right: list[tuple[int, Part]] = [
        (4, utc_time(view.now.utc_ns, seconds=False)),
        (0, left(view)),
        (rank, (fits, role)),
        (3, view.operator),
        (0, record),
    ]
    right = [(p, part) for p, part in right if _text(part)]

    def need() -> int:
        return sum(cell_len(_text(part)) + 2 for _, part in right)

    room = width - cell_len(view.change) - 2
    while need() > room and any(p for p, _ in right):
        right.remove(max(right, key=lambda pair: pair[0]))
    title = fit(view.title, room - need(), ellipsis=charset.ellipsis)
    if room - need() < 8:
        title = " " * max(0, room - need())
    parts: list[Part] = [(f" {view.change} ", "strong"), title]
    for _, part in right:
        parts += ["  ", part]
    line = say(*parts)
    return line if line.cell_length <= width else say((fit(_text(right[0][1]), width), "strong"))


def left(view: SessionView) -> Part:
    """Time until the window ends."""
    now = view.now.utc_ns
    if now < view.window_start_ns:
        return (f"opens in {coarse(view.window_start_ns - now)}", "quiet")
    rest = view.window_end_ns - now
    if rest < 0:
        return (f"WINDOW OVER by {coarse(-rest)}", "bad")
    return (f"left {coarse(rest)}", "warn" if rest < 15 * MINUTE else "strong")


def rollback(view: SessionView) -> tuple[str, str]:
    """How long a rollback still fits into the window; for which guests there is none, whatever the time."""
    lost = lost_ways(view)
    if lost:
        more = f" +{len(lost) - 2}" if len(lost) > 2 else ""
        return f"rollback: not {', '.join(lost[:2])}{more}", "bad"
    if view.rollback_until_ns is None:
        return "", ""
    rest = view.rollback_until_ns - view.now.utc_ns
    if rest < 0:
        return "no rollback any more", "warn"
    return f"rollback fits {coarse(rest)}", "warn" if rest < 15 * MINUTE else ""


def lost_ways(view: SessionView) -> list[str]:
    """Guests on which an action that breaks rollback was run."""
    return [host.name for host in view.hosts if host.no_way_back is not None]


def alerts(view: SessionView, charset: Charset = UNICODE) -> list[tuple[str, str]]:
    """What is worst, worst first, each with its role: lost links, stale clocks, regressed, refused steps."""
    found: list[tuple[int, str, str]] = []
    for host in view.hosts:
        text = link_alert(host, view)
        if text:
            found.append((0 if host.link == "lost" else 1, f"{host.name} {text}", "bad"))
        if host.arrived:
            found.append((2, f"{host.name} on {host.platform}, no mark", "bad"))
    for row in view.steps:
        for name, status in row.states:
            if status in ("regressed", "refused"):
                shown = status_mark(status, charset)
                where = "" if name == "*" else f" {name}"
                found.append((3 if status == "regressed" else 4, f"{shown.text} {row.id}{where}", shown.role))
    return [(text, role) for _, text, role in sorted(found, key=lambda f: f[0])]


def link_alert(host: HostView, view: SessionView) -> str:
    """`LOST 00:41`, `stale 00:12`, or nothing when what is shown of the host is live."""
    if host.link == "lost":
        return f"LOST {ago(host.link_since, view.now)}"
    if host.link == "up" and host.sample_age_ns is not None and host.sample_age_ns > STALE_NS:
        return f"stale {duration(host.sample_age_ns)}"
    return ""


def _text(part: Part) -> str:
    return part if isinstance(part, str) else part[0]
