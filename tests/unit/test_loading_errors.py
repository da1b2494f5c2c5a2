"""One wrong thing at a time: its line, what is wrong, what was expected."""

from __future__ import annotations

import pytest

from tests.unit.runbook_texts import VALID, changed, errors, loaded

SHAPE = [
    ("schema: 1\n", "", "required key `schema` is missing"),
    ("schema: 1", 'schema: "1"', "`schema` is `1`, text; expected 1"),
    ("schema: 1", "schema: one", "`schema` is `one`, text; expected 1"),
    ("id: CHG1", "id: 12345", "`change.id` is `12345`, a number in YAML; expected a text: put quotes around it"),
    ("id: CHG1", 'id: "CHG 1"', "`change.id` is `CHG 1`; expected letters, digits, . _ -"),
    ("id: CHG1", "id: " + "x" * 65, "has 65 characters; expected at most 64"),
    ("title: Move", "title: yes", "`change.title` is `yes`, a boolean in YAML"),
    ("title: Move", "title: 1_000", "a number in YAML"),
    ("title: Move", "title: 0x1F", "a number in YAML"),
    ("title: Move", "title:", "`change.title` is empty; expected a text"),
    ("title: Move", "title: [Move]", "`change.title` is a list; expected a text"),
    ("title: Move", 'title: " "', "has the title ` `; expected one line"),
    ("title: Move", 'title: "a\\nb"', "expected one line"),
    ("title: Move", 'title: "a\\u009bb"', "control character U+009B"),
    ("systemctl reboot", '"echo \\u202etoober"', "control character U+202E"),
    ("title: Move", "title: Mo\u2028ve", "control character U+2028"),
    ("title: Move", "title: !!python/name:os.system x", "tag `!!python/name:os.system` is not allowed"),
    ("title: Move", "title: !secret x", "tag `!secret` is not allowed; expected text without a tag"),
    ("title: Move", "title: Move\n  title: Again", "key `title` stands twice in `change`; expected one (the first is in line 4)"),
    ("title: Move", "title: Move\n  1: x", "a key in `change` is `1`, a number"),
    ("title: Move", "title: Move\n  [a, b]: x", "a key in `change` is not a text"),
    ("title: Move", "title: Move\n  <<: {id: X}", "merge key `<<` is not supported"),
    ("title: Move", "title: Move\n  no: x", "unknown key `no` in `change`"),
    ("source: {platform: vmware}", "source: vmware", "`source` is `vmware`, text; expected a mapping with `platform`"),
    ("platform: kvm", "platform: KVM", "`target.platform` is `KVM`; expected one of ahv"),
    ("platform: kvm", "platform: vmwares", "expected `vmware` (did you mean that?)"),
    ("address: 10.0.0.1", "adress: 10.0.0.1", "unknown key `adress` in `hosts[0]`; expected `address` (did you mean that?)"),
    ("address: 10.0.0.1", "address: 10.0.0.1\n    port: 70000", "`hosts[0].port` is 70000; expected a whole number from 1 to 65535"),
    ("address: 10.0.0.1", 'address: 10.0.0.1\n    port: "22"', "`hosts[0].port` is `22`, text; expected a whole number"),
    ("address: 10.0.0.1", "address: 10.0.0.1\n    port: 022", "`hosts[0].port` is `022`, a number; expected a whole number"),
    ("address: 10.0.0.1", "address: 10.0.0.1\n    port: " + "9" * 5000, "expected a whole number from 1 to 65535"),
    ("address: 10.0.0.1", "address: 10.0.0.1\n    os: [linux]", "`hosts[0].os` is a list; expected one of linux, windows"),
    ("mark: true", "mark: yes", "`phases[0].steps[1].mark` is `yes`, a boolean; expected true or false"),
    ("mark: true", 'mark: "true"', "is `true`, text; expected true or false"),
    ("soak: 2min", "soak: 120", "is `120`, which has no unit; expected a duration"),
    ("soak: 2min", "soak: 2m", "which has `m`, which may be minutes or months"),
    ("soak: 2min", "soak: 1.5min", "which has a fraction"),
    ("soak: 2min", "soak: -2min", "which is negative"),
    ("soak: 2min", "soak: 0s", "expected a duration longer than 0"),
    ("soak: 2min", "soak: 999999d", "which is longer than a year"),
    ("soak: 2min", "soak: soon", "which is not a duration"),
    ("disturbs: [time]", "disturbs: time", "is `time`, text; expected a list"),
    ("disturbs: [time]", "disturbs: [tme]", "disturbs[0]` is `tme`; expected `time` (did you mean that?)"),
    ("key: g", "key: gg", "is `gg`; expected one of a f g m p t v z"),
    ("command: {linux: systemctl reboot}", "command: systemctl reboot", "is `systemctl reboot`, text; expected a mapping"),
    ("{linux: systemctl reboot}", "{linus: x, linux: x}", "unknown key `linus`"),
    ("{linux: systemctl reboot}", "{linux: [sleep, 5]}", "command.linux[1]` is `5`, a number in YAML"),
    ("{linux: systemctl reboot}", "{linux: {a: b}}", "command.linux` is a mapping; expected a text"),
    ("depends_on: [first]", "depends_on:", "`phases[0].steps[1].depends_on` is empty; expected a list"),
    ("{method: key, key: ~/.ssh/id}", "{method: key, key: k, password: hunter2}", "`password` would put a secret into the runbook"),
    ("params: {warn: 1s, fail: 5s}", "fail: 5s", "(parameters of the check stand below `params`)"),
    ("params: {warn: 1s, fail: 5s}", "params: {warn: [1s]}", "params.warn` is a list; expected a single value"),
]  # fmt: skip

