"""dc.*: what a moved controller shows of itself, before the mark and after it; and how that is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cutover_tui.core.checks.registry import CHECKS, asked
from cutover_tui.core.evidence import Baseline, Evidence, MarkPoint
from cutover_tui.core.finding import Finding
from cutover_tui.core.loading import BadRunbook, load_text
from cutover_tui.core.runbook import GateCheck
from probes.ad import cldap, controller
from probes.facts_controller import DcFacts, Inbound, Policy, Pool, SysvolFacts
from probes.linux.domain import sysvol
from probes.observation import Facts, Failure, FailureKind, Raw
from tests.unit.evidence_builders import ANCHOR, RUNBOOK, UTC0, S, at, observed, runbook
from tests.unit.test_directory_readers import ANSWER, Thing

DOMAIN, SCHEMA = "DC=corp,DC=example", "CN=Schema,CN=Configuration,DC=corp,DC=example"
NOW_NS = UTC0 + 99 * S
GUID = "{31B2F340-016D-11D2-945F-00C04FB984F9}"


def partner(context: str = DOMAIN, ago_s: float | None = 20, failures: int = 0) -> Inbound:
    success = None if ago_s is None else NOW_NS - round(ago_s * S)
    return Inbound(context, "dc1._msdcs", failures, 1722 if failures else 0, success)


DC = DcFacts(
    server="dc2.corp.example", address="10.0.0.2", dsa="CN=NTDS Settings,CN=DC2", vendor="", current_time_ns=NOW_NS,
    synchronized=True, highest_usn=4100, invocation_id="aa", options=1, generation_id="01", controllers=2,
    inbound=(partner(), partner(SCHEMA)), rid_set=True, pool=Pool(1600, 2099), pool_used=Pool(1600, 2099),
    next_rid=1610, available=Pool(2100, 2**30), policies=(Policy(GUID, 3),), flags=0x3FD,
)  # fmt: skip
SHARE = SysvolFacts(("corp.example",), (Policy(GUID, 3),))


def dc(**changes: object) -> DcFacts:
    return structs.replace(DC, **changes)


def judged(
    check: str,
    now: Facts | Failure = DC,
    before: DcFacts | None = DC,
    *,
    marked: bool = True,
    os: str = "linux",
    beside: Mapping[str, Facts] | None = None,
    beside_before: Mapping[str, Facts] | None = None,
) -> Finding:
    """The mark is 60 s before the look."""
    book = runbook()
    seen = {"dc": now, **(beside or {})}
    kept = {**({"dc": before} if before is not None else {}), **(beside_before or {})}
    evidence = Evidence(
        host=structs.replace(book.hosts[0], role="dc", os=os), now=at(100), anchor=ANCHOR, domain=book.domain,
        source="vmware", target="ahv", observations={k: (observed(k, 99, v),) for k, v in seen.items()}, jump={},
        samples=(), voids={}, mark=MarkPoint(3, at(39)) if marked else None,
        baseline=Baseline(2, at(38), "b1", {}, kept) if marked else None,
    )  # fmt: skip
    return CHECKS[check].run(evidence, asked(GateCheck(check=check)))


def said(finding: Finding) -> tuple[str, str]:
    return str(finding.verdict), finding.reason_code


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (DC, DC, ("pass", "ok")),
        (dc(highest_usn=4099), DC, ("fail", "usn-rollback")),
        (dc(synchronized=False), DC, ("fail", "not-synchronized")),
        (dc(invocation_id=""), DC, ("unknown", "not-visible")),
        (dc(highest_usn=None), DC, ("unknown", "not-visible")),
        (dc(options=0x7), DC, ("fail", "replication-disabled")),
        (dc(options=None), DC, ("pass", "ok")),  # no options at all: not a global catalog
        (DC, None, ("unknown", "no-baseline")),
        (DC, dc(highest_usn=None), ("unknown", "no-baseline")),
        # Restored from a backup: another id. As a copy that knows it is one: the generation id too.
        (dc(invocation_id="bb", highest_usn=1), DC, ("fail", "invocation-changed")),
        (dc(invocation_id="bb", generation_id="02", highest_usn=1), DC, ("pass", "ok")),
        # The same id of the database is enough for a rollback, whatever the generation id says.
        (dc(generation_id="02", highest_usn=1), DC, ("fail", "usn-rollback")),
        (dc(controllers=1, inbound=()), DC, ("pass", "alone")),
        (dc(controllers=0, inbound=()), DC, ("unknown", "no-partners")),
        (dc(inbound=()), DC, ("unknown", "no-partners")),
        (dc(inbound=(partner(), partner(SCHEMA, failures=3))), DC, ("fail", "partners-failing")),
        (dc(inbound=(partner(), partner(SCHEMA, failures=3), partner(SCHEMA))), DC, ("pass", "ok")),
        (dc(inbound=(partner(), partner(SCHEMA, ago_s=None))), DC, ("unknown", "not-lately")),
        (dc(inbound=(partner(), partner(SCHEMA, ago_s=60))), DC, ("unknown", "not-lately")),  # before the mark
        (dc(inbound=(partner(ago_s=-400),)), DC, ("unknown", "not-lately")),  # its clock was set back since
        (dc(current_time_ns=None), DC, ("unknown", "not-lately")),
    ],
)  # fmt: skip
def test_replication_after_the_mark(now: DcFacts, before: DcFacts | None, expected: tuple[str, str]) -> None:
    assert said(judged("dc.replication", now, before)) == expected


def test_replication_before_the_mark_needs_a_success_within_a_day() -> None:
    assert said(judged("dc.replication", marked=False)) == ("pass", "ok")
    old = dc(inbound=(partner(ago_s=25 * 3600),))
    assert said(judged("dc.replication", old, marked=False)) == ("unknown", "not-lately")


def test_one_failing_partner_of_two_is_named() -> None:
    both = dc(inbound=(partner(), partner(failures=3)))
    assert (
        "advisory, failing: dc1._msdcs failed 3 times in a row (error 1722)"
        in judged("dc.replication", both).reason
    )


def test_a_failed_look_is_unknown_everywhere() -> None:
    refused = Failure(FailureKind.SKEW, "because clocks differ (Kerberos error 37)")
    for check in ("dc.replication", "dc.genid", "dc.rid", "dc.sysvol"):
        assert said(judged(check, refused)) == ("unknown", "login-skew")


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (DC, DC, ("pass", "ok")),
        (dc(generation_id="02"), DC, ("fail", "not-answered")),
        (dc(generation_id="02", invocation_id="bb"), DC, ("pass", "answered")),
        (dc(generation_id="02", invocation_id=""), DC, ("fail", "not-answered")),
        (dc(generation_id=""), DC, ("unknown", "not-visible")),
        (dc(generation_id=""), dc(generation_id=""), ("unknown", "not-visible")),
        (DC, None, ("unknown", "no-baseline")),
        (dc(generation_id="", vendor="Samba Team"), dc(generation_id="", vendor="Samba Team"), ("na", "samba")),
        (dc(generation_id="", vendor="Samba Team"), DC, ("unknown", "not-visible")),  # it had one
    ],
)  # fmt: skip
def test_the_generation_id(now: DcFacts, before: DcFacts | None, expected: tuple[str, str]) -> None:
    assert said(judged("dc.genid", now, before)) == expected


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (DC, DC, ("pass", "ok")),
        (dc(next_rid=1611), DC, ("pass", "ok")),
        (dc(next_rid=1609), DC, ("fail", "rids-again")),
        (dc(pool=Pool(2600, 3099), pool_used=Pool(2600, 3099), next_rid=None), DC, ("pass", "ok")),  # a new pool
        (dc(pool=Pool(1100, 1599), pool_used=Pool(1100, 1599), next_rid=1100), DC, ("fail", "rids-again")),
        (dc(pool=None, pool_used=None), DC, ("fail", "no-pool")),
        (dc(rid_set=False), DC, ("unknown", "not-visible")),
        (dc(available=None), DC, ("unknown", "not-visible")),
        (dc(available=Pool(1600, 2**30)), DC, ("fail", "domain-pool-back")),
        (dc(available=Pool(2600, 2**30)), DC, ("pass", "ok")),
        (dc(available=Pool(2**30, 2**30)), DC, ("fail", "exhausted")),
        (DC, None, ("unknown", "no-baseline")),
        (DC, dc(pool=None), ("unknown", "no-baseline")),
    ],
)  # fmt: skip
def test_rids(now: DcFacts, before: DcFacts | None, expected: tuple[str, str]) -> None:
    assert said(judged("dc.rid", now, before)) == expected


def test_a_pool_that_was_begun_is_not_begun_again() -> None:
    """Before the first RID is taken the pool in use is not shown at all."""
    fresh = dc(pool_used=None, next_rid=None)
    assert said(judged("dc.rid", dc(next_rid=1600), fresh)) == ("pass", "ok")
    assert said(judged("dc.rid", fresh, dc(next_rid=1600))) == ("fail", "rids-again")


@pytest.mark.parametrize(
    ("now", "share", "was", "expected"),
    [
        (DC, SHARE, SHARE, ("pass", "ok")),
        (dc(flags=None), SHARE, SHARE, ("unknown", "no-answer")),
        (dc(flags=0x3ED), SHARE, SHARE, ("fail", "not-advertised")),
        (DC, SysvolFacts((), ()), SHARE, ("fail", "policies-missing")),
        (dc(policies=(Policy(GUID, 4),)), SHARE, SHARE, ("fail", "versions-differ")),
        (dc(policies=()), SHARE, SHARE, ("unknown", "policies-not-visible")),
        (DC, SHARE, SysvolFacts((), (Policy(GUID, 4),)), ("fail", "policies-older")),
        (DC, SHARE, SysvolFacts((), (Policy("{0}", 4), Policy(GUID, 2))), ("pass", "ok")),  # deleted, and edited
        (DC, SHARE, None, ("unknown", "no-baseline")),
        (DC, Failure(FailureKind.DENIED, "root only"), SHARE, ("unknown", "denied")),
    ],
)  # fmt: skip
def test_sysvol(now: DcFacts, share: Facts, was: Facts | None, expected: tuple[str, str]) -> None:
    finding = judged(
        "dc.sysvol", now, beside={"sysvol": share}, beside_before={"sysvol": was} if was is not None else {}
    )
    assert said(finding) == expected


def test_what_is_on_a_windows_controller_is_not_guessed() -> None:
    assert said(judged("dc.sysvol", os="windows")) == ("unknown", "share-not-visible")
    assert said(judged("dc.sysvol", dc(flags=0), os="windows")) == ("fail", "not-advertised")


# Runbooks

OF_A_DOMAIN = RUNBOOK.replace("domain: {", "domain: {realm: CORP.EXAMPLE, ")
GATE = "          - {check: time.single-master}"


def loaded(*roles: str, gate: str = "          - {check: dc.rid}") -> tuple[str, ...]:
    hosts = ", ".join(f"{{name: h{n}, address: 192.0.2.{n}, role: {r}}}" for n, r in enumerate(roles, 1))
    text = OF_A_DOMAIN.replace("hosts: [{name: app01, address: 192.0.2.10}]", f"hosts: [{hosts}]")
    found = load_text(text.replace(GATE, gate), "test.yaml")
    return tuple(str(w) for w in found.warnings)


def test_a_check_of_controllers_is_an_error_beside_any_other_guest() -> None:
    loaded("dc")
    for roles in (("member",), ("dc", "db")):
        with pytest.raises(BadRunbook) as raised:
            loaded(*roles)
        assert "check dc.rid is for role dc; host `h" in str(raised.value)
    verifier = "        provocations: [{id: v, title: v, command: {linux: x}, verifier: dc.genid}]\n        rollback: []"
    text = OF_A_DOMAIN.replace(
        "        gate:\n          - {check: time.jump-host}",
        f"{verifier}\n        gate:\n          - {{check: time.jump-host}}",
    )
    with pytest.raises(BadRunbook) as raised:
        load_text(text, "test.yaml")
    assert "check dc.genid is for role dc; host `app01`" in str(raised.value)


def test_two_controllers_in_one_wave_are_warned_of() -> None:
    assert not [w for w in loaded("dc") if "one at a time" in w]
    (warning,) = [w for w in loaded("dc", "member", "dc", gate=GATE) if "one at a time" in w]
    assert "a second host with role dc" in warning


# Reading

REPS_FROM = bytes.fromhex(
    "01000000000000000d01000002000000f061182103000000f061182103000000ba060000d00000003d00000074000000"
    + "11" * 84 + "00000000" + "00" * 24 + "4d6626727199594cbf64149d0383c1c2" + "c565f93190b4bd4eb86f444957f89a6a"
    + "00" * 16 + "39000000" + b"7226664d-9971-4c59-bf64-149d0383c1c2._msdcs.corp.example\0".hex()
)  # fmt: skip
"""Samba 4.17's, with the failure count and the result changed."""


