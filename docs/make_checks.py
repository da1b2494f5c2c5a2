#!/usr/bin/env python3
"""Writes docs/checks.md from the checks themselves: `python docs/make_checks.py`.

Criteria, bounds, readers and commands are asked of the registry; reason codes with their
sentences and remedies are read from the source of the judging functions. Only the words in
INTRO and ABOUT are written by hand. tests/unit/test_docs.py holds the file against this.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cutover_tui.core import gate, owed
from cutover_tui.core.amounts import amount
from cutover_tui.core.checks import check as base
from cutover_tui.core.checks.check import _WHAT_TO_DO as WHAT_TO_DO
from cutover_tui.core.checks.check import _WHAT_TO_DO_HERE as WHAT_TO_DO_HERE
from cutover_tui.core.checks.check import Check
from cutover_tui.core.checks.kerberos import kerberos_series, kerberos_words
from cutover_tui.core.checks.registry import CHECKS, READER_FAMILY, asked
from cutover_tui.core.checks.spec import Bound, Param
from cutover_tui.core.runbook import GateCheck
from cutover_tui.core.runbook_file.rules_gate import bounds_in_words
from cutover_tui.record import asking, freshness
from probes import linux
from probes.ad import account, cldap, controller, discovery, records, rootdse, rootdse_guest
from probes.clocks import http_date, ntp, ntp_guest
from probes.exchange import NAME as AP_IN
from probes.kerberos import kdc
from probes.linux.domain import ad_paths, exchange, trust
from probes.observation import FailureKind
from probes.reader import Reader

HERE = Path(__file__).parent
CORPUS = HERE.parent / "tests" / "corpus"

INTRO = """\
# Checks

Written by `docs/make_checks.py` from the source; do not edit by hand.