HOSTS = [
    ("start: 2026-03-14T22:00:00+01:00", "start: 2026-03-14T22:00:00", "window start `2026-03-14T22:00:00` has no offset"),
    ("start: 2026-03-14T22:00:00+01:00", "start: 2026-03-14", "has no offset from UTC; expected an RFC 3339"),
    ("start: 2026-03-14T22:00:00+01:00", "start: 2026-02-30T22:00:00Z", "does not exist in the calendar"),
    ("start: 2026-03-14T22:00:00+01:00", "start: tonight", "is not an RFC 3339 timestamp"),
    ("end: 2026-03-15T02:00:00+01:00", "end: 2026-03-14T21:00:00Z", "the window ends before it starts"),
    ("end: 2026-03-15T02:00:00+01:00", "end: 2026-03-15T02:00:00+01:00\n    rollback_until: 2026-03-15T01:30:00Z", "rollback_until is outside the window"),
    ("address: 10.0.0.1", "address: ops@10.0.0.1", "has a user in it"),
    ("address: 10.0.0.1", "address: 10.0.0.1:22", "has a port in it"),
    ("address: 10.0.0.1", "address: -oProxyCommand=x", "is neither a host name nor an IP address"),
    ("address: 10.0.0.1", 'address: "a b"', "is neither a host name nor an IP address"),
    ("address: 10.0.0.1", "address: h\n    jump: a,b", "names more than one jump host"),
    ("address: 10.0.0.1", "address: h\n    jump: ops@b:0", "has a port that is not 1 to 65535"),
    ("address: 10.0.0.1", 'address: h\n    jump: "-x@b"', "has no usable user before the @"),
    ("address: 10.0.0.1", "address: h\n    user: -l", "user `-l` cannot be a login name"),
    ("address: 10.0.0.1", "address: h\n    vantage: []", "`vantage` is an empty list"),
    ("address: 10.0.0.1", "address: h\n    transport: winrm", "transport winrm for a linux host"),
    ("address: 10.0.0.1", "address: h\n    role: cluster-node", "a cluster-node without `group`"),
    ("credential: ops", "credential: opps", "credential `opps` is not defined; expected `ops`"),
    ("{method: key, key: ~/.ssh/id}", "{method: key}", "credential `ops` logs in by key and names none"),
    ("{method: key, key: ~/.ssh/id}", "{method: password, key: k}", "`key` is not used by the method password"),
    ("  ops: {method", "  o/s: {}\n  ops: {method", "credential name `o/s` cannot be used"),
    ("    credential: ops\n", "    credential: ops\n  - {name: WEB1, address: h}\n", "host name `WEB1` is used twice"),
    ("    credential: ops\n", "    credential: ops\n  - {name: web2, address: 10.0.0.1}\n", "address `10.0.0.1` is used twice"),
    ("hosts:\n", "domain: {references: ['a b']}\nhosts:\n", "`domain.references[0]` `a b` is neither"),
    ("hosts:\n", "domain: {references: ['http://a']}\nhosts:\n", "`domain.references[0]` `http://a` is not https://: what is not encrypted"),
    ("hosts:\n", "domain: {references: ['https://']}\nhosts:\n", "`https://` is neither a host name nor an IP address; expected `https://host`"),
    ("hosts:\n", "domain: {references: ['https://u@a/']}\nhosts:\n", "`https://u@a/` has a user in it"),
    ("hosts:\n", "domain: {references: ['https://a:99999/']}\nhosts:\n", "has a port that is not 1 to 65535"),
    ("hosts:\n", "domain: {references: ['https://a/x?y']}\nhosts:\n", "has a path with characters that need encoding"),
    ("hosts:\n", "domain: {controllers: ['https://a']}\nhosts:\n", "`domain.controllers[0]` `https://a`"),
    ("hosts:\n", "domain: {references: ['https://A/'], controllers: ['a:1123']}\nhosts:\n", "`https://A/` is a controller and an independent reference"),
    ("hosts:\n", "domain: {references: [a, 'https://A/x']}\nhosts:\n", "`a` is asked by NTP and by HTTPS, and is one clock"),
    ("hosts:\n", "domain: {references: [n1], controllers: [N1]}\nhosts:\n", "`n1` is a controller and an independent reference"),
    ("hosts:\n", "domain: {tolerances: {kerberos_skew: 10min}}\nhosts:\n", "kerberos_skew 10min is looser than its bound; expected at most 5min"),
    ("hosts:\n", "domain: {tolerances: {references_agree: 2s}}\nhosts:\n", "references_agree 2s is looser than its bound"),
]  # fmt: skip