def test_a_partner_is_read_from_its_blob() -> None:
    found = controller.inbound(DOMAIN, REPS_FROM)
    assert found == Inbound(
        DOMAIN, "7226664d-9971-4c59-bf64-149d0383c1c2._msdcs.corp.example", 2, 1722, 1_795_674_352 * S
    )
    never = REPS_FROM[:16] + bytes(8) + REPS_FROM[24:]
    assert controller.inbound(DOMAIN, never).success_ns is None
    second = b"\2" + REPS_FROM[1:]
    assert controller.inbound(DOMAIN, second).partner == "4d6626727199594cbf64149d0383c1c2"
    with pytest.raises(ValueError, match="of version 3"):
        controller.inbound(DOMAIN, b"\3" + REPS_FROM[1:])


@given(st.binary(max_size=300))
def test_no_blob_raises_anything_else(blob: bytes) -> None:
    for data in (blob, REPS_FROM[:208] + blob):
        try:
            assert isinstance(controller.inbound(DOMAIN, data), Inbound)
        except ValueError:
            continue


class Store:
    """One controller's directory by names; what is not there is empty."""

    address = "10.0.0.2"

    def __init__(self, **changes: tuple[bytes, ...]) -> None:
        self.root = {
            "currenttime": (b"20261126062544.0Z",), "dsservicename": (b"CN=NTDS Settings,CN=DC2",),
            "servername": (b"CN=DC2,CN=Sites",), "defaultnamingcontext": (DOMAIN.encode(),),
            "configurationnamingcontext": (f"CN=Configuration,{DOMAIN}".encode(),),
            "schemanamingcontext": (SCHEMA.encode(),), "vendorname": (b"Samba Team (https://www.samba.org)",),
            "issynchronized": (b"TRUE",), "highestcommittedusn": (b"4026",), **changes,
        }  # fmt: skip

    def read(self, dn: str, attributes: Sequence[str]) -> Thing:
        things = {
            "": self.root,
            "CN=NTDS Settings,CN=DC2": {"invocationid": (b"\xc5\x65",), "options": (b"1",)},
            "CN=DC2,CN=Sites": {"serverreference": (b"CN=DC2,OU=Domain Controllers",)},
            DOMAIN: {"repsfrom": (REPS_FROM,)},
        }
        return Thing(dn, things.get(dn, {}))

    def search(self, base: str, query: str, attributes: Sequence[str], *, limit: int) -> list[Thing]:
        things = {
            "(objectClass=rIDSet)": [{"ridallocationpool": (b"6867652707404",), "ridnextrid": (b"1103",)}],
            "(objectClass=rIDManager)": [{"ridavailablepool": (b"4611686014132422208",)}],
            "(objectClass=nTDSDSA)": [{}, {}],
            "(objectClass=groupPolicyContainer)": [
                {"cn": (GUID.lower().encode(),), "versionnumber": (b"3",)}, {"cn": (b"x",), "versionnumber": (b"3",)},
            ],
        }  # fmt: skip
        return [Thing("", found) for found in things[query]]


