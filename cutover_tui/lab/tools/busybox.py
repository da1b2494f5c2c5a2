"""What busybox 1.36 says where it says it otherwise than GNU: cat, ls, ps."""

from __future__ import annotations

import re

from cutover_tui.lab.tools import files
from cutover_tui.lab.tools.call import Call, Result, Running
from cutover_tui.lab.world import clockwork

_BANNER = "BusyBox v1.36.1 (2024-06-10 07:11:47 UTC) multi-call binary.\n\nUsage: "
_PS = (
    "ps [-o COL1,COL2=HEADER] [-T]\n\nShow list of processes\n\n"
    "\t-o COL1,COL2=HEADER\tSelect columns for display\n\t-T\t\t\tShow threads\n"
)
_HEADS = {"pid": "PID  ", "comm": "COMMAND         ", "user": "USER    ", "args": "COMMAND"}


def cat(call: Call) -> Result | Running:
    """As GNU's, with busybox's words for what cannot be opened."""
    done = files.cat(call)
    if not isinstance(done, Result):
        return done
    err = re.sub(r"^cat: (.*): (.*)$", r"cat: can't open '\1': \2", done.err, flags=re.MULTILINE)
    return Result(done.rc, done.out, err)


def ls(call: Call) -> Result:
    """As GNU's, with busybox's words and status for what is not there."""
    done = files.ls(call)
    err = re.sub(r"^ls: cannot access '(.*)': (.*)$", r"ls: \1: \2", done.err, flags=re.MULTILINE)
    return Result(min(done.rc, 1), done.out, err)


def ps(call: Call) -> Result:
    """All processes always; -o with pid, comm, user, args."""
    columns, words = ["pid", "user", "args"], call.argv[1:]
    while words:
        word = words.pop(0)
        if word != "-o" or not words:
            what = word.lstrip("-") if word.startswith("--") else word[1:2]
            return Result(1, err=f"ps: unrecognized option: {what}\n{_BANNER}{_PS}")
        columns = words.pop(0).split(",")
    bad = next((one for one in columns if one not in _HEADS), None)
    if bad is not None:
        return Result(1, err=f"ps: bad -o argument '{bad}', supported arguments: user,comm,args,pid\n")
    clockwork.advance_guest(call.world, call.guest, call.now)
    own = [(call.guest.next_pid + 1, "sh", call.user.uid), (call.guest.next_pid + 2, "ps", call.user.uid)]
    lines = [" ".join(_HEADS[one] for one in columns).rstrip()]
    for pid, comm, uid in call.guest.processes() + own:
        user = next((u.name for u in call.guest.users.values() if u.uid == uid), str(uid))
        values = {"pid": f"{pid:>5}", "comm": f"{comm:<16}", "user": f"{user:<8}", "args": comm}
        lines.append(" ".join(values[one] for one in columns).rstrip())
    return Result(out="\n".join(lines) + "\n")
