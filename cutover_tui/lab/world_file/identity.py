"""The directory part of a world file: the domain, its controllers' KDCs, and what guests hold of it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from cutover_tui.core.runbook import HOUR, Duration, Id
from cutover_tui.lab.kerberos.domain import AES_AND_RC4, AccountState
from cutover_tui.lab.kerberos.kdc import Microseconds
from cutover_tui.lab.world_file.amounts import Span
from cutover_tui.lab.world_file.struct import Struct

DnsName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", max_length=253, description="a DNS name")
]
Kvno = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Enctypes = Annotated[int, Meta(ge=0, le=2**31 - 1)]
FilePath = Annotated[str, Meta(pattern=r"^/", description="an absolute path")]
Service = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9.-]+$", description="a service principal such as ldap/dc1")
]


class ComputerSpec(Struct, frozen=True, kw_only=True):
    """The account of a computer that is in the directory and nowhere else."""

    name: Id
    spns: tuple[Service, ...] = ()
    dns_name: DnsName | None = None
    state: AccountState = "enabled"


class DomainSpec(Struct, frozen=True, kw_only=True):
    """The Active Directory domain of the world: its controllers are the references that say so."""

    realm: Annotated[
        str, Meta(pattern=r"^[A-Z0-9][A-Z0-9.-]*$", max_length=253, description="a realm in capitals")
    ]
    dns: DnsName | None = None
    site: Id = "Default-First-Site-Name"
    computers: tuple[ComputerSpec, ...] = ()


class KdcSpec(Struct, frozen=True, kw_only=True):
    """The KDC of a controller. Its clock is the controller's."""

    microseconds: Microseconds = "clock"
    down: bool = False
    udp: bool = True


class AccountSpec(Struct, frozen=True, kw_only=True):
    """A guest's machine account in the directory."""

    kvno: Kvno = 2
    state: AccountState = "enabled"
    password_age: Duration = Duration(10 * 24 * HOUR)
    enctypes: Enctypes = AES_AND_RC4
    dns_name: DnsName | None = None
    spns: tuple[Service, ...] | None = None


class KeytabSpec(Struct, frozen=True, kw_only=True):
    """/etc/krb5.keytab, where it is another than the join wrote."""

    kvno: Kvno | None = None
    host: DnsName | None = None


class SssdSpec(Struct, frozen=True, kw_only=True):
    """sssd on a guest."""

    running: bool = True
    enabled: bool = True


class CacheSpec(Struct, frozen=True, kw_only=True):
    """A credential cache of the machine account that nobody renews."""

    path: FilePath
    owner: str = "root"
    age: Duration = Duration(HOUR)
    ahead: Span = Span(0)
    services: tuple[Service, ...] = ()


class HolderSpec(Struct, frozen=True, kw_only=True):
    """A service that takes tickets of the machine account when it starts, and holds them."""

    name: Id
    cache: FilePath
    owner: str = "root"
    renews: Duration = Duration(8 * HOUR)
    services: tuple[Service, ...] = ()
    running: bool = True
    enabled: bool = True


class JoinedSpec(Struct, frozen=True, kw_only=True):
    """A guest that is joined to the world's domain."""

    account: AccountSpec = msgspec.field(default_factory=AccountSpec)
    keytab: KeytabSpec | None = msgspec.field(default_factory=KeytabSpec)
    kdc_timesync: bool = True
    sssd: SssdSpec | None = msgspec.field(default_factory=SssdSpec)
    caches: tuple[CacheSpec, ...] = ()
    holders: tuple[HolderSpec, ...] = ()
    lacks: tuple[Id, ...] = ()
