"""Search filters: as text, as ldap3 encodes them, and which entries they find."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import compile_filter, parse_filter
from pyasn1.codec.ber import encoder

from cutover_tui.lab.kerberos import der
from cutover_tui.lab.ldap import filter_text, wire
from cutover_tui.lab.ldap.filter_text import BadFilter
from cutover_tui.lab.ldap.filters import fits
from probes.ad.account import escaped

ENTRY = {
    "objectClass": ("top", "computer"),
    "objectCategory": ("CN=Computer,CN=Schema,CN=Configuration,DC=corp,DC=example",),
    "sAMAccountName": ("APP01$",),
    "userAccountControl": ("4098",),
    "pwdLastSet": ("134400000000000000",),
    "servicePrincipalName": ("host/app01.corp.example", "HTTP/a*b(c)\\"),
    "cn": ("Ärger",),
}
CASES = [
    ("(objectClass=*)", True),
    ("(objectclass=Computer)", True),
    ("(objectCategory=computer)", True),
    ("(objectCategory=person)", False),
    ("(objectCategory=CN=Computer,CN=Schema,CN=Configuration,DC=corp,DC=example)", True),
    ("(sAMAccountName=app01$)", True),
    ("(sAMAccountName=app02$)", False),
    ("(description=*)", False),
    ("(!(description=x))", False),  # undefined, not true
    ("(!(sAMAccountName=app02$))", True),
    ("(|(description=x)(cn=ärger))", True),
    ("(&(description=x)(cn=ärger))", False),
    ("(&)", True),
    ("(|)", False),
    (r"(servicePrincipalName=HTTP/a\2ab\28c\29\5c)", True),
    ("(servicePrincipalName=host/*.corp.*)", True),
    ("(servicePrincipalName=*app01*example)", True),
    ("(servicePrincipalName=*app01*app01*)", False),
    ("(userAccountControl:1.2.840.113556.1.4.803:=2)", True),
    ("(userAccountControl:1.2.840.113556.1.4.803:=6)", False),
    ("(userAccountControl:1.2.840.113556.1.4.804:=6)", True),
    ("(pwdLastSet>=9)", True),  # as numbers, not as texts
    ("(pwdLastSet<=9)", False),
    (r"(cn=\c3\84rger)", True),
]


def on_the_wire(text: str) -> bool:
    """What ldap3 sends for it, read as the server reads it."""
    compiled = compile_filter(parse_filter(text, None, False, None, None, None).elements[0])
    kind, content, rest = der.element(encoder.encode(compiled))
    assert rest == b""
    return fits(ENTRY, wire.filter_of(kind, content))


@pytest.mark.parametrize(("text", "found"), CASES)
def test_what_is_found(text: str, found: bool) -> None:
    assert fits(ENTRY, filter_text.read(text)) is found


@pytest.mark.parametrize(("text", "found"), [c for c in CASES if c[0] not in ("(&)", "(|)")])
def test_the_same_is_found_over_the_wire(text: str, found: bool) -> None:
    assert on_the_wire(text) is found


@pytest.mark.parametrize(
    "text", ["", "cn=x", "(cn=x", "(cn=x))", "(cn)", "(&(cn=x)", r"(cn=\zz)", "(" * 99 + "cn=x" + ")" * 99]
)
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(BadFilter):
        filter_text.read(text)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_an_escaped_value_finds_itself(value: str) -> None:
    assert fits({"cn": (value,)}, filter_text.read(f"(cn={escaped(value)})"))
