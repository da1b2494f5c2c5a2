"""busctl of systemd 252 on a system bus without systemd-timesyncd; its messages are dbus-daemon's."""

from __future__ import annotations

from cutover_tui.lab.tools.call import Call, Result


def busctl(call: Call) -> Result:
    """`call SERVICE OBJECT INTERFACE METHOD …`; the lab's guests put no service on the bus."""
    words: list[str] = []
    start = True
    for word in call.argv[1:]:
        if words or not word.startswith("-"):
            words.append(word)
        elif word.startswith("--auto-start="):
            start = word.partition("=")[2] not in ("no", "false", "0")
        elif word.startswith("--") and not word.startswith(_OPTIONS):
            return Result(1, err=f"busctl: unrecognized option '{word}'\n")
        elif not word.startswith("--") and word not in ("-q", "-l", "-j"):
            return Result(1, err=f"busctl: invalid option -- '{word[1:2]}'\n")
    if not words or words[0] != "call":
        return Result(1, err=f"Unknown command verb {words[0] if words else 'list'}.\n")
    if len(words) < 5:
        return Result(1, err="Too few arguments.\n")
    name = words[1]
    if start:
        return Result(1, err=f"Call failed: The name {name} was not provided by any .service files\n")
    return Result(1, err=f'Call failed: Name "{name}" does not exist\n')


_OPTIONS = ("--json=", "--system", "--no-pager", "--quiet", "--timeout=", "--expect-reply=", "--full")
