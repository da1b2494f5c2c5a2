"""The directory part of a world file: the domain, its controllers' KDCs, and what guests hold of it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from cutover_tui.core.runbook import Id
from cutover_tui.lab.kerberos.kdc import Microseconds
from cutover_tui.lab.world_file.struct import Struct

DnsName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", max_length=253, description="a DNS name")
]
Kvno = Annotated[int, Meta(ge=1, le=2**31 - 1)]
FilePath = Annotated[str, Meta(pattern=r"^/", description="an absolute path")]


class DomainSpec(Struct, frozen=True, kw_only=True):
    """The Active Directory domain of the world: its controllers are the references that say so."""

    realm: Annotated[
        str, Meta(pattern=r"^[A-Z0-9][A-Z0-9.-]*$", max_length=253, description="a realm in capitals")
    ]
    dns: DnsName | None = None
    site: Id = "Default-First-Site-Name"


class KdcSpec(Struct, frozen=True, kw_only=True):
    """The KDC of a controller. Its clock is the controller's."""

    microseconds: Microseconds = "clock"
    down: bool = False
    udp: bool = True
