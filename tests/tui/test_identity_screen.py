"""The identity screen by keys: who can authenticate, what is hidden, what was never measured."""

from datetime import UTC

import msgspec
import pytest

from cutover_tui.engine.identity.view import ClockRow, IdentityView
from screens.app import CutoverApp
from screens.dialogs.confirm import Confirm
from screens.dialogs.help import HelpDialog
from screens.dialogs.why_check import WhyCheck
from screens.identity import IdentityScreen
from screens.overview import OverviewScreen
from screens.step import StepScreen
from screens.texts.identity_clocks import clock_rows
from screens.texts.identity_exchanges import exchange_rows, strip
from screens.widgets.glyphs import ASCII, UNICODE, interval
from screens.widgets.table import HostTable
from tests.tui.identity_scenes import AHEAD, MS, SCENES, S, clocks, healthy, port, skewed, tried
from tests.tui.scripted_port import ScriptedPort, instant
from tests.tui.test_app import HOSTILE, SIZE, app_on, colours, seen, settle, to_step

SIZES = [(80, 24), (200, 50)]


async def looked(pilot):
    await pilot.press("i")
    await settle(pilot)
    assert isinstance(pilot.app.screen, IdentityScreen)
    return seen(pilot.app)


def row_with(text, *words):
    """The line of the screen that holds all of them."""
    found = [line for line in text.split("\n") if all(word in line for word in words)]
    assert found, words
    return found[0]


async def test_a_healthy_guest_in_one_look():
    async with app_on(port("healthy")).run_test(size=SIZE) as pilot:
        text = await looked(pilot)
        assert "✓ pass margin 299 s of 300 s (dc1) · app01 +4 ms ± 2 off the domain: dc1, dc2" in text
        assert "µs: clock" in row_with(text, "dc1", "-0.41..+3.10 ms", "+2 ms ± 4", "+3 ms ± 3")
        assert "µs: counter" in row_with(text, "dc2", "-310..+520 ms")
        assert "-4.00..+7.00 ms" in row_with(text, "ntp1, ntp2")
        assert "(✓✓✓) ✓✓✓ 3 of 3" in row_with(text, "✓ pass", "kerberos.as")
        assert "3 caches, 7 tickets: 1 older, 2 newer than the mark" in text
        assert "5 principals, kvno 2 (directory: 2), aes256" in row_with(text, "✓ same", "keytab")
        for check in ("kdc.clock", "ad.trust", "ad.object", "ad.dns", "net.ad-paths"):
            assert row_with(text, "✓ pass", check)
        assert row_with(text, "✓ pass", "kerberos.ap-in", "the guest's clock decides")
        assert "proof approved, last began 04:12 ago: x makes 3 attempts now" in text


async def test_a_skew_that_the_library_hides_is_shown_beside_what_it_shows():
    async with app_on(port("skewed")).run_test(size=SIZE) as pilot:
        text = await looked(pilot)
        assert "✗ FAIL 112 s beyond Kerberos' 300 s (dc1)" in text
        line = row_with(text, "✗ FAIL", "kerberos.as")
        assert "(✓✓✓) ✗·· 37 guest ahead" in line
        assert "(✓✓✓) ✓·· hides +412 s" in line
        assert "(✓✓✓) ✗·· 37 guest ahead" in row_with(text, "✗ FAIL", "kerberos.ap-in")
        assert "✗ +412 s ± 0.003" in row_with(text, "dc1", "µs")
        assert "nslcd's /tmp/krb5cc_9 made at +412 s" in row_with(text, "✗ FAIL", "kerberos.caches")
        assert "reason Attempt 1 of 3" in text
        assert "to do  Correct the clock that is wrong" in text


async def test_what_fails_now_and_then_is_seen_although_the_last_series_passed():
    async with app_on(port("intermittent")).run_test(size=SIZE) as pilot:
        text = await looked(pilot)
        assert "(✓✗✓) ✓✓✓ 1 of 6 failed" in row_with(text, "✓ pass", "kerberos.as")
        assert "✗ +310..+312 s" in row_with(text, "dc2", "✗ -311 s ± 0.4")
        assert "dc2 +311 s" in row_with(text, "✗ FAIL", "kdc.clock")


