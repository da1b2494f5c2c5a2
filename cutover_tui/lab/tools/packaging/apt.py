"""apt-get (apt 2.6.1): install, remove and purge of what the lab's mirror has."""

from __future__ import annotations

from cutover_tui.lab.machine import services
from cutover_tui.lab.tools.call import Call, Out, Result, Running, Wait
from cutover_tui.lab.world import clockwork

_LISTS = "Reading package lists...\nBuilding dependency tree...\nReading state information...\n"
_UNPACKING_NS = 800_000_000
_OPTIONS = ("-y", "--yes", "--assume-yes", "-q", "-qq", "--no-install-recommends", "--purge", "-f")


def apt_get(call: Call) -> Result | Running:
    """Options anywhere, an operation, package names."""
    words, yes, purge = [], False, False
    rest = call.argv[1:]
    while rest:
        word = rest.pop(0)
        if word == "-o" and rest:
            rest.pop(0)
        elif word in _OPTIONS:
            yes = yes or word in ("-y", "--yes", "--assume-yes", "-qq")
            purge = purge or word == "--purge"
        elif word.startswith("-"):
            said = f"E: Command line option {_option(word)} is not understood in combination with the other options\n"
            return Result(100, err=said)
        else:
            words.append(word)
    if not words:
        return Result(1, "apt 2.6.1 (amd64)\nUsage: apt-get [options] command\n")
    verb, names = words[0], words[1:]
    if verb not in ("install", "remove", "purge", "update"):
        return Result(100, err=f"E: Invalid operation {verb}\n")
    if not call.root:
        lock = "/var/lib/dpkg/lock-frontend"
        return Result(
            100,
            err=f"E: Could not open lock file {lock} - open (13: Permission denied)\n"
            f"E: Unable to acquire the dpkg frontend lock ({lock}), are you root?\n",
        )
    if verb == "update":
        return Result(out="Reading package lists...\n")
    unknown = next((name for name in names if name not in call.guest.system.mirror), None)
    if unknown is not None:
        return Result(100, _LISTS, f"E: Unable to locate package {unknown}\n")
    if verb == "install":
        return _install(call, names, yes)
    return _remove(call, names, yes, purge=purge or verb == "purge")


def _option(word: str) -> str:
    return word if word.startswith("--") else f"'{word[1]}' [from {word}]"


def _count(new: int, gone: int) -> str:
    return f"0 upgraded, {new} newly installed, {gone} to remove and 0 not upgraded.\n"


def _install(call: Call, names: list[str], yes: bool) -> Running:
    clockwork.advance_guest(call.world, call.guest, call.now)
    guest = call.guest
    out = _LISTS
    for name in names:
        if name in guest.packages:
            out += f"{name} is already the newest version ({guest.packages[name]}).\n"
    new = [guest.system.mirror[name] for name in names if name not in guest.packages]
    gone = sorted({c for p in new for c in p.conflicts if c in guest.packages})
    if gone:
        out += "The following packages will be REMOVED:\n  " + " ".join(gone) + "\n"
    if new:
        out += "The following NEW packages will be installed:\n  " + " ".join(p.name for p in new) + "\n"
    yield Out(1, out + _count(len(new), len(gone)))
    if not new:
        return 0
    size = sum(p.kilobytes for p in new)
    yield Out(
        1,
        f"Need to get 0 B/{size * 4 // 10} kB of archives.\n"
        f"After this operation, {size} kB of additional disk space will be used.\n",
    )
    if not yes and (gone or len(new) != len(names)):  # apt asks when more would change than was named
        yield Out(1, "Do you want to continue? [Y/n] Abort.\n")
        return 1
    for package in new:
        yield Wait(_UNPACKING_NS)
        deb = f"{package.name}_{package.version.replace(':', '%3a')}_amd64.deb"
        yield Out(
            1,
            f"Selecting previously unselected package {package.name}.\n"
            f"Preparing to unpack .../{deb} ...\nUnpacking {package.name} ({package.version}) ...\n"
            f"Setting up {package.name} ({package.version}) ...\n",
        )
        services.install(call.world, guest, package, call.now)
        for unit in package.units:
            if unit.enabled == "enabled":
                link = f"/etc/systemd/system/multi-user.target.wants/{unit.name}"
                yield Out(2, f"Created symlink {link} → /lib/systemd/system/{unit.name}.\n")
    return 0


def _remove(call: Call, names: list[str], yes: bool, *, purge: bool) -> Running:
    clockwork.advance_guest(call.world, call.guest, call.now)
    guest = call.guest
    star = "*" if purge else ""
    out = _LISTS
    for name in names:
        if name not in guest.packages:
            out += f"Package '{name}' is not installed, so not removed\n"
    gone = [name for name in names if name in guest.packages]
    if gone:
        out += "The following packages will be REMOVED:\n  " + " ".join(f"{n}{star}" for n in gone) + "\n"
    yield Out(1, out + _count(0, len(gone)))
    if not gone:
        return 0
    size = sum(guest.system.mirror[name].kilobytes for name in gone)
    yield Out(1, f"After this operation, {size} kB disk space will be freed.\n")
    if not yes:
        yield Out(1, "Do you want to continue? [Y/n] Abort.\n")
        return 1
    for name in gone:
        yield Wait(_UNPACKING_NS)
        version = guest.packages[name]
        yield Out(1, f"Removing {name} ({version}) ...\n")
        services.remove(guest, name, call.now, purge=purge)
        if purge:
            yield Out(1, f"Purging configuration files for {name} ({version}) ...\n")
    return 0
