"""Whether the guest itself reaches the ports of domain controllers.

One fixed script for bash, whose /dev/tcp and /dev/udp are everywhere bash is; controllers,
ports and datagrams are positional arguments and never part of it. A TCP port counts when it
accepts; a UDP port only when it answers what it is for: an AS-REQ, an LDAP ping, an NTP
request. Datagrams go through dd, because bash writes one datagram for each line, and are sent again after a second.

Names first: controllers are looked up as the guest's programs do (getent), and by as much longer may a port take as
that took. Each name server that resolv.conf(5) lists (three at most, as the library does) is asked for the domain's
controllers: /etc/hosts and krb5.conf hide one that is gone until something else is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from probes.ad import cldap
from probes.facts_directory import NameServer, Path, PathOutcome, PathsFacts, Proto
from probes.kerberos import krb_messages
from probes.linux.text import Unparsed, natural, quoted, unusable, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

TCP = (53, 88, 389, 445, 464, 636, 3268)
UDP = (53, 88, 123, 389)
MOST_CONTROLLERS = 8
LONGEST_S = 30
"""Looking names up takes 11 s at most, and by as much longer than 4 s a port may take."""

MOST_NAME_SERVERS = 3
"""MAXNS of resolv.h."""

_SOA, _SRV = 6, 33

_SCRIPT = " ".join(
    (
        "res() {",
        """if a=$(timeout -k 1 10 getent ahosts "$1" 2>/dev/null); then a=${a%%[[:space:]]*};""",
        r"""else if [ $? = 127 ]; then a=+; else a=-; fi; fi; printf 'at %s %s\n' "$1" "$a"; };""",
        """unknown() { case $m in *"at $1 -"*) : ;; *) false ;; esac; };""",
        "tcp() {",
        """if unknown "$1"; then r=1; e="Name or service not known";""",
        """elif e=$(timeout -k 1 "$l" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>&1); then r=open; e=; else r=$?; fi;""",
        r"""e=${e##*: }; printf 'tcp %s %s %s %s\n' "$1" "$2" "$r" "${e//[^A-Za-z ]/}"; };""",
        "udp() {",
        """if unknown "$2"; then r=1; a="Name or service not known"; else""",
        """a=$(timeout -k 1 "$5" bash -c 'exec 3<>"/dev/udp/$0/$1" &&""",
        """printf "$2" | dd bs=4096 iflag=fullblock >&3 2>/dev/null &&""",
        """{ { sleep 1; printf "$2" | dd bs=4096 iflag=fullblock >&3; } >/dev/null 2>&1 &""",
        r"""dd bs=4096 count=1 <&3 2>/dev/null | od -An -v -tx1 -N64 | tr -d " \n"; }' "$2" "$3" "$4" 2>&1); r=$?; fi;""",
        "case $a in *[!0-9a-f]*) e=${a##*: }; a=; ;; *) e=; ;; esac;",
        r"""printf '%s %s %s %s %s %s\n' "$1" "$2" "$3" "$r" "${a:--}" "${e//[^A-Za-z ]/}"; };""",
        "q=$1; shift; n=0; m=; m=$(p=; while [ $# -ge 4 ]; do",
        """if [ "$2" != "$p" ]; then p=$2; res "$2" & fi; shift 4; done; wait); l=$((3 + SECONDS));""",
        """while read -r k s _ || [ -n "$k" ]; do if [ "$k" = nameserver ] && [ $n -lt 3 ]; then n=$((n + 1));""",
        """udp name "$s" 53 "$q" 5 & fi; done 2>/dev/null </etc/resolv.conf;""",
        'while [ $# -ge 4 ]; do if [ "$1" = tcp ]; then tcp "$2" "$3" & else udp udp "$2" "$3" "$4" "$l" & fi; shift 4; done;',
        r"""wait; printf '%s\nend %s\n' "$m" "$n" """,
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
_OF_THE_DOMAIN = -53
"""A name server's answer is one only where it knows the domain: a public one says that there is none."""

_ADDRESS = re.compile(r"(?=\S*[.:])[0-9A-Fa-f:.]{2,45}(?:%[0-9A-Za-z._-]{1,32})?\Z", re.ASCII)


def reader(controllers: Sequence[str], realm: str) -> Reader:
    """The reader for these controllers (names or addresses as the guest should use them)."""
    datagrams = _datagrams(realm)
    words: list[str] = []
    for controller in controllers[:MOST_CONTROLLERS]:
        words += [w for port in TCP for w in ("tcp", controller, str(port), "-")]
        words += [w for port in UDP for w in ("udp", controller, str(port), datagrams[port])]
    asked = _octets(_question(f"_ldap._tcp.dc._msdcs.{realm.lower()}", _SRV))
    command = Command(("bash", "-c", _SCRIPT, "ad-paths", asked, *words), timeout_s=LONGEST_S)
    return replace(READER, commands=(command,))


def _datagrams(realm: str) -> dict[int, str]:
    domain = realm.lower()
    return {
        53: _octets(_question(domain, _SOA)),
        88: _octets(krb_messages.as_req(realm, "cutover-clock-probe")),
        123: _octets(b"\x23" + bytes(47)),
        389: _octets(cldap.search_request(domain, 1)),
    }


def _question(name: str, kind: int) -> bytes:
    """A recursive query (RFC 1035 section 4.1)."""
    header = b"\x13\x57\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    return header + _labels(name) + kind.to_bytes(2, "big") + b"\x00\x01"


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
        last = lines[-1].split(" ") if lines else []
        if raw.rc != 0 or last[:1] != ["end"] or len(last) != 2:
            raise Unparsed(f"ad-paths: did not come to its end: {quoted(raw.err or raw.out[-40:])}")
        kinds: dict[str, list[str]] = {"at": [], "name": [], "tcp": [], "udp": []}
        for line in lines[:-1]:
            kinds.get(line.partition(" ")[0], kinds["tcp"]).append(line)
        found = [_path(line) for line in (*kinds["tcp"], *kinds["udp"])]
        paths = {path.key: path for path in found}
        asked = _asked(raw.argv)
        if len(found) != len(asked) or set(paths) != set(asked):
            raise Unparsed(f"ad-paths: {len(found)} answers to {len(asked)} questions")
        servers = tuple(sorted((_name_server(line) for line in kinds["name"]), key=lambda s: s.address))
        if len(servers) != natural(last[1], upto=MOST_NAME_SERVERS):
            raise Unparsed(f"ad-paths: {len(servers)} of {last[1]} name servers")
        at = dict(map(_at, kinds["at"]))
        if set(at) != {key[0] for key in asked}:
            raise Unparsed(f"ad-paths: {len(at)} names looked up")
    except Unparsed as problem:
        return Failure(FailureKind.NOT_UNDERSTOOD, str(problem))
    return PathsFacts(
        tuple(paths[key] for key in asked),
        tuple((c, a) for c, a in sorted(at.items()) if a not in "+-"),
        servers,
    )


def _asked(argv: tuple[str, ...]) -> list[tuple[str, str, int]]:
    words = argv[5:]
    return [(words[n + 1], words[n], natural(words[n + 2], upto=65535)) for n in range(0, len(words) - 3, 4)]


def _at(line: str) -> tuple[str, str]:
    """A controller, and the first address the guest finds for it; - = none, + = nobody there to ask."""
    words = line.split(" ")
    if len(words) != 3 or not (words[2] in ("+", "-") or _ADDRESS.match(words[2])):
        raise Unparsed(f"ad-paths: {quoted(line)}")
    return words[1], words[2]


def _name_server(line: str) -> NameServer:
    words = line.split(" ", 4)
    if len(words) != 5 or not _ADDRESS.match(words[1]) or words[2] != "53":
        raise Unparsed(f"ad-paths: {quoted(line)}")
    return NameServer(words[1], _udp(_OF_THE_DOMAIN, words[3], words[4]))


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
        case n if n == _OF_THE_DOMAIN:
            # An answer without an error, and with an address of at least one controller, or too many for a datagram.
            of_ours = data[:2] == b"\x13\x57" and len(data) >= 12 and bool(data[2] & 0x80)
            return of_ours and not data[3] & 0x0F and (any(data[6:8]) or bool(data[2] & 0x02))
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


READER = Reader(name="ad-paths", version=2, family=Family.NETWORK, commands=(), parse=parse, interval_s=300.0)
"""Without its command, which needs controllers: see `reader`."""