A check is a pure function from what was measured to a finding: `pass`, `fail`, `unknown` or
`na`. Only `pass` and `na` open a gate; of this version only `time.rtc`, `agent.swap`, `ad.trust`,
`net.ad-paths`, `dc.genid`, `naive.*` and the checks of exchanges say `na`. `unknown` means
"could not be measured well enough" and always comes with what to do about it. Where a check says
that it *may be acknowledged*, a `fail` that was there before the mark and does not grow can be accepted with
a problem ticket ([runbook.md](runbook.md#faults-that-were-there-before)); no other ever.

Every finding has a `reason_code` for scripts (`cutover check --json`) and a sentence for
people. `…` in the sentences below stands for a measured value.

Numbers are set in the runbook, within the bounds given here; looser than the bound is an
error when the runbook is loaded. How: [runbook.md](runbook.md).
"""

ABOUT = {
    "ad.trust": (
        "Is the guest's own directory service connected to a controller it can name?",
        (
            "sssd is asked through `sssctl domain-status`, winbind through `wbinfo -P` and `-t`. Both services "
            "answer logins from a cache, so a login proves nothing; neither does an exit status of `adcli "
            "testjoin` or `net ads testjoin`, which take a ticket and are not run. This is necessary and not "
            "enough: it says nothing of the guest's clock."
        ),
    ),
    "ad.object": (
        "Is the guest's account in the directory whole, its own, and not older than before the mark?",
        (
            "Asked every 5 min and when somebody looks, over verified TLS with the engineer's Kerberos ticket "
            "(`kinit` first), at the first of `domain.controllers` that lets us in; they are named as their "
            "certificates name them. The account is the one with the guest's name, cut to 15 characters. Names are "
            "looked for in its domain only, not in the forest. Before the mark there is nothing to compare with. On a Linux "
            "guest the keytab is held against the account: of each of the account's names the newest key must have the "
            "directory's version and a type the account allows. Names of other accounts in it are left alone. What was not "
            "read in the order that tells which one is behind is `unknown` until the next look."
        ),
    ),
    "ad.dns": (
        "Do the guest's records lead to where it is now, and does its site have domain controllers?",
        (
            "Each of `domain.controllers` and the jump host's resolver is asked. Those that say by LDAP ping that they are "
            "of `domain.site` and answer with authority are believed, each of them; else the first that answers with "
            "authority; else the resolver, which is said. The others are named. The guest's addresses are what it says "
            "itself, without those of container bridges; it may have several, and a record for each or for some."
        ),
    ),
    "dc.replication": (
        "Is the moved controller's database the one its partners know, and do their changes reach it?",
        (
            "For hosts of role `dc` only. The controller is asked about itself, every 5 min and when somebody looks, over "
            "verified TLS with the engineer's ticket: `highestCommittedUSN` and `isSynchronized` of its rootDSE, invocation "
            "id and options of its NTDS Settings, `repsFrom` of the domain, configuration and schema. A USN below the "
            "baseline's under the same invocation id is a USN rollback, which no partner tells. Each of the three must have "
            "been replicated from a partner since the mark; without a mark within a day. The forest's only controller has "
            "nobody to replicate with."
        ),
    ),
    "dc.genid": (
        "Does the controller know whether it is the virtual machine it was?",
        (
            "`msDS-GenerationId` of its own computer object, which is not replicated. LDAP does not tell an attribute that "
            "is not there from one that is hidden: that is `unknown`. Samba keeps none, which is `na`."
        ),
    ),
    "dc.sysvol": (
        "Is the controller advertised, and does its SYSVOL hold the policies that the directory names?",
        (
            "Advertised is what its LDAP ping says. Policies and their versions are those of the directory; what is in "
            "SYSVOL is read from each GPT.INI below /var/lib/samba/sysvol, as root, on a Linux guest. The SYSVOL of a "
            "Windows controller is not read by this version: `unknown`."
        ),
    ),
    "dc.rid": (
        "Does the controller give out no security identifier a second time?",
        (
            "The next RID of its own RID Set, and what the domain's `RID Manager$` still has to give, against the baseline's."
        ),
    ),
    "net.ad-paths": (
        "Does the guest reach the controller ports that it reached before the mark?",
        (
            "From the guest, each of `domain.controllers`: TCP 53, 88, 389, 445, 464, 636, 3268; UDP 53, 88, 123 "
            "and 389, which count only when the service answers. What was not open before is advice. Before the "
            "mark one controller must be reached on TCP 88, 389, 445 and 464; after it too where none was reached before, "
            "unless the baseline shows a guest without a keytab and without any service of a directory. Each name server "
            "of /etc/resolv.conf is asked for the domain's controllers: one that does not name them, and was not like that "
            "before, refuses, though everything that was tried stands in /etc/hosts, krb5.conf or a cache."
        ),
    ),
    "time.jump-host": (
        "Can this jump host measure what is asked? Checked before anybody else is blamed.",
        (
            "Each reference (`domain.controllers` and `domain.references`) is asked by NTP every 16 s. True time "
            "is what a majority of `domain.references`, two at least, agree on; where they cannot decide, the "
            "domain has one vote, however many controllers it has. Where no independent reference answers, "
            "controllers that agree are enough here. What the jump host cannot ask, the guest asks for it where its "
            "`vantage` allows that; the `Date` of `https://` references and what two people read confirm where NTP "
            "servers cannot decide ([runbook.md](runbook.md#a-segmented-site)). The jump host's own UTC is compared "
            "too, but takes no part in measuring guests."
        ),
    ),
    "time.reference": (
        "Is the time the guests follow the right one, or is the whole domain wrong as one?",
        (
            "`domain.references` are independent of the domain, `domain.controllers` are the domain. Each "
            "controller is held against true time (see `time.jump-host`); one independent reference is enough "
            "where the domain agrees with it. Where only HTTPS servers or people say what true time is, a controller "
            "passes that they do not contradict (reason code `coarse`, with how closely they can tell). A wrong domain is named here once and not blamed on guests. "
            "References of which some smear leap seconds (Google, Amazon, Meta, by name, address or "
            "reference id) and others do not are equal until the next leap second: they are named always and "
            "fail once one is announced. Without any answer it says what `time.jump-host` says."
        ),
    ),
    "time.provider": (
        "Who keeps this guest's clock right, and still after the next boot?",
        (
            "A small offset is never enough. chronyd is looked at first, then systemd-timesyncd, then ntpd (ntpsec "
            "included). For chronyd and ntpd, good updates are the answered ones of the last 8 polls of the selected "
            "source; for timesyncd, the answers since it started. What disturbs time (an action, a pause, a boot) makes "
            "one newer answer owed. An update may be as old as three polls, and never older than `silent`; and who is followed must itself vouch for its time within `distance` (a Windows controller on its own CMOS clock looks perfect but for a root dispersion of 10 s). Others (openntpd, phc2sys, whatever looks like a time service) are named and not read: `unknown`. Sources that smear leap seconds "
            "beside others that do not are named; they fail once a leap second is announced. Where all sources come from "
            "DHCP (option 42) or are the distribution's defaults, that is said beside the pass, as far as the files could "
            "be read; names of chrony's configuration that have no address are named. A refclock PHC counts where its device is the "
            "host's clock (KVM, Hyper-V, by the device's name) or ptp4l runs; one that the move took away is named as the cause. "
            "chronyd with `cmdport 0` is asked as root. One that was started with -x sets no clock, however good its reports are, "
            "and is no provider; whoever else runs is looked at then."
        ),
    ),
    "time.single-master": (
        "Is there exactly one writer of the clock that can act on the platform the guest is on now?",
        (
            "Counted are chronyd, systemd-timesyncd, ntpd, openntpd, VBoxService, phc2sys and ptp4l by process or unit (the last two "
            "not where they feed chronyd), jobs that set the clock (cron, "
            "scripts, units of the site, as far as the account may read them), and on "
            "VMware the two mechanisms of VMware Tools: the periodic one (`timesync status`) and the one-time "
            "one at start, resume and snapshot, which that command does not show. Tools on another platform "
            "are residue, not a writer. A name is no evidence: what asks for the time (ntpstat, ntp-wait and their like) is "
            "none, and whatever else runs under the name of a time service is `unknown`. What ends within a second is no process to be seen: where one writer was found, "
            "the guest's journal (as far as the account may read it) is asked who else says that he set the clock since "
            "the last disturbance, and a clock that jumps away from the time it is judged by and is brought back "
            "within the last half hour has two masters too. A guest that stands still falls behind by no more than the "
            "time it was not read, and is not counted."
        ),
    ),
    "time.offset": (
        "Is the guest's clock right, and has it been all the time?",
        (
            "The guest's clock is read once a second over a kept SSH channel; each reading has an error bound "
            "of half its round trip plus half its grain, and the bound of what it is compared with is added. That is "
            "the domain's time where at least two controllers agree (or one answers that is within 60 s of true "
            "time), because Kerberos compares with it, else the independent references'. While the domain itself "
            "is off by more than `references_agree`, the sentence says so. The soak is counted backwards from now: "
            "a reading outside the limit, a gap of more than 2.5 s, or a reading there is nothing to compare with "
            "starts it again. Offsets within 2 s of whole quarter hours, not 0, have a code of their own: no drift "
            "makes them."
        ),
    ),
    "time.projection": (
        "Will the clock still be right after the horizon: is it kept, or when is Kerberos' tolerance used up?",
        (
            "While `time.provider` passes, the clock counts as *disciplined*: its offset must have held, and what "
            "the provider corrects it by must be known; above 300 ppm (skew included) that is a word of warning, "
            "since that the clock is held was measured. Otherwise it is *free-running* and never passes: the check says "
            "when the tolerance will be reached if the rate stays, or how many more minutes it takes to tell. "
            "The rate rests on the tightest reading of each 10 s over the last 15 to 30 minutes; how far its "
            "interval can be trusted is measured in [estimate.md](estimate.md). A jump of more than 150 ms a second and "
            "the bounds of the readings around it is a step; the second one in that time fails. A guest that stood still and "
            "is put right by a step counts for none: it lost no more than the time in which it was not read, and got no "
            "more back. That a kept clock runs away is said only where no queue on the path explains it (the hard bounds)."
        ),
    ),
    "time.reboot": (
        "Was the guest rebooted after the mark, and was time right in two looks after that boot?",
        (
            "The boot id must differ from the one captured at the mark. One reading inside 5 s is needed within "
            "`first` of the boot, one within the last minute once `second` has passed. The 5 s here are fixed. "
            "Compared with the same clocks as in `time.offset`. Where the account may read the guest's journal, a step of "
            "more than 60 s that somebody logged within `first` counts like a reading: a provider often puts a clock "
            "right before anybody can log in, and what starts at boot was there earlier. A restart of the guest tests "
            "no power-on: the kernel has put the RTC right by then."
        ),
    ),
    "time.rtc": (
        "Is the hardware clock, from which the next cold boot starts, kept and read as before the move, and right?",
        (
            "The RTC is read through sysfs between two readings of the guest's clock, so that no root is needed; "
            "where it is kept in local time (/etc/adjtime), the zone's distance from UTC is taken off first. A guest "
            "whose time service writes the RTC (rtcsync) hides a wrong setting of the platform until it is powered "
            "off: this check does not replace the cold boot of `time.reboot`."
        ),
    ),
    "kdc.clock": (
        "Does every KDC show the time that guests are judged by?",
        (
            "Each host of `domain.controllers` (where the runbook lists none: those that DNS names for "
            "`domain.site`, or for the realm, and the PDC emulator) is asked on port 88 for a ticket for a name nobody "
            "has, without credentials; the refusal shows the KDC's clock. What does not answer the jump host is asked "
            "through the guest ([runbook.md](runbook.md#a-segmented-site)). Its microseconds may be a counter (MIT 1.16 to 1.21, in each of its processes), "
            "so questions are aimed at the moment in which its second changes, and answers are put together into an "
            "interval. The whole second of the controller's rootDSE, asked once a minute over verified TLS, narrows it, "
            "and stands for it where port 88 is silent. Where the runbook names `domain.site`, controllers that say by LDAP "
            "ping that they are of another site are advisory, the PDC emulator excepted. What guests are judged by is the domain's time where its controllers agree, else true time: "
            "a domain that is wrong as one is found by `time.reference`."
        ),
    ),
    "kerberos.margin": (
        "How much of Kerberos' tolerance is left between this guest and each KDC?",
        (
            "The newest reading of the guest's clock minus each KDC's interval; the farthest KDC counts. No ticket is "
            "needed. A fresh kinit passes at 600 s, because the library corrects itself by the KDC's error; this does "
            "not."
        ),
    ),
    "kerberos.as": (
        "Does the machine account get a ticket, with the library's own correction of the clock switched off?",
        (
            "`kinit -k` by the keytab, on the guest as root, after a person approved it once for the guest (key `x`): "
            "see Proofs in [security.md](security.md). All attempts of the newest series count; a series ends at its "
            "first refusal, and one whose result is missing has failed. Each attempt that failed since the last disturbance "
            "asks for four more clean ones in a row, across series, 20 at most (`intermittent`), unless the guest's own clock "
            "was measured then to be off by more than the tolerance from every KDC. It is repeated by itself while a started step "
            "needs it, at most every 5 min, and not after refusals of the account itself (6, 18, 23, 24): each "
            "would be one more refused login. The same exchange as programs make it is done beside it, so that a "
            "skew that the library hides is named."
        ),
    ),
    "kerberos.tgs": (
        "Does the machine account get a ticket for a service?",
        "`kvno ldap/CONTROLLER` in the same attempts as `kerberos.as`, with a cache of its own.",
    ),
    "kerberos.ap-out": (
        "Does a service accept the machine account?",
        (
            "`ldapsearch -Y GSSAPI` of the root entry of a controller, in the same attempts. It must name who was "
            "authenticated: the root entry itself is open to everybody."
        ),
    ),
    "kerberos.ap-in": (
        "Does the guest accept who comes to it with a fresh ticket?",
        (
            "The jump host comes to the guest's sshd as a peer does (`gssapi-with-mic`; the sshd needs "
            "`GSSAPIAuthentication yes`), with the engineer's own tickets: run `kinit` first. Only their ticket-granting "
            "ticket is used, copied to memory; each attempt takes a fresh ticket for `host/NAME@REALM` and no session "
            "is opened. The guest has accepted it when it proves that it has the service's key; whether the account may "
            "log in there is another matter. The guest's own clock decides, uncorrected, and a refusal shows it: "
            "37 is a guest ahead, 33 one behind, 32 one ahead by more than a ticket lives. Where the host's `service` "
            "names a page, its LDAP or its SMB server, that is asked instead ([runbook.md](runbook.md)). Samba's file "
            "server refuses with a bare number: the clock it shows to everybody says then whether it refuses for that. Approved, repeated and counted "
            "as `kerberos.as`. Needs the extra `kerberos` on the jump host. A guest with `jump` is come to "
            "through that machine."
        ),
    ),
    "kerberos.caches": (
        "Is no credential cache left that was made while the clock was off?",
        (
            "MIT's library writes the clock's offset into a cache and goes on adding it: a cache made at 305 s fails "
            "once the clock is right. The headers of the caches in /tmp, /var/tmp, /run, /var/lib and /var/cache are read as "
            "root, four directories deep. Kinds that leave no file (KCM, KEYRING) and other places, as krb5.conf, sssd.conf and "
            "`KRB5CCNAME` in units and their environment files name them, pass only when the clock was read through the whole last hour, without a gap of more than 20 s, and was right all the time, "
            "before the repair too. "
            "Caches whose tickets have all ended do not count. Programs that "
            "keep tickets in memory only, and say so nowhere, cannot be seen: restart what ran while the clock was off. (Samba's "
            "winbind was seen to take new ones by itself.)"
        ),
    ),
    "agent.swap": (
        "Is the old platform's agent gone, and does the new one run? Necessary, never enough.",
        (
            "`auto` means: open-vm-tools for vmware, qemu-guest-agent for kvm, nutanix-guest-tools for ahv; "
            "for the other platforms nothing is asked for, and where neither asks the check is `na`. Agents this version knows: open-vm-tools, "
            "vmware-tools, qemu-guest-agent, nutanix-guest-tools."
        ),
    ),
    "naive.time-service": (
        "Is a time service's unit active, as `systemctl is-active` says?",
        (
            "What a usual checklist ticks; `naive.*` exist to be compared with in `cutover drill`. A gate opens "
            "for them like for any other check, so loading a runbook that names one warns. chronyd that runs and "
            "reaches nobody passes; where no time service is installed there is nothing to tick."
        ),
    ),
    "naive.timedatectl": (
        "Does `timedatectl` say that the clock is synchronised?",
        (
            "The kernel's word, kept for about nine hours after the last update of anybody, VMware Tools "
            "included. Its reader runs only where the runbook names this check."
        ),
    ),
    "naive.date": (
        "Does `date` on the guest agree with the wall clock, here and now?",
        "Compared with the jump host's own clock, which may be wrong itself, and once.",
    ),
    "naive.agent": (
        "Does the new platform's agent run?",
        "None of the agents of KVM or AHV keeps a clock.",
    ),
    "naive.ping": (
        "Does the guest answer?",
        "Answering a reading of its clock within five seconds counts as an answer.",
    ),
}

Row = tuple[str, str, str, str]


def render() -> str:
    """The whole page."""
    parts = [
        INTRO,
        _summary(),
        *(_check(c) for _, c in sorted(CHECKS.items())),
        _numbers(),
        _series(),
        _shared(),
        _gate(),
        _readers(),
    ]
    return "\n".join(parts)


def _summary() -> str:
    lines = ["| check | family | question |", "| --- | --- | --- |"]
    for name, check in sorted(CHECKS.items()):
        lines.append(f"| [`{name}`](#{_anchor(name)}) | {check.spec.family} | {ABOUT[name][0]} |")
    return "\n".join(lines) + "\n"


def _check(check: Check) -> str:
    spec = check.spec
    question, how = ABOUT[spec.id]
    readers = [*check.readers, *(f"{r} (jump host)" for r in check.jump_readers), *check.witnesses]
    if check.looks_back is not None:
        readers.append("the clock's samples")
    lines = [
        f"## `{spec.id}`",
        "",
        f"{question} (version {spec.version})",
        "",
        f"- **Holds when** {check.criterion(asked(GateCheck(check=spec.id))).text}",
        f"- **Reads** {', '.join(readers)}",
        *([f"- **A naive checklist would pass on** {check.naive}"] if check.naive else []),
        *([f"- **Soak** {bounds_in_words(spec.soak, is_time=True)}"] if spec.soak is not None else []),
        *(
            [f"- **Attempts** {bounds_in_words(spec.attempts, is_time=False)}"]
            if spec.attempts is not None
            else []
        ),
        *(
            [f"- **Evidence not older than** (`max_age`) {bounds_in_words(spec.max_age, is_time=True)}"]
            if spec.max_age is not None
            else []
        ),
        *(f"- **Parameter** `{name}`: {param.doc}; {_param(param)}" for name, param in spec.params.items()),
        *(
            [
                f"- **May be acknowledged** where it was there before the mark: up to {_limit(check, spec.acknowledge)}"
            ]
            if spec.acknowledge is not None
            else []
        ),
        *(["- **Needs** a step with `mark: true` before it"] if spec.needs_mark else []),
        "",
        how,
        "",
        *_table(_says(ast.parse(_source(check)))),
    ]
    return "\n".join(lines) + "\n"


def _limit(check: Check, most: int) -> str:
    return amount(most, check.criterion(asked(GateCheck(check=check.spec.id))).unit).lstrip("+")


_PARTS = re.compile(r"\.checks\.(provider\.provider_|directory\.keytab_against)")
"""Modules that make findings for another one's check."""


def _source(check: Check) -> str:
    """Where its findings are made: its module, or its own function where several checks share one."""
    if isinstance(check.judge, partial):
        return inspect.getsource(inspect.getmodule(check.judge.func) or base)
    module = inspect.getmodule(check.judge)
    shared = [c for c in CHECKS.values() if inspect.getmodule(c.judge) is module]
    if len(shared) > 1 or module is None:
        return inspect.getsource(check.judge)
    parts = [m for m in vars(module).values() if inspect.ismodule(m) and _PARTS.search(m.__name__)]
    return "\n".join(inspect.getsource(m) for m in (module, *reversed(parts)))


def _numbers() -> str:
    rows = [
        (f"`{known.code}`", "fail", f"{number}: {known.sentence}", known.remedy)
        for number, known in sorted(kerberos_words.MEANINGS.items())
    ]
    other = kerberos_words.OTHER
    rows.append((f"`{other.code}`", "fail", f"any other: {other.sentence}", other.remedy))
    text = """\
## Kerberos' error numbers

An exchange that was refused is a `fail` of its check under these codes (RFC 4120 section 7.5.9 has the
numbers).
"""
    return "\n".join([text, *_table(rows)]) + "\n"


def _series() -> str:
    text = """\
## Codes of every proof

`kerberos.as`, `kerberos.tgs`, `kerberos.ap-out` and `kerberos.ap-in` rest on attempts that a person approved.
"""
    return "\n".join([text, *_table(_says(ast.parse(inspect.getsource(kerberos_series))))]) + "\n"


def _shared() -> str:
    own = _says(ast.parse(inspect.getsource(base.no_facts)))
    rows = [
        *(row for row in own if row[3] != "…"),
        *(
            (f"`{kind}`", "unknown", "(the failure in its own words)", remedy + _asked_here(kind, remedy))
            for kind, remedy in WHAT_TO_DO.items()
        ),
    ]
    text = """\
## Codes every check can have

A reader that has no facts makes the check `unknown` with the kind of its failure as code.
"""
    return "\n".join([text, *_table(rows)]) + "\n"


def _asked_here(kind: FailureKind, remedy: str) -> str:
    here = WHAT_TO_DO_HERE[kind]
    return "" if here == remedy else f" / What the jump host asked: {here}"


def _gate() -> str:
    rows: list[Row] = []
    for module in (gate, owed, asking, freshness):
        for call in _calls(ast.parse(inspect.getsource(module)), "Missing"):
            if len(call.args) < 3:
                continue
            what, verdict, reason, *rest = call.args
            if isinstance(what, ast.Attribute):
                continue  # a finding's own
            named = "the check" if isinstance(what, ast.Name) else f"`{_text(what)}`"
            name = verdict.attr.lower() if isinstance(verdict, ast.Attribute) else "as the check says"
            rows.append((named, name, _text(reason), _text(rest[0]) if rest else ""))
    text = """\
## What a gate asks besides its checks

A gate names these as missing under the words in the first column.
"""
    table = _table(rows)
    return "\n".join([text, "| missing | verdict | says | what to do |", *table[1:]]) + "\n"


def _readers() -> str:
    lines = [
        "## Readers",
        "",
        (
            "What is run on a guest, as the login user; as root only what says so, and only where the runbook "
            "escalates: simple commands whose output is parsed on the jump host. Those of the directory are run "
            "where a runbook asks for it. A tool that is not there answers 127 and is `tool-absent`. Texts in `tests/corpus` "
            "hold the parsers: *recorded* ones come from the real tool in a state that was set, *documented* "
            "ones were written from the source they name."
        ),
        "",
        "| reader | family | every | commands | recorded | documented |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    of_domain = (
        linux.ADDRESSES,
        trust.reader("DOMAIN"),
        ad_paths.reader(("CONTROLLER",), "REALM"),
        linux.SYSVOL,
    )
    for reader in sorted((*linux.READERS, *of_domain), key=lambda r: r.name):
        recorded, documented = _corpus(reader.name)
        lines.append(
            f"| `{reader.name}` | {READER_FAMILY[reader.name]} | {reader.interval_s:g} s | {_commands(reader)} "
            f"| {recorded} | {documented} |"
        )
    lines += [
        (
            f"| `{ntp.READER.name}` | {READER_FAMILY[ntp.READER.name]} | {ntp.READER.interval_s:g} s "
            "| none: an NTP exchange from the jump host with each reference | - | - |"
        ),
        *(
            f"| `{r.name}` | {READER_FAMILY[r.name]} | {r.interval_s:g} s | none: {how} | - | - |"
            for r, how in _FROM_THE_JUMP_HOST
        ),
        (
            f"| `{exchange.NAME}` | {READER_FAMILY[exchange.NAME]} | when approved | a proof: see "
            f"[security.md](security.md) | {_corpus(exchange.NAME)[0]} | - |"
        ),
        (
            f"| `{ntp_guest.READER.name}` | {READER_FAMILY[ntp_guest.READER.name]} | {ntp_guest.READER.interval_s:g} s "
            "| one NTP exchange by a fixed `bash -c` text over /dev/udp, else `chronyd -Q`: with each reference that "
            "does not answer the jump host | - | - |"
        ),
        (
            f"| `{rootdse_guest.READER.name}` | {READER_FAMILY[rootdse_guest.READER.name]} "
            f"| {rootdse_guest.READER.interval_s:g} s | `{' '.join(rootdse_guest.command('CONTROLLER').argv[:-5])} …`: "
            "each controller's rootDSE, where the guest's sshd carries no connection to its KDC | - | - |"
        ),
        (
            f"| `{http_date.READER.name}` | {READER_FAMILY[http_date.READER.name]} | {http_date.READER.interval_s:g} s "
            "| none: HEAD over TLS from the jump host to each `https://` reference | - | - |"
        ),
        (
            f"| `{AP_IN}` | {READER_FAMILY[AP_IN]} | when approved | none: a proof from the jump host, see "
            "[security.md](security.md) | - | - |"
        ),
        "",
        (
            "The clock itself is read once a second over a kept channel by the first of these that answers: "
            "`bash` (`$EPOCHREALTIME`), `date +%s.%N`, `python3`, `perl`, `date +%s` (whole seconds: the bound "
            "grows by half a second)."
        ),
    ]
    return "\n".join(lines) + "\n"


_FROM_THE_JUMP_HOST = (
    (
        kdc.READER,
        (
            "an AS-REQ from the jump host to each controller, for a name nobody has; through a guest's connection, "
            "once a minute, to those that do not answer the jump host"
        ),
    ),
    (
        discovery.READER,
        "the SRV records of the domain's controllers from the jump host's resolver, where the runbook lists none",
    ),
    (rootdse.READER, "each controller's rootDSE from the jump host, over verified TLS, without credentials"),
    (cldap.READER, "an LDAP ping from the jump host to each controller"),
    (account.READER, "LDAP searches from the jump host for each guest, over verified TLS, with a ticket"),
    (records.READER, "DNS questions from the jump host for each guest"),
    (
        controller.READER,
        "LDAP reads from each guest of role dc about itself, over verified TLS, with a ticket; an LDAP ping",
    ),
)


def _commands(reader: Reader) -> str:
    shown = []
    for command in reader.commands:
        words = [w.replace("|", "¦").replace("\n", "\\n") for w in command.argv]
        words = ["SCRIPT" if len(w) > 200 else w for w in words]
        if len(words) > 8:
            words = [*words[:4], "…"]
        root = " (root)" if command.elevate else ""
        shown.append(f"`{' '.join(words)}`{root}")
    return "<br>".join(shown)


def _corpus(reader: str) -> tuple[str, str]:
    recorded: list[str] = []
    documented: list[str] = []
    for path in sorted((CORPUS / reader).glob("*/*/case.json")):
        source = str(json.loads(path.read_text())["source"])
        version, case = path.parts[-3], path.parts[-2]
        (recorded if source.startswith("recorded") else documented).append(
            f"{version}: {case}" if version != "documented" else case
        )
    return ", ".join(recorded) or "-", ", ".join(documented) or "-"


# Reading the source


def _calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (getattr(node.func, "attr", getattr(node.func, "id", "")) in names)
    ]
    yield from sorted(found, key=lambda node: node.lineno)


def _says(tree: ast.Module) -> list[Row]:
    """One row for each different finding the source can make, in its order; passes last."""
    functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    rows: list[Row] = []
    passes: list[Row] = []
    for call in _calls(tree, "passes", "fails", "unknown", "na"):
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        given = {k.arg: k.value for k in call.keywords}
        if method == "passes":
            code = given.get("code")
            words = _either(code) if code is not None else ["ok"]
            passes.extend((f"`{word}`", "pass", _text(call.args[0]), "") for word in words)
            continue
        verdict = {"fails": "fail", "unknown": "unknown", "na": "na"}[method]
        remedy = _remedy(given.get("remedy"), functions)
        rows.append((f"`{_text(call.args[0])}`", verdict, _text(call.args[1]), remedy))
    return list(dict.fromkeys([*rows, *passes]))


def _remedy(node: ast.expr | None, functions: dict[str, ast.FunctionDef]) -> str:
    """A remedy's text; where a function makes it, all it may return."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
        returns = [
            n.value for n in ast.walk(functions[node.func.id]) if isinstance(n, ast.Return) and n.value
        ]
        return " / ".join(_text(value) for value in returns)
    return _text(node) if node is not None else ""


def _either(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*_either(node.body), *_either(node.orelse)]
    return [_text(node)]


def _text(node: ast.expr) -> str:
    """A string as written, with … for what is only known when it runs."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return re.sub("…+", "…", "".join(_text(part) for part in node.values))
    return "…"


def _table(rows: list[Row]) -> list[str]:
    lines = ["| code | verdict | says | what to do |", "| --- | --- | --- | --- |"]
    return [*lines, *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)]


def _param(param: Param) -> str:
    if param.kind == "duration":
        assert isinstance(param.default, int)  # noqa: S101 - durations are integers
        lowest = param.lowest if (param.lowest or 0) > 1 else None
        return bounds_in_words(Bound(param.default, lowest, param.highest), is_time=True)
    return f"default `{param.default}`"


def _anchor(name: str) -> str:
    return name.replace(".", "").replace("`", "")


if __name__ == "__main__":
    sys.stdout.write(f"{(HERE / 'checks.md').write_text(render())} characters\n")
