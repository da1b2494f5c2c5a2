"""An attempt's commands and what is made of them; what the tools print is held by the corpus."""

from __future__ import annotations

import msgspec
import pytest

from probes.facts_kerberos import ExchangeFacts
from probes.kerberos.krb_errors import refusal_in
from probes.linux.domain import exchange
from probes.linux.domain.caches import offset_ns
from probes.observation import Failure, FailureKind
from tests.unit import corpus

PLAN = exchange.Plan("APP01$@CORP.EXAMPLE", "dc1.corp.example", "CHG0030211")
CASES = {case.id.rpartition("/")[2]: case for case in corpus.load() if case.reader.name == exchange.NAME}


def test_the_directory_is_removed_last_and_left_overs_first():
    argvs = [c.argv for c in exchange.commands(PLAN)]
    assert argvs[-1] == ("rm", "-rf", "/run/cutover-exchange-CHG0030211")
    assert argvs[0][:2] == ("find", "/run")
    assert "+5" in argvs[0]
    assert argvs.index(("mkdir", "-m", "0700", PLAN.directory)) == 2


def test_every_tool_can_be_killed_and_nothing_traces():
    """KRB5_TRACE holds the encrypted timestamp: material for guessing the machine's password."""
    for command in exchange.commands(PLAN):
        assert command.elevate
        assert command.aside
        assert not any("TRACE" in word for word in command.argv)
        if command.argv[0] == "env":
            at = command.argv.index("timeout")
            assert command.argv[at + 1 : at + 4] == ("-k", "2", "10")
            assert command.timeout_s > 12


def test_the_shell_text_is_fixed_and_values_are_arguments():
    first, second = exchange.commands(PLAN), exchange.commands(exchange.Plan("X$@Y", "z", "other"))
    texts = {c.argv[2] for plan in (first, second) for c in plan if c.argv[0] == "sh"}
    assert len(texts) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("-c", "dc1", "x"), ("APP01$", "dc1", "x"), ("APP 01$@R", "dc1", "x"), ("A$@R\n", "dc1", "x"),
        ("A$@R", "-dc1", "x"), ("A$@R", "dc1/x", "x"), ("A$@R", "dc1", "../x"), ("A$@R", "dc1", ""),
    ],
)  # fmt: skip
def test_a_name_that_could_be_an_option_or_a_path_makes_no_plan(names):
    with pytest.raises(ValueError, match="not to be used"):
        exchange.Plan(*names)


def test_without_a_controllers_name_only_the_first_exchange_is_tried():
    tools = [exchange._tool(raw_of(c.argv)) for c in exchange.commands(exchange.Plan("A$@R", "", "x"))]
    assert [tool for tool in tools if tool] == ["kinit", "klist", "kinit", "klist"]


def raw_of(argv):
    return msgspec.structs.replace(CASES["ok"].raws[0], argv=argv)


def test_at_600_s_the_library_hides_what_the_protocol_says():
    facts = CASES["ahead"].parse()
    assert isinstance(facts, ExchangeFacts)
    unmasked, masked = facts.of("as", masked=False), facts.of("as", masked=True)
    assert (unmasked.outcome, unmasked.code, masked.outcome) == ("refused", 37, "ok")
    assert unmasked.text == "Clock skew too great"


@pytest.mark.parametrize("tool", ["kinit", "kvno", "ldapsearch"])
def test_a_status_of_0_without_a_ticket_is_no_success(tool):
    """Every exit status of the good case, and a cache that klist does not find."""
    gone = CASES["ahead"].raws[7]
    raws = tuple(
        msgspec.structs.replace(raw, rc=1, out="", err=gone.err) if exchange._tool(raw) == "klist" else raw
        for raw in CASES["ok"].raws
    )
    parsed = exchange.parse(raws)
    assert isinstance(parsed, Failure)
    assert parsed.kind is FailureKind.NOT_UNDERSTOOD


def test_an_answer_to_nobody_is_no_authentication():
    raws = tuple(
        msgspec.structs.replace(raw, err="") if exchange._tool(raw) == "ldapsearch" else raw
        for raw in CASES["ok"].raws
    )
    assert isinstance(exchange.parse(raws), Failure)


def test_a_directory_that_could_not_be_made_is_said():
    ok = CASES["ok"].raws
    made = msgspec.structs.replace(ok[2], rc=1, err="mkdir: cannot create directory: Read-only file system\n")
    parsed = exchange.parse((*ok[:2], made, *ok[3:]))
    assert isinstance(parsed, Failure)
    assert (parsed.kind, "Read-only" in parsed.detail) == (FailureKind.DENIED, True)


def test_a_directory_that_stays_is_said():
    ok = CASES["ok"].raws
    parsed = exchange.parse((*ok[:-1], msgspec.structs.replace(ok[-1], rc=1)))
    assert isinstance(parsed, ExchangeFacts)
    assert not parsed.removed


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("kinit: Clock skew too great while getting initial credentials", 37),
        ("kinit: Client 'A$@R' not found in Kerberos database while getting initial credentials", 6),
        ("kvno: Server not found in Kerberos database while getting credentials for ldap/x@R", 7),
        ("kvno: Server krbtgt/X@R not found in Kerberos database while getting credentials for x", 7),
        ("kinit: Client's credentials have been revoked while getting initial credentials", 18),
        ("kinit: Preauthentication failed while getting initial credentials", 24),
        ("additional info: SASL(-1): generic failure: GSSAPI Error: x (Ticket not yet valid)", 33),
        ("kinit: Clock skew too great in KDC reply while getting initial credentials", 37),
        ("kinit: Clock skew too great in somebody's reply while getting initial credentials", None),
        ("kinit: Pre-authentication failed: Key table file '/etc/krb5.keytab' not found while x", None),
        ("kinit: Pre-authentication failed: No key table entry found for A$@R while getting initial x", None),
        ("kinit: Cannot contact any KDC for realm 'R' while getting initial credentials", None),
        ("kinit: Uhrabweichung zu groß beim Holen", None),
    ],
)  # fmt: skip
def test_the_number_in_the_words(said, number):
    found = refusal_in([said])
    assert (found.number if found is not None else None) == number
    assert found is None or found.text in said


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("0504000c00010008fffffecf00000000", -305 * 10**9),
        ("0504000c000100080000012c0007a120", 300 * 10**9 + 500_000_000),
        ("05040000", None),
        ("050300000001", None),
        ("0504001200020002abcd00010008fffffecf00000000", -305 * 10**9),
        ("6e6f206361", None),
    ],
)
def test_the_offset_in_a_caches_header(head, expected):
    assert offset_ns(bytes.fromhex(head)) == expected


def test_the_realm_a_service_was_asked_of_is_in_the_words():
    found = refusal_in(
        ["kvno: Server not found in Kerberos database while getting credentials for ldap/x@OLD"]
    )
    assert found is not None
    assert found.text.endswith(" for ldap/x@OLD")