async def test_what_was_never_measured_says_so_and_what_the_key_does():
    scripted = port("never")
    async with app_on(scripted).run_test(size=SIZE) as pilot:
        text = await looked(pilot)
        assert "not approved: x shows 12 commands (kinit kvno ldapsearch ssh), asks; 3 tries" in text
        for check in ("kerberos.as", "kerberos.tgs", "kerberos.ap-out"):
            assert row_with(text, "? unknown", check, "never tried: x")
        assert row_with(text, "? unasked", "kerberos.ap-in", "no step asks for it")
        assert row_with(text, "? unasked", "ad.dns", "no step of this runbook asks for it")
        assert "(directory: not asked)" in row_with(text, "· read", "keytab")
        await pilot.press("x")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Confirm)
        await pilot.press("y")
        await pilot.app.workers.wait_for_complete()
        assert scripted.told == [("prove", "app01", "4")]


async def test_silent_kdcs_and_stale_readings_look_like_it():
    async with app_on(port("silent")).run_test(size=SIZE) as pilot:
        text = await looked(pilot)
        assert "? unknown margin to 300 s not known · ? app01: not read any more (00:41)" in text
        assert "? silent 01:20" in row_with(text, "dc1", "no answer")
        assert "(✓✓✓) counts no more" in row_with(text, "? unknown", "kerberos.as")
        assert "STALE, read 11:40 ago" in row_with(text, "kerberos.caches")
        assert "? nothing can be tried now: No KDC answers" in text
        assert "to do  See kdc.clock; bring one back." in text


async def test_without_a_realm_the_footer_does_not_offer_it_and_the_screen_says_why():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        assert "i identity" not in seen(pilot.app)
        assert "n note" in seen(pilot.app)
        text = await looked(pilot)
        assert "The runbook names no realm" in text
        assert "pass" not in text


async def test_every_footer_of_80_columns_offers_it_whole():
    async with app_on(port("healthy")).run_test(size=SIZE) as pilot:
        footers = [seen(pilot.app)]
        await to_step(pilot)
        footers.append(seen(pilot.app))
        await pilot.press("c")
        await settle(pilot)
        footers.append(seen(pilot.app))
        for text in footers:
            last = text.split("\n")[-1]
            assert "i identity" in last
            assert "q quit" in last


async def test_it_goes_back_to_where_it_was_opened_and_is_in_the_palette():
    async with app_on(port("healthy")).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await looked(pilot)
        await pilot.press("b")
        await settle(pilot)
        assert isinstance(pilot.app.screen, StepScreen)
        await pilot.press("o")
        await settle(pilot)
        await pilot.press("ctrl+p")
        await settle(pilot)
        await pilot.press(*"who can authenticate")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause(0.5)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, IdentityScreen)
        await pilot.press("b")
        await settle(pilot)
        assert isinstance(pilot.app.screen, OverviewScreen)


async def test_another_guest_is_chosen_and_its_worst_row_selected():
    scripted = port("healthy")
    scripted.identities = lambda host, now: (skewed if host == "app02" else healthy)(host, now)
    async with app_on(scripted).run_test(size=SIZE) as pilot:
        assert "✗ FAIL    kerberos.as" not in await looked(pilot)
        await pilot.press("h")
        await settle(pilot)
        await pilot.press("h", "enter")
        await settle(pilot)
        text = seen(pilot.app)
        assert row_with(text, "Identity", "app02")
        assert "✗ FAIL    kerberos.as" in text
        assert "reason Attempt 1 of 3" in text


