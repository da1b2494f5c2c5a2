"""What the directory holds of the domain, as LDAP shows it: the root entry of a controller, and machines' objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from cutover_tui.lab.kerberos.domain import Account, Domain

SECOND = 1_000_000_000
_ACTIVE, _CONTROLLER, _DISABLED = 0x1000, 0x82000, 0x2
_1601_S = 11_644_473_600  # from the epoch of a FILETIME to 1970
PAGED = "1.2.840.113556.1.4.319"
"""The control of searches in pages (RFC 2696)."""

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
        "supportedCapabilities": ("1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"),
        "supportedControl": (PAGED,),
        "supportedSASLMechanisms": ("GSS-SPNEGO", "GSSAPI", "NTLM"),
        "isSynchronized": ("TRUE",),
    }


def name_of(domain: Domain, account: Account) -> str:
    """The distinguished name of a machine's object."""
    where = "OU=Domain Controllers" if _is_controller(account) else "CN=Computers"
    return f"CN={account.name.rstrip('$')},{where},{base(domain)}"


def entries(domain: Domain) -> Mapping[str, Entry]:
    """The domain's own object and every machine's, by their distinguished names."""
    whole: Entry = {
        "objectClass": ("top", "domain", "domainDNS"),
        "objectCategory": (_category(domain, "Domain-DNS"),),
        "distinguishedName": (base(domain),),
        "dc": (domain.dns.partition(".")[0],),
    }
    machines = {name_of(domain, account): _machine(domain, account) for account in domain.accounts.values()}
    return {base(domain): whole, **machines}


def _machine(domain: Domain, account: Account) -> Entry:
    control = _CONTROLLER if _is_controller(account) else _ACTIVE
    control |= _DISABLED if account.state == "disabled" else 0
    return {
        "objectClass": ("top", "person", "organizationalPerson", "user", "computer"),
        "objectCategory": (_category(domain, "Computer"),),
        "cn": (account.name.rstrip("$"),),
        "distinguishedName": (name_of(domain, account),),
        "sAMAccountName": (account.name,),
        "dNSHostName": (account.host,),
        "servicePrincipalName": account.services,
        "msDS-KeyVersionNumber": (str(account.kvno),),
        "msDS-SupportedEncryptionTypes": (str(account.enctypes),),
        "userAccountControl": (str(control),),
        "pwdLastSet": (str(account.password_set // 100 + _1601_S * 10_000_000),),
    }


def _category(domain: Domain, name: str) -> str:
    return f"CN={name},CN=Schema,CN=Configuration,{base(domain)}"


def _is_controller(account: Account) -> bool:
    return any(service.startswith("GC/") for service in account.services)
