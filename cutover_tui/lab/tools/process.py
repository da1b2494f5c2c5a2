"""ps and pgrep (procps 4.0.2), and systemd-detect-virt (systemd 252)."""

from __future__ import annotations

from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.world import clockwork

_HINT = """
Usage:
 ps [options]

 Try 'ps --help <simple|list|output|threads|misc|all>'
  or 'ps --help <s|l|o|t|m|a>'
 for additional help text.

For more details see ps(1).
"""


def ps(call: Call) -> Result:
    """-e/-A with -o of pid, comm, user, args; without -e only the caller's own."""
    words, everything, columns = call.argv[1:], False, None
    while words:
        word = words.pop(0)
        if word in ("-e", "-A", "-ef", "-eo", "-Ao"):
            everything = True
            if not word.endswith("o"):
                continue
        if word in ("-o", "-eo", "-Ao"):
            if not words:
                return Result(1, err=f"error: list of process IDs must follow -o\n{_HINT}")
            columns = [*(columns or []), *_columns(words.pop(0))]
        elif word not in ("-e", "-A", "-ef"):
            said = "unknown gnu long option" if word.startswith("--") else "unsupported option (BSD syntax)"
            return Result(1, err=f"error: {said}\n{_HINT}")
    columns = (
        columns
        if columns is not None
        else [("pid", "PID"), ("tty", "TTY"), ("time", "TIME"), ("comm", "CMD")]
    )
    bad = next((key for key, _ in columns if key not in _WIDTHS), None)
    if bad is not None:
        return Result(1, err=f'error: unknown user-defined format specifier "{bad}"\n{_HINT}')
    clockwork.advance_guest(call.world, call.guest, call.now)
    own = [(call.guest.next_pid + 1, "sh", call.user.uid), (call.guest.next_pid + 2, "ps", call.user.uid)]
    rows = (call.guest.processes() if everything else []) + own
    lines = []
    if any(head for _, head in columns):
        lines.append(_row([(key, head) for key, head in columns]))
    for pid, comm, uid in rows:
        user = next((u.name for u in call.guest.users.values() if u.uid == uid), str(uid))
        values = {
            "pid": str(pid),
            "tty": "?",
            "time": "00:00:00",
            "comm": comm,
            "args": comm,
            "user": user,
            "cmd": comm,
        }
        lines.append(_row([(key, values[key]) for key, _ in columns]))
    return Result(out="".join(lines))


def pgrep(call: Call) -> Result:
    """`-a -x NAME`: processes of exactly that name with their command lines; 1 where there is none."""
    words = call.argv[1:]
    unknown = next((w for w in words[:-1] if w not in ("-a", "-x")), None)
    if not words or unknown is not None or "-x" not in words[:-1]:
        return Result(2, err="pgrep: only `-a -x NAME` is played here\n")
    clockwork.advance_guest(call.world, call.guest, call.now)
    found = [(pid, comm) for pid, comm, _ in call.guest.processes() if comm == words[-1]]
    options = " -F 1" if call.guest.chrony_controls else " -F 1 -x"
    lines = [
        f"{pid} /usr/sbin/{comm}{options if comm == 'chronyd' else ''}\n" if "-a" in words else f"{pid}\n"
        for pid, comm in found
    ]
    return Result(0 if lines else 1, out="".join(lines))


_WIDTHS = {"pid": 7, "tty": -8, "time": 8, "comm": -15, "args": -27, "cmd": -27, "user": -8}


def _columns(text: str) -> list[tuple[str, str]]:
    found = []
    for word in text.split(","):
        key, equals, head = word.partition("=")
        default = {"pid": "PID", "comm": "COMMAND", "args": "COMMAND", "user": "USER", "cmd": "CMD"}
        found.append((key, head if equals else default.get(key, key.upper())))
    return found


def _row(cells: list[tuple[str, str]]) -> str:
    text = ""
    for index, (key, value) in enumerate(cells):
        width = _WIDTHS[key]
        last = index == len(cells) - 1
        cell = value.rjust(width) if width > 0 else (value if last else value.ljust(-width))
        text += (" " if index else "") + cell
    return text + "\n"


def detect_virt(call: Call) -> Result:
    """Print the virtualisation; options -v, -c, -q."""
    quiet = False
    container = False
    for word in call.argv[1:]:
        if word in ("-q", "--quiet"):
            quiet = True
        elif word in ("-c", "--container"):
            container = True
        elif word not in ("-v", "--vm"):
            what = (
                f"unrecognized option '{word}'"
                if word.startswith("--")
                else f"invalid option -- '{word[1:2]}'"
            )
            return Result(1, err=f"systemd-detect-virt: {what}\n")
    clockwork.advance_guest(call.world, call.guest, call.now)
    if container:
        return Result(1, "" if quiet else "none\n")
    return Result(out="" if quiet else f"{call.guest.platform.virt}\n")
