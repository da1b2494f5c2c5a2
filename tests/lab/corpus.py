"""What the corpus recorded of each command, as skeletons: everything that varies replaced by its kind."""

from __future__ import annotations

import json
import re
from pathlib import Path

CORPUS = Path(__file__).parents[1] / "corpus"

_NTPD = [
    "leap",
    "stratum",
    "precision",
    "rootdelay",
    "rootdisp",
    "refid",
    "reftime",
    "clock",
    "tc",
    "peer",
    "offset",
    "frequency",
    "mintc",
]
_NTPD += ["sys_jitter", "clk_jitter", "clk_wander", "processor", "system", "version"]
"""Variables ntpq shows: it wraps them at a width, wherever that falls."""

_RULES = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"^( [0-9a-f]{2}){1,16}$", "OCTETS"),
        (r"^cache /\S+ \d+ \S+$", "CACHE"),
        (r"^Ticket cache: FILE:/\S+$", "Ticket cache: FILE"),
        (r"^ *\d+ \S+ *$", "PROCESS"),
        (r"^\S+\.service +(\S+) +(\S+)$", r"UNIT \1 \2"),
        (r"^UNIT FILE +STATE +PRESET$", "UNIT FILE STATE PRESET"),
        (r"^Id=\S+\.service$", "Id=UNIT"),
        (r"^(S|K)\d\d[\w.-]+$", "RCLINK"),
        (r"^ +[\w.-]+ \|.*$", "OPENRC"),
        (r"^([a-z0-9_.+-]+?)-\d[\w.]*-r\d+$", "APK"),
        (r"^(ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) \S+( \S+)?$", "PUBLIC KEY"),
        (
            r"^[ x.+#*-]\d{1,3}(?:\.\d{1,3}){3} {2,}\S+ +\d+ u +[-\dmhd]+ +\d+ +[0-7]{1,3}(?: +-?\d+\.\d+){3}$",
            "PEER",
        ),
        (r"^associd=0 status=[0-9a-f]{4} .*,$", "NTPD STATUS"),
        (f"^({'|'.join(_NTPD)})=.*$", "NTPD VARIABLES"),
        (r'^\{(?:"[A-Z_]+":"(?:[^"\\]|\\.)*",?)+\}$', "JOURNAL ENTRY"),
        (
            r"^-- cursor: s=[0-9a-f]{32};i=[0-9a-f]+;b=[0-9a-f]{32};m=[0-9a-f]+;t=[0-9a-f]+;x=[0-9a-f]+$",
            "CURSOR",
        ),
        (r"\d+s \d+us = \d+\.\d+$", "TIME"),
        (r"/zoneinfo/\S+$", "/zoneinfo/ZONE"),
        (r'("data":)"[^"]*"', r"\1STRING"),
        (r'("type":"as","data":)\[[^\]]*\]', r"\1STRINGS"),
        (r"\b(?:\d{1,3}\.){3}\d{1,3}\b(?!\.)(?=,|$)", "IP"),
        (r"\|\d[\w.+~:-]*$", "|VERSION"),
        (r"\bversion \d[\w.]*", "version V"),
        (r"\([-+A-Z0-9 ]*\)$", "(FEATURES)"),
        (r"\b[0-9a-f]{32}\b", "HEX32"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UUID"),
        (r"^[0-9A-F]{8},(?:[0-9A-Za-z.:-]*),", "REFID,NAME,"),
        (r"^(\^,.),[^,]*,", r"\1,NAME,"),
        (r"-?\b\d+\.(\d+)\b", lambda found: f"#.{len(found[1])}"),
        (r"-?\b\d+\b", "#"),
        (r"(?<!\w)'[^']*'", "'NAME'"),
        (r"\b(open-vm-tools|vmware-tools|qemu-guest-agent|nutanix-guest-tools)\b", "PACKAGE"),
        (r"(?<=: )/\S+(?=: )", "PATH"),
    )
)

_KEPT = {"timedatectl": 2, "cat": 1, "grep": 1, "ls": 2, "systemctl": 2, "apk": 4, "rpm": 4, "dpkg-query": 4}
_COUNTS = ("rpm", "dpkg-query")
"""Tools whose exit status counts what is missing, so that it says nothing of a line."""


def skeleton(line: str) -> str:
    """A line with what varies replaced by its kind."""
    for pattern, kind in _RULES:
        line = pattern.sub(kind, line)  # type: ignore[arg-type]
    return line


def asked(argv: tuple[str, ...]) -> tuple[str, ...]:
    """A command without the names and paths it is about, and a report without how it shows names."""
    if argv[0] == "chronyc" and argv[-1] != "-v":
        return argv[0], argv[-1]
    return argv[: _KEPT.get(argv[0], len(argv))]


def recorded() -> dict[tuple[str, ...], set[tuple[int, str]]]:
    """Of every command: exit status with each line's skeleton (`!` before one of stderr)."""
    found: dict[tuple[str, ...], set[tuple[int, str]]] = {}
    for case in CORPUS.rglob("case.json"):
        for command in json.loads(case.read_text())["commands"]:
            known = found.setdefault(asked(tuple(command["argv"])), set())
            for key, mark in (("out", ""), ("err", "!")):
                if key in command:
                    known |= lines(
                        command["argv"][0], command["rc"], (case.parent / command[key]).read_text(), mark
                    )
            known.add((command["rc"], ""))
    return found


def lines(tool: str, rc: int, text: str, mark: str) -> set[tuple[int, str]]:
    """Each line's skeleton with the exit status it came with."""
    shown = 0 if tool in _COUNTS else rc
    return {(shown, mark + skeleton(line)) for line in text.splitlines()}
