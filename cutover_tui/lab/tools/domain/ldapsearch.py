"""ldapsearch of OpenLDAP 2.5, base searches only: `-LLL [-N] [-Q] [-Y GSSAPI | -x] -H URI -b BASE -s base [FILTER] [ATTR…]`."""

from __future__ import annotations

from cutover_tui.lab.kerberos import directory
from cutover_tui.lab.kerberos.directory import Entry
from cutover_tui.lab.kerberos.library import SECOND, KerberosError
from cutover_tui.lab.tools.call import Call, Out, Result, Running, Wait
from cutover_tui.lab.tools.domain.context import Context
from cutover_tui.lab.tools.options import Options, options
from cutover_tui.lab.world.world import Reference

_PORTS = {"ldap": 389, "ldaps": 636}
_PATIENCE_NS = 127 * SECOND  # Linux gives a connection up then
_SASL = "\tadditional info: SASL(-1): generic failure: GSSAPI Error: "
_CONNECTION_LOST = "Can't contact LDAP server (-1)"


def ldapsearch(call: Call) -> Result | Running:
    """One base search, authenticated by GSSAPI or not at all."""
    given = options(call.argv, flags="LNQx", valued="YHobsl", long=None)
    if given.unknown is not None:
        return Result(1, err=f"ldapsearch: {given.unknown}\n")
    if given.value("s") not in ("base", None) or sum(one == "L" for one, _ in given.given) < 3:
        return Result(1, err="ldapsearch: this one does base searches and prints LDIF (-s base -LLL)\n")
    return _search(call, given)


def _search(call: Call, given: Options) -> Running:
    uri = given.value("H") or "ldap://localhost"
    scheme, _, host = uri.partition("://")
    host = host.rstrip("/").partition(":")[0]
    server = call.world.reference_at(host)
    bind = "ldap_sasl_bind(SIMPLE)" if given.has("x") else "ldap_sasl_interactive_bind"
    waits = _connect(call, server, _PORTS.get(scheme, 0), given)
    if waits is not None or server is None:
        if waits:
            yield Wait(waits)
        yield Out(2, f"{bind}: {_CONNECTION_LOST}\n")
        return 255
    name = call.world.full_name(server)
    if not given.has("x"):
        rc = yield from _authenticate(call, host if given.has("N") else name, server, quiet=given.has("Q"))
        if rc:
            return rc
    found = _entry(call, given.value("b") or "", name, server, bound=not given.has("x"))
    if isinstance(found, Result):
        yield Out(2, found.err)
        return found.rc
    yield Out(1, _ldif(given, found))
    return 0


def _connect(call: Call, server: Reference | None, port: int, given: Options) -> int | None:
    """None where a controller answers there, otherwise how long it takes until there is no hope."""
    if server is None:
        return 0
    if server.silent or not call.world.network.allows(call.guest.name, server.name, port, "tcp"):
        timeouts = [value for one, value in given.given if one == "o" and value.startswith("nettimeout=")]
        return int(timeouts[-1].partition("=")[2]) * SECOND if timeouts else _PATIENCE_NS
    return None if server.controller and call.world.domain is not None and port else 0


def _authenticate(call: Call, host: str, server: Reference, *, quiet: bool) -> Running:
    context = Context.of(call)
    started = "" if quiet else "SASL/GSSAPI authentication started\n"
    failed = f"{started}ldap_sasl_interactive_bind: Local error (-2)\n{_SASL}"
    try:
        cache = context.cache()
    except KerberosError:
        where = f"No Kerberos credentials available (default cache: {context.ccache})"
        said = "No credentials were supplied, or the credentials were unavailable or inaccessible"
        return (yield from context.says(f"{failed}{said} ({where})\n", 254))
    try:
        cache = context.library.present(cache, f"ldap/{host}", server)
    except KerberosError as error:
        said = "Unspecified GSS failure.  Minor code may provide more information"
        return (yield from context.says(f"{failed}{said} ({error})\n", 254))
    yield from context.lasted()
    context.store(cache)
    if not quiet:
        user = f"SASL username: {cache.principal}\nSASL SSF: 256\nSASL data security layer installed.\n"
        yield Out(2, started + user)
    return 0


def _entry(call: Call, base: str, name: str, server: Reference, *, bound: bool) -> tuple[str, Entry] | Result:
    domain = call.world.domain
    assert domain is not None  # noqa: S101 - a controller has one
    if not base:
        return "", directory.root(domain, name, server.clock.read(call.now))
    if not bound:
        said = "In order to perform this operation a successful bind must be completed on the connection."
        return Result(1, err=f"Operations error (1)\nAdditional information: {said}\n")
    known = {dn.lower(): (dn, entry) for dn, entry in directory.entries(domain).items()}
    found = known.get(base.lower())
    return found if found is not None else Result(32, err="No such object (32)\n")


def _ldif(given: Options, found: tuple[str, Entry]) -> str:
    words = given.words[1:] if given.words and given.words[0].startswith("(") else given.words
    wanted = {word.lower() for word in words}
    dn, entry = found
    out = f"dn: {dn}\n" if dn else "dn:\n"
    for key, values in entry.items():
        if not wanted or key.lower() in wanted or "*" in wanted:
            out += "".join(f"{key}: {value}\n" for value in values)
    return out + "\n"
