"""A small session written by hand: lines from `json`, hashes from `hashlib`, verdicts from whoever wrote this file.

Nothing here asks the program: no session, recorder, reader, check or gate. What stands in `by_hand/` is what `write` gives,
kept as bytes; a check or reader that comes to another word about the same evidence has changed its rules, and its version.

One guest, two steps. `swap`: an old agent is found; an action removes it (disturbs identity); a reading that *began before
the action ended* already shows the new one and does not count; one that began after it does. `keep`: the guest is 4 ms
ahead, its soak of a minute first too short and then long enough.
"""

from __future__ import annotations

import json
import struct
from hashlib import sha256
from pathlib import Path
from typing import Any

Line = dict[str, Any]

S = 1_000_000_000
MS = 1_000_000
UTC0 = 1_790_000_000 * S
BOOT, GUESTS_BOOT = "jump-boot", "11111111-1111-4111-8111-111111111111"
GUEST, JUMP = "app01", "@jump"
TOOL = "by hand"
VERSIONS = {"agent.swap": 2, "time.offset": 4}
GATE_RULES = 4
"""Whoever changes one of these in the program reads here whether the verdicts still are what they should be."""

OFFSET_NS, RTT_NS = 4 * MS, 2 * MS
NTP_UNIX_S = 2_208_988_800

RUNBOOK = """\
schema: 1
change: {id: CHG1, title: By hand, window: {start: "2026-09-21T14:00:00Z", end: "2026-09-21T18:00:00Z"}}
source: {platform: vmware}
target: {platform: ahv}
domain: {references: [ntp1, ntp2]}
hosts: [{name: app01, address: 192.0.2.10}]
phases:
  - id: p
    title: P
    steps:
      - id: swap
        title: Agents
        actions: [{id: remove, title: Remove, command: {linux: "apt-get -y purge open-vm-tools"}, disturbs: [identity]}]
        gate: [{check: agent.swap}]
      - {id: keep, title: Keep, gate: [{check: time.offset, soak: 1min}]}
      - {id: close, title: Close, scope: wave, depends_on: [keep]}
"""
NAIVE = "`date` agrees with the wall clock to the second, now"
NAMES = ("open-vm-tools", "vmware-tools", "qemu-guest-agent", "nutanix-guest-tools")


def at(seconds: float) -> Line:
    ns = round(seconds * 1000) * MS
    return {"boot_id": BOOT, "boottime_ns": ns, "utc_ns": UTC0 + ns}


def encoded(line: Line) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode()


class Tape:
    """Lines of one tape, and the stretch of them the next seal covers."""

    def __init__(self, name: str) -> None:
        self.name, self.lines, self._sealed = name, [], 0  # type: tuple[str, list[bytes], int]
        self._write({"t": "open", "tape": name, "anchor": at(1000), "tool": TOOL})

    def _write(self, line: Line) -> None:
        self.lines.append(encoded(line) + b"\n")

    def sample(self, seconds: int) -> None:
        self._write({"t": "s", "v": [seconds * S, RTT_NS, OFFSET_NS, 0]})

    def observe(
        self, reader: str, began: float, ended: float, raws: list[Line], facts: Line, what: str
    ) -> str:
        digests = []
        for raw in raws:
            digest = sha256(encoded(raw)).hexdigest()
            digests.append(digest)
            line = encoded({"t": "raw", "sha256": digest, "raw": raw}) + b"\n"
            if line not in self.lines:
                self.lines.append(line)
        jump = self.name == JUMP
        boot = BOOT if jump else GUESTS_BOOT if reader == "boot" else None
        observation = f"{self.name}/{what}"
        self._write(
            {"t": "obs", "id": observation, "reader": reader, "version": 1, "host": self.name,
             "identity": {"host_key": None if jump else "SHA256:k", "machine_id": None,
                          "boot_id": boot, "dmi_vendor": None, "platform": None},
             "vantage": "jump" if jump else "guest", "began": at(began), "ended": at(ended), "attempt": 1,
             "raw": digests, "facts": facts, "failure": None}
        )  # fmt: skip
        return observation

    def seal(self) -> Line | None:
        first, last = self._sealed + 1, len(self.lines)
        if last < first:
            return None
        mine = self.lines[first - 1 : last]
        self._sealed = last
        samples = sum(line.startswith(b'{"t":"s"') for line in mine)
        digest = sha256(b"".join(mine)).hexdigest()
        return {"tape": self.name, "first": first, "last": last, "sha256": digest, "n": samples, "gaps": 0}


