"""Small tools: echo, printf, test, id, uname, hostname, env and their like (GNU coreutils 9.1)."""

from __future__ import annotations

import re

from cutover_tui.lab.machine.files import all_files
from cutover_tui.lab.tools.call import Call, Result, Running, Wait
from cutover_tui.lab.tools.files import invalid_option

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\a", "0": "\0", '"': '"'}


def true(call: Call) -> Result:
    return Result()


def false(call: Call) -> Result:
    return Result(1)


def unescape(text: str) -> str:
    """Backslash escapes as `%b` and `echo -e` read them."""
    return re.sub(r"\\([ntra\\0\"])", lambda found: _ESCAPES[found[1]], text)


def _format(text: str) -> str:
    """Backslash escapes in the format of printf: up to three octal digits are a byte."""
    return re.sub(
        r"\\(?:([0-7]{1,3})|([ntra\\\"]))",
        lambda found: chr(int(found[1], 8)) if found[1] else _ESCAPES[found[2]],
        text,
    )


def echo(call: Call) -> Result:
    """As dash and bash agree on it: -n; nothing is escaped unless -e is given."""
    words, end, escaped = call.argv[1:], "\n", False
    while words and words[0] in ("-n", "-e", "-ne", "-en", "-E"):
        option = words.pop(0)
        end = "" if "n" in option else end
        escaped = escaped or "e" in option
    text = " ".join(words)
    return Result(out=(unescape(text) if escaped else text) + end)


def printf(call: Call) -> Result:
    """%s, %d, %% and %b with the format used again while arguments are left."""
    if len(call.argv) < 2:
        return Result(2, err="sh: 1: printf: usage: printf format [arg ...]\n")
    text, rest, rc, err = call.argv[1], call.argv[2:], 0, ""
    out = ""
    while True:
        left = len(rest)

        def fill(found: re.Match[str]) -> str:
            nonlocal rc, err
            if found[0] == "%%":
                return "%"
            word = rest.pop(0) if rest else ""
            if found[2] != "d":
                return unescape(word) if found[2] == "b" else word[: int(found[1] or len(word))]
            if word and not re.fullmatch(r"[-+]?\d+", word):
                rc, err = 1, f"sh: 1: printf: {word}: expected numeric value\n"
            return str(int(word)) if re.fullmatch(r"[-+]?\d+", word) else "0"

        out += re.sub(r"%%|%(?:\.(\d+))?([sdb])", fill, _format(text))
        if not rest or len(rest) == left:
            return Result(rc, out, err)


