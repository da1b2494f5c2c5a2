"""Our Kerberos readers over the lab's tools: the same words, by two authors, held against the state that was set."""

from __future__ import annotations

import pytest

from probes.facts_kerberos import CachesFacts, ExchangeFacts, KeytabFacts
from probes.linux.domain import exchange
from probes.linux.domain.caches import READER as CACHES
from probes.linux.domain.keytab import READER as KEYTAB
from probes.observation import Facts, Failure, Raw
from probes.reader import Reader
from tests.lab.test_kerberos_tools import DC, MACHINE, Member

ATTEMPT = exchange.reader(exchange.Plan(MACHINE, DC, "CHG1"))


@pytest.fixture
def member() -> Member:
    return Member()


def read(member: Member, reader: Reader) -> Facts | Failure:
    raws = []
    for command in reader.commands:
        rc, out, err = member.run("app01", [*command.argv], user="root" if command.elevate else "ops")
        raws.append(Raw(argv=command.argv, rc=rc, out=out, err=err))
    return reader.parse(tuple(raws))


@pytest.mark.parametrize(
    ("ahead", "unmasked"),
    [
        (0, ["ok", "ok", "ok"]),
        (200, ["ok", "ok", "ok"]),
        (600, ["refused", "not-tried", "not-tried"]),
        (-600, ["refused", "not-tried", "not-tried"]),
    ],
)
def test_an_attempt(member, ahead, unmasked):
    member.ahead(ahead)
    facts = read(member, ATTEMPT)
    assert isinstance(facts, ExchangeFacts)
    assert [e.outcome for e in facts.exchanges if not e.masked] == unmasked
    assert [e.outcome for e in facts.exchanges if e.masked] == ["ok"] * 3
    assert {e.code for e in facts.exchanges} == ({None} if unmasked[0] == "ok" else {None, 37})
    assert facts.removed
    assert not [path for path in member.world.guests["app01"].files if "cutover-exchange" in path]


def test_the_keytab_and_a_cache_made_ahead(member):
    member.ahead(305)
    member.root("kinit", "-k", MACHINE)
    member.ahead(0)
    keytab, caches = read(member, KEYTAB), read(member, CACHES)
    assert isinstance(keytab, KeytabFacts)
    assert {(e.principal, e.kvno) for e in keytab.entries} >= {(MACHINE, 1)}
    assert isinstance(caches, CachesFacts)
    assert [(f.path, f.owner, f.offset_ns) for f in caches.files] == [("/tmp/krb5cc_0", "root", -305 * 10**9)]
