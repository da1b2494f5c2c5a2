"""What says whether a join holds, and what it is worth: `adcli testjoin`, `net ads testjoin`, `realm list`.

Both tests are green at any skew: each makes a fresh exchange, and the library hides the skew.
"""

from __future__ import annotations

from cutover_tui.lab.kerberos.library import EXPIRED, SKEW, TOLERANCE_S, KerberosError, Library, configured
from cutover_tui.lab.kerberos.member import machine
from cutover_tui.lab.tools.call import Call, Result, Running, Wait
from cutover_tui.lab.tools.call import Out as _Out
from cutover_tui.lab.tools.domain.usage import ADCLI_TESTJOIN, NET_ADS

_FAST = (
    "gse_get_client_auth_token: gss_init_sec_context failed with [ Miscellaneous failure (see text): FAST fast "
    "response is missing FX-FAST (ldap/{dc}@{realm})](2529639059)\n"
    "ads_sasl_spnego_bind: kinit succeeded but SPNEGO bind with Kerberos failed for ldap/{dc} - user[{account}], "
    "realm[{realm}]: The attempted logon is invalid. This is either due to a bad username or authentication "
    "information.\n"
)
_NO_SERVERS = "No logon servers are currently available to service the logon request."
_REALM_TOOLS = {
    "dpkg": ("sssd-tools", "sssd", "libnss-sss", "libpam-sss", "adcli", "samba-common-bin"),
    "rpm": ("oddjob", "oddjob-mkhomedir", "sssd", "adcli", "samba-common-tools"),
}


def adcli(call: Call) -> Result | Running:
    """`adcli testjoin [-v]`; it reads /etc/krb5.conf whatever KRB5_CONFIG says."""
    words = call.argv[1:]
    if not words or words[0] != "testjoin":
        what = f"unknown option: {words[0]}" if words and words[0].startswith("-") else "no command specified"
        return Result(2, err=f"adcli: {what}\n")
    bad = next((w for w in words[1:] if w not in ("-v", "--verbose")), None)
    if bad is not None:
        return Result(2, ADCLI_TESTJOIN, f"testjoin: unrecognized option '{bad}'\n")
    return _adcli(call)


def _adcli(call: Call) -> Running:
    principal, guest = machine(call.guest), call.guest
    if principal is None or call.read("/etc/krb5.keytab", guest.files) in (2, 13):
        yield _Out(2, "adcli: couldn't lookup domain info from keytab\n")
        return 1
    library = Library(call.world, guest, configured(guest, {}), call.now)
    failed = f"adcli: couldn't connect to {guest.domain} domain: "
    try:
        library.find()
    except KerberosError:
        yield _Out(2, f"{failed}Couldn't find usable domain controller to connect to\n")
        return 5
    name = principal.partition("$")[0]
    try:
        library.initial(principal)
    except KerberosError as error:
        what = (
            "get kerberos ticket for machine account"
            if str(error) in (SKEW, EXPIRED)
            else "authenticate as machine account"
        )
        yield _Out(2, f"{failed}Couldn't {what}: {name}: {error}\n")
        return 3
    yield _Out(1, f"Sucessfully validated join to domain {guest.domain}\n")
    return 0


def net(call: Call) -> Result | Running:
    """`net ads testjoin`."""
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    if words[:1] != ["ads"]:
        return Result(255, err=f"Invalid command: net {' '.join(words[:1])}\n")
    if words[1:] != ["testjoin"]:
        return Result(255, NET_ADS, f"Invalid command: net ads {' '.join(words[1:])}\n" if words[1:] else "")
    return _net(call)


def _net(call: Call) -> Running:
    principal, guest = machine(call.guest), call.guest
    if principal is None or call.world.domain is None:
        yield _Out(2, "Join to domain is not valid: NT code 0xfffffff6\n")
        return 255
    library = Library(call.world, guest, configured(guest, {}), call.now)
    try:
        _, server = library.find()
    except KerberosError:
        yield Wait(library.waited_ns)
        yield _Out(2, f"ads_connect: {_NO_SERVERS}\nJoin to domain is not valid: {_NO_SERVERS}\n")
        return 255
    account = call.world.domain.account(principal)
    try:
        library.initial(principal)
    except KerberosError as error:
        yield _Out(2, f"kerberos_kinit_password {principal} failed: {error}\n")
        if account is None or account.state == "disabled":
            yield _Out(2, "Join to domain is not valid: LDAP_INVALID_CREDENTIALS\n")
            return 255
    else:
        if abs(library.own_s - server.clock.read(call.now) // 10**9) > TOLERANCE_S:
            name, _, realm = principal.partition("@")
            yield _Out(2, _FAST.format(dc=call.world.full_name(server), realm=realm, account=name))
    yield _Out(1, "Join is OK\n")
    return 0


def realm(call: Call) -> Result:
    """`realm list`: configuration only, so nothing about whether it works."""
    if call.argv[1:] != ["list"]:
        return Result(2, err="realm: unknown command\n")
    member = call.guest.membership
    if member is None:
        return Result()
    lines = [
        call.guest.domain,
        "  type: kerberos",
        f"  realm-name: {member.realm}",
        f"  domain-name: {call.guest.domain}",
        "  configured: kerberos-member",
        "  server-software: active-directory",
        "  client-software: sssd",
        *(f"  required-package: {name}" for name in _REALM_TOOLS.get(call.guest.system.manager, ())),
        f"  login-formats: %U@{call.guest.domain}",
        "  login-policy: allow-realm-logins",
    ]
    return Result(out="\n".join(lines) + "\n")
