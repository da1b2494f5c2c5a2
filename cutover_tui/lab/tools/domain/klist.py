"""klist of MIT krb5 1.20: what is in a cache, and what is in a key table."""

from __future__ import annotations

from datetime import UTC, datetime

from cutover_tui.lab.kerberos.domain import AES128, AES256, RC4
from cutover_tui.lab.kerberos.encoding import Cache, Damaged, Key, read_keytab
from cutover_tui.lab.kerberos.library import KEYTAB, KerberosError
from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.tools.domain.context import Context
from cutover_tui.lab.tools.domain.usage import KLIST
from cutover_tui.lab.tools.options import Options, options

_ETYPES = {
    AES256: "aes256-cts-hmac-sha1-96",
    AES128: "aes128-cts-hmac-sha1-96",
    RC4: "DEPRECATED:arcfour-hmac",
}
_FLAGS = (
    (0x40000000, "F"),
    (0x00800000, "R"),
    (0x00400000, "I"),
    (0x00200000, "A"),
    (0x00080000, "T"),
    (0x00040000, "O"),
)


def klist(call: Call) -> Result:
    """A cache (default), or with -k a key table."""
    given = options(call.argv, flags="eVclAdfsanktKCi", long=None)
    if given.unknown is not None:
        return Result(1, err=f"klist: {given.unknown}\n{KLIST}")
    if given.has("V"):
        return Result(out="Kerberos 5 version 1.20.1\n")
    return _keytab(call, given) if given.has("k") else _cache(call, given)


def _cache(call: Call, given: Options) -> Result:
    context = Context.of(call, given.words[0] if given.words else None)
    quiet = given.has("s")
    head = f"{'Principal name':30} {'Cache name'}\n{'-' * 14:30} {'-' * 10}\n" if given.has("l") else ""
    try:
        cache = context.cache()
    except KerberosError as error:
        return Result(1, head, "" if quiet or head else f"klist: {error}\n")
    if quiet:
        granting = f"krbtgt/{context.library.config.realm}"
        now = context.library.seen_s(cache)
        good = any(t.service.startswith(granting) and t.end > now for t in cache.tickets)
        return Result(0 if good else 1)
    if head:
        return Result(out=f"{head}{cache.principal:30} {context.ccache}\n")
    head = f"Ticket cache: {context.ccache}\nDefault principal: {cache.principal}\n\n"
    return Result(
        out=head + "Valid starting     Expires            Service principal\n" + _tickets(call, cache, given)
    )


def _tickets(call: Call, cache: Cache, given: Options) -> str:
    out = ""
    for ticket in cache.tickets:
        out += f"{_when(call, ticket.start)}  {_when(call, ticket.end)}  {ticket.service}\n"
        further = [f"renew until {_when(call, ticket.renew)}"] if ticket.renew else []
        if given.has("f"):
            further.append("Flags: " + "".join(letter for bit, letter in _FLAGS if ticket.flags & bit))
        if further:
            out += f"\t{', '.join(further)}\n"
        if given.has("e"):
            out += f"\tEtype (skey, tkt): {_ETYPES[AES256]}, {_ETYPES[AES256]} \n"
        if given.has("a"):
            out += "\tAddresses: (none)\n"
    return out


def _keytab(call: Call, given: Options) -> Result:
    path = call.path((given.words[0] if given.words else KEYTAB).removeprefix("FILE:"))
    name = f"Keytab name: FILE:{path}\n"
    text = call.read(path, call.guest.files)
    if isinstance(text, int):
        why = "Permission denied" if text == 13 else f"Key table file '{path}' not found"
        return Result(1, name, f"klist: {why} while starting keytab scan\n")
    try:
        keys = read_keytab(text)
    except Damaged:
        said = "Unsupported key table format version number while starting keytab scan"
        return Result(1, name, f"klist: {said}\n")
    stamped = given.has("t")
    columns = "KVNO Timestamp         Principal\n" if stamped else "KVNO Principal\n"
    dashes = f"---- {'-' * 17} {'-' * 56}\n" if stamped else f"---- {'-' * 74}\n"
    return Result(out=name + columns + dashes + "".join(_entry(call, one, given) for one in keys))


def _entry(call: Call, one: Key, given: Options) -> str:
    stamp = f"{_when(call, one.written)} " if given.has("t") else ""
    etype = f" ({_ETYPES[one.etype]}) " if given.has("e") else ""
    return f"{one.kvno:>4} {stamp}{one.principal}{etype}\n"


def _when(call: Call, utc_s: int) -> str:
    """`%x %X` of the locale."""
    locale = call.env.get("LC_ALL") or call.env.get("LC_TIME") or call.env.get("LANG") or "C"
    year = "%Y" if locale.startswith("en_US") else "%y"
    return datetime.fromtimestamp(utc_s, UTC).strftime(f"%m/%d/{year} %H:%M:%S")
