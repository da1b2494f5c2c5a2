"""Who can authenticate on one evening: views for the identity screen, told in plain data."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from cutover_tui.core.finding import Criterion, Finding
from cutover_tui.engine.identity.view import (
    CachesRow,
    ClockRow,
    ExchangeRow,
    IdentityView,
    KeytabRow,
    MadeOff,
    ProofState,
    Shown,
    Skew,
    Tried,
)
from probes.observation import Instant
from tests.tui.scripted_port import MS, S, ScriptedPort, finding, instant

AHEAD = Skew("dc1", 412 * S, 6 * MS)
KINDS = ("as", "tgs", "ap-out")
SIGNS: dict[str, Shown] = {
    "y": "ok", "n": "refused", "N": "no-result", "s": "silent", "a": "absent",
    "t": "not-tried", ".": "not-made", "u": "under-way",
}  # fmt: skip


def tried(
    text: str, *, counts: bool = True, code: int | None = 37, skew: Skew | None = AHEAD
) -> tuple[Tried, ...]:
    """`yyy n..` as attempts: a word is a series, the last one counts."""
    series = text.split()
    return tuple(
        Tried(
            n,
            SIGNS[c],
            counts and n == len(series) - 1,
            code if c == "n" else None,
            "",
            skew if c == "n" else None,
        )
        for n, word in enumerate(series)
        for c in word
    )


def rows(plain: str, masked: str, **more: object) -> tuple[ExchangeRow, ...]:
    """All kinds: what follows a refused AS exchange could not be tried."""
    rest = plain.replace("n", "t") if more.get("code", 37) is not None else plain
    made = (
        ExchangeRow(f"kerberos.{kind}", tried(plain if kind == "as" else rest, **more), tried(masked, **more))
        for kind in KINDS
    )
    return (*made, ExchangeRow("kerberos.ap-in", tried(plain, **more)))


def clocks(ahead_ns: int = 0) -> tuple[ClockRow, ...]:
    guest = 4_120_000 + ahead_ns
    skew = Skew("dc1", guest - 1_400_000, 2_900_000)
    return (
        ClockRow("app01", "guest", guest - 2 * MS, guest + 2 * MS, 400 * MS),
        ClockRow("dc1", "kdc", -410_000, 3_100_000, 12 * S, microseconds=True, skew=skew),
        ClockRow(
            "dc2", "kdc", -310 * MS, 520 * MS, 14 * S, microseconds=False, skew=replace(skew, kdc="dc2")
        ),
        ClockRow("dc1", "controller", -2 * MS, 6 * MS, 3 * S),
        ClockRow("dc2", "controller", -7 * MS, 3 * MS, 5 * S),
        ClockRow("ntp1", "reference", -4 * MS, 4 * MS, 7 * S),
        ClockRow("ntp2", "reference", -3 * MS, 7 * MS, 9 * S),
    )


def findings(host: str, **changed: Finding) -> tuple[Finding, ...]:
    """All pass, but for those given by their id with `_` for `.` and `-`."""
    least = Criterion("Kerberos' tolerance − |guest − KDC| − bound ≥ 04:00", 240 * S, "ns")
    apart = Criterion("every KDC within 00:05 of the time guests are judged by", 5 * S, "ns")
    fine = (
        finding(
            "kdc.clock", "pass", "dc1, dc2 within 520 ms of the domain (dc1, dc2)", host, criterion=apart
        ),
        finding("kerberos.margin", "pass", "+2.72 ms ± 2.90 ms off dc1", host, criterion=least),
        *(
            finding(f"kerberos.{kind}", "pass", "3 of 3 attempts got a ticket as APP01$@CORP.EXAMPLE", host)
            for kind in KINDS
        ),
        finding("kerberos.ap-in", "pass", "3 of 3 fresh tickets of ana@CORP.EXAMPLE were accepted", host),
        finding("kerberos.caches", "pass", "3 caches in files, none with an offset of more than 00:05", host),
        finding("ad.trust", "pass", "connected to dc1.corp.example", host),
        finding("ad.object", "pass", "APP01$ is enabled, 4 service names as before and its own", host),
        finding("ad.dns", "pass", "app01.corp.example is 192.0.2.10, and back", host),
        finding("net.ad-paths", "pass", "13 ports of dc1, dc2 are open as before", host),
    )
    return tuple(changed.get(f.check.replace(".", "_").replace("-", "_"), f) for f in fine)


def healthy(host: str, now: Instant) -> IdentityView:
    return IdentityView(
        host=host,
        now=now,
        realm="CORP.EXAMPLE",
        tolerance_ns=300 * S,
        judged_by="domain",
        judges=("dc1", "dc2"),
        clocks=(replace(clocks()[0], name=host), *clocks()[1:]),
        worst=Skew("dc1", 2_720_000, 2_900_000),
        exchanges=rows("yyy yyy", "yyy yyy"),
        proof=ProofState(True, False, 3, ("kinit", "kvno", "ldapsearch", "ssh"), 12, instant(-252)),
        keytab=KeytabRow(
            "FILE:/etc/krb5.keytab",
            True,
            5,
            "APP01$@CORP.EXAMPLE",
            2,
            2,
            ("aes256-cts-hmac-sha1-96",),
            30 * S,
        ),
        caches=CachesRow(3, 0, 7, 1, 2, (), (), 31 * S),
        findings=findings(host),
        unasked=(),
    )


def skewed(host: str, now: Instant) -> IdentityView:
    """412 s ahead: the library hides it from whoever tries by hand."""
    refused = finding(
        "kerberos.as",
        "fail",
        "Attempt 1 of 3 for a ticket for the machine account as APP01$@CORP.EXAMPLE was refused, error 37: Clock "
        "skew too great: guest and KDC are farther apart than Kerberos tolerates. kinit works on this guest only "
        "because the library hides 412 s (kdc_timesync).",
        host,
        code="skew",
        remedy="Correct the clock that is wrong (kerberos.margin and kdc.clock say which), then renew old tickets.",
        measured=412 * S,
        bound=6 * MS,
        naive="`kinit` works, `net ads testjoin` says Join is OK (both do at 600 s off)",
    )
    margin = findings(host)[1]
    made = (MadeOff("/tmp/krb5cc_9", "nslcd", 412 * S),)
    return replace(
        healthy(host, now),
        clocks=(replace(clocks(412 * S)[0], name=host), *clocks(412 * S)[1:]),
        worst=AHEAD,
        exchanges=rows("yyy n..", "yyy y.."),
        caches=CachesRow(3, 1, 7, 2, 1, made, ("KCM",), 31 * S),
        findings=findings(
            host,
            kerberos_margin=finding(
                "kerberos.margin", "fail", "The guest is +412 s off dc1.", host, criterion=margin.criterion
            ),
            kerberos_as=refused,
            kerberos_tgs=finding(
                "kerberos.tgs", "unknown", "Without a ticket nothing could be asked for.", host
            ),
            kerberos_ap_out=finding(
                "kerberos.ap-out", "unknown", "Without a ticket nothing could be asked.", host
            ),
            kerberos_ap_in=finding(
                "kerberos.ap-in", "fail", "The guest's clock is ahead of who comes.", host
            ),
            kerberos_caches=finding(
                "kerberos.caches",
                "fail",
                "/tmp/krb5cc_9 of nslcd (+412 s): made while the clock was off.",
                host,
            ),
            ad_trust=finding(
                "ad.trust", "fail", "winbind does not reach dc1.corp.example over the secure channel.", host
            ),
        ),
    )


def intermittent(host: str, now: Instant) -> IdentityView:
    """One controller's clock is off, so that it depends on who answers."""
    apart = "dc2 +311 s ± 415 ms off the domain (dc1); dc1 is right: a guest gets tickets from one and not another."
    off = (ClockRow("dc2", "kdc", 310_700 * MS, 311_500 * MS, 14 * S, skew=Skew("dc2", -311 * S, 400 * MS)),)
    fine = healthy(host, now)
    return replace(
        fine,
        clocks=(*fine.clocks[:2], *off, *fine.clocks[3:]),
        worst=off[0].skew,
        exchanges=rows("yny yyy", "yyy yyy", skew=replace(AHEAD, kdc="dc2", offset_ns=-311 * S)),
        findings=findings(
            host,
            kdc_clock=finding("kdc.clock", "fail", apart, host, criterion=findings(host)[0].criterion),
            kerberos_margin=finding("kerberos.margin", "fail", "The guest is -311 s off dc2.", host),
        ),
    )