def read(store: Store, ping: Raw | None = None) -> object:
    answered = controller.keep(
        ("cldap", "corp.example", "dc2"), cldap._Exchange("10.0.0.2", ANSWER.hex(), 1, 2)
    )
    return controller.parse((controller.ask(store, "dc2.corp.example", "corp.example"), ping or answered))


def test_a_controller_is_read_whole() -> None:
    facts = read(Store())
    assert isinstance(facts, DcFacts)
    assert facts.samba
    assert (facts.invocation_id, facts.generation_id, facts.highest_usn) == ("c565", "", 4026)
    assert (facts.controllers, [p.context for p in facts.inbound]) == (2, [DOMAIN])
    assert (facts.pool, facts.pool_used, facts.next_rid) == (Pool(1100, 1599), None, 1103)
    assert facts.available == Pool(1600, 1_073_741_823)
    assert facts.policies == (Policy(GUID, 3),)
    assert facts.flags == 0x13FD


def test_a_ping_without_an_answer_costs_the_flags_only_and_no_number_is_guessed() -> None:
    silent = Raw(
        ("cldap", "corp.example", "dc2"), None, "", failure=Failure(FailureKind.TIMEOUT, "no answer")
    )
    facts = read(Store(), silent)
    assert isinstance(facts, DcFacts)
    assert facts.flags is None
    wrong = read(Store(highestcommittedusn=(b"many",)))
    assert isinstance(wrong, Failure)
    assert wrong.kind is FailureKind.NOT_UNDERSTOOD


