"""Rules about the realm, who asks the directory, and which service of a guest a ticket is presented to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from cutover_tui.core import addresses
from cutover_tui.core.runbook_file.rules_steps import all_steps
from cutover_tui.core.yaml_model.part import Part
from cutover_tui.core.yaml_model.problem import Problems, did_you_mean, shown

SERVICES = ("ssh", "ldap", "smb")
"""What `service` of a host may be besides a URL."""

_REALM = re.compile(r"[A-Z0-9]([A-Z0-9-]{0,61}[A-Z0-9])?(\.[A-Z0-9]([A-Z0-9-]{0,61}[A-Z0-9])?)*", re.ASCII)
_LONGEST = 255
_FAMILIES = ("kerberos.", "ad.", "dc.")
_OTHERS = frozenset({"kdc.clock", "net.ad-paths"})
_METHODS = ("ccache", "password")
_LOGIN = re.compile(r"[^@\\/]+(@[^@\\/]+)?")
_A_SERVICE = "`ssh`, `ldap`, `smb`, or the URL of a page: `https://name/path`"


def check_kerberos(root: Part, problems: Problems) -> None:
    """Report what is wrong with all that hangs on the domain's realm."""
    domain = root.get("domain")
    if domain is not None:
        _realm(domain, problems)
        _credential(root, domain, problems)
    for host in root.each("hosts"):
        _service(host, root, problems)
    if "domain" not in root.unread:
        _needed(root, domain, problems)


def _realm(domain: Part, problems: Problems) -> None:
    realm = domain.text("realm")
    if realm is None:
        return
    if realm != realm.upper():
        problems.error(
            domain.line_of("realm"),
            f"realm {shown(realm)} has small letters, and Kerberos tells them apart",
            f"{shown(realm.upper())}, as the KDCs write it",
        )
    elif len(realm) > _LONGEST or not _REALM.fullmatch(realm):
        problems.error(
            domain.line_of("realm"),
            f"realm {shown(realm)} is no domain name",
            "the domain's DNS name in capitals, such as `CORP.EXAMPLE.COM`",
        )


def _credential(root: Part, domain: Part, problems: Problems) -> None:
    """Who asks the directory: a ticket that is there, or a principal whose password is asked for."""
    name = domain.text("credential")
    if name is None or "credentials" in root.unread:
        return
    known = dict(root.pairs("credentials"))
    line = domain.line_of("credential")
    if name not in known:
        problems.error(
            line,
            f"credential {shown(name)} is not defined",
            did_you_mean(name, known) + ", as in `credentials`",
        )
        return
    method = known[name].text("method", "agent")
    if method is not None and method not in _METHODS:
        problems.error(
            line,
            f"credential {shown(name)} logs in by {method}, which Kerberos cannot",
            "a credential with the method ccache or password",
        )
    if method != "password" or "user" in known[name].unread:
        return
    user = known[name].text("user")
    if user is None:
        problems.error(
            line,
            f"credential {shown(name)} asks for a password and does not say whose",
            "`user`: the principal, `name` or `name@REALM`",
        )
    elif not _LOGIN.fullmatch(user):
        problems.error(
            known[name].line_of("user"),
            f"user {shown(user)} of the domain's credential is no principal",
            "`name` or `name@REALM`",
        )


def _service(host: Part, root: Part, problems: Problems) -> None:
    service = host.text("service", "ssh")
    if service is None or service in SERVICES:
        return
    line = host.line_of("service")
    if service.partition(":")[0] == "ldaps" or not addresses.is_url(service):
        problems.error(line, f"service {shown(service)} is not known", _A_SERVICE)
    else:
        _page(service, line, host, root, problems)


def _page(url: str, line: int, host: Part, root: Part, problems: Problems) -> None:
    try:
        name, _, _ = addresses.parse_page(url)
    except ValueError as error:
        problems.error(line, f"service {shown(url)} {error}", _A_SERVICE)
        return
    if _literal(name):
        problems.error(
            line,
            f"service {shown(url)} has an address where tickets are for names",
            "the name in the service's principal, HTTP/name@REALM",
        )
        return
    whose = next((o for o in _others(host, root) if o.casefold() == name.casefold()), None)
    if whose is not None:
        problems.error(
            line,
            f"service {shown(url)} is not of this host: {shown(whose)} is another machine of the runbook",
            "a page that this guest serves",
        )


def _others(host: Part, root: Part) -> Iterator[str]:
    """Names that the runbook gives to other machines."""
    domain = root.get("domain")
    realm = (domain.text("realm") or "") if domain is not None else ""
    for other in root.each("hosts"):
        if other is not host:
            for name in (other.text("name"), other.text("address")):
                if name is not None:
                    yield from (name, f"{name}.{realm.lower()}")
    own = (host.text("address") or "").casefold()
    for item in (*domain.each("controllers"), *domain.each("references")) if domain is not None else ():
        text = str(item.value)
        try:
            parse = addresses.parse_https if addresses.is_url(text) else addresses.parse_host_port
            found = parse(text)[0]
        except ValueError:
            continue  # reported as an address
        if found.casefold() != own:
            yield found


def _literal(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _needed(root: Part, domain: Part | None, problems: Problems) -> None:
    """What asks KDCs or the directory needs a realm; told once, where it is asked first."""
    first = next(
        (
            (part, key, name)
            for step in all_steps(root)
            for part, key in _checks(step)
            if (name := part.text(key)) is not None and (name.startswith(_FAMILIES) or name in _OTHERS)
        ),
        None,
    )
    if first is None:
        return
    part, key, name = first
    if domain is None or not domain.has("realm"):
        problems.error(
            part.line_of(key),
            f"check {name} needs `domain.realm`, and the runbook has none",
            "`domain.realm`: the domain's DNS name in capitals",
        )
    elif not domain.has("controllers"):
        problems.warn(
            part.line_of(key),
            f"check {name} asks domain controllers, and `domain.controllers` names none",
            "`domain.controllers`; without it only what DNS names for the realm can be asked",
        )


def _checks(step: Part) -> Iterator[tuple[Part, str]]:
    for gate in step.each("gate"):
        yield gate, "check"
    for runnable in (*step.each("actions"), *step.each("provocations")):
        yield runnable, "verifier"
