"""The runbook as data: change, domain, platforms, hosts, phases of steps.

A runbook is a YAML file (`schema: 1`). `cutover_tui.core.loading` reads it and reports every
error with file and line; what this module holds is already valid. Durations are
nanoseconds here and text such as `10min` in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from probes.observation import Family

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


class Duration(int):
    """Nanoseconds; written in a runbook as `90s`, `10min`, `2h`, `250ms` or a sum such as `1h30min`."""


Id = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64, description="letters, digits, . _ -")
]
Os = Literal["linux", "windows"]
Role = Literal["member", "standalone", "dc", "db", "cluster-node"]
PlatformName = Literal["vmware", "kvm", "ahv", "hyperv", "xen", "aws", "gcp", "azure", "physical"]
Transport = Literal["ssh", "winrm"]
Escalation = Literal["none", "sudo", "doas"]
Tier = Literal["R", "N", "D"]
"""R reads only, N changes without disruption (a ticket, a resync), D disrupts (restart, reboot)."""


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Base of everything in a runbook: unknown keys are errors."""


class Window(Struct, frozen=True, kw_only=True):
    """The maintenance window, in UTC or with an offset; rollback must fit before `rollback_until`."""

    start: str
    end: str
    rollback_until: str | None = None


class Change(Struct, frozen=True, kw_only=True):
    """The change this runbook belongs to."""

    id: Id
    title: str
    window: Window


class Domain(Struct, frozen=True, kw_only=True):
    """What the guests' identity hangs on, and whom we believe about time.

    `controllers` are domain controllers: their time is the domain's, and together they are one witness.
    `references` are NTP servers, and HTTPS servers as `https://host[:port][/path]`, that do not share the
    domain's failure. `ca_file` is PEM of the CAs that the controllers' LDAPS and guests' web and LDAP servers
    hang on; None = the jump host's own. `credential` names who asks the directory and comes to the guests.
    """

    realm: str | None = None
    controllers: tuple[str, ...] = ()
    site: str | None = None
    ca_file: str | None = None
    credential: str | None = None
    references: tuple[str, ...] = ()
    tolerances: Tolerances = msgspec.field(default_factory=lambda: Tolerances())


class Tolerances(Struct, frozen=True, kw_only=True):
    """Limits of the site; looser than the bound is a load error."""

    kerberos_skew: Duration = Duration(300 * SECOND)
    references_agree: Duration = Duration(1 * SECOND)


class PlatformSpec(Struct, frozen=True, kw_only=True):
    """A platform as declared; what is observed must match after the mark."""

    platform: PlatformName
    note: str | None = None


class Credential(Struct, frozen=True, kw_only=True):
    """How to log in, by name. Never a value: passwords are asked on the screen and kept in memory."""

    method: Literal["agent", "key", "certificate", "password", "keyboard-interactive", "ccache"] = "agent"
    user: str | None = None
    key: str | None = None  # path of a private key
    certificate: str | None = None  # path of an OpenSSH user certificate


class Host(Struct, frozen=True, kw_only=True):
    """One guest of the wave."""

    name: Id
    address: str
    os: Os = "linux"
    role: Role = "member"
    group: str | None = None
    transport: Transport = "ssh"
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    user: str | None = None
    escalation: Escalation = "none"
    jump: str | None = None  # user@host[:port] to go through
    credential: str | None = None
    service: str = "ssh"  # or `ldap`, `smb`, or a URL of its web server: where `kerberos.ap-in` goes
    vantage: tuple[Literal["jump", "guest"], ...] = ("jump", "guest")  # where probes may look from


Command = str | tuple[str, ...]
"""An argv as a list, or one line that is split into words without a shell."""


class Action(Struct, frozen=True, kw_only=True):
    """A command the engineer may run from the step: shown in full, confirmed, journaled."""

    id: Id
    title: str
    command: dict[Os, Command]
    key: (
        Annotated[
            str,
            Meta(
                pattern=r"^[afgmptvz]$",
                description="one of a f g m p t v z; the other letters mean something on every screen",
            ),
        ]
        | None
    ) = None
    tier: Tier = "N"
    elevate: bool = False
    disturbs: tuple[Family, ...] = ()
    touches: tuple[str, ...] = ()
    breaks_rollback: bool = False
    verifier: str | None = None  # a check id that shows what it should have produced
    undo: dict[Os, Command] | None = None
    timeout: Duration = Duration(10 * MINUTE)


class Provocation(Action, frozen=True, kw_only=True):
    """An action whose purpose is to make a delayed failure happen now; needs a verifier."""


class GateCheck(Struct, frozen=True, kw_only=True):
    """One check of a gate with its parameters; what is None takes the check's default."""

    check: str
    soak: Duration | None = None
    attempts: Annotated[int, Meta(ge=1, le=20)] | None = None
    max_age: Duration | None = None
    params: dict[str, Any] = {}


class Step(Struct, frozen=True, kw_only=True):
    """Instruction, optional actions, and the checks that gate it."""

    id: Id
    title: str
    scope: Literal["host", "wave"] = "host"
    instruction: str = ""
    mark: bool = False
    expected: Duration = Duration(5 * MINUTE)
    depends_on: tuple[str, ...] = ()
    two_person: bool = False
    waivable: bool = True
    actions: tuple[Action, ...] = ()
    provocations: tuple[Provocation, ...] = ()
    gate: tuple[GateCheck, ...] = ()
    rollback: tuple[Step, ...] = ()


class Phase(Struct, frozen=True, kw_only=True):
    """A stretch of the runbook, in order."""

    id: Id
    title: str
    steps: Annotated[tuple[Step, ...], Meta(min_length=1)]


class Runbook(Struct, frozen=True, kw_only=True):
    """A whole runbook.

    `cutover_tui.core.loading.Loaded` carries its text and digest.
    """

    schema: Literal[1]
    change: Change
    source: PlatformSpec
    target: PlatformSpec
    hosts: Annotated[tuple[Host, ...], Meta(min_length=1)]
    phases: Annotated[tuple[Phase, ...], Meta(min_length=1)]
    domain: Domain = msgspec.field(default_factory=Domain)
    credentials: dict[str, Credential] = {}

    def steps(self) -> Iterator[Step]:
        """All steps in runbook order, rollback steps left out."""
        for phase in self.phases:
            yield from phase.steps

    def step(self, step_id: str) -> Step | None:
        """The step of that id, rollback steps included; None when there is none."""
        for step in self.steps():
            for candidate in (step, *step.rollback):
                if candidate.id == step_id:
                    return candidate
        return None

    def host(self, name: str) -> Host | None:
        """The host of that name, or None."""
        return next((h for h in self.hosts if h.name == name), None)
