"""Smeared time: services that spread a leap second over hours instead of inserting it.

In those hours they are up to half a second (Google, Amazon) or a second off UTC on purpose.
Their operators say not to mix them with other servers. At all other times they serve
UTC, so a mixture is a fault that waits for the next leap second: it is named always, and
fails only where one has been announced.

Sources, each read:

- Google: developers.google.com/time/smear ("smear … noon to noon"), and Compute Engine's
  *Configure NTP on a VM*: "the time servers at Google Cloud smear the extra second over
  twenty-four hours", using other servers beside them "can cause unpredictable changes in the
  system time". Reference id `GOOG`.
- Amazon: EC2 user guide, *Precision clock and time synchronization*: time.aws.com "like the
  local Amazon Time Sync Service, automatically smears any leap seconds". Its PTP hardware
  clock does not, and `N.amazon.pool.ntp.org` is the NTP pool.
- Meta: engineering.fb.com 2020-03-18 *NTP service* and 2022-07-25 *It's time to leave the leap
  second in the past*: smeared over about 17 hours. Addresses are not published there.

A server not listed counts as UTC, which NTP's timescale is (RFC 5905); a relay of a smeared
server is found by its reference id, the IPv4 address of its own source. ntpd with
`leapsmearinterval` shows itself as 254.x.y.z while it smears (README.leapsmear); an IPv6
source can hash to the same, and in those hours the difference is measured anyway.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

_NAMES = {
    "time.google.com": "Google",
    "time1.google.com": "Google",
    "time2.google.com": "Google",
    "time3.google.com": "Google",
    "time4.google.com": "Google",
    "metadata.google.internal": "Google",
    "time.aws.com": "Amazon",
    "time.facebook.com": "Meta",
    "time1.facebook.com": "Meta",
    "time2.facebook.com": "Meta",
    "time3.facebook.com": "Meta",
    "time4.facebook.com": "Meta",
    "time5.facebook.com": "Meta",
}
_ADDRESSES = {
    "169.254.169.254": "Google",  # metadata.google.internal; other clouds give no NTP there
    "216.239.35.0": "Google",
    "216.239.35.4": "Google",
    "216.239.35.8": "Google",
    "216.239.35.12": "Google",
    "2001:4860:4806::": "Google",
    "2001:4860:4806:4::": "Google",
    "2001:4860:4806:8::": "Google",
    "2001:4860:4806:c::": "Google",
    "169.254.169.123": "Amazon",
    "fd00:ec2::123": "Amazon",
}
_REFIDS = {"GOOG": "Google"}


@dataclass(frozen=True, slots=True)
class Mixture:
    """Sources of both kinds among those looked at."""

    smeared: tuple[str, ...]
    utc: tuple[str, ...]

    @property
    def words(self) -> str:
        """Which smear and which do not."""
        verb = "smears" if len(self.smeared) == 1 else "smear"
        return f"{', '.join(self.smeared)} {verb} leap seconds, {', '.join(self.utc)} not"


def smeared_by(*names: str, refid: str = "") -> str | None:
    """Whose smeared time that server gives, by its names and addresses and its reference id; None for UTC.

    Args:
        refid: four characters of a primary server, else eight hex digits.
    """
    for name in names:
        found = _NAMES.get(name.casefold().rstrip(".")) or _ADDRESSES.get(_address(name))
        if found is not None:
            return found
    if refid in _REFIDS:
        return _REFIDS[refid]
    try:
        return _ADDRESSES.get(str(ipaddress.IPv4Address(int(refid, 16)))) if len(refid) == 8 else None
    except ValueError:
        return None


def mixture(sources: Iterable[tuple[str, str | None]]) -> Mixture | None:
    """The mixture in (name, smeared by whom) pairs; None where all are of one kind."""
    known = sorted(dict(sources).items())
    smeared = tuple(name for name, by in known if by is not None)
    utc = tuple(name for name, by in known if by is None)
    return Mixture(smeared, utc) if smeared and utc else None


def _address(name: str) -> str:
    """The address in its one usual form; empty where it is a name."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return ""
