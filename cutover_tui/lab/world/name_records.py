"""What the domain's name servers know: machines' addresses and where its controllers are registered.

Names of services are those of [MS-ADTS] section 6.3.2.3.
"""

from __future__ import annotations

from ipaddress import ip_address

from cutover_tui.lab.kerberos.domain import Domain
from cutover_tui.lab.world.world import World

_SERVICES = {"_kerberos": ("88", ("_tcp", "_udp")), "_ldap": ("389", ("_tcp",)), "_gc": ("3268", ("_tcp",))}


def lookup(world: World, name: str, kind: str) -> tuple[str, ...]:
    """The values of a record, none where there is no such name or nothing of that kind."""
    domain = world.domain
    if domain is None:
        return ()
    asked = name.rstrip(".").lower()
    match kind:
        case "A" | "AAAA":
            version = 4 if kind == "A" else 6
            return tuple(a for a in domain.addresses.get(asked, ()) if ip_address(a).version == version)
        case "PTR":
            return next((n for a, n in domain.pointers.items() if ip_address(a).reverse_pointer == asked), ())
        case "SRV":
            return _services(world, domain).get(asked, ())
        case _:
            return ()


def _services(world: World, domain: Domain) -> dict[str, tuple[str, ...]]:
    controllers = [world.full_name(r).lower() for r in world.references.values() if r.controller]
    if not controllers:
        return {}
    zone, site = domain.dns.lower(), f"{domain.site}._sites".lower()
    found: dict[str, tuple[str, ...]] = {}
    for service, (port, protocols) in _SERVICES.items():
        values = tuple(f"0 100 {port} {name}" for name in controllers)
        for protocol in protocols:
            for below in (zone, f"dc._msdcs.{zone}", f"{site}.{zone}", f"{site}.dc._msdcs.{zone}"):
                found[f"{service}.{protocol}.{below}"] = values
    found[f"_ldap._tcp.pdc._msdcs.{zone}"] = (f"0 100 389 {controllers[0]}",)
    return found
