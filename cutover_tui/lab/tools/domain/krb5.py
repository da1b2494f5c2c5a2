"""kinit, kvno and kdestroy of MIT krb5 1.20: tickets by key table, service tickets, an end to a cache."""

from __future__ import annotations

from cutover_tui.lab.kerberos.library import KEYTAB, KerberosError
from cutover_tui.lab.tools.call import Call, Out, Result, Running
from cutover_tui.lab.tools.domain.context import Context
from cutover_tui.lab.tools.domain.usage import KINIT, KVNO
from cutover_tui.lab.tools.options import Options, options


def kinit(call: Call) -> Result | Running:
    """`kinit -k [-t KEYTAB] [-c CACHE] [PRINCIPAL]`; a password is not typed here."""
    given = options(call.argv, flags="VfFpPaAvRkCEi", valued="lrsctSITX")
    if given.unknown is not None:
        return Result(2, err=f"kinit: {given.unknown}\n{KINIT}")
    return _kinit(call, given)


def _kinit(call: Call, given: Options) -> Running:
    context = Context.of(call, given.value("c"))
    named = given.words[0] if given.words else f"host/{call.guest.host}.{call.guest.domain}"
    principal = context.library.qualified(named)
    if not given.has("k"):
        yield Out(1, f"Password for {principal}: \n")
        said = "Pre-authentication failed: Cannot read password while getting initial credentials"
        return (yield from context.says(f"kinit: {said}\n", 1))
    keytab = (given.value("t") or KEYTAB).removeprefix("FILE:")
    try:
        if call.read(call.path(keytab), call.guest.files) == 13:
            raise KerberosError("Pre-authentication failed: Permission denied")
        cache = context.library.initial(principal, call.path(keytab))
    except KerberosError as error:
        return (yield from context.says(f"kinit: {error} while getting initial credentials\n", 1))
    yield from context.lasted()
    context.store(cache)
    return 0


def kvno(call: Call) -> Result | Running:
    """Tickets for services, and the key version in each; one it has already is not asked for again."""
    given = options(call.argv, flags="qP", valued="cekuSFIU", long=("cached-only", "no-store"))
    if given.unknown is not None:
        return Result(1, err=f"kvno: {given.unknown}\n{KVNO}")
    return _kvno(call, given) if given.words else Result(1, err=KVNO)


def _kvno(call: Call, given: Options) -> Running:
    context = Context.of(call, given.value("c"))
    try:
        cache = context.cache()
    except KerberosError as error:
        return (yield from context.says(f"kvno: {error} while getting client principal name\n", 1))
    failed = 0
    for word in given.words:
        service = context.library.qualified(word)
        try:
            ticket, cache = context.library.ticket(cache, service)
        except KerberosError as error:
            yield from context.lasted()
            yield Out(2, f"kvno: {error} while getting credentials for {service}\n")
            failed = 1
            continue
        yield from context.lasted()
        context.store(cache)
        if not given.has("q"):
            yield Out(1, f"{service}: kvno = {ticket.kvno}\n")
    return failed


def kdestroy(call: Call) -> Result:
    """Remove the cache."""
    context = Context.of(call)
    if call.guest.files.pop(context.path, None) is None:
        return Result(err="kdestroy: No credentials cache found while destroying cache\n")
    return Result()