class Journal:
    """Events, each with the hash of the one before; seals and decisions rest on the tapes beside it."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.tapes = {name: Tape(name) for name in (GUEST, JUMP)}
        self._newest: dict[str, Line] = {}
        self._asked = at(0)

    @property
    def seq(self) -> int:
        return len(self.lines)

    def write(self, seconds: float, event: str, /, **fields: Any) -> None:
        prev = sha256(self.lines[-1]).hexdigest() if self.lines else "0" * 64
        body = {"type": event, **fields}
        self.lines.append(
            encoded({"seq": self.seq + 1, "prev": prev, "at": at(seconds), "by": "ana", "body": body})
        )

    def ask(self, seconds: float) -> None:
        """Somebody asks to mark a step done, and the guest is read again: its boot id closes the turn."""
        self._asked = at(seconds)
        began = seconds + 0.1
        argv = (["cat", "/proc/sys/kernel/random/boot_id"], ["cat", "/proc/uptime"])
        shown = (f"{GUESTS_BOOT}\n", f"{began - 100:.2f} 1.00\n")
        raws = [
            {"argv": a, "rc": 0, "out": out, "err": "", "truncated": False, "failure": None}
            for a, out in zip(argv, shown, strict=True)
        ]
        facts = {"type": "boot", "boot_id": GUESTS_BOOT, "uptime_ns": round((began - 100) * 100) * 10 * MS}
        self.tapes[GUEST].observe("boot", began, began + 0.1, raws, facts, f"boot/{began}")

    def seal(self, seconds: float) -> None:
        windows = [w for tape in self.tapes.values() if (w := tape.seal()) is not None]
        self._newest.update({w["tape"]: w for w in windows})
        self.write(seconds, "sealed", windows=windows)

    def decide(self, seconds: float, step: str, finding: Line) -> None:
        """Open where the finding passes; done right after it."""
        opened = finding["verdict"] == "pass"
        missing = {key: finding[key] for key in ("verdict", "reason", "remedy")}
        decision = {
            "step": step, "host": GUEST, "at": at(seconds), "upto": self.seq, "mark": None,
            "runbook": sha256(RUNBOOK.encode()).hexdigest(), "rules": [[finding["check"], finding["version"]]],
            "findings": [finding], "outcome": "open" if opened else "refused",
            "missing": [] if opened else [{"what": finding["check"], **missing}],
            "windows": [self._newest[GUEST], self._newest[JUMP]], "gate_rules": GATE_RULES,
        }  # fmt: skip
        self.write(seconds + 0.001, "decided", decision=decision, second=None, asked=self._asked)
        if opened:
            self.write(seconds + 0.002, "done", step=step, host=GUEST, decision=self.seq)


# What was seen


def agents(tape: Tape, began: float, ended: float, *, old: bool, what: str) -> str:
    """dpkg and ps: VMware's agent installed and running, or Nutanix' running."""
    process = "vmtoolsd" if old else "ngt_guest_agent"
    listed = "ii |open-vm-tools|2:12.2.0\n" if old else ""
    lost = "".join(f"dpkg-query: no packages found matching {n}\n" for n in NAMES[1 if old else 0 :])

    def raw(argv: list[str], rc: int, out: str, err: str = "") -> Line:
        return {"argv": argv, "rc": rc, "out": out, "err": err, "truncated": False, "failure": None}

    raws = [
        raw(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}|${Package}|${Version}\\n", *NAMES], 1, listed, lost),
        raw(["rpm", "-q", "--qf", "%{NAME}|%{VERSION}-%{RELEASE}\\n", *NAMES], 127, "", "/bin/sh: 1: rpm: not found\n"),
        raw(["apk", "info", "-e", "-v", *NAMES, "apk-tools"], 127, "", "/bin/sh: 1: apk: not found\n"),
        raw(["ps", "-A", "-o", "pid=,comm="], 0, f"      1 systemd\n    445 ps\n    612 {process}\n"),
        raw(["ps", "-o", "pid,comm"], 0, f"    PID COMMAND\n      1 systemd\n    447 ps\n    612 {process}\n"),
    ]  # fmt: skip
    running = {"open-vm-tools": old, "vmware-tools": old, "nutanix-guest-tools": not old}
    found = [
        {
            "name": n,
            "package": "2:12.2.0" if old and n == NAMES[0] else None,
            "running": running.get(n, False),
        }
        for n in NAMES
    ]
    facts = {"type": "agents", "package_tool": "dpkg", "agents": found}
    return tape.observe("agents", began, ended, raws, facts, what)


def exchange(tape: Tape, server: str, second: int) -> str:
    """An NTP exchange whose middle is a whole second: the server is right, 1 ms away in each direction."""
    stamp = struct.pack(">II", UTC0 // S + second + NTP_UNIX_S, 0)
    cookie = struct.pack(">II", second, 7)
    request = bytes([0x23]) + bytes(39) + cookie
    head = bytes([0x24, 2, 6, 0xE8]) + bytes(8) + bytes([10, 0, 0, 1])
    answer = head + struct.pack(">II", UTC0 // S + second + NTP_UNIX_S - 10, 0) + cookie + stamp + stamp
    kept = {
        "address": "192.0.2.123", "request": request.hex(), "answer": answer.hex(),
        "sent_ns": second * S - MS, "received_ns": second * S + MS, "own_utc_ns": UTC0 + second * S, "kernel_stamp": True,
    }  # fmt: skip
    out = json.dumps(kept, separators=(",", ":")) + "\n"
    raw = {"argv": ["ntp", server], "rc": None, "out": out, "err": "", "truncated": False, "failure": None}
    facts = {
        "type": "ntp", "server": server, "address": "192.0.2.123", "mono_ns": second * S,
        "server_ns": UTC0 + second * S, "rtt_ns": 2 * MS, "own_utc_ns": UTC0 + second * S, "stratum": 2, "leap": "normal",
        "refid": "0A000001", "precision": -24, "root_delay_ns": 0, "root_dispersion_ns": 0, "kernel_stamp": True,
    }  # fmt: skip
    return tape.observe("ntp", second - 0.001, second + 0.002, [raw], facts, f"ntp:{server}/{second}")


# What follows from it


def swap(verdict: str, code: str, reason: str, remedy: str, *used: str) -> Line:
    text = "the old platform's agent is gone, the new platform's agent runs"
    return {
        "check": "agent.swap", "version": VERSIONS["agent.swap"], "host": GUEST, "verdict": verdict, "reason_code": code, "reason": reason,
        "criterion": {"text": text, "limit": None, "unit": "none"}, "measured": None, "bound": None, "origin": "new",
        "used": list(used), "baseline": None, "remedy": remedy, "naive": "the new agent is connected",
        "provenance": ["agents@guest"] if used else [], "soak": None, "action": None, "acknowledged": None,
        "about": [], "acknowledgeable": False,
    }  # fmt: skip


def keep(verdict: str, code: str, reason: str, remedy: str, held_s: int, bound_ns: int, *used: str) -> Line:
    text = "|guest − references| + bound ≤ 5.00 s for 01:00"
    return {
        "check": "time.offset", "version": VERSIONS["time.offset"], "host": GUEST, "verdict": verdict, "reason_code": code, "reason": reason,
        "criterion": {"text": text, "limit": 5 * S, "unit": "ns"}, "measured": OFFSET_NS, "bound": bound_ns,
        "origin": "new", "used": list(used), "baseline": None, "remedy": remedy, "naive": NAIVE,
        "provenance": ["ntp@jump"], "soak": {"held_ns": held_s * S, "needed_ns": 60 * S, "broken_by": None}, "action": None,
        "acknowledged": None, "about": [], "acknowledgeable": False,
    }  # fmt: skip


def bound_ns(sample_s: int, oldest_s: int) -> int:
    """Half a round trip of the sample, half of one of the references, 100 ppm of the older answer's age."""
    return RTT_NS // 2 + RTT_NS // 2 + (sample_s - oldest_s) * S * 100 // 1_000_000


