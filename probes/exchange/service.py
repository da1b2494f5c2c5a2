"""A service on a guest that peers log in to with tickets, and the way to it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*\Z", re.ASCII)
_PRINCIPAL = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9.-]*@[A-Za-z0-9][A-Za-z0-9._-]*\Z", re.ASCII
)


class OverSsh(msgspec.Struct, frozen=True, tag="ssh"):
    """The guest's sshd, user authentication `gssapi-with-mic` (RFC 4462 section 3). No session is opened.

    Which host key it has does not matter here: it proves who it is by its Kerberos key, and nothing
    secret is sent to it.
    """

    address: str
    port: int
    user: str


class OverHttp(msgspec.Struct, frozen=True, tag="http"):
    """A page behind HTTP Negotiate (RFC 4559).

    `address` is where to connect, whatever the URL's name resolves to; None = as it resolves. `ca_file`: PEM
    of CAs trusted for https besides the jump host's own.
    """

    url: str
    address: str | None = None
    ca_file: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.username
            or not self.url.isprintable()
        ):
            raise ValueError(f"no http or https URL: {self.url!a}")

    @property
    def port(self) -> int:
        """The URL's, or the one of its scheme."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)


class OverLdap(msgspec.Struct, frozen=True, tag="ldap"):
    """The guest's LDAP server, inside TLS from the first byte (LDAPS): a SASL bind by GSSAPI (RFC 4752).

    `name` must be in its certificate; `address` is where to connect. `ca_file` as in `OverHttp`.
    """

    address: str
    name: str
    port: int = 636
    ca_file: str | None = None


class OverSmb(msgspec.Struct, frozen=True, tag="smb"):
    """The guest's SMB server, its login by SPNEGO ([MS-SMB2] section 3.2.4.2.3). No share is connected to."""

    address: str
    port: int = 445


class Service(msgspec.Struct, frozen=True):
    """Who is asked (`host/app01.corp.example@CORP.EXAMPLE`) and how.

    `socket`: path of a local one that leads there, where the address is not reached from here.

    Raises:
        ValueError: no service principal with a realm.
    """

    principal: str
    over: OverSsh | OverHttp | OverLdap | OverSmb
    socket: str | None = None

    def __post_init__(self) -> None:
        if not _PRINCIPAL.match(self.principal):
            raise ValueError(f"no service principal: {self.principal!a}")


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a worker is to attempt. `login`: our principal, with the password of the next line; None = by a ticket that
    is there, in `ccache` or where the environment says.
    """

    service: Service
    login: str | None = None
    ccache: str | None = None


def of_sshd(fqdn: str, realm: str, address: str, port: int, user: str) -> Service:
    """The guest's sshd.

    Raises:
        ValueError: not a host name or not a realm.
    """
    return Service(f"host/{_name(fqdn)}@{realm}", OverSsh(address, port, user))


def of_page(url: str, realm: str, *, address: str | None = None, ca_file: str | None = None) -> Service:
    """The web server of a URL.

    Raises:
        ValueError: neither http nor https, or not a realm.
    """
    over = OverHttp(url, address, ca_file)
    return Service(f"HTTP/{_name(urlsplit(url).hostname or '')}@{realm}", over)


def of_ldap(fqdn: str, realm: str, address: str, *, ca_file: str | None = None) -> Service:
    """The guest's LDAP server.

    Raises:
        ValueError: not a host name or not a realm.
    """
    return Service(f"ldap/{_name(fqdn)}@{realm}", OverLdap(address, _name(fqdn), ca_file=ca_file))


def of_smb(fqdn: str, realm: str, address: str) -> Service:
    """The guest's SMB server.

    Raises:
        ValueError: not a host name or not a realm.
    """
    return Service(f"cifs/{_name(fqdn)}@{realm}", OverSmb(address))


def way(service: Service) -> str:
    """The way to it as attempts are named: `ssh`, `http`, `ldap`, `smb`."""
    match service.over:
        case OverSsh():
            return "ssh"
        case OverHttp():
            return "http"
        case OverLdap():
            return "ldap"
        case OverSmb():
            return "smb"


def _name(fqdn: str) -> str:
    if not _HOST.match(fqdn):
        raise ValueError(f"no host name: {fqdn!a}")
    return fqdn.lower()
