"""What every key of a runbook means, in one sentence each: for the schema, the reference and the errors.

The types, defaults and ranges come from the model; a test holds that no key is without its
sentence and no sentence without its key.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cutover_tui.core import durations
from cutover_tui.core import runbook as model
from cutover_tui.core.yaml_model.language import Amount, Language

_ACTION: Mapping[str, str] = {
    "id": "Name of the action, unique in its step; the journal refers to it.",
    "title": "What it does, in one line, as shown beside its key.",
    "command": "What is run on the guest, per operating system: an argv list, or one line split into words without a shell.",
    "key": "A letter that runs it from the step's screen (after a confirmation).",
    "tier": "R reads only, N changes without disruption (a resync, a ticket), D disrupts (restart, reboot).",
    "elevate": "Run it through the host's `escalation`.",
    "disturbs": "Families of observations that are void once it has run.",
    "touches": "What it may upset, in words the engineer reads before confirming.",
    "breaks_rollback": "After it the source VM can no longer simply be switched on again.",
    "verifier": "Id of the check that shows what it should have produced; its exit code proves nothing.",
    "undo": "The command that takes it back, per operating system; for the record, nothing runs it.",
    "timeout": "How long it may run before it is stopped and journaled as without a result.",
}

MEANING: Mapping[type[msgspec.Struct], Mapping[str, str]] = {
    model.Runbook: {
        "schema": "Version of this file format; this version reads 1.",
        "change": "The change this runbook belongs to.",
        "source": "The platform the guests leave.",
        "target": "The platform the guests arrive on.",
        "hosts": "The guests of the wave.",
        "phases": "The stretches of the runbook, in order.",
        "domain": "What the guests' identity hangs on, and whom we believe about time.",
        "credentials": "Ways to log in, by name; never a password or any other secret value.",
    },
    model.Change: {
        "id": "The change's number in the ticket system.",
        "title": "What is moved, in one line.",
        "window": "The maintenance window.",
    },
    model.Window: {
        "start": "Begin of the window, RFC 3339 with Z or an offset.",
        "end": "End of the window, RFC 3339 with Z or an offset.",
        "rollback_until": "Latest moment to begin a rollback that still fits, between start and end.",
    },
    model.PlatformSpec: {
        "platform": "The kind of platform; what is observed on the guest must match it.",
        "note": "Anything people should know: cluster, version, storage container.",
    },
    model.Domain: {
        "realm": "Kerberos realm, in capitals as the KDCs write it.",
        "controllers": "Domain controllers as `host` or `host:port`; their time is the domain's, and together they are one witness. None: those DNS names for `realm` and `site`.",
        "site": "Active Directory site of the guests: whose controllers DNS is asked for.",
        "ca_file": "PEM file of the CAs of the controllers' LDAPS and of guests' HTTPS and LDAPS, relative to the runbook; without it this machine's own are trusted.",
        "credential": "Name of an entry in `credentials` (method `ccache` or `password`): who asks the directory, and comes to the guests for `kerberos.ap-in`; without it the ticket that is there.",
        "references": "NTP servers as `host` or `host:port`, and HTTPS servers as `https://host/path`, that do not share the domain's failure.",
        "tolerances": "Limits of the site.",
    },
    model.Tolerances: {
        "kerberos_skew": "Clock difference the KDCs and services tolerate; at most 5min.",
        "references_agree": "How far time references may differ and still be believed; at most 1s.",
    },
    model.Credential: {
        "method": "How to log in; a password is asked on the screen and kept in memory only.",
        "user": "Login name, where it differs from the host's `user`; of `domain.credential` the principal, `name` or `name@REALM`.",
        "key": "Path of a private key file.",
        "certificate": "Path of an OpenSSH user certificate.",
    },
    model.Host: {
        "name": "Name of the guest on screen, in the journal and in the report.",
        "address": "DNS name or IP address, without a port.",
        "os": "Operating system of the guest.",
        "role": "What the guest is to its domain; decides which rules apply.",
        "group": "Guests judged together, such as the nodes of one cluster.",
        "transport": "How to reach it; winrm is for windows.",
        "port": "TCP port, where it is not the transport's usual one.",
        "user": "Login name on the guest.",
        "escalation": "How commands with `elevate` become root.",
        "jump": "SSH jump host as `user@host:port`; user and port may be left out.",
        "credential": "Name of an entry in `credentials`.",
        "service": "Where `kerberos.ap-in` presents a ticket: `ssh` (its sshd), `ldap` (its LDAPS, port 636), `smb` (its SMB server, port 445), or the `https://` or `http://` URL of a page behind Negotiate; asked at the host's address whatever the URL's name resolves to.",
        "vantage": "Where probes may look from: the jump host, the guest itself.",
    },
    model.Phase: {
        "id": "Name of the phase, unique in the runbook.",
        "title": "Heading of the phase.",
        "steps": "The steps, in order.",
    },
    model.Step: {
        "id": "Name of the step, unique in the runbook, rollback steps included.",
        "title": "What is to be achieved, in one line.",
        "scope": "`host`: one state a host; `wave`: one state for all.",
        "instruction": "What the engineer does, in Markdown.",
        "mark": "Starting this step captures the baseline and separates before from after.",
        "expected": "How long it usually takes; the critical path counts with it.",
        "depends_on": "Ids of earlier steps that must be done first.",
        "two_person": "A second person must confirm.",
        "waivable": "Whether a later version may let the risk be accepted; this one takes no waivers.",
        "actions": "Commands the engineer may run from here.",
        "provocations": "Actions that make a delayed failure happen now.",
        "gate": "The checks that must hold before it can be marked done.",
        "rollback": "Steps that take this one back, with gates of their own.",
    },
    model.Action: _ACTION,
    model.Provocation: {
        **_ACTION,
        "verifier": "Id of the check that shows whether the provoked failure happened; required here.",
    },
    model.GateCheck: {
        "check": "Id of the check.",
        "soak": "How long it must hold without a gap.",
        "attempts": "How many fresh attempts must succeed, all of them.",
        "max_age": "How old its observations may be when the step is marked done.",
        "params": "Parameters of the check; looser than the check's bound is an error.",
    },
}


def hint(cls: type, key: str) -> str | None:
    """What is said when a key is unknown there, besides the known ones."""
    return "parameters of the check stand below `params`" if cls is model.GateCheck else None


def meaning(cls: type, key: str) -> str:
    """The sentence of one key, "" for a class that is none of the runbook's."""
    return MEANING.get(cls, {}).get(key, "")


DURATION = Amount(
    parse=durations.parse_duration,
    show=durations.format_duration,
    expected=durations.EXPECTED,
    pattern=durations.PATTERN,
    examples=("90s", "10min", "1h30min"),
    word="a duration",
    above_zero=True,
)
RUNBOOK = Language(
    name="runbook",
    begins="`schema: 1`",
    meaning=meaning,
    amounts={model.Duration: DURATION},
    secrets=frozenset({model.Credential}),
    hint=hint,
)
