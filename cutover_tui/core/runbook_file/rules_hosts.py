"""Rules about the change, the domain, the credentials and the hosts."""

from __future__ import annotations

import re
from collections.abc import Callable

from cutover_tui.core import addresses, timestamps
from cutover_tui.core.checks.clocks.smear import mixture, smeared_by
from cutover_tui.core.durations import format_duration
from cutover_tui.core.runbook import Tolerances
from cutover_tui.core.yaml_model.part import Part
from cutover_tui.core.yaml_model.problem import Problems, did_you_mean, place, shown

TITLE = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FILES = {"key": ("agent", "key", "certificate"), "certificate": ("certificate",)}
_NEEDS = {"key": "key", "certificate": "certificate"}
_WINRM_METHODS = ("password", "ccache")


def check_hosts(root: Part, problems: Problems) -> None:
    """Report what is wrong with everything but the steps."""
    change = root.get("change")
    if change is not None:
        check_title(change, problems)
        _window(change.get("window"), problems)
    domain = root.get("domain")
    if domain is not None:
        _domain(domain, problems)
    credentials = dict(root.pairs("credentials"))
    for name, credential in credentials.items():
        _credential(name, credential, problems)
    hosts = root.each("hosts")
    check_unique(hosts, "name", "host", problems)
    _check_endpoints(hosts, problems)
    known = None if "credentials" in root.unread else credentials
    for host in hosts:
        _host(host, known, problems)
    _one_controller(hosts, problems)


def _one_controller(hosts: list[Part], problems: Problems) -> None:
    """Warn where several controllers are moved at once: what goes wrong with one is learnt from another."""
    controllers = [host for host in hosts if host.text("role", "member") == "dc"]
    for host in controllers[1:]:
        problems.warn(
            host.line_of("role"),
            f"a second host with role dc (the first is in line {controllers[0].line}): move controllers one at a time",
            "a runbook a controller, the next one when dc.replication has passed",
        )


def check_title(part: Part, problems: Problems) -> None:
    """A title is one line, not blank."""
    title = part.text("title")
    if title is not None and (not title.strip() or "\n" in title or len(title) > TITLE):
        problems.error(
            part.line_of("title"),
            f"{place(part.path)} has the title {shown(title)}",
            f"one line of 1 to {TITLE} characters",
        )


def check_unique(parts: list[Part], key: str, noun: str, problems: Problems) -> None:
    """No two of the parts have the same text below `key`; capitals make no difference."""
    first: dict[str, Part] = {}
    for part in parts:
        text = part.text(key)
        if text is None:
            continue
        other = first.setdefault(text.casefold(), part)
        if other is not part:
            problems.error(
                part.line_of(key),
                f"{noun} {key} {shown(text)} is used twice",
                f"another {key} (the first is in line {other.line_of(key)}; capitals make no difference)",
            )


def _window(window: Part | None, problems: Problems) -> None:
    if window is None:
        return
    moments: dict[str, int] = {}
    for key in ("start", "end", "rollback_until"):
        text = window.text(key)
        if text is None:
            continue
        try:
            moments[key] = timestamps.utc_ns(text)
        except ValueError as error:
            problems.error(window.line_of(key), f"window {key} {shown(text)} {error}", timestamps.EXPECTED)
    start, end, back = (moments.get(key) for key in ("start", "end", "rollback_until"))
    if start is not None and end is not None and end <= start:
        problems.error(window.line_of("end"), "the window ends before it starts", "an end after the start")
    elif back is not None and ((start is not None and back <= start) or (end is not None and back > end)):
        problems.error(
            window.line_of("rollback_until"),
            "rollback_until is outside the window",
            "a moment after its start, not after its end",
        )


def _smeared(domain: Part, problems: Problems) -> None:
    """Warn where some references smear leap seconds and others do not, as far as names tell."""
    names: dict[str, int] = {}
    for item in domain.each("references"):
        try:
            names.setdefault(addresses.parse_host_port(str(item.value))[0], item.line)
        except ValueError:
            continue  # reported as an address
    mixed = mixture((name, smeared_by(name)) for name in names)
    if mixed is not None:
        problems.warn(
            names[mixed.smeared[0]],
            f"references of two kinds: {mixed.words}; around a leap second they are up to 1 s apart",
            "references of one kind",
        )


def _domain(domain: Part, problems: Problems) -> None:
    for item in domain.each("controllers"):
        _address(
            item, addresses.parse_host_port, "a host name or IP address, with `:port` if need be", problems
        )
    for item in domain.each("references"):
        _reference(item, problems)
    _one_clock_once(domain, problems)
    _smeared(domain, problems)
    tolerances = domain.get("tolerances")
    if tolerances is None:
        return
    bounds = Tolerances()
    for key, highest in (
        ("kerberos_skew", bounds.kerberos_skew),
        ("references_agree", bounds.references_agree),
    ):
        value = tolerances.integer(key)
        if value is not None and value > highest:
            problems.error(
                tolerances.line_of(key),
                f"{key} {format_duration(value)} is looser than its bound",
                f"at most {format_duration(highest)}",
            )


