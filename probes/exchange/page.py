"""One request to a page behind HTTP Negotiate (RFC 4559). For the worker only."""

from __future__ import annotations

import base64
import http.client
from typing import NamedTuple
from urllib.parse import urlsplit

from probes.exchange.dial import dial
from probes.exchange.ended import ANSWER_S, of_socket, proves_nothing, trusting
from probes.exchange.service import OverHttp
from probes.observation import FailureKind


class Page(NamedTuple):
    """What came back. `token`: the service's; `negotiates`: whether it does Negotiate at all."""

    status: int
    token: bytes | None
    negotiates: bool


def get(over: OverHttp, token: bytes, way: str | None = None) -> Page:
    """Ask for the page with our token. `way`: a local socket that leads there.

    Raises:
        Ended: no answer, no trusted TLS, or one that is no HTTP.
    """
    parts = urlsplit(over.url)
    name = parts.hostname or ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(name, over.port, timeout=ANSWER_S)
    try:
        plain = dial(over.address or name, over.port, way)
        connection.sock = plain
        plain.settimeout(ANSWER_S)
        if parts.scheme == "https":
            connection.sock = trusting(over.ca_file).wrap_socket(plain, server_hostname=name)
        connection.request(
            "GET", path, headers={"Authorization": f"Negotiate {base64.b64encode(token).decode()}"}
        )
        response = connection.getresponse()
        offers = response.msg.get_all("WWW-Authenticate") or []
    except (OSError, http.client.HTTPException) as error:
        raise of_socket(over.url, error) from None
    finally:
        connection.close()
    mine = [offer.partition(" ")[2].strip() for offer in offers if offer.split(" ")[0].lower() == "negotiate"]
    said = next((text for text in mine if text), "")
    try:
        return Page(response.status, base64.b64decode(said, validate=True) if said else None, bool(mine))
    except ValueError:
        raise proves_nothing(FailureKind.NOT_UNDERSTOOD, f"{over.url}: its token is no base64") from None