async def test_why_help_look_again_and_the_other_table():
    scripted = port("skewed")
    async with app_on(scripted).run_test(size=(100, 50)) as pilot:
        await looked(pilot)
        await pilot.press("w")
        await settle(pilot)
        assert isinstance(pilot.app.screen, WhyCheck)
        text = seen(pilot.app)
        for wanted in (
            "kerberos.as on app01",
            "measured  +412 s ± 0.006",
            "would pass:",
            "not on the record",
        ):
            assert wanted in text
        await pilot.press("b", "tab")
        await settle(pilot)
        table = pilot.app.screen.query_one("#identity-findings", HostTable)
        assert table.has_focus
        table.move_to("keytab")
        await settle(pilot)
        assert "FILE:/etc/krb5.keytab · APP01$@CORP.EXAMPLE" in seen(pilot.app)
        await pilot.press("w")
        await settle(pilot)
        assert "keytab on app01" in seen(pilot.app)
        await pilot.press("b", "r")
        await pilot.app.workers.wait_for_complete()
        assert scripted.told == [("look", "app01")]
        await pilot.press("question_mark")
        await settle(pilot)
        assert isinstance(pilot.app.screen, HelpDialog)
        assert "Who can authenticate to whom?" in seen(pilot.app)


async def test_a_screen_that_is_not_seen_asks_for_nothing():
    scripted = port("healthy")
    async with app_on(scripted).run_test(size=SIZE) as pilot:
        await looked(pilot)
        await pilot.press("o")
        await settle(pilot)
        asked = []
        scripted.identities = lambda host, now: asked.append(host)
        await pilot.pause(1.2)
        assert asked == []


async def test_what_guests_say_is_plain_text_and_ascii_is_ascii():
    view = skewed("app01", instant())
    keytab = msgspec.structs.replace(view.keytab, name="FILE:" + HOSTILE, enctypes=(HOSTILE,))
    made = tuple(msgspec.structs.replace(m, owner=HOSTILE, path=HOSTILE) for m in view.caches.made_off)
    caches = msgspec.structs.replace(view.caches, made_off=made, elsewhere=(HOSTILE,))
    found = tuple(msgspec.structs.replace(f, reason=f.reason + HOSTILE) for f in view.findings)
    rows = tuple(msgspec.structs.replace(c, why=HOSTILE if c.kind == "kdc" else c.why) for c in view.clocks)
    view = msgspec.structs.replace(view, keytab=keytab, caches=caches, findings=found, clocks=rows)
    for only_ascii in (False, True):
        scripted = port("skewed")
        scripted.identities = lambda host, now: view
        async with app_on(scripted, ascii=only_ascii).run_test(size=(200, 50)) as pilot:
            text = await looked(pilot)
            await pilot.press("w")
            await settle(pilot)
            text += seen(pilot.app)
            assert not set(text) & set("\x1b\x07\u202e\u2066")
            assert "[red]x[/]" in text
            assert not only_ascii or text.isascii()


@pytest.mark.parametrize("scene", SCENES)
async def test_no_colour_means_none_and_every_state_has_a_word(monkeypatch, scene):
    monkeypatch.setenv("NO_COLOR", "1")
    async with app_on(port(scene), theme="ansi-dark", ascii=True).run_test(size=SIZE) as pilot:
        text = await looked(pilot)
        assert all(c is None or c.is_default for pair in colours(pilot.app) for c in pair)
        for check in ("kerberos.as", "kerberos.ap-in", "keytab", "ad.dns"):
            assert any(
                word in row_with(text, check) for word in ("[ok] ", "[XX] ", "[??] ", "[--] ", "[!!] ")
            )


async def test_any_size():
    async with app_on(port("skewed")).run_test(size=(10, 3)) as pilot:
        await pilot.press("i")
        for size in ((1, 1), (200, 50), (3, 60), (40, 2), (79, 22)):
            await pilot.resize_terminal(*size)
        await pilot.resize_terminal(*SIZE)
        await settle(pilot)
        assert "37 guest ahead" in seen(pilot.app)


async def test_an_unrecorded_session_pushes_no_state_off_the_screen():
    async with app_on(port("healthy", recording="The disk is full.")).run_test(size=SIZE) as pilot:
        text = await looked(pilot)
        for wanted in ("NOT RECORDED", "dc1", "2 more", "kerberos.ap-in", "net.ad-paths", "reason"):
            assert wanted in text.replace("3 more", "2 more")