def _reference(item: Part, problems: Problems) -> None:
    if isinstance(item.value, str) and addresses.is_url(item.value):
        _address(item, addresses.parse_https, "`https://host`, with `:port` and `/path` if need be", problems)
    else:
        _address(
            item,
            addresses.parse_host_port,
            "a host name or IP address, with `:port` if need be, or `https://host/path`",
            problems,
        )


def _one_clock_once(domain: Part, problems: Problems) -> None:
    """A controller is no independent reference, and a host asked in two ways is one clock."""
    controllers = {h for item in domain.each("controllers") if (h := _host_of(item)) is not None}
    whole = {str(c.value).casefold() for c in domain.each("controllers")}
    ways: dict[str, bool] = {}
    for item in domain.each("references"):
        text, host = str(item.value), _host_of(item)
        https = addresses.is_url(text)
        if text.casefold() in whole or (https and host in controllers):
            problems.error(
                item.line,
                f"{shown(text)} is a controller and an independent reference at once",
                "references that do not share the domain's failure",
            )
        if host is not None and ways.setdefault(host, https) != https:
            problems.error(
                item.line,
                f"{shown(host)} is asked by NTP and by HTTPS, and is one clock",
                "one of the two, or another host",
            )


def _host_of(item: Part) -> str | None:
    """The host behind an address or URL that can be read."""
    text = str(item.value)
    try:
        host = (
            addresses.parse_https(text)[0] if addresses.is_url(text) else addresses.parse_host_port(text)[0]
        )
    except ValueError:
        return None
    return host.casefold()


def _address(part: Part, parse: Callable[[str], object], expected: str, problems: Problems) -> None:
    if not isinstance(part.value, str):
        return
    try:
        parse(part.value)
    except ValueError as error:
        problems.error(part.line, f"{place(part.path)} {shown(part.value)} {error}", expected)


def _credential(name: str, credential: Part, problems: Problems) -> None:
    if not _NAME.fullmatch(name):
        problems.error(
            credential.line,
            f"credential name {shown(name)} cannot be used",
            "letters, digits, . _ - (at most 64)",
        )
    method = credential.text("method", "agent")
    if method is None:
        return
    for key, methods in _FILES.items():
        if credential.has(key) and method not in methods:
            problems.error(
                credential.line_of(key),
                f"`{key}` is not used by the method {method}",
                f"no `{key}`, or one of the methods " + ", ".join(methods),
            )
    needed = _NEEDS.get(method)
    if needed is not None and not credential.has(needed):
        problems.error(
            credential.line,
            f"credential {shown(name)} logs in by {method} and names none",
            f"`{needed}`: a path",
        )
    _user(credential, problems)


def _user(part: Part, problems: Problems) -> None:
    user = part.text("user")
    if user is not None and not addresses.is_user(user):
        problems.error(
            part.line_of("user"),
            f"user {shown(user)} cannot be a login name",
            "a name without blanks or colons",
        )


def _host(host: Part, credentials: dict[str, Part] | None, problems: Problems) -> None:
    address, jump = host.get("address"), host.get("jump")
    if address is not None:
        _address(
            address, addresses.parse_host, "a host name or IP address (`user` and `port` are keys)", problems
        )
    if jump is not None:
        _address(jump, addresses.parse_jump, "`user@host:port` (user and port may be left out)", problems)
    _user(host, problems)
    os, transport = host.text("os", "linux"), host.text("transport", "ssh")
    if os == "linux" and transport == "winrm":
        problems.error(host.line_of("transport"), "transport winrm for a linux host", "`transport: ssh`")
    if os == "windows" and host.text("escalation", "none") in ("sudo", "doas"):
        problems.error(
            host.line_of("escalation"),
            f"escalation {host.text('escalation')} for a windows host",
            "`escalation: none`",
        )
    if host.text("role", "member") == "cluster-node" and not host.has("group"):
        problems.error(
            host.line,
            "a cluster-node without `group`",
            "`group`: the cluster, whose addresses are judged together",
        )
    vantage = host.get("vantage")
    if vantage is not None and not vantage.items:
        problems.error(
            vantage.line, "`vantage` is an empty list", "jump, guest, or both (leave it out for both)"
        )
    name = host.text("credential")
    if name is None or credentials is None:
        return
    if name not in credentials:
        problems.error(
            host.line_of("credential"),
            f"credential {shown(name)} is not defined",
            did_you_mean(name, credentials) + ", as in `credentials`",
        )
    elif transport == "winrm":
        method = credentials[name].text("method", "agent")
        if method is not None and method not in _WINRM_METHODS:
            problems.error(
                host.line_of("credential"),
                f"credential {shown(name)} logs in by {method}, which winrm cannot",
                "a credential with the method password or ccache",
            )


def _check_endpoints(hosts: list[Part], problems: Problems) -> None:
    first: dict[tuple[str, int | None, str | None], Part] = {}
    for host in hosts:
        address = host.text("address")
        if address is None:
            continue
        other = first.setdefault((address.casefold(), host.integer("port"), host.text("jump")), host)
        if other is not host:
            problems.error(
                host.line_of("address"),
                f"address {shown(address)} is used twice",
                f"one entry a guest (the first is in line {other.line_of('address')})",
            )
