"""Addresses as a runbook writes them: a host, `host:port`, an HTTPS server, and the jump host `user@host:port`."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?", re.ASCII)
_IPV6 = re.compile(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9_.-]{1,15})?", re.ASCII)
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,199}", re.ASCII)
_USER = re.compile(r"[^\s@:\-][^\s:]{0,255}")


def parse_host(text: str) -> str:
    """A DNS name or an IP address without a port; brackets around IPv6 are taken off.

    Raises:
        ValueError: it is none; the message says what is wrong. A leading `-` is refused, so
            that no address can become an option of a command.
    """
    host, port = parse_host_port(text)
    if port is not None:
        raise ValueError("has a port in it")
    return host


def parse_host_port(text: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `2001:db8::1` or `[2001:db8::1]:port`, taken apart.

    Raises:
        ValueError: it is none of these; the message says what is wrong.
    """
    if "@" in text:
        raise ValueError("has a user in it")
    bracketed = re.fullmatch(r"\[([^\[\]]*)\](?::(.*))?", text)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
        if not _is_ipv6(host):
            raise ValueError("has no IPv6 address in its brackets")
    elif text.count(":") == 1:
        host, port = text.split(":")
    else:
        host, port = text, None
    if not (_NAME.fullmatch(host) or _is_ipv6(host)):
        raise ValueError("is neither a host name nor an IP address")
    return host, None if port is None else _port(port)


def parse_https(text: str) -> tuple[str, int, str]:
    """`https://host[:port][/path]` as host, port and path.

    Raises:
        ValueError: it is none; the message says what is wrong.
    """
    if not text.startswith("https://"):
        raise ValueError("is not https://: what is not encrypted anybody on the path can answer")
    return parse_page(text)


def parse_page(text: str) -> tuple[str, int, str]:
    """The same for `http://` too, which is enough where the server proves itself by its Kerberos key.

    Raises:
        ValueError: it is none; the message says what is wrong.
    """
    found = re.fullmatch(r"(https?)://([^/]*)(/.*)?", text)
    if found is None:
        raise ValueError("is no https:// or http:// URL")
    host, port = parse_host_port(found[2])
    path = found[3] or "/"
    if not _PATH.fullmatch(path):
        raise ValueError("has a path with characters that need encoding, or more than 200")
    return host, port or (443 if found[1] == "https" else 80), path


def is_url(text: str) -> bool:
    """Whether it is meant as a URL, whichever its scheme."""
    return "://" in text


def parse_jump(text: str) -> tuple[str | None, str, int | None]:
    """`[user@]host[:port]` of one jump host, taken apart.

    Raises:
        ValueError: it is none; the message says what is wrong.
    """
    if "," in text:
        raise ValueError("names more than one jump host")
    user, at, rest = text.rpartition("@")
    if at and not is_user(user):
        raise ValueError("has no usable user before the @")
    host, port = parse_host_port(rest)
    return (user if at else None), host, port


def is_user(text: str) -> bool:
    """Whether it can be a login name (`svc`, `svc@realm`, `DOMAIN\\svc`): no blanks, no colon, no leading `-`."""
    return bool(_USER.fullmatch(text)) and text.isprintable()


def _is_ipv6(text: str) -> bool:
    return text.count(":") >= 2 and bool(_IPV6.fullmatch(text))


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or not 1 <= int(text) <= 65535:
        raise ValueError("has a port that is not 1 to 65535")
    return int(text)