@pytest.mark.parametrize("room", range(1, 12))
def test_clocks_in_trouble_are_never_among_those_that_are_counted(room):
    off = clocks()[3:5]
    many = tuple(
        msgspec.structs.replace(off[0], name=f"ntp{n}", kind="reference", believed=n != 7) for n in range(10)
    )
    view = msgspec.structs.replace(healthy("app01", instant()), clocks=many)
    rows = clock_rows(view, room)
    assert len(rows) <= room
    text = " ".join(cell.text for _, cells in rows for cell in cells)
    assert "ntp7" in text or "1 in trouble" in text


def test_a_strip_keeps_the_newest_attempts():
    assert strip(tried("yyy yyy n.."), 20) == "(✓✓✓) (✓✓✓) ✗··"
    assert strip(tried("yyy yyy n.."), 11) == "(✓✓✓) ✗··"
    assert strip(tried("y" * 19 + "n"), 11) == "…✓✓✓✓✓✓✓✓✓✗"
    assert strip(tried("N s a u.", counts=False), 40, ASCII) == "(X) (?) (?) (.-)"
    assert strip((), 11) == ""


@pytest.mark.parametrize(
    ("code", "skew", "words"),
    [
        (37, AHEAD, "37 guest ahead"),
        (33, msgspec.structs.replace(AHEAD, offset_ns=-5 * S), "33 guest behind"),
        (37, None, "37 skew"),
        (24, None, "24 stale keytab"),
        (6, None, "6 unknown client"),
        (None, None, "refused"),
    ],
)
def test_a_refusal_is_a_number_and_words(code, skew, words):
    view = healthy("app01", instant())
    row = msgspec.structs.replace(
        view.exchanges[0], plain=tried("n..", code=code, skew=skew), masked=tried("n..", code=code, skew=skew)
    )
    view = msgspec.structs.replace(view, exchanges=(row,))
    cells = exchange_rows(view)[0][1]
    assert cells[2].text == f"✗·· {words}"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-410_000, 3_100_000, "-0.41..+3.10 ms"),
        (-414_999, 3_100_001, "-0.42..+3.11 ms"),
        (-310 * MS, 520 * MS, "-310..+520 ms"),
        (411_200 * MS, 411_900 * MS, "+411..+412 s"),
        (0, 0, "0..0 ns"),
        (3_600 * S, 3_602 * S, "+1:00:01 ± 1 s"),
    ],
)
def test_an_interval_is_rounded_outwards(low, high, text):
    assert interval(low, high, UNICODE) == text


def test_views_survive_the_wire():
    for scene in SCENES.values():
        view = scene("app01", instant())
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(view), type=IdentityView) == view


def still(app):
    async def run_before(pilot):
        await pilot.press("i")
        await pilot.pause()
        await pilot.pause()

    return run_before


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x50"])
@pytest.mark.parametrize("scene", SCENES)
def test_looks(snap_compare, size, scene):
    app = CutoverApp(port(scene), zone=UTC)
    assert snap_compare(app, terminal_size=size, run_before=still(app))


def test_looks_in_ascii_with_the_terminals_own_colours(snap_compare):
    app = CutoverApp(port("skewed"), ascii=True, theme="ansi-dark", zone=UTC)
    assert snap_compare(app, terminal_size=(80, 24), run_before=still(app))


def test_two_addresses_of_a_network_are_told_apart_where_they_do_not_fit():
    names = ("192.168.100.201", "192.168.100.202", "10.20.30.40", "a-controller-with-a-long-name")
    view = msgspec.structs.replace(
        healthy("app01", instant()), clocks=tuple(ClockRow(n, "reference", -MS, MS, S) for n in names)
    )
    for charset in (UNICODE, ASCII):
        shown = [cells[0].text for _, cells in clock_rows(view, 9, charset)]
        e = charset.ellipsis
        assert shown[:2] == [f"{e}{n[len(e) - 12 :]}" for n in names[:2]]
        assert {len(text) for text in shown[:2]} == {12}
        assert shown[2:] == list(names[2:])