STEPS = [
    ("id: second", "id: first", "step id `first` is used twice"),
    ("id: back", "id: first", "step id `first` is used twice"),
    ("depends_on: [first]", "depends_on: [frist]", "depends_on names no step: `frist`; expected `first`"),
    ("depends_on: [first]", "depends_on: [second]", "step `second` depends on itself"),
    ("depends_on: [first]", "depends_on: [third]", "step `third` stands later"),
    ("depends_on: [first]", "depends_on: [back]", "`back`, a rollback step of `second`"),
    ("title: Back", "title: Back\n            rollback: [{id: x, title: X}]", "a rollback step has rollback steps of its own"),
    ("title: Back", "title: Back\n            mark: true", "a rollback step has `mark: true`"),
    ("disturbs: [time]", "disturbs: [time]\n            tier: R", "tier R reads only and yet disturbs"),
    ("disturbs: [time]", "tier: R\n            breaks_rollback: true", "tier R reads only and yet breaks rollback"),
    ("disturbs: [time]", "verifier: time.offst", "unknown check `time.offst`; expected `time.offset`"),
    ("{linux: systemctl reboot}", '{linux: ""}', "command.linux` is empty; expected a program"),
    ("{linux: systemctl reboot}", "{linux: []}", "command.linux` is empty"),
    ("{linux: systemctl reboot}", "{linux: \"echo 'x\"}", "cannot be split into words"),
    ("{linux: systemctl reboot}", "{windows: shutdown}", "`command` of action `go` has none for linux"),
    ("{linux: systemctl reboot}", "{linux: x}\n            undo: {windows: y}", "`undo` of action `go` has none for linux"),
    ("        rollback:", "        provocations: [{id: p, title: P, command: {linux: x}}]\n        rollback:", "provocation `p` has no verifier"),
    ("        rollback:", "        provocations: [{id: GO, title: P, command: {linux: x}, verifier: time.offset}]\n        rollback:", "action id `GO` is used twice"),
    ("        rollback:", "        provocations: [{id: p, title: P, key: g, command: {linux: x}, verifier: time.offset}]\n        rollback:", "action key `g` is used twice"),
    ("    steps:\n", "    steps: []\n  - id: one\n    title: Other\n    steps:\n", "is an empty list; expected at least one item"),
]  # fmt: skip

