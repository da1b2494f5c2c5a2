"""What every key of a world file means, in one sentence each: for the schema, the reference and the errors."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cutover_tui.core.runbook import Duration
from cutover_tui.core.runbook_file.keys import DURATION
from cutover_tui.core.yaml_model.language import Amount, Language
from cutover_tui.lab.world_file import amounts, identity, model

_HOST = "The guest, `*` for all; where it is not given, the one the event is about."
_NETWORK: Mapping[str, str] = {
    "latency": "How long a packet takes, one way, at least.",
    "asymmetry": "So much longer on the way there; negative: on the way back.",
    "jitter": "At most so much longer, different for every packet.",
    "loss": "How many packets of a hundred are lost, each way.",
}
_RULE: Mapping[str, str] = {
    "from": "Who sends the first packet: a guest, a reference, `jump`, or `*`.",
    "to": "To whom.",
    "port": "Destination port; all where it is not given.",
    "protocol": "udp or tcp; both where it is not given.",
}
_SERVICE: Mapping[str, str] = {
    "running": "Whether it runs when the world begins.",
    "enabled": "Whether it starts at boot.",
}

MEANING: Mapping[type[msgspec.Struct], Mapping[str, str]] = {
    model.WorldFile: {
        "world": "Version of this file format; this version reads 1.",
        "title": "What happens here, in one line.",
        "scenario": "The scenario it plays, such as A2.",
        "twin_of": "The world from which this one differs in one key: the name of its file, which lies beside this one, without `.yaml`.",
        "pending": "Why what is expected does not come out yet; such a world is listed, not failed.",
        "seed": "What ids, noise, jitter and loss are drawn from.",
        "jump": "The jump host's own clock.",
        "domain": "The Active Directory domain; without one no controller has a KDC.",
        "references": "NTP servers and domain controllers.",
        "guests": "The virtual machines of the wave, in the order of the runbook's hosts.",
        "network": "Paths and firewalls.",
        "events": "What happens when.",
        "runbook": "A runbook beside this file or shipped with the lab, or, over several lines, the runbook itself.",
        "play": "What the scripted engineer does.",
        "aftermath": "How long the world goes on after the last step; who is off by more than the tolerance then was missed.",
        "expect": "What must come out.",
        "naive": "What must come out where the naive checklist is played instead.",
    },
    model.ClockSpec: {
        "offset": "How far it is ahead of true time when the world begins; negative: behind.",
        "rate": "How much time it gains while nobody corrects it.",
        "noise": "How far its readings wander to either side, within minutes.",
        "steps": "Jumps nobody else causes.",
    },
    model.ClockStep: {"after": "So long after the world began.", "by": "How far it jumps."},
    model.RtcSpec: {
        "guest": "How the guest reads it (the last line of /etc/adjtime).",
        "platform": "What the platform shows in it at a power-on; as the guest reads it where not given.",
        "zone": "Local time less UTC.",
        "offset": "How wrong the platform starts it.",
    },
    model.MakeStep: {
        "threshold": "Step when farther off than this.",
        "limit": "In so many updates; -1 for all, 0 leaves the directive out.",
    },
    model.ChronySpec: {
        "sources": "Names of references, addresses, or names that do not resolve; all references that are no controllers where not given.",
        "iburst": "Four quick requests first.",
        "minpoll": "Shortest interval between requests, as a power of two seconds.",
        "maxpoll": "Longest interval, as a power of two seconds.",
        "makestep": "When it steps instead of slewing.",
        "local": "Serve the local clock at this stratum when there is nothing better.",
        "rtcsync": "Let the kernel keep the RTC right.",
        "drift": "What the drift file knows of the oscillator's correction.",
        **_SERVICE,
    },
    model.TimesyncdSpec: {
        "server": "Its server: name of a reference, address, or a name that does not resolve; the first reference where not given.",
        **_SERVICE,
    },
    model.NtpdSpec: {**_SERVICE, "acts": "Whether it really disciplines the clock."},
    model.TimeSpec: {
        "chrony": "chronyd.",
        "timesyncd": "systemd-timesyncd (Debian only).",
        "ntpd": "ntpd (ntpsec where the system has it).",
    },
    model.ToolsSpec: {
        "installed": "Whether VMware Tools are there at all.",
        **_SERVICE,
        "periodic": "Whether the periodic loop is on (`timesync status`).",
        "disable_all": "tools.conf switches both mechanisms off.",
        "disable_periodic": "tools.conf switches the periodic loop off.",
        "conf_readable": "Whether everybody may read tools.conf.",
        "vendor_installer": "Installed by VMware's own installer, so that no package manager knows them.",
    },
    model.IdentitySpec: {
        "machine_id": "Content of /etc/machine-id.",
        "new_machine_id": "Draw another machine id.",
        "new_host_key": "Draw another SSH host key.",
        "vendor": "DMI vendor, where it is not the platform's usual one.",
        "product": "DMI product, where it is not the platform's usual one.",
        "clocksource": "The kernel's clock source, where it is not the platform's usual one.",
    },
    model.PrivilegesSpec: {
        "sudo": "Whether the login becomes root: not at all, without, or with a password.",
        "unreadable": "Paths that only root may read.",
        "forwarding": "Whether its sshd carries connections of the login elsewhere (AllowTcpForwarding).",
        "journal": "Whether the login may read the system's journal (group adm).",
    },
    model.MoveSpec: {
        "platform": "Where it arrives.",
        "clock": "Its clock there: the RTC's error and the oscillator; as before where not given.",
        "rtc": "The virtual RTC there; as before where not given.",
        "agents": "Agents the migration puts in; the platform's own where not given.",
        "identity": "What it looks like there.",
        "removes_tools": "Whether the migration purges VMware Tools, where a package brought them.",
    },
    model.GuestSpec: {
        "name": "Its name in the runbook and everywhere.",
        "address": "Its address; 10.20.1.n where not given.",
        "os": "debian12 (dpkg, systemd), rhel9 (rpm, systemd, chronyd.service, /etc/chrony.conf), alpine (apk, OpenRC, busybox).",
        "shell": "The login's shell; the system's usual one where not given.",
        "platform": "Where it runs when the world begins.",
        "up": "How long it has been up then.",
        "clock": "Its clock.",
        "rtc": "Its virtual hardware clock.",
        "time": "Its time services.",
        "tools": "Its VMware Tools.",
        "agents": "Agents that are installed already.",
        "identity": "What tells it from other machines.",
        "privileges": "What the login may do.",
        "role": "What it is to its domain.",
        "joined": "What it is in the world's domain, where it is a `member` and its system is not alpine; null = not joined.",
        "move": "What it wakes up to on the target; null = it is not moved.",
    },
    model.ReferenceSpec: {
        "name": "Its name, which guests can resolve.",
        "address": "Its address; 10.20.0.n where not given.",
        "controller": "Whether it is a domain controller, so that its time is the domain's.",
        "clock": "Its clock.",
        "stratum": "What it announces.",
        "refid": "What it announces at stratum 1.",
        "root_delay": "What it announces; 0 where not given.",
        "root_dispersion": "What it announces; 500 us where not given.",
        "leap": "What it announces.",
        "down": "Whether it answers nobody.",
        "kdc": "Its KDC, in a world with a domain; null = it has none.",
    },
    identity.DomainSpec: {
        "realm": "Kerberos realm.",
        "dns": "DNS domain; the realm in small letters where not given.",
        "site": "Active Directory site of the guests.",
    },
    identity.AccountSpec: {
        "kvno": "Version of its key.",
        "state": "Whether it may log in.",
    },
    identity.KeytabSpec: {
        "kvno": "Version of the keys in it; the account's where not given.",
        "host": "The DNS name of its service principals; the guest's where not given.",
    },
    identity.SssdSpec: _SERVICE,
    identity.CacheSpec: {
        "path": "Its file.",
        "owner": "Whose it is.",
        "age": "How long ago it was made when the world begins.",
        "ahead": "How far the guest's clock was ahead of the KDC's then.",
        "services": "Service tickets in it.",
    },
    identity.HolderSpec: {
        "name": "Name of its systemd unit.",
        "cache": "File of its cache.",
        "owner": "Whose it is.",
        "renews": "How long it uses a cache before it takes new tickets.",
        "services": "Whom it takes service tickets for.",
        **_SERVICE,
    },
    identity.JoinedSpec: {
        "account": "Its machine account.",
        "keytab": "Its key table; null = there is none.",
        "kdc_timesync": "Whether krb5.conf leaves the library's correction of skew on, as by default.",
        "sssd": "sssd; null = not installed.",
        "caches": "Credential caches that lie about.",
        "holders": "Services that hold credentials.",
        "lacks": "Packages of a member that are not installed, such as krb5-user.",
    },
    identity.KdcSpec: {
        "microseconds": "Whether the microseconds of its answers are its clock's, or a counter as of MIT 1.16 to 1.21.",
        "down": "Whether it answers nobody, while the controller does.",
        "udp": "Whether it listens to UDP; otherwise to TCP only.",
    },
    model.NetworkSpec: {
        **_NETWORK,
        "links": "Paths that differ from that.",
        "blocked": "What firewalls drop when the world begins.",
    },
    model.LinkSpec: {"from": "One end.", "to": "The other end.", **_NETWORK},
    model.RuleSpec: _RULE,
    model.Event: {
        "on": "What it waits for: an action, a provocation, a step, a mark, a time, a boot.",
        "id": "Id of that action, provocation or step; any where not given.",
        "host": "On which guest; `*` for each.",
        "when": "At its start or once it is done.",
        "after": "So long after that; for `time`, after the world began.",
        "every": "Again and again, so long after each other; with `times`.",
        "times": "How many times altogether, where it repeats.",
        "nth": "Only the nth boot since the world began.",
        "do": "What changes, in this order.",
    },
    model.Change: {
        "clock": "A clock is set, stepped or runs at another rate.",
        "stun": "A guest stands still for a while.",
        "service": "A service is started, stopped, enabled or disabled.",
        "block": "A firewall drops something from now on.",
        "unblock": "It is let through again.",
        "link": "A path changes.",
        "migrate": "A guest is powered off, and on again on the target.",
        "reboot": "A guest restarts without being powered off.",
        "power_off": "A guest is powered off, and stays so.",
        "power_on": "It is powered on again.",
        "old_vm": "The VM left behind on the source is powered on and answers at the guest's address.",
        "snapshot": "A snapshot with memory is taken.",
        "revert": "The guest is reverted to a snapshot.",
        "identity": "A guest looks like another machine.",
        "reference": "A reference goes down, comes back or announces something else.",
        "file": "A file of a guest is written or removed.",
        "privileges": "The login may do something else.",
        "account": "The machine account changes in the directory.",
        "hostname": "The guest gets another name.",
    },
    model.ClockChange: {
        "who": "Guest, reference or `jump`; where not given, the guest the event is about.",
        "offset": "Set it so far ahead of true time.",
        "by": "Step it by so much.",
        "rate": "Let it gain so much from now on.",
    },
    model.StunChange: {"host": _HOST, "lasts": "How long it stands still."},
    model.ServiceChange: {"host": _HOST, "name": "Which service.", "act": "What is done to it."},
    model.HostChange: {"host": _HOST},
    model.SnapshotChange: {"host": _HOST, "name": "Name of the snapshot."},
    model.IdentityChange: {"host": _HOST, "identity": "What is different from now on."},
    model.ReferenceChange: {
        "name": "Which reference, `*` for all.",
        "down": "Whether it answers nobody.",
        "leap": "What it announces.",
        "stratum": "What it announces.",
        "kdc_down": "Whether its KDC answers nobody.",
    },
    model.FileChange: {
        "host": _HOST,
        "path": "Path of the file.",
        "text": "Its content; the file is removed where not given.",
        "mode": "Its permissions.",
    },
    model.AccountChange: {
        "host": _HOST,
        "kvno": "Version of its key from now on: the password was changed.",
        "state": "Whether it may log in, or is there at all.",
        "keytab": "Whether the guest's key table follows.",
    },
    model.HostnameChange: {"host": _HOST, "name": "Its name from now on, without the domain."},
    model.PrivilegesChange: {"host": _HOST, "privileges": "What the login may do from now on."},
    model.Play: {
        "actions": "Actions and provocations that are run.",
        "fix": "Whether the engineer runs the action a refused gate points to, and tries again.",
        "pauses": "Where the engineer waits although the gate is open.",
        "acknowledge": "Pre-existing faults that are accepted with a ticket.",
        "patience": "How long a step that is refused is waited for altogether before it counts as refused.",
        "settle": "How long of that while a check fails; 90s where not given, or `patience` where that is shorter.",
    },
    model.PlayedAction: {
        "step": "At which step.",
        "action": "Id of the action or provocation.",
        "host": "On which guest.",
        "after": "So long after the step was started there; he waits for it.",
        "crash": "The application dies while it runs, and the session is resumed.",
    },
    model.Pause: {"step": "At which step.", "host": "On which guest.", "lasts": "How long."},
    model.Acknowledged: {
        "check": "Id of the check.",
        "host": "On which guest.",
        "ticket": "Its problem ticket.",
    },
    model.Expect: {
        "outcome": "Whether every step can be marked done.",
        "step": "The step that is refused; any where not given.",
        "host": "The guest it is refused on; any where not given.",
        "findings": "What does not hold there: exactly these, anything where none is given.",
    },
    model.ExpectedFinding: {
        "check": "Id of the check, or what else a gate asks ([names](#what-closes-a-gate)).",
        "reason": "Its reason code.",
    },
}


def meaning(cls: type, key: str) -> str:
    """The sentence of one key, "" for a class that is none of a world's."""
    return MEANING.get(cls, {}).get(key, "")


WORLD = Language(
    name="world",
    begins="`world: 1`",
    meaning=meaning,
    amounts={
        Duration: DURATION,
        amounts.Span: Amount(
            parse=amounts.parse_span,
            show=amounts.format_span,
            expected=amounts.SPAN_EXPECTED,
            pattern=amounts.SPAN_PATTERN,
            examples=("-3200ms", "250us", "0s"),
            word="an amount of time",
        ),
        amounts.Length: Amount(
            parse=amounts.parse_length,
            show=amounts.format_span,
            expected=amounts.LENGTH_EXPECTED,
            pattern=amounts.LENGTH_PATTERN,
            examples=("250us", "5ms", "1h30min"),
            word="an amount of time, not negative",
        ),
        amounts.Rate: Amount(
            parse=amounts.parse_rate,
            show=amounts.format_rate,
            expected=amounts.RATE_EXPECTED,
            pattern=amounts.RATE_PATTERN,
            examples=("12ppm", "-31400ppm", "900ppb"),
            word="a rate",
        ),
    },
)
