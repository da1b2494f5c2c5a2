"""What sudo remarks before it runs a command is no refusal, and no word of the command."""

from __future__ import annotations

import pytest

from probes.breaker import Breaker
from probes.observation import Raw
from probes.reader import Command
from probes.ssh import SshTarget
from probes.ssh.channel import Channel, Sink
from probes.ssh.escalation import RootShell
from tests.unit.loopback_ssh import Answers

RENAMED = "sudo: unable to resolve host renamed.corp.example: Name or service not known\n"
REFUSED = "sudo: a password is required\n"
KINIT = Command(("kinit", "-k", "A$@R"), elevate=True)


async def never(_command: str, _sink: Sink, _pty: bool) -> Channel:
    raise AssertionError("nothing is opened")


def outcome(rc: int, err: str) -> Raw:
    shell = RootShell(SshTarget("guest", escalation="sudo"), "ana@app01", Answers(), Breaker(), never)
    return shell.unprefixed(KINIT, Raw(("sudo", "-n", *KINIT.argv), rc, "", err))


@pytest.mark.parametrize(
    ("rc", "said", "own", "denied"),
    [
        (0, RENAMED, "", False),
        (1, f"{RENAMED}kinit: Client's credentials have been revoked\n", "kinit: Client's credentials have been revoked\n", False),
        (1, RENAMED, "", False),  # grep found nothing
        (1, f"{RENAMED}{REFUSED}", REFUSED, True),
        (1, REFUSED, REFUSED, True),
        (1, "grep: sudo: unable to resolve host\n", "grep: sudo: unable to resolve host\n", False),
    ],
)  # fmt: skip
def test_a_remark_is_no_refusal(rc: int, said: str, own: str, denied: bool) -> None:
    raw = outcome(rc, said)
    assert (raw.argv, raw.rc, raw.err) == (KINIT.argv, rc, own)
    assert (raw.failure is not None) is denied
