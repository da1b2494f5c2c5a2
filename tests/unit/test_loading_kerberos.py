"""What a runbook says of realm, CA, the engineer's own login and guests' services, wrong in one place at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover_tui.core.loading import BadRunbook, Loaded, load, load_text
from cutover_tui.engine.opening import Operator, begin, take_up
from cutover_tui.engine.sessions import SessionDirectory
from probes.net import SystemClock

VALID = """\
schema: 1
change: {id: CHG1, title: Move, window: {start: "2026-03-14T22:00:00Z", end: "2026-03-15T02:00:00Z"}}
source: {platform: vmware}
target: {platform: kvm}
domain:
  realm: CORP.EXAMPLE
  controllers: [dc1.corp.example]
  credential: me
credentials:
  me: {method: password, user: ana}
  ops: {method: key, key: ~/.ssh/id}
hosts:
  - name: app01
    address: app01.corp.example
  - name: app02
    address: app02.corp.example
    service: https://www.corp.example/login
phases:
  - id: identity
    title: Identity
    steps:
      - id: tickets
        title: Tickets
        gate:
          - check: kerberos.ap-in
          - check: ad.object
"""
CA = "# the domain's\n-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"


def loaded(text: str) -> Loaded:
    return load_text(text, "rb.yaml")


def errors(text: str) -> list[str]:
    with pytest.raises(BadRunbook) as caught:
        loaded(text)
    return str(caught.value).splitlines()


def changed(old: str, new: str) -> str:
    assert VALID.count(old) == 1, old
    return VALID.replace(old, new)


def test_as_it_stands_it_loads_without_a_word():
    got = loaded(VALID)
    assert got.warnings == ()
    assert [h.service for h in got.runbook.hosts] == ["ssh", "https://www.corp.example/login"]
    assert got.runbook.domain.credential == "me"


WRONG = [
    ("realm: CORP.EXAMPLE", "realm: corp.example", 6, "realm `corp.example` has small letters, and Kerberos tells them apart; expected `CORP.EXAMPLE`"),
    ("realm: CORP.EXAMPLE", 'realm: "CORP EXAMPLE"', 6, "realm `CORP EXAMPLE` is no domain name; expected the domain's DNS name in capitals"),
    ("realm: CORP.EXAMPLE", "realm: CORP..EXAMPLE", 6, "is no domain name"),
    ("realm: CORP.EXAMPLE", "realm: BÜRO.EXAMPLE", 6, "is no domain name"),
    ("realm: CORP.EXAMPLE", "realm: " + "A." * 130 + "A", 6, "is no domain name"),
    ("  realm: CORP.EXAMPLE\n", "", 24, "check kerberos.ap-in needs `domain.realm`, and the runbook has none"),
    ("credential: me", "credential: mee", 8, "credential `mee` is not defined; expected `me` (did you mean that?), as in `credentials`"),
    ("credential: me", "credential: ops", 8, "credential `ops` logs in by key, which Kerberos cannot; expected a credential with the method ccache or password"),
    (", user: ana", "", 8, "credential `me` asks for a password and does not say whose; expected `user`: the principal"),
    ("user: ana", 'user: "CORP\\\\ana"', 10, "user `CORP\\ana` of the domain's credential is no principal; expected `name` or `name@REALM`"),
    ("user: ana", "user: ana@A@B", 10, "is no principal"),
    ("https://www.corp.example/login", "htps://www.corp.example/", 17, "service `htps://www.corp.example/` is no https:// or http:// URL"),
    ("https://www.corp.example/login", "https://u@www.corp.example/", 17, "has a user in it"),
    ("https://www.corp.example/login", "https://www.corp.example/x?y", 17, "has a path with characters that need encoding"),
    ("https://www.corp.example/login", "https://10.0.0.9/", 17, "has an address where tickets are for names; expected the name in the service's principal"),
    ("https://www.corp.example/login", "https://[2001:db8::1]/", 17, "has an address where tickets are for names"),
    ("https://www.corp.example/login", "http://APP01.corp.example/", 17, "is not of this host: `app01.corp.example` is another machine of the runbook"),
    ("https://www.corp.example/login", "http://app01/", 17, "`app01` is another machine"),
    ("https://www.corp.example/login", "https://dc1.corp.example/", 17, "`dc1.corp.example` is another machine"),
    ("https://www.corp.example/login", "cifs", 17, "service `cifs` is not known; expected `ssh`, `ldap`, `smb`, or the URL of a page"),
    ("https://www.corp.example/login", "ldaps://app02.corp.example", 17, "is not known; expected `ssh`, `ldap`, `smb`, or the URL of a page"),
    ("https://www.corp.example/login", "imap", 17, "service `imap` is not known"),
    ("  credential: me\n", "  credential: me\n  ca_file: [a]\n", 9, "`domain.ca_file` is a list; expected a text"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "words"), WRONG)
def test_an_error_is_found_where_it_stands(old: str, new: str, line: int, words: str):
    (only,) = errors(changed(old, new))
    assert only.startswith(f"rb.yaml:{line}: ")
    assert words in only


@pytest.mark.parametrize(
    "service", ["ssh", "ldap", "smb", "http://app02.corp.example:8080", "https://app02/x/y"]
)
@pytest.mark.parametrize("user", ["ana", "ana@CORP.EXAMPLE", "ana@other.example"])
def test_what_is_right_is_not_refused(service: str, user: str):
    text = changed("https://www.corp.example/login", service).replace("user: ana", f"user: {user}")
    assert loaded(text).runbook.hosts[1].service == service


def test_a_ticket_that_is_there_needs_no_name():
    assert loaded(changed("{method: password, user: ana}", "{method: ccache}")).warnings == ()
    assert loaded(changed("  credential: me\n", "")).runbook.domain.credential is None


@pytest.mark.parametrize("check", ["ad.dns", "net.ad-paths", "kdc.clock", "kerberos.margin"])
def test_what_asks_the_domain_needs_a_realm_and_is_told_once(check: str):
    text = changed("kerberos.ap-in", check).replace("  realm: CORP.EXAMPLE\n", "")
    (only,) = errors(text)
    assert f"check {check} needs `domain.realm`" in only


def test_a_verifier_needs_one_too_and_time_needs_none():
    text = changed("  realm: CORP.EXAMPLE\n", "")
    gates = text[text.index("        gate:") :]
    alone = text.replace(gates, "")
    action = "        actions: [{id: go, title: Go, command: {linux: x}, verifier: kerberos.caches}]\n"
    assert "check kerberos.caches needs `domain.realm`" in errors(alone + action)[0]
    loaded(alone + action.replace("kerberos.caches", "time.offset"))


def test_without_controllers_it_is_said_what_is_left_to_ask():
    (only,) = loaded(changed("  controllers: [dc1.corp.example]\n", "")).warnings
    assert str(only).startswith("rb.yaml:24: check kerberos.ap-in asks domain controllers, and `domain.contr")


def book(directory: Path, ca_file: str) -> Path:
    path = directory / "rb.yaml"
    path.write_text(changed("  credential: me\n", f"  credential: me\n  ca_file: {ca_file}\n"))
    return path


def test_the_ca_file_is_beside_the_runbook_wherever_it_is_read_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "ca.pem").write_text(CA)
    book(tmp_path, "pki/ca.pem")
    monkeypatch.chdir(tmp_path.parent)
    got = load(f"{tmp_path.name}/rb.yaml")
    assert got.runbook.domain.ca_file == str(tmp_path / "pki" / "ca.pem")
    # As a session that is resumed elsewhere, and a record that is verified where no such file is.
    monkeypatch.chdir("/")
    again = load_text(got.text, got.name, beside=got.beside)
    assert again.runbook.domain.ca_file == got.runbook.domain.ca_file
    assert load_text(got.text, got.name).runbook.domain.ca_file == "pki/ca.pem"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load(book(tmp_path, "~/pki/ca.pem")).runbook.domain.ca_file == str(tmp_path / "pki" / "ca.pem")


@pytest.mark.parametrize(
    ("ca_file", "words"),
    [
        ("absent.pem", "absent.pem` cannot be read: No such file or directory; expected a PEM file"),
        (".", "cannot be read: Is a directory"),
        ("rb.yaml", "has no certificate in it"),
        ("~nobody-of-that-name/ca.pem", "cannot be read: No such file"),
    ],
)  # fmt: skip
def test_a_ca_file_that_is_none_is_found_before_the_window(tmp_path: Path, ca_file: str, words: str):
    with pytest.raises(BadRunbook) as caught:
        load(book(tmp_path, ca_file))
    (only,) = str(caught.value).splitlines()
    assert only.startswith(f"{tmp_path}/rb.yaml:9: `domain.ca_file` ")
    assert words in only


async def test_a_session_that_is_resumed_elsewhere_finds_the_ca_file_or_says_later_that_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "ca.pem").write_text(CA)
    book(tmp_path, "ca.pem")
    monkeypatch.chdir(tmp_path)
    now, directory = SystemClock().now, SessionDirectory(tmp_path / "session")
    recorder, _ = await begin(load("rb.yaml"), directory, Operator("ana", "jump"), now)
    await recorder.close()
    monkeypatch.chdir("/")
    (tmp_path / "ca.pem").unlink()
    resumed, recorder, _ = await take_up(directory, Operator("ana", "jump"), now)
    await recorder.close()
    assert resumed.runbook.domain.ca_file == str(tmp_path / "ca.pem")