@pytest.mark.parametrize(
    ("rc", "out", "err", "expected"),
    [
        (0, f"{sysvol.PLACE}/corp.example/Policies/{GUID}/GPT.INI:Version=3\n", "", SHARE),
        (0, f"{sysvol.PLACE}/Corp.Example/Policies/{GUID.lower()}/gpt.ini:version=3\r\n", "", SHARE),
        (0, f"{sysvol.PLACE}/corp.example/Policies/{GUID}/GPT.INI:Version=3\n{sysvol.PLACE}/corp.example/old/GPT.INI:Version=2\n", "", SHARE),
        (1, "", "", SysvolFacts((), ())),
        (2, "", f"grep: {sysvol.PLACE}: No such file or directory\n", FailureKind.TOOL_ABSENT),
        (2, "", f"grep: {sysvol.PLACE}: Permission denied\n", FailureKind.DENIED),
        (2, f"{sysvol.PLACE}/corp.example/Policies/{GUID}/GPT.INI:Version=3\n", "grep: x: Input/output error\n", FailureKind.NOT_UNDERSTOOD),
        (0, f"{sysvol.PLACE}/corp.example/Policies/{GUID}/GPT.INI:Version=3", "", FailureKind.NOT_UNDERSTOOD),
        (0, f"{sysvol.PLACE}/corp.example/Policies/{GUID}/GPT.INI:Version=three\n", "", FailureKind.NOT_UNDERSTOOD),
        (0, f"{sysvol.PLACE}/corp.example/Policies/{GUID}/GPT.INI:Version=3\n" * 2, "", FailureKind.NOT_UNDERSTOOD),
        (0, "/elsewhere/GPT.INI:Version=3\n", "", FailureKind.NOT_UNDERSTOOD),
    ],
)  # fmt: skip
def test_the_share_is_read_strictly(rc: int, out: str, err: str, expected: SysvolFacts | FailureKind) -> None:
    found = sysvol.parse((Raw(sysvol.READER.commands[0].argv, rc, out, err),))
    assert (found.kind if isinstance(found, Failure) else found) == expected
