"""References as a guest sees them, where a firewall lets the guest ask and not us.

Two ways, by what the guest has, both without root and without touching its clock:

- `sntp`: a fixed text for bash 5 sends one NTP question (RFC 5905) through /dev/udp and prints the
  answer in hex between two readings of its clock. Host and port reach it as positional parameters
  and are never part of the text. The question's transmit timestamp is made of `$SRANDOM` (bash 5.1) and
  `$RANDOM`, eight digits an answer has to return; the socket is connected, so others' packets are dropped.
- `chronyd`: `chronyd -Q` of chrony 4 asks four times, prints how wrong the clock is and sets
  nothing (chronyd(8): it may be started without root). It does not print how well it knows that; told to accept no
  round trip above DELAY_S, it is off by half of that at most, plus what the clock runs off while it asks.
  One that runs already is not in its way (measured: chrony 4.3 as `nobody` beside a running one).
"""

from __future__ import annotations

import re

from probes.clocks.ntp_packet import examine
from probes.facts_time import GuestNtpFacts
from probes.linux.text import broken, quoted, unusable
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

NTP_PORT = 123
_CHRONYD = "/usr/sbin/chronyd"  # no login's PATH but root's has it on Debian

# Simple commands in one line. `od` prints the 48 bytes of one answer in one line of hex.
SCRIPT = "; ".join(
    (
        'exec 3<>"/dev/udp/$1/$2"',
        'n="$SRANDOM$RANDOM$RANDOM${RANDOM}00000000"',
        "b=$EPOCHREALTIME",
        r"printf '\043" + r"\0" * 39 + """%.8s' "$n" >&3""",
        "timeout 2 od -An -v -tx1 -w48 -N48 <&3",
        r"""printf 'asked %.8s %s %s\n' "$n" "$b" $EPOCHREALTIME""",
    )
)
DELAY_S = "0.4"
_CHRONYD_BOUND_NS = 200_000_000 + 10_000_000
"""Half of DELAY_S, and 1000 ppm of the ten seconds it may take."""

_GRAIN_NS = 1000
_ASKED = re.compile(r"asked (\d{8}) (\d{1,12})[.,](\d{6}) (\d{1,12})[.,](\d{6})\n\Z", re.ASCII)
_ASKED_COARSELY = re.compile(r"asked \d{8}\s*\n\Z", re.ASCII)
_HEX = re.compile(r"(?: [0-9a-f]{2}){1,48}\n", re.ASCII)
_WRONG = re.compile(r"System clock wrong by (-?\d{1,10})\.(\d{6}) seconds \(ignored\)$", re.ASCII | re.M)
_NO_UDP = re.compile(r"/dev/udp/\S+: No such file or directory|(?:od|timeout): (?:command )?not found")


def by_bash(host: str, port: int) -> Command:
    """One SNTP exchange by the guest's bash."""
    return Command(("bash", "-c", SCRIPT, "bash", host, str(port)), timeout_s=15.0, limit=4096)


def by_chronyd(host: str, port: int) -> Command:
    """Four exchanges by the guest's chronyd, which sets nothing."""
    server = f"server {host} port {port} iburst maxsamples 4 maxdelay {DELAY_S}"
    return Command((_CHRONYD, "-Q", "-t", "6", server), timeout_s=15.0, limit=4096)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from either way; a failure where nobody answered, or not us, or not with the time."""
    (raw,) = raws
    if raw.argv[:1] == ("bash",) and len(raw.argv) == 6:
        return _sntp(raw, _named(*raw.argv[4:]))
    words = raw.argv[-1].split()
    if raw.argv[:1] == (_CHRONYD,) and words[:1] == ["server"] and len(words) > 3:
        return _chronyd(raw, _named(words[1], words[3]))
    return Failure(
        FailureKind.NOT_UNDERSTOOD, f"asked in a way this version does not know: {quoted(str(raw.argv))}"
    )


def _named(host: str, port: str) -> str:
    """As answers of the jump host are named: with the port where that is not the usual one."""
    return host if port == str(NTP_PORT) else f"{host}:{port}"


def _sntp(raw: Raw, server: str) -> GuestNtpFacts | Failure:
    failure = unusable(raw)
    if failure is not None:
        return failure
    if _NO_UDP.search(raw.err) or _ASKED_COARSELY.search(raw.out):
        return Failure(
            FailureKind.TOOL_ABSENT, f"this guest's bash cannot ask {server} (bash 5, /dev/udp, od, timeout)"
        )
    asked = _ASKED.search(raw.out)
    if asked is None:
        return _unreachable(server, raw.err or raw.out)
    shown = raw.out[: asked.start()]
    if not shown:
        return _unreachable(server, raw.err) if raw.err else _silent(server)
    if not _HEX.fullmatch(shown):
        return Failure(FailureKind.NOT_UNDERSTOOD, f"{server}: od printed {quoted(shown)}")
    nonce, *digits = asked.groups()
    began_ns, ended_ns = (int(s) * 10**9 + int(us) * 1000 for s, us in (digits[:2], digits[2:]))
    # Readings are cut off below the grain: the second was taken up to a grain later than it says.
    ended_ns += _GRAIN_NS
    told = examine(server, bytes.fromhex(shown), nonce.encode(), ended_ns - began_ns, began_ns)
    if isinstance(told, Failure):
        return told
    return GuestNtpFacts(
        server=server,
        by="sntp",
        apart_ns=(began_ns + ended_ns) // 2 - told.server_ns,
        bound_ns=(ended_ns - began_ns - told.held_ns + 1) // 2,
        stratum=told.stratum,
        leap=told.leap,
        refid=told.refid,
    )


def _chronyd(raw: Raw, server: str) -> GuestNtpFacts | Failure:
    failure = broken(raw)
    if failure is not None:
        return failure
    failure = unusable(raw)
    if failure is not None:
        return Failure(failure.kind, f"{failure.detail}; bash 5 is not there either to ask {server}")
    said = raw.err + raw.out
    found = _WRONG.findall(said)
    if raw.rc == 0 and len(found) == 1:
        ((whole, fraction),) = found
        size = abs(int(whole)) * 10**9 + int(fraction) * 1000
        # What chronyd would add to the clock: the reference minus the guest.
        return GuestNtpFacts(server, "chronyd", size if whole.startswith("-") else -size, _CHRONYD_BOUND_NS)
    if "Timeout reached" in said or "No suitable source" in said:
        return Failure(FailureKind.TIMEOUT, f"{server}: no usable answer to the guest's chronyd within 6 s")
    return Failure(FailureKind.NOT_UNDERSTOOD, f"{server}: chronyd -Q said {quoted(said)}")


def _silent(server: str) -> Failure:
    return Failure(FailureKind.TIMEOUT, f"{server} port udp: no answer to the guest within 2 s")


def _unreachable(server: str, said: str) -> Failure:
    last = said.strip().splitlines()[-1:] or ["nothing was said"]
    return Failure(FailureKind.UNREACHABLE, f"{server}: the guest cannot ask it: {quoted(last[0])}")


READER = Reader(name="ntp-guest", version=1, family=Family.TIME, commands=(), parse=parse, interval_s=60.0)
