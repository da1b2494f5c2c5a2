"""The ssh transport against OpenSSH: login shells, sshd's own limits, PAM, sudo, doas, agent, authorities."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from probes.breaker import Breaker
from probes.net import SystemClock
from probes.observation import FailureKind
from probes.reader import Command
from probes.seam import LinkError
from probes.ssh import SshGuest, SshTarget
from probes.ssh.known_hosts import KnownHosts, pin, scan
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.nodes.sshd import PASSWORD, USER
from tests.unit.loopback_ssh import Answers

SHELLS = ["bash", "dash", "busybox"]
NOISE = "echo Welcome to $HOSTNAME; printf '\\033[31mAUTHORISED USE ONLY\\033[0m\\n'; echo trouble >&2\n"
TERMINAL_ONLY = """ForceCommand test -n "$SSH_ORIGINAL_COMMAND" && echo interactive use only && exit 1; exec "$SHELL" -i"""


def make(lab: SystemLab, guest: Guest, *, answers: Answers | None = None, **more: object) -> SshGuest:
    settings: dict[str, object] = {
        "host": guest.address,
        "user": USER,
        "credential": "ops",
        "methods": ("key",),
        "keys": (lab.user_key,),
        "config": (),
    }
    if "key" not in (more.get("methods") or ("key",)):
        settings["keys"] = ()
    return SshGuest(
        guest.name,
        SshTarget(**{**settings, **more}),
        clock=SystemClock(),
        known_hosts=KnownHosts([lab.known_hosts]),
        prompts=answers or Answers(),
        breaker=Breaker(),
    )


@asynccontextmanager
async def connected(lab: SystemLab, guest: Guest, **more: object) -> AsyncIterator[SshGuest]:
    ours = make(lab, guest, **more)
    await ours.connect()
    try:
        yield ours
    finally:
        await ours.close()


def echo(*words: str) -> Command:
    return Command(("echo", *words))


def root(*argv: str, timeout_s: float = 10.0) -> Command:
    return Command(argv, elevate=True, timeout_s=timeout_s)


async def refused(ours: SshGuest) -> tuple[FailureKind, str]:
    with pytest.raises(LinkError) as caught:
        await ours.connect()
    return caught.value.failure.kind, caught.value.failure.detail


def keygen(*argv: str) -> str:
    return subprocess.run(["ssh-keygen", *argv], capture_output=True, text=True, check=True).stdout


def make_noisy(guest: Guest) -> None:
    for name in (".bashrc", ".profile", ".bash_profile", ".zshenv"):
        guest.node.write(f"/home/{USER}/{name}", NOISE)
    guest.node.write("/etc/motd", "The motd.\n")


async def work(ours: SshGuest) -> None:
    """What every shell on every rung of the ladder has to get right."""
    raws = await ours.run(
        [
            echo("a  b", "it's", "$HOME", "`id`"),
            Command(("printf", "no end")),
            Command(("nosuch-tool",)),
            Command(("sh", "-c", "sleep 61; true"), timeout_s=0.5),
            Command(("cat",)),
            Command(("yes",), limit=1000),
            Command(("sh", "-c", "exit 7")),
            Command(("printenv", "LC_ALL")),
        ]
    )
    assert raws[0].out == "a  b it's $HOME `id`\n"
    assert raws[1].out == "no end"
    assert raws[2].rc == 127
    assert raws[3].failure is not None
    assert raws[3].failure.kind is FailureKind.TIMEOUT
    assert (raws[4].rc, raws[4].out) == (0, "")
    assert raws[5].truncated
    assert raws[5].out == "y\n" * 500
    assert raws[6].rc == 7
    assert raws[7].out == "C\n"


@pytest.mark.parametrize("shell", SHELLS)
async def test_batches_and_loops_with_a_noisy_profile(jump_network: SystemLab, shell):
    guest = jump_network.guest("app01", shell=shell, sshd_options=["PrintMotd yes"])
    make_noisy(guest)
    async with connected(jump_network, guest) as ours:
        await work(ours)
        for argv in (["sh"], ["bash", "--noprofile", "--norc"]):
            loop = await ours.loop(argv)
            for n in range(5):
                answer = await loop.ask(f"echo T{n} $((1+1))", token=f"T{n}", timeout_s=5)
                assert answer.text == f"T{n} 2"
    # What hung was killed with its shell, and nobody waits for it.
    assert guest.node.run("pgrep", "-f", "sleep 61", check=False).out == ""


@pytest.mark.parametrize("shell", SHELLS)
async def test_one_session_only(jump_network: SystemLab, shell):
    guest = jump_network.guest("app01", shell=shell, sshd_options=["MaxSessions 1"])
    make_noisy(guest)
    async with connected(jump_network, guest, escalation="sudo") as ours:
        loop = await ours.loop(["bash", "--noprofile", "--norc"])
        assert (await loop.ask("echo T $EPOCHREALTIME", token="T", timeout_s=5)).text.startswith("T 1")
        await work(ours)
        assert (await loop.ask("echo T2 $EPOCHREALTIME", token="T2", timeout_s=5)).text.startswith("T2 1")
        assert (await ours.run([root("id", "-u")]))[0].out == "0\n"
        with pytest.raises(LinkError) as caught:
            await ours.loop(["nosuch-shell"])
        assert caught.value.failure.kind is FailureKind.TOOL_ABSENT
        assert (await ours.run([echo("a")]))[0].out == "a\n"


@pytest.mark.parametrize("sessions", [1, 10])
@pytest.mark.parametrize("shell", SHELLS)
async def test_terminal_only(jump_network: SystemLab, shell, sessions):
    guest = jump_network.guest("app01", shell=shell, sshd_options=[f"MaxSessions {sessions}", TERMINAL_ONLY])
    make_noisy(guest)
    async with connected(jump_network, guest, escalation="sudo") as ours:
        await work(ours)
        loop = await ours.loop(["bash", "--noprofile", "--norc"])
        assert (await loop.ask("echo T $EPOCHREALTIME", token="T", timeout_s=5)).text.startswith("T 1")
        assert (await ours.run([echo("a"), root("id", "-u")]))[1].out == "0\n"
    left = guest.node.run("find", f"/home/{USER}", "-name", ".*history").out
    assert left == ""


@pytest.mark.parametrize("requiretty", [False, True])
@pytest.mark.parametrize("shell", SHELLS)
async def test_sudo_with_and_without_password(jump_network: SystemLab, shell, requiretty):
    free = jump_network.guest("app01", shell=shell, escalation="sudo-nopasswd")
    asks = jump_network.guest("app02", shell=shell, escalation="sudo-password")
    for guest in (free, asks):
        make_noisy(guest)
        if requiretty:
            guest.node.write("/etc/sudoers.d/tty", "Defaults requiretty\n", mode=0o440)
    for guest, asked in ((free, requiretty), (asks, True)):
        answers = Answers({"password": PASSWORD})
        async with connected(jump_network, guest, escalation="sudo", answers=answers) as ours:
            plain, first, hung, again = await ours.run(
                [Command(("id", "-un")), root("id", "-u"), root("sleep", "3", timeout_s=0.3), root("cat")]
            )
            assert plain.out == f"{USER}\n"
            assert first.out == "0\n"
            assert hung.failure is not None
            assert hung.failure.kind is FailureKind.TIMEOUT
            assert (again.rc, again.out, again.err) == (0, "", "")
            assert bool(answers.asked) == asked
            assert all(request.subject == f"sudo as {USER}@{guest.name}" for request in answers.asked)
        seen = guest.node.run("sh", "-c", "cat /var/log/auth.log /proc/[0-9]*/cmdline 2>/dev/null; true").out
        assert PASSWORD not in seen


@pytest.mark.parametrize("tool", ["sudo", "doas"])
async def test_wrong_password_is_one_attempt(jump_network: SystemLab, tool):
    guest = jump_network.guest("app01", escalation="sudo-password")
    guest.node.write("/etc/doas.conf", f"permit {USER} as root\n", mode=0o400)
    answers = Answers({"password": "wrong"})
    async with connected(jump_network, guest, escalation=tool, answers=answers) as ours:
        for _ in range(3):
            raws = await ours.run([root("id"), root("id"), echo("a")])
            assert [raw.failure and raw.failure.kind for raw in raws] == [FailureKind.DENIED] * 2 + [None]
        assert len(answers.asked) == 1
        assert len(answers.forgotten) == 1
        answers.secrets["password"] = PASSWORD
        ours._breaker.reset("ops")
        assert (await ours.run([root("id", "-u")]))[0].out == "0\n"


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("nopass", ["nopass ", ""])
async def test_doas(jump_network: SystemLab, shell, nopass):
    guest = jump_network.guest("app01", shell=shell, escalation="none")
    make_noisy(guest)
    guest.node.write("/etc/doas.conf", f"permit {nopass}{USER} as root\n", mode=0o400)
    answers = Answers({"password": PASSWORD})
    async with connected(jump_network, guest, escalation="doas", answers=answers) as ours:
        for _ in range(2):
            raws = await ours.run([root("id", "-u"), root("sh", "-c", "sleep 9"), root("echo", "it's")][::2])
            assert [raw.out for raw in raws] == ["0\n", "it's\n"]
        assert len(answers.asked) == (0 if nopass else 1)


@pytest.mark.parametrize("more", [[], [TERMINAL_ONLY]])
async def test_a_guest_that_does_not_know_its_own_new_name_is_read_as_root_all_the_same(
    jump_network: SystemLab, more: list[str]
):
    """cloud-init renamed it: sudo remarks on stderr, before each command, that it cannot resolve the name."""
    guest = jump_network.guest("app01", sshd_options=["MaxSessions 1", *more])
    guest.node.run("hostname", "renamed.corp.example")
    assert "unable to resolve host" in guest.node.run("sudo", "-n", "true", user=USER).err
    async with connected(jump_network, guest, escalation="sudo") as ours:
        who, none = await ours.run((Command(("id", "-u"), elevate=True), Command(("false",), elevate=True)))
    assert (who.failure, who.out, who.err) == (None, "0\n", "")
    assert (none.failure, none.rc, none.err) == (None, 1, "")


@pytest.mark.parametrize("tool", ["sudo", "doas"])
async def test_escalation_that_is_not_permitted_or_not_there(jump_network: SystemLab, tool):
    guest = jump_network.guest("app01", escalation="none")
    answers = Answers({"password": PASSWORD})
    if tool == "doas":
        guest.node.write("/etc/doas.conf", "permit nopass root as root\n", mode=0o400)
    async with connected(jump_network, guest, escalation=tool, answers=answers) as ours:
        for _ in range(2):
            (raw,) = await ours.run([root("id")])
            assert raw.failure is not None
            assert raw.failure.kind is FailureKind.DENIED
        assert len(answers.asked) <= 1
    guest.node.run("rm", "/usr/bin/sudo", "/usr/bin/doas")
    async with connected(jump_network, guest, escalation=tool, answers=answers) as ours:
        (raw,) = await ours.run([root("id")])
        assert raw.failure is not None
        assert raw.failure.detail == f"{tool} is not there for {USER}@app01"


async def test_pam_password_and_keyboard_interactive(jump_network: SystemLab):
    by_pam = jump_network.guest("app01", sshd_options=["KbdInteractiveAuthentication yes"])
    by_password = jump_network.guest("app02", sshd_options=["PasswordAuthentication yes"])
    for guest, method in ((by_pam, "keyboard-interactive"), (by_password, "password")):
        async with connected(
            jump_network, guest, methods=(method,), answers=Answers({"password": PASSWORD})
        ) as ours:
            assert (await ours.run([Command(("id", "-un"))]))[0].out == f"{USER}\n"
        answers = Answers({"password": "wrong"})
        kind, _ = await refused(
            make(jump_network, guest, methods=("password", "keyboard-interactive"), answers=answers)
        )
        assert kind is FailureKind.DENIED
        failures = [line for line in guest.ssh.log if "Failed" in line or "authentication failure" in line]
        assert len(failures) <= 1


@contextmanager
def agent(folder: Path, *keys: Path) -> Iterator[Path]:
    path = folder / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it listens
    environment = {**os.environ, "SSH_AUTH_SOCK": str(path)}
    for key in keys:
        subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True)
    try:
        yield path
    finally:
        process.terminate()
        process.wait(5)
        process.stdout.close()


async def test_agent(jump_network: SystemLab, tmp_path: Path):
    guest = jump_network.guest("app01")
    with agent(tmp_path, jump_network.user_key) as path:
        async with connected(jump_network, guest, methods=("agent",), agent=path) as ours:
            assert (await ours.run([echo("a")]))[0].out == "a\n"
    kind, detail = await refused(make(jump_network, guest, methods=("agent",), agent=path))
    assert kind is FailureKind.DENIED
    assert "no login method" in detail


async def test_certificates_of_user_and_host(jump_network: SystemLab, tmp_path: Path):
    def sign(*argv: str) -> None:
        keygen("-q", "-s", str(tmp_path / "ca"), *argv)

    for name in ("ca", "user"):
        keygen("-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name))
    sign("-I", "user", "-n", USER, str(tmp_path / "user.pub"))
    guest = jump_network.guest("app01", sshd_options=["TrustedUserCAKeys /etc/ssh/ca.pub"])
    await scan(guest.address)  # answers: its pid file is there
    guest.ssh.stop()
    guest.node.write("/etc/ssh/ca.pub", (tmp_path / "ca.pub").read_text())
    (tmp_path / "host.pub").write_text(f"{guest.ssh.host_key}\n")
    sign("-I", "host", "-h", "-n", guest.address, str(tmp_path / "host.pub"))
    guest.node.write("/etc/ssh/host-cert.pub", (tmp_path / "host-cert.pub").read_text())
    guest.ssh.options = [*guest.ssh.options, "HostCertificate /etc/ssh/host-cert.pub"]
    guest.ssh.start()
    authority = " ".join((tmp_path / "ca.pub").read_text().split()[:2])
    jump_network.known_hosts.write_text(f"@cert-authority 10.*,192.168.*,172.* {authority}\n")
    async with connected(jump_network, guest, keys=(tmp_path / "user",)) as ours:
        fingerprint = keygen("-lf", str(tmp_path / "host.pub")).split()[1]
        assert ours.identity.host_key == fingerprint
    jump_network.known_hosts.write_text(f"@revoked * {authority}\n@cert-authority * {authority}\n")
    kind, _ = await refused(make(jump_network, guest, keys=(tmp_path / "user",)))
    assert kind is FailureKind.HOST_KEY


async def test_scan_and_pin_agree_with_ssh_keygen(jump_network: SystemLab, tmp_path: Path):
    guest = jump_network.guest("app01")
    pin(tmp_path / "known", await scan(guest.address))
    listed = keygen("-F", guest.address, "-f", str(tmp_path / "known"))
    assert guest.ssh.host_key in listed


async def test_power_loss_reboot_and_another_machine_at_the_address(jump_network: SystemLab):
    guest = jump_network.guest("app01")
    ours = make(jump_network, guest, keepalive_s=0.3)
    await ours.connect()
    loop = await ours.loop(["sh"])
    await loop.ask("echo T", token="T", timeout_s=5)
    guest.power_off()
    with pytest.raises(LinkError) as caught:
        await loop.ask("echo T", token="T", timeout_s=20)
    assert caught.value.failure.kind is FailureKind.LOST
    with pytest.raises(LinkError):
        await ours.run([echo("a")])
    guest.boot()
    await ours.connect()
    assert (await ours.run([echo("a")]))[0].out == "a\n"
    await ours.close()

    guest.ssh.stop()
    guest.node.run("rm", "/etc/ssh/ssh_host_ed25519_key")
    guest.node.run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", "/etc/ssh/ssh_host_ed25519_key")
    guest.ssh.start()
    kind, detail = await refused(ours)
    assert kind is FailureKind.HOST_KEY
    assert "CHANGED" in detail
    await ours.close()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
