"""What the directory holds of the domain, as LDAP shows it: the root entry of a controller, and machines' objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from cutover_tui.lab.kerberos.domain import Account, Domain

SECOND = 1_000_000_000
_ACTIVE, _DISABLED, _CONTROLLER = 0x1000, 0x1002, 0x82000
Entry = Mapping[str, tuple[str, ...]]


def base(domain: Domain) -> str:
    """The distinguished name of the domain."""
    return ",".join(f"DC={label}" for label in domain.dns.split("."))


def root(domain: Domain, controller: str, shown_ns: int) -> Entry:
    """The root entry; `shown_ns`: what the controller's clock shows, whole seconds of which are told."""
    shown = datetime.fromtimestamp(shown_ns // SECOND, UTC).strftime("%Y%m%d%H%M%S.0Z")
    site = f"CN={domain.site},CN=Sites,CN=Configuration,{base(domain)}"
    return {
        "currentTime": (shown,),
        "defaultNamingContext": (base(domain),),
        "rootDomainNamingContext": (base(domain),),
        "dnsHostName": (controller,),
        "serverName": (f"CN={controller.split('.')[0].upper()},CN=Servers,{site}",),
        "supportedLDAPVersion": ("3", "2"),
        "supportedSASLMechanisms": ("GSS-SPNEGO", "GSSAPI", "NTLM"),
        "isSynchronized": ("TRUE",),
    }


def name_of(domain: Domain, account: Account) -> str:
    """The distinguished name of a machine's object."""
    where = "OU=Domain Controllers" if _is_controller(account) else "CN=Computers"
    return f"CN={account.name.rstrip('$')},{where},{base(domain)}"


def entries(domain: Domain) -> Mapping[str, Entry]:
    """Every machine's object by its distinguished name."""
    return {name_of(domain, account): _machine(domain, account) for account in domain.accounts.values()}


def _machine(domain: Domain, account: Account) -> Entry:
    control = _CONTROLLER if _is_controller(account) else _ACTIVE
    control = _DISABLED if account.state == "disabled" else control
    return {
        "objectClass": ("top", "person", "organizationalPerson", "user", "computer"),
        "cn": (account.name.rstrip("$"),),
        "distinguishedName": (name_of(domain, account),),
        "sAMAccountName": (account.name,),
        "dNSHostName": (account.host,),
        "servicePrincipalName": account.services,
        "msDS-KeyVersionNumber": (str(account.kvno),),
        "msDS-SupportedEncryptionTypes": ("28",),
        "userAccountControl": (str(control),),
    }


def _is_controller(account: Account) -> bool:
    return any(service.startswith("GC/") for service in account.services)
