"""What an error of MIT's GSSAPI and krb5 libraries means in the protocol. Imports neither: they are an extra."""

from __future__ import annotations

from typing import Protocol

from probes.unsafe_text import without_controls

INSTALL = "Kerberos needs the extra `kerberos` of this package: pip install 'cutover-tui[kerberos]'"
"""What to do where gssapi or krb5 cannot be imported."""

SKEW_CODES = {37: "Clock skew too great", 33: "Ticket not yet valid"}
"""Refusals because two clocks differ (RFC 4120 section 7.5.9)."""

_TABLE = 2529638912
"""The first number of MIT's table of errors (krb5_err.et) as GSSAPI shows it: unsigned."""

_LAST = 127
"""Above the protocol's numbers the same table has the library's own troubles."""


class GssError(Protocol):
    """A `gssapi.raw.misc.GSSError`."""

    min_code: int


def number_of(code: int) -> int | None:
    """The protocol's error number in a minor code of GSSAPI or an error code of krb5; None for other troubles."""
    number = (code & 0xFFFFFFFF) - _TABLE
    return number if 0 < number <= _LAST else None


def gss_number(error: GssError) -> int | None:
    """The protocol's error number of a GSSAPI error, if it is one."""
    return number_of(int(error.min_code))


def gss_text(error: Exception) -> str:
    """The mechanism's own words, without GSSAPI's frame around them."""
    return (
        without_controls(str(error)).rpartition("Minor (")[2].partition(":")[2].strip()
        or type(error).__name__
    )
