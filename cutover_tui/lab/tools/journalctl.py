"""journalctl of systemd 252. The lab's guests keep an empty journal, which only root may open."""

from __future__ import annotations

from cutover_tui.lab.tools.call import Call, Result

_FLAGS = ("-k", "-b", "-q", "--dmesg", "--boot", "--quiet", "--no-pager", "-r", "--reverse", "--utc")
_VALUED = ("-o", "-n", "-g", "-u", "-t", "-S", "-U", "-p")
_LONG = ("--output", "--lines", "--grep", "--unit", "--identifier", "--since", "--until", "--output-fields")


def journalctl(call: Call) -> Result:
    """Options, then field matches; what is asked for with --grep and not there ends with 1."""
    words, grep, quiet = call.argv[1:], False, False
    while words:
        word = words.pop(0)
        name, equals, _ = word.partition("=")
        if word in _FLAGS:
            quiet |= word in ("-q", "--quiet")
        elif word in _VALUED or (name in _LONG and not equals):
            if not words:
                return Result(1, err=f"journalctl: option requires an argument -- '{word.lstrip('-')}'\n")
            words.pop(0)
            grep |= word in ("-g", "--grep")
        elif name in _LONG:
            grep |= name == "--grep"
        elif word.startswith("--"):
            return Result(1, err=f"journalctl: unrecognized option '{word}'\n")
        elif word.startswith("-"):
            return Result(1, err=f"journalctl: invalid option -- '{word[1:2]}'\n")
        elif word != "+" and not equals:
            return Result(1, err=f"Failed to add match '{word}': Invalid argument\n")
    if not call.root and not {name for _, name in call.user.groups} & {"adm", "systemd-journal"}:
        return Result(
            1, err="" if quiet else "No journal files were opened due to insufficient permissions.\n"
        )
    return Result(1) if grep else Result(out="" if quiet else "-- No entries --\n")