def never(host: str, now: Instant) -> IdentityView:
    """Nobody has approved anything, and the runbook asks for little."""
    reason = (
        "Whether tickets can be had is only shown by getting some, and nobody has approved that here yet."
    )
    remedy = "Look at the commands and approve them, once for this guest: x"
    asked = {
        f"kerberos_{kind.replace('-', '_')}": finding(
            f"kerberos.{kind}", "unknown", reason, host, remedy=remedy
        )
        for kind in KINDS
    }
    unasked = ("kerberos.ap-in", "ad.object", "ad.dns")
    fine = healthy(host, now)
    return replace(
        fine,
        exchanges=tuple(ExchangeRow(f"kerberos.{kind}") for kind in (*KINDS, "ap-in")),
        proof=ProofState(False, False, 3, ("kinit", "kvno", "ldapsearch", "ssh"), 12),
        keytab=replace(fine.keytab, directory_kvno=None),
        findings=tuple(f for f in findings(host, **asked) if f.check not in unasked),
        unasked=unasked,
    )


def silent(host: str, now: Instant) -> IdentityView:
    """No KDC answers, and the guest has not been read for a while."""
    why = "No KDC answers, so nothing is tried: dc1: no answer within 2 s; dc2: no answer within 2 s."
    fine = healthy(host, now)
    gone = (
        ClockRow(host, "guest", age_ns=41 * S, why="not read any more"),
        ClockRow("dc1", "kdc", age_ns=80 * S, why="no answer within 2 s"),
        ClockRow("dc2", "kdc", age_ns=81 * S, why="no answer within 2 s"),
    )
    unknown = {
        f"kerberos_{name}": finding(f"kerberos.{name.replace('_', '-')}", "unknown", "No KDC answers.", host)
        for name in ("as", "tgs", "ap_out", "ap_in", "margin")
    }
    return replace(
        fine,
        clocks=(*gone, *fine.clocks[3:]),
        worst=None,
        exchanges=rows("yyy", "yyy", counts=False),
        proof=replace(fine.proof, refused=why, remedy="See kdc.clock; bring one back."),
        caches=replace(fine.caches, age_ns=700 * S),
        findings=findings(
            host,
            kdc_clock=finding("kdc.clock", "unknown", "No KDC of dc1, dc2 answers.", host),
            **unknown,
        ),
    )


SCENES: dict[str, Callable[[str, Instant], IdentityView]] = {
    "healthy": healthy,
    "skewed": skewed,
    "intermittent": intermittent,
    "never": never,
    "silent": silent,
}


def port(scene: str, **more: object) -> ScriptedPort:
    """A session whose guests are all as this scene has it."""
    return ScriptedPort(realm="CORP.EXAMPLE", identities=SCENES[scene], lost=set(), **more)
