"""GLib key files (tools.conf): groups, keys, comments, as g_key_file_load_from_file reads them. Pure.

A file with one malformed line is not loaded at all by GLib; here it is `Unparsed`.
Later keys win and groups of the same name merge; names are case-sensitive.
"""

from __future__ import annotations

from probes.linux.text import Unparsed, quoted

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def keyfile(text: str) -> dict[str, dict[str, str]]:
    """Values by group and key.

    Raises:
        Unparsed: a line that is neither a group, a pair nor a comment, or a pair outside a group.
    """
    groups: dict[str, dict[str, str]] = {}
    current: dict[str, str] | None = None
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped.startswith("[") and stripped.endswith("]"):
            current = groups.setdefault(stripped[1:-1], {})
            continue
        key, equals, value = stripped.partition("=")
        if current is None or not equals or not key.strip():
            raise Unparsed(f"not a line of a key file: {quoted(stripped)}")
        current[key.strip()] = value.strip()
    return groups


def boolean(value: str) -> bool:
    """The value as g_key_file_get_boolean reads it.

    Raises:
        Unparsed: not true, false, 1 or 0 (VMware Tools then take the default and log it).
    """
    if value not in _BOOLEANS:
        raise Unparsed(f"not a boolean: {quoted(value)}")
    return _BOOLEANS[value]