GATES = [
    ("check: time.reboot", "check: cert.renewal", "check `cert.renewal` is not available in this version"),
    ("check: time.reboot", "check: app.portal", "check `app.portal` is not available in this version"),
    ("check: time.reboot", "check: time.rebot", "unknown check `time.rebot`; expected `time.reboot` (did you mean that?)"),
    ("check: time.reboot", "check: time.reboot\n            soak: 1min", "check time.reboot takes no `soak`"),
    ("check: time.reboot", "check: time.reboot\n            params: {x: 1}", "check time.reboot has no parameter `x`; expected no `params`"),
    ("check: time.reboot", "check: time.reboot\n            max_age: 1h", "max_age 1h of time.reboot is looser than its bound; expected 30s to 10min"),
    ("check: time.reboot", "check: time.reboot\n            max_age: 1s", "max_age 1s of time.reboot is outside its bound"),
    ("soak: 2min", "soak: 30s", "soak 30s of time.offset is looser than its bound; expected at least 1min"),
    ("soak: 2min", "attempts: 5", "check time.offset takes no `attempts`"),
    ("soak: 2min", "attempts: 50", "expected a whole number from 1 to 20"),
    ("fail: 5s", "fail: 60s", "parameter `fail` of time.offset is `60s`, looser than its bound; expected at most 30s"),
    ("fail: 5s", "fail: 5", "parameter `fail` of time.offset is `5`, which has no unit; expected a duration"),
    ("fail: 5s", "fail: 0s", "below its bound; expected more than 0"),
    ("fail: 5s", "fail: true", "is `true`, which is not a duration"),
    ("fail: 5s", "fail:", "parameter `fail` of time.offset is empty"),
    ("fail: 5s", "fial: 5s", "check time.offset has no parameter `fial`; expected `fail`"),
    ("warn: 1s", "warn: 6s", "parameter `warn` of time.offset (6s) exceeds `fail` (5s)"),
    ("params: {warn: 1s, fail: 5s}", "params: {fail: 500ms}", "parameter `warn` of time.offset (1s) exceeds `fail` (500ms)"),
    ("check: time.reboot", "check: agent.swap", "check agent.swap needs the parameter `old`; expected `old`: the package"),
    ("check: time.reboot", "check: agent.swap\n            params: {old: 5}", "parameter `old` of agent.swap is `5`; expected a text"),
    ("check: time.reboot", "check: test.kinds\n            max_age: 1min", "takes no `max_age`"),
    ("check: time.reboot", "check: test.kinds\n            attempts: 2", "attempts 2 of test.kinds is looser than its bound; expected 3 to 10"),
    ("check: time.reboot", "check: test.kinds\n            params: {count: 10}", "is `10`, looser than its bound; expected 1 to 9"),
    ("check: time.reboot", "check: test.kinds\n            params: {count: 3s}", "is `3s`; expected a whole number"),
    ("check: time.reboot", "check: test.kinds\n            params: {strict: yes}", "is `yes`; expected true or false"),
    ("check: time.reboot", "check: test.kinds\n            params: {mode: quik}", "is `quik`; expected `quick`"),
    ("check: time.reboot", "check: time.reboot\n          - check: time.reboot", "check `time.reboot` stands twice in this gate"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), [*SHAPE, *HOSTS, *STEPS, *GATES])
def test_an_error_is_found_where_it_stands(old: str, new: str, words: str) -> None:
    text = changed(old, new)
    hits = [line for line in errors(text) if words in line]
    assert hits, errors(text)
    begin = VALID[: VALID.index(old)].count("\n") + 1
    number = int(hits[0].split(":")[1])
    assert begin - 3 <= number <= begin + new.count("\n") + 1
    assert "; expected " in hits[0]