def story() -> Journal:
    journal = Journal()
    guest, jump = journal.tapes[GUEST], journal.tapes[JUMP]
    journal.write(
        1000, "session-started", session="by-hand", tool=TOOL, runbook_name="by-hand.yaml",
        runbook_sha256=sha256(RUNBOOK.encode()).hexdigest(), runbook_text=RUNBOOK, anchor=at(1000),
        rules=[list(known) for known in VERSIONS.items()], operator="ana", jump_host="jump01",
    )  # fmt: skip
    journal.write(1000.1, "link-up", host=GUEST, host_key="SHA256:k", boot_id=None)
    old = agents(guest, 1001, 1001.1, old=True, what="agents/old")
    early = [exchange(jump, "ntp1", 1002), exchange(jump, "ntp2", 1003)]
    for second in range(1004, 1012):
        guest.sample(second)
    journal.write(1010, "step-started", step="swap", host=GUEST)
    journal.write(1010.1, "step-started", step="keep", host=GUEST)

    journal.ask(1010.8)
    journal.seal(1011.1)
    installed = "open-vm-tools 2:12.2.0 is still installed."
    journal.decide(
        1011.2, "swap",
        swap("fail", "old-agent-installed", installed, "Remove it once its functions are taken over.", old),
    )  # fmt: skip
    bound = bound_ns(1011, 1002)
    journal.decide(
        1011.4, "keep",
        keep("unknown", "soaking", "+4.00 ms ± 2.90 ms off ntp1, ntp2, held for 00:07 of 01:00.",
             "The rest comes by itself; work on another host meanwhile.", 7, bound, *early),
    )  # fmt: skip

    command = ["apt-get", "-y", "purge", "open-vm-tools"]
    journal.write(
        1020, "action-intended", step="swap", host=GUEST, action="remove", argv=command, disturbs=["identity"],
        breaks_rollback=False, elevate=False,
    )  # fmt: skip
    intended = journal.seq
    disturbed = {"host": GUEST, "families": ["identity"], "kind": "action"}
    journal.write(1020.1, "disturbed", **disturbed, cause="action remove", since=at(1020.05))
    for second in range(1012, 1023):
        guest.sample(second)
    agents(guest, 1022, 1023.5, old=False, what="agents/began-before-the-end")
    journal.write(1023.1, "disturbed", **disturbed, cause="action remove ended", since=at(1023))
    journal.write(1023.2, "action-ended", intent=intended, rc=0, out_tail="", failure=None)

    journal.ask(1023.6)
    journal.seal(1024)
    journal.decide(
        1024.1, "swap",
        swap("unknown", "not-read", "agents has not been read since the last disturbance.",
             "Wait for the next reading, or look again."),
    )  # fmt: skip
    new = agents(guest, 1025, 1025.1, old=False, what="agents/new")
    for second in range(1023, 1026):
        guest.sample(second)
    journal.ask(1025.5)
    journal.seal(1026)
    journal.decide(
        1026.1, "swap", swap("pass", "ok", "open-vm-tools gone, nutanix-guest-tools runs", "", new)
    )

    late = [exchange(jump, "ntp1", 1062), exchange(jump, "ntp2", 1063)]
    for second in range(1026, 1067):
        guest.sample(second)
    journal.ask(1066.1)
    journal.seal(1066.5)
    bound = bound_ns(1066, 1062)
    journal.decide(
        1066.6,
        "keep",
        keep(
            "pass", "ok", "+4.00 ms ± 2.40 ms off ntp1, ntp2, within 5.00 s for 01:00", "", 60, bound, *late
        ),
    )
    journal.write(1067, "session-closed")
    return journal


def write(directory: Path) -> None:
    """The session as files."""
    journal = story()
    (directory / "tapes").mkdir(parents=True, exist_ok=True)
    (directory / "journal.jsonl").write_bytes(b"".join(line + b"\n" for line in journal.lines))
    for name, tape in journal.tapes.items():
        (directory / "tapes" / f"{name}.jsonl").write_bytes(b"".join(tape.lines))


if __name__ == "__main__":
    write(Path(__file__).parent / "by_hand")
