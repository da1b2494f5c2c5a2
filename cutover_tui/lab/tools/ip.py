"""ip of iproute2 6.1: the addresses of a guest, as JSON only (`ip -j addr`)."""

from __future__ import annotations

import json
from zlib import crc32

from cutover_tui.lab.machine.guest import Guest
from cutover_tui.lab.tools.call import Call, Result

_FOREVER = {"valid_life_time": 4294967295, "preferred_life_time": 4294967295}
_OBJECTS = ("addr", "address", "a")
_VERBS = ("show", "list")
_INTERFACES = {"vmware": "ens192"}
_VMWARE, _OTHERS = "00:50:56", "50:6b:8d"


def ip(call: Call) -> Result:
    """`ip -j addr [show]`."""
    words = call.argv[1:]
    as_json = False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option not in ("-j", "-json"):
            return Result(255, err=f'Option "{option}" is unknown, try "ip -help".\n')
        as_json = True
    if not words or words[0] not in _OBJECTS:
        said = (
            f'Object "{words[0]}" is unknown, try "ip help".\n' if words else "Usage: ip [ OPTIONS ] OBJECT\n"
        )
        return Result(1 if words else 255, err=said)
    other = next((word for word in words[1:] if word not in _VERBS), None)
    if other is not None:
        return Result(255, err=f'Command "{other}" is unknown, try "ip address help".\n')
    if not as_json:
        return Result(255, err="ip: this one prints JSON only (-j)\n")
    return Result(out=json.dumps([_loopback(), _first(call.guest)], separators=(",", ":")) + "\n")


def _loopback() -> dict[str, object]:
    return {
        "ifindex": 1,
        "ifname": "lo",
        "flags": ["LOOPBACK", "UP", "LOWER_UP"],
        "mtu": 65536,
        "qdisc": "noqueue",
        "operstate": "UNKNOWN",
        "group": "default",
        "txqlen": 1000,
        "link_type": "loopback",
        "address": "00:00:00:00:00:00",
        "broadcast": "00:00:00:00:00:00",
        "addr_info": [
            {
                "family": "inet",
                "local": "127.0.0.1",
                "prefixlen": 8,
                "scope": "host",
                "label": "lo",
                **_FOREVER,
            },
            {
                "family": "inet6",
                "local": "::1",
                "prefixlen": 128,
                "scope": "host",
                "noprefixroute": True,
                **_FOREVER,
            },
        ],
    }


def _first(guest: Guest) -> dict[str, object]:
    """The one network card; what it is called follows the slot the platform puts it into."""
    name = _INTERFACES.get(guest.platform.name, "ens3")
    seed = crc32(f"{guest.name} {guest.platform.name}".encode()).to_bytes(4)
    maker = _VMWARE if guest.platform.name == "vmware" else _OTHERS
    info: list[dict[str, object]] = []
    if guest.address:
        broadcast = ".".join([*guest.address.split(".")[:3], "255"])
        info.append(
            {
                "family": "inet",
                "local": guest.address,
                "prefixlen": 24,
                "broadcast": broadcast,
                "scope": "global",
                "label": name,
                **_FOREVER,
            }
        )
    return {
        "ifindex": 2,
        "ifname": name,
        "flags": ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
        "mtu": 1500,
        "qdisc": "mq",
        "operstate": "UP",
        "group": "default",
        "txqlen": 1000,
        "link_type": "ether",
        "address": f"{maker}:{seed[0]:02x}:{seed[1]:02x}:{seed[2]:02x}",
        "broadcast": "ff:ff:ff:ff:ff:ff",
        "addr_info": info,
    }