def test_a_cycle_is_told_as_one() -> None:
    text = changed("title: First\n", "title: First\n        depends_on: [third]\n")
    text = text.replace("title: Third\n", "title: Third\n        depends_on: [second]\n")
    (only,) = errors(text)
    assert "dependency cycle: `first` → `third` → `second` → `first`" in only


def test_windows_over_ssh_and_every_host_has_its_command() -> None:
    more = "    credential: ops\n  - {name: win, address: w, os: windows}\n"
    (only,) = errors(changed("    credential: ops\n", more))
    assert "`command` of action `go` has none for windows" in only
    both = changed("    credential: ops\n", more).replace(
        "{linux: systemctl reboot}", "{linux: systemctl reboot, windows: shutdown /r /t 0}"
    )
    assert errors(both) == []


def test_winrm_takes_a_password_or_tickets() -> None:
    more = "    credential: ops\n  - {name: w, address: w, os: windows, transport: winrm, credential: ops, escalation: sudo}\n"
    got = "\n".join(errors(changed("    credential: ops\n", more)))
    assert "credential `ops` logs in by key, which winrm cannot" in got
    assert "escalation sudo for a windows host" in got


def test_what_could_not_be_read_is_not_reported_again() -> None:
    (only,) = errors(changed("id: first", "id: [first]"))
    assert "is a list" in only  # and not: depends_on names no step
    (only,) = errors(changed("  ops: {method: key, key: ~/.ssh/id}", "  - ops"))
    assert "`credentials` is a list" in only


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("        mark: true\n", "", "check time.reboot compares with the mark, and no step has `mark: true`"),
        ("title: Third\n", "title: Third\n        mark: true\n", "a second step has `mark: true`"),
        ("check: time.offset\n", "check: time.reboot\n          - check: time.offset\n", "before the mark is written"),
        ("systemctl reboot", "sync && reboot", "`&&` in `phases[0].steps[1].actions[0].command.linux` reaches the program"),
        ("hosts:\n", "domain: {controllers: [dc1]}\nhosts:\n", "no gate asks whether the domain is right"),
        ("hosts:\n", "domain: {references: ['time.google.com:123', ntp1]}\nhosts:\n", "time.google.com smears leap seconds, ntp1 not"),
    ],
)  # fmt: skip
def test_what_is_probably_not_meant_is_a_warning(old: str, new: str, words: str) -> None:
    warnings = loaded(changed(old, new)).warnings
    assert [w for w in warnings if words in str(w)], warnings


def test_a_domain_that_is_asked_about_anywhere_is_no_warning() -> None:
    asks = VALID.replace(
        "- check: time.offset\n", "- check: time.reference\n          - check: time.offset\n"
    )
    with_domain = asks.replace("hosts:\n", "domain: {controllers: [dc1], references: [ntp1, ntp2]}\nhosts:\n")
    assert loaded(with_domain).warnings == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id: CHG1", "id: !!str 12345"),
        ("id: CHG1", "id: '12345'"),
        ("key: g", "key: a"),
        ("key: g", "key: z"),
        ("title: Move", "title: 22:15"),
        ("address: 10.0.0.1", "address: 2001:db8::1"),
        ("address: 10.0.0.1", "address: 10.0.0.1\n    port: 2222"),
        ("address: 10.0.0.1", "address: h\n    jump: '[2001:db8::1]:22'"),
        ("address: 10.0.0.1", "address: h\n    group: ~"),
        (
            "hosts:\n",
            "domain: {references: [ntp1, 'https://a', 'https://b:8443/x/y', 'https://[::1]/']}\nhosts:\n",
        ),
        ("hosts:\n", "domain: {references: ['127.0.0.1:11123', ntp1], controllers: ['[::1]:124']}\nhosts:\n"),
        ("start: 2026-03-14T22:00:00+01:00", "start: '2026-03-14T21:00:00Z'"),
        ("{linux: systemctl reboot}", "{linux: [sh, -c, 'a && b']}"),
        ("warn: 1s", "warn: 1s200ms"),
    ],
)
def test_what_is_right_is_not_refused(old: str, new: str) -> None:
    assert errors(changed(old, new)) == []
