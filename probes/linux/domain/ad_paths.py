"""Whether the guest itself reaches the ports of domain controllers.

One fixed script for bash, whose /dev/tcp and /dev/udp are everywhere bash is; controllers,
ports and datagrams are positional arguments and never part of it. A TCP port counts when it
accepts; a UDP port only when it answers what it is for: an AS-REQ, an LDAP ping, an NTP
request. Datagrams go through dd, because bash writes one datagram for each line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probes.ad import cldap
from probes.facts_directory import Path, PathOutcome, PathsFacts, Proto
from probes.kerberos import krb_messages
from probes.linux.text import Unparsed, natural, quoted, unusable, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

TCP = (53, 88, 389, 445, 464, 636, 3268)
UDP = (53, 88, 123, 389)
MOST_CONTROLLERS = 8
WAIT_S = 3

_SCRIPT = " ".join(
    (
        "tcp() {",
        """if e=$(timeout -k 1 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>&1); then r=open; e=; else r=$?; fi;""",
        r"""e=${e##*: }; printf 'tcp %s %s %s %s\n' "$1" "$2" "$r" "${e//[^A-Za-z ]/}"; };""",
        "udp() {",
        """a=$(timeout -k 1 3 bash -c 'exec 3<>"/dev/udp/$0/$1" &&""",
        """printf "$2" | dd bs=4096 iflag=fullblock >&3 2>/dev/null &&""",
        r"""dd bs=4096 count=1 <&3 2>/dev/null | od -An -v -tx1 -N64 | tr -d " \n"' "$1" "$2" "$3" 2>&1); r=$?;""",
        "case $a in *[!0-9a-f]*) e=${a##*: }; a=; ;; *) e=; ;; esac;",
        r"""printf 'udp %s %s %s %s %s\n' "$1" "$2" "$r" "${a:--}" "${e//[^A-Za-z ]/}"; };""",
        'while [ $# -ge 4 ]; do if [ "$1" = tcp ]; then tcp "$2" "$3" & else udp "$2" "$3" "$4" & fi; shift 4; done;',
        "wait; echo end",
    )
)
"""One line: a kept shell takes no other (`probes.ssh.framing`)."""

_SAYS: dict[str, PathOutcome] = {
    "Connection refused": "refused",
    "No route to host": "unreachable",
    "Network is unreachable": "unreachable",
    "Host is unreachable": "unreachable",
    "Name or service not known": "unresolved",
    "Temporary failure in name resolution": "unresolved",
    "No address associated with hostname": "unresolved",
    "Invalid argument": "unresolved",  # what bash adds below a name it could not resolve
    "Connection timed out": "timeout",
    "Connection reset by peer": "refused",
}
_TIMED_OUT = (124, 137)


def reader(controllers: Sequence[str], realm: str) -> Reader:
    """The reader for these controllers (names or addresses as the guest should use them)."""
    datagrams = _datagrams(realm)
    words: list[str] = []
    for controller in controllers[:MOST_CONTROLLERS]:
        words += [w for port in TCP for w in ("tcp", controller, str(port), "-")]
        words += [w for port in UDP for w in ("udp", controller, str(port), datagrams[port])]
    command = Command(("bash", "-c", _SCRIPT, "ad-paths", *words), timeout_s=4 * WAIT_S)
    return replace(READER, commands=(command,))


def _datagrams(realm: str) -> dict[int, str]:
    domain = realm.lower()
    dns = b"\x13\x57\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + _labels(domain) + b"\x00\x06\x00\x01"
    return {
        53: _octets(dns),  # SOA of the domain
        88: _octets(krb_messages.as_req(realm, "cutover-clock-probe")),
        123: _octets(b"\x23" + bytes(47)),
        389: _octets(cldap.search_request(domain, 1)),
    }


def _labels(domain: str) -> bytes:
    return b"".join(bytes([len(part)]) + part for part in domain.encode("idna").split(b".")) + b"\x00"


def _octets(data: bytes) -> str:
    """For printf: every byte as an escape, so that none means anything to it."""
    return "".join(f"\\x{b:02x}" for b in data)


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from the script's lines: one for each port that was asked for, no more and no less."""
    (raw,) = raws
    failure = unusable(raw)
    if failure is not None:
        return failure
    try:
        lines = whole_lines(raw.out)
        if raw.rc != 0 or lines[-1:] != ["end"]:
            raise Unparsed(f"ad-paths: did not come to its end: {quoted(raw.err or raw.out[-40:])}")
        found = [_path(line) for line in lines[:-1]]
        paths = {path.key: path for path in found}
        asked = _asked(raw.argv)
        if len(found) != len(asked) or set(paths) != set(asked):
            raise Unparsed(f"ad-paths: {len(found)} answers to {len(asked)} questions")
    except Unparsed as problem:
        return Failure(FailureKind.NOT_UNDERSTOOD, str(problem))
    return PathsFacts(tuple(paths[key] for key in asked))


def _asked(argv: tuple[str, ...]) -> list[tuple[str, str, int]]:
    words = argv[4:]
    return [(words[n + 1], words[n], natural(words[n + 2], upto=65535)) for n in range(0, len(words) - 3, 4)]


def _path(line: str) -> Path:
    words = line.split(" ", 4)
    if len(words) != 5 or words[0] not in ("tcp", "udp"):
        raise Unparsed(f"ad-paths: {quoted(line)}")
    kind, controller, port, status, said = words
    proto: Proto = "tcp" if kind == "tcp" else "udp"
    number = natural(port, upto=65535)
    outcome = _tcp(status, said) if proto == "tcp" else _udp(number, status, said)
    return Path(controller, proto, number, outcome)


def _tcp(status: str, said: str) -> PathOutcome:
    if status == "open":
        return "open"
    return _failed(natural(status, upto=255), said)


def _udp(port: int, status: str, said: str) -> PathOutcome:
    code, (answer, _, why) = natural(status, upto=255), said.partition(" ")
    if answer != "-":
        try:
            data = bytes.fromhex(answer)
        except ValueError:
            raise Unparsed(f"ad-paths: {quoted(answer)}") from None
        return "open" if _meant(port, data) else "wrong-answer"
    return "refused" if code == 0 else _failed(code, why)


def _meant(port: int, data: bytes) -> bool:
    """Whether that is an answer of the service that lives there."""
    match port:
        case 53:
            return data[:2] == b"\x13\x57" and len(data) > 3 and bool(data[2] & 0x80)
        case 88:
            return data[:1] in (b"\x7e", b"\x6b")  # KRB-ERROR, AS-REP
        case 123:
            return len(data) >= 48 and data[0] & 7 == 4
        case _:
            return data[:1] == b"\x30"


def _failed(code: int, said: str) -> PathOutcome:
    if code in _TIMED_OUT:
        return "timeout"
    for words, outcome in _SAYS.items():
        if said.strip() == words:
            return outcome
    raise Unparsed(f"ad-paths: exit status {code}, {quoted(said)}")


READER = Reader(name="ad-paths", version=1, family=Family.NETWORK, commands=(), parse=parse, interval_s=300.0)
"""Without its command, which needs controllers: see `reader`."""
