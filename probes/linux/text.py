"""Reading command output strictly: whole lines, exact integers, typed refusals. Pure."""

from __future__ import annotations

import re

from probes.observation import Failure, FailureKind, Raw

_DECIMAL = re.compile(r"([+-]?)(\d{1,19})(?:\.(\d{1,18}))?\Z", re.ASCII)
_NOT_FOUND_RC = 127
_NOT_EXECUTABLE_RC = 126


class Unparsed(ValueError):  # noqa: N818 — the outcome is "unparsed", the word of the design
    """Text that is not what the tool is known to print; readers turn it into `not-understood`."""

    def failure(self) -> Failure:
        """The typed failure with this text as its detail."""
        return Failure(FailureKind.NOT_UNDERSTOOD, str(self))


def broken(raw: Raw) -> Failure | None:
    """Why this outcome cannot be parsed at all: the transport's word, cut output, or no exit status."""
    if raw.failure is not None:
        return raw.failure
    if raw.truncated:
        return Failure(FailureKind.TRUNCATED, f"{shown(raw)}: output was cut at the limit")
    if raw.rc is None:
        return Failure(FailureKind.LOST, f"{shown(raw)}: ended without an exit status")
    return None


def absent(raw: Raw) -> bool:
    """Whether the shell (or env) says that there is no such tool."""
    return raw.rc == _NOT_FOUND_RC


def unusable(raw: Raw) -> Failure | None:
    """`broken`, or a tool that is absent or may not be run."""
    failure = broken(raw)
    if failure is not None:
        return failure
    if absent(raw):
        return Failure(FailureKind.TOOL_ABSENT, f"{raw.argv[0]} is not installed")
    if raw.rc == _NOT_EXECUTABLE_RC:
        return Failure(FailureKind.DENIED, f"{raw.argv[0]} may not be run by this user")
    return None


def shown(raw: Raw) -> str:
    """The command as a person would type it, shortened."""
    text = " ".join(raw.argv)
    return text if len(text) <= 60 else text[:57] + "..."


def quoted(text: str) -> str:
    """A short, printable excerpt of hostile text for a sentence."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")


def whole_lines(text: str) -> list[str]:
    """The lines of `text`, without line ends.

    Raises:
        Unparsed: the last line has no end, so that the output was cut inside it.
    """
    if not text:
        return []
    if not text.endswith("\n"):
        raise Unparsed(f"output ends inside a line: {quoted(text[-40:])}")
    return text[:-1].replace("\r\n", "\n").removesuffix("\r").split("\n")


def only_line(text: str) -> str:
    """The one line of `text`.

    Raises:
        Unparsed: none or several.
    """
    lines = whole_lines(text)
    if len(lines) != 1:
        raise Unparsed(f"expected one line, got {len(lines)}")
    return lines[0]


def scaled(text: str, digits: int) -> int:
    """A decimal number times 10**digits as an integer, half away from zero, without floats.

    Raises:
        Unparsed: not a plain decimal number.
    """
    match = _DECIMAL.match(text)
    if match is None:
        raise Unparsed(f"not a number: {quoted(text)}")
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    value: int = int(whole) * 10**digits + int((fraction[:digits] or "0").ljust(digits, "0") or "0")
    if len(fraction) > digits and fraction[digits] >= "5":
        value += 1
    return -value if sign == "-" else value


def natural(text: str, *, upto: int, base: int = 10) -> int:
    """A number from 0 to `upto` in plain digits of `base` (8 or 10).

    Raises:
        Unparsed: not plain digits, or larger.
    """
    digits = "01234567" if base == 8 else "0123456789"
    if not text or len(text) > 20 or any(c not in digits for c in text):
        raise Unparsed(f"not a count: {quoted(text)}")
    value = int(text, base)
    if value > upto:
        raise Unparsed(f"count out of range: {value} > {upto}")
    return value


def epoch_ns(raw: Raw) -> int | None:
    """The guest's clock from `date -u +%s`, in ns; None when the tool was not there.

    Raises:
        Unparsed: another output.
    """
    if raw.rc != 0:
        return None
    return natural(only_line(raw.out), upto=2**33) * 10**9


def directory(raw: Raw) -> list[str] | None:
    """The names in a directory from `ls -ar` (C locale: "." comes last, so that a cut is seen); None = none.

    Raises:
        Unparsed: the list is not complete.
    """
    if raw.rc != 0:
        return None
    lines = whole_lines(raw.out)
    if lines[-1:] != ["."]:
        raise Unparsed("ls: the list is not complete")
    return [line for line in lines if line not in (".", "..")]


def no_such_file(raw: Raw) -> bool:
    """Whether cat or ls (coreutils and busybox, C locale) failed because there is no such file."""
    return raw.rc in (1, 2) and "no such file or directory" in (raw.err or raw.out).lower()