def test(call: Call) -> Result:
    """The forms with up to three words; files by -e -f -d -r."""
    words = call.argv[1:]
    if call.argv[0].endswith("["):
        if not words or words[-1] != "]":
            return Result(2, err="sh: 1: [: missing ]\n")
        words = words[:-1]
    negate = bool(words) and words[0] == "!"
    words = words[1:] if negate else words
    if len(words) == 3 and words[1].startswith("-"):
        pairs = {"-eq": "==", "-ne": "!=", "-lt": "<", "-le": "<=", "-gt": ">", "-ge": ">="}
        if words[1] not in pairs:
            return Result(2, err=f"sh: 1: test: {words[1]}: unexpected operator\n")
        bad = next((w for w in (words[0], words[2]) if not re.fullmatch(r"[-+]?\d+", w)), None)
        if bad is not None:
            return Result(2, err=f"sh: 1: test: Illegal number: {bad}\n")
        a, b = int(words[0]), int(words[2])
        holds = {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[
            words[1]
        ]
    elif len(words) == 3 and words[1] in ("=", "!="):
        holds = (words[0] == words[2]) == (words[1] == "=")
    elif len(words) == 2 and words[0] in ("-n", "-z"):
        holds = bool(words[1]) == (words[0] == "-n")
    elif len(words) == 2 and words[0] in ("-e", "-f", "-d", "-r"):
        found = call.read(call.path(words[1]), all_files(call.guest, call.now))
        holds = {
            "-e": found not in (2, 20),
            "-f": isinstance(found, str) or found == 13,
            "-d": found == 21,
            "-r": isinstance(found, str) or found == 21,
        }[words[0]]
    elif len(words) < 2:
        holds = bool(words and words[0])
    else:
        return Result(2, err=f"sh: 1: test: {words[0]}: unexpected operator\n")
    return Result(0 if holds != negate else 1)


def sleep(call: Call) -> Result | Running:
    """Whole or decimal seconds."""
    if len(call.argv) < 2:
        return Result(1, err="sleep: missing operand\nTry 'sleep --help' for more information.\n")
    if not re.fullmatch(r"\d+(\.\d+)?s?", call.argv[1]):
        word = call.quote(call.argv[1])
        return Result(
            1, err=f"sleep: invalid time interval {word}\nTry 'sleep --help' for more information.\n"
        )
    return _sleep(int(float(call.argv[1].rstrip("s")) * 1_000_000_000))


def stty(call: Call) -> Result:
    """There is no terminal to set: sessions with one are the door's."""
    return Result(1, err="stty: 'standard input': Inappropriate ioctl for device\n")


def _sleep(ns: int) -> Running:
    yield Wait(ns)
    return 0


def id_(call: Call) -> Result:
    """-u -g -n -un -gn, or everything; one user."""
    options = [w for w in call.argv[1:] if w.startswith("-")]
    names = [w for w in call.argv[1:] if not w.startswith("-")]
    letters = "".join(o[1:] for o in options if not o.startswith("--"))
    for option in options:
        if option.startswith("--") or set(option[1:]) - set("ugGn"):
            return invalid_option("id", option)
    user = call.guest.users.get(names[0]) if names else call.user
    if user is None:
        return Result(1, err=f"id: {call.quote(names[0])}: no such user\n")
    if letters:
        by_name = "n" in letters
        if "u" in letters:
            return Result(out=f"{user.name if by_name else user.uid}\n")
        groups = user.groups if "G" in letters else user.groups[:1]
        return Result(out=" ".join(n if by_name else str(g) for g, n in groups) + "\n")
    main = user.groups[0]
    every = ",".join(f"{gid}({name})" for gid, name in user.groups)
    return Result(out=f"uid={user.uid}({user.name}) gid={main[0]}({main[1]}) groups={every}\n")


def whoami(call: Call) -> Result:
    return Result(out=f"{call.user.name}\n")


def uname(call: Call) -> Result:
    """-s -n -r -v -m -o and -a."""
    values = {
        "s": "Linux",
        "n": call.guest.host,
        "r": call.guest.system.kernel,
        "v": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.153-1 (2025-09-20)",
        "m": "x86_64",
        "o": "GNU/Linux",
    }
    wanted = set()
    for word in call.argv[1:]:
        if not word.startswith("-") or word == "-":
            text = call.quote(word)
            return Result(1, err=f"uname: extra operand {text}\nTry 'uname --help' for more information.\n")
        bad = [c for c in word[1:] if c not in "snrvmoa"]
        if bad or word.startswith("--"):
            return invalid_option("uname", word if word.startswith("--") else f"-{bad[0]}")
        wanted |= set(values) if "a" in word else set(word[1:])
    return Result(out=" ".join(values[key] for key in values if key in (wanted or {"s"})) + "\n")


def hostname(call: Call) -> Result:
    """Show the name: plain, -f, -s, -d."""
    guest = call.guest
    forms = {
        (): guest.host,
        ("-s",): guest.host,
        ("-f",): f"{guest.host}.{guest.domain}",
        ("--fqdn",): f"{guest.host}.{guest.domain}",
        ("-d",): guest.domain,
    }
    words = tuple(call.argv[1:])
    if words in forms:
        return Result(out=f"{forms[words]}\n")
    if words[0].startswith("-"):
        what = (
            f"unrecognized option '{words[0]}'"
            if words[0].startswith("--")
            else f"invalid option -- '{words[0][1:2]}'"
        )
        return Result(255, out=_HOSTNAME_USAGE, err=f"hostname: {what}\n")
    return Result(1, err="hostname: you must be root to change the host name\n")


_HOSTNAME_USAGE = """\
Usage: hostname [-b] {hostname|-F file}         set host name (from file)
       hostname                                 display host name
"""


def env(call: Call) -> Result:
    """Without a command: the environment."""
    words = [w for w in call.argv[1:] if "=" not in w]
    if words and words[0].startswith("-"):
        bad = invalid_option("env", words[0])
        return Result(125, err=bad.err)
    added = dict(w.split("=", 1) for w in call.argv[1:] if "=" in w)
    return Result(out="".join(f"{key}={value}\n" for key, value in (call.env | added).items()))
