"""sudo 1.9: who may become whom, and the password where one is asked for."""

from __future__ import annotations

from collections.abc import Generator

from cutover_tui.lab.machine.guest import Guest, User
from cutover_tui.lab.tools.call import Event, Out, ReadLine

Granted = Generator[Event, str | None, tuple[list[str], User | None]]


def granted(guest: Guest, user: User, argv: list[str]) -> Granted:
    """The command's words and the user it may run as, None where sudo refused and said so."""
    words, quiet, name, prompt, reads = argv[1:], False, "root", "[sudo] password for %u: ", False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "--":
            break
        if option in ("-n", "--non-interactive"):
            quiet = True
        elif option == "-u" and words:
            name = words.pop(0)
        elif option == "-p" and words:
            prompt = words.pop(0)
        elif option == "-S":
            reads = True
        elif option not in ("-H", "-k", "-E"):
            yield Out(2, f"sudo: invalid option -- '{option.lstrip('-')[:1]}'\n{_USAGE}")
            return words, None
    target = guest.users.get(name)
    if target is None:
        yield Out(2, f"sudo: unknown user {name}\nsudo: error initializing audit plugin sudoers_audit\n")
        return words, None
    if not user.sudo and user.uid != 0:
        if not (reads and not quiet and user.password):
            yield Out(2, "sudo: a password is required\n" if quiet else _NO_TERMINAL)
            return words, None
        if not (yield from _knows(prompt.replace("%u", user.name), user.password)):
            return words, None
    if not words:
        yield Out(2, _USAGE)
        return words, None
    return words, target


def _knows(prompt: str, password: str) -> Generator[Event, str | None, bool]:
    """Three tries on the standard input."""
    for tries in range(3):
        yield Out(2, prompt if not tries else f"Sorry, try again.\n{prompt}")
        line = yield ReadLine()
        if line is None:
            counted = f"sudo: {tries} incorrect password attempt{'s' * (tries != 1)}\n"
            refused = "sudo: no password was provided\nsudo: a password is required\n"
            yield Out(2, counted if tries else refused)
            return False
        if line == password:
            return True
    yield Out(2, "sudo: 3 incorrect password attempts\n")
    return False


_NO_TERMINAL = (
    "sudo: a terminal is required to read the password; either use the -S option to read from "
    "standard input or configure an askpass helper\nsudo: a password is required\n"
)
_USAGE = """\
usage: sudo -h | -K | -k | -V
usage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]
usage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user] [-u user] [command [arg ...]]
usage: sudo [-ABbEHkNnPS] [-r role] [-t type] [-C num] [-D directory] [-g group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] [VAR=value] [-i | -s] [command [arg ...]]
usage: sudo -e [-ABkNnS] [-r role] [-t type] [-C num] [-D directory] [-g group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] file ...
"""
