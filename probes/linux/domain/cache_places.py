"""Where programs are configured to keep credential caches, and which of these places `caches` looks at. Pure.

libkrb5 takes `default_ccache_name` (krb5.conf(5); kinds and %{tokens} there too), sssd `krb5_ccname_template` and
`krb5_ccachedir` (sssd-krb5(5): %d is that directory, /tmp unless set; a path without a kind is a file). A service's
own is in `KRB5CCNAME` of its unit or of what its unit reads (systemd.exec(5), specifiers in systemd.unit(5)).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

PLACES = (
    "/tmp",  # noqa: S108 - that is where they are
    "/var/tmp",  # noqa: S108
    "/run",
    "/var/lib",
    "/var/cache",
)
"""Where files are looked for, so many directories deep: a person's, and those in a service's own directory."""
DEPTH = 4
NAMES = ("krb5cc*", "ccache_*", "tkt*", "*.ccache")

_OF_A_SERVICE = "KRB5CCNAME"
_SETTINGS = ("default_ccache_name", "krb5_ccname_template", "krb5_ccachedir")
KEYS = (*_SETTINGS, f"{_OF_A_SERVICE}=")
CONFIGS = (
    *("/etc/krb5.conf", "/etc/krb5.conf.d", "/var/lib/sss/pubconf/krb5.include.d", "/etc/sssd"),
    *("/etc/systemd/system", "/usr/lib/systemd/system", "/etc/default", "/etc/sysconfig", "/etc/environment"),
)

_SETTING = re.compile(rf"({'|'.join(_SETTINGS)})\s*=\s*(\S.*?)\s*\Z")
_ASSIGNED = re.compile(rf"""(?<![A-Za-z0-9_]){_OF_A_SERVICE}=["']?([^\s"';]+)""")
_SPECIFIERS = {"%t": "/run", "%S": "/var/lib", "%C": "/var/cache", "%T": "/tmp", "%V": "/var/tmp"}  # noqa: S108
_KIND = re.compile(r"([A-Za-z]+):(.*)\Z")
_TEMP = "%{TEMP}"
_VARIABLE = re.compile(r"%\{\w+\}|%[A-Za-z]")
_UNNAMED = "krb5cc_%U_XXXXXX"  # sssd's own, where only the directory is set


def elsewhere(lines: Iterable[str], hidden: Iterable[str]) -> tuple[str, ...]:
    """The kinds and places that are configured and not looked at, and files that may name more.

    Args:
        lines: of configuration, comments among them.
        hidden: configuration that may not be read.
    """
    said = [stripped for line in lines if not (stripped := line.strip()).startswith(("#", ";"))]
    settings = [m.groups() for line in said if (m := _SETTING.match(line))]
    directories = [value for key, value in settings if key == _SETTINGS[2]] or [PLACES[0]]
    names = {value for key, value in settings if key != _SETTINGS[2]}
    names |= {_specified(name) for line in said for name in _ASSIGNED.findall(line)}
    if all(key != _SETTINGS[1] for key, _ in settings):
        names |= {f"FILE:{directory}/{_UNNAMED}" for directory in directories}
    found = {place for name in names for directory in directories for place in _beyond(name, directory)}
    return tuple(sorted(found | {f"what {path} names (it may not be read)" for path in hidden}))


def _specified(name: str) -> str:
    """A service's own, with what systemd puts in for directories."""
    for specifier, directory in _SPECIFIERS.items():
        name = name.replace(specifier, directory)
    return name


def _beyond(name: str, directory: str) -> Iterable[str]:
    named = _KIND.match(name)
    kind, place = (named.group(1).upper(), named.group(2)) if named else ("FILE", name)
    if kind not in ("FILE", "DIR"):
        yield kind
        return
    place = place.removeprefix(":").replace("%d", directory).replace(_TEMP, PLACES[0])
    if kind == "DIR":
        place = f"{place}/tkt"  # its caches are files of that name (krb5 ccache types, DIR)
    if not _looked_at(place):
        yield f"{kind}:{place.removesuffix('/tkt') if kind == 'DIR' else place}"


def _looked_at(path: str) -> bool:
    """Whether `find` comes by a file of this name; a variable stands for one plain word."""
    plain = _VARIABLE.sub("0", path)
    if "/../" in plain:
        return False
    for place in PLACES:
        if plain.startswith(f"{place}/"):
            parts = plain.removeprefix(f"{place}/").split("/")
            return len(parts) <= DEPTH and any(fnmatchcase(parts[-1], name) for name in NAMES)
    return False
