"""The real door, by a real SSH client and real UDP: what the demo rests on."""

import asyncio
import socket
import struct
import time

import asyncssh
import pytest

from cutover_tui.core.loading import load
from cutover_tui.lab.demo.incident import build_incident
from cutover_tui.lab.doors.loopback import LOOPBACK
from cutover_tui.lab.doors.real import RealDoor
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.world.ntp_answer import answer, short, timestamp
from cutover_tui.lab.world.world import Reference

SECOND = 1_000_000_000


def login(incident, guest, **options):
    options = {"username": "ops", "client_keys": [str(incident.user_key_path)]} | options
    return asyncssh.connect(
        LOOPBACK,
        incident.door.ssh_port(guest),
        known_hosts=str(incident.known_hosts_path),
        config=None,
        agent_path=None,
        **options,
    )


async def until_up(incident, guest):
    async with asyncio.timeout(15):
        while True:
            try:
                return await login(incident, guest)
            except OSError:
                await asyncio.sleep(0.1)


async def test_from_drifting_to_kept(tmp_path):
    incident = build_incident(tmp_path)
    incident.world.boot_ns = SECOND // 5
    guest = incident.world.guests["app01"]
    async with incident.door as door:
        async with login(incident, "app01") as link:
            assert (await link.run("cat /sys/class/dmi/id/sys_vendor")).stdout == "VMware, Inc.\n"
            boot = (await link.run("cat /proc/sys/kernel/random/boot_id")).stdout
            assert (await link.run("sudo -n systemctl poweroff")).exit_status == 0
            await link.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await login(incident, "app01")
        async with await until_up(incident, "app01") as link:
            assert (await link.run("cat /sys/class/dmi/id/sys_vendor")).stdout == "Nutanix\n"
            assert (await link.run("cat /proc/sys/kernel/random/boot_id")).stdout != boot
            assert guest.clock.offset(door.clock()) > 3 * SECOND
            done = await link.run("sudo -n apt-get -y install chrony && chronyc waitsync 10 0.1 0 1")
            assert done.exit_status == 0
            assert abs(guest.clock.offset(door.clock())) < SECOND // 100
            ran = await link.run("sudo -n apt-get -y purge open-vm-tools; ps -A -o comm=")
            assert "ngt_guest_agent" in ran.stdout
            assert "vmtoolsd" not in ran.stdout


async def test_a_kept_bash_answers_line_by_line_on_two_streams(tmp_path):
    incident = build_incident(tmp_path)
    async with (
        incident.door as door,
        login(incident, "app02") as link,
        link.create_process("bash --noprofile --norc") as bash,
    ):
        for number in range(20):
            before = door.clock()
            bash.stdin.write(f"echo T{number} $EPOCHREALTIME; nosuch\n")
            token, seconds = (await bash.stdout.readline()).split()
            assert token == f"T{number}"
            assert before < float(seconds) * 1e9 + SECOND // 20 < door.clock() + SECOND // 10
            assert await bash.stderr.readline() == f"bash: line {number + 1}: nosuch: command not found\n"
        bash.stdin.write("sudo -n sh\nid -u; exit\nexit 9\n")
        assert await bash.stdout.readline() == "0\n"
        assert (await bash.wait()).exit_status == 9


async def test_only_the_labs_key_gets_in(tmp_path):
    incident = build_incident(tmp_path)
    async with incident.door:
        stranger = asyncssh.generate_private_key("ssh-ed25519")
        with pytest.raises(asyncssh.PermissionDenied):
            await login(incident, "app01", client_keys=[stranger])
        with pytest.raises(asyncssh.PermissionDenied):
            await login(incident, "app01", username="nobody")


async def test_the_host_key_is_the_one_on_disk(tmp_path):
    incident = build_incident(tmp_path)
    async with incident.door as door, login(incident, "app01") as link:
        key = (await link.run("cat /etc/ssh/ssh_host_ed25519_key.pub")).stdout.split()[:2]
        assert f"[{LOOPBACK}]:{door.ssh_port('app01')} {' '.join(key)}\n" in door.known_hosts_text()
        seen = link.get_server_host_key()
        assert seen is not None
        assert seen.export_public_key().decode().split()[:2] == key


async def test_a_terminal_gets_a_prompt_and_one_stream(tmp_path):
    incident = build_incident(tmp_path)
    async with (
        incident.door,
        login(incident, "app01") as link,
        link.create_process(term_type="xterm") as process,
    ):
        async with asyncio.timeout(5):
            assert await process.stdout.readuntil("$ ") == "ops@app01:~$ "
            process.stdin.write("nosuch\n")
            assert "sh: 1: nosuch: not found\r\n" in await process.stdout.readuntil("$ ")
            process.stdin.write("exit\n")
            await process.wait()


async def test_closing_leaves_nothing_behind(tmp_path):
    incident = build_incident(tmp_path)
    port = incident.door.ssh_port("app01")
    async with incident.door:
        link = await login(incident, "app01")
    await link.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(LOOPBACK, port)
    assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []


async def test_an_ntp_exchange_over_udp(tmp_path):
    incident = build_incident(tmp_path)
    liar = incident.world.references["ntp2.lab.example"]
    async with incident.door as door:
        liar.clock = liar.clock.stepped(door.clock(), 100 * SECOND)
        for name, off in (("ntp1.lab.example", 0), ("ntp2.lab.example", 100)):
            request = bytes([0x23, 0, 6, 0xEC]) + bytes(36) + b"abcdefgh"
            reply = await asyncio.to_thread(exchange, door.ntp_port(name), request)
            assert (reply[0], reply[1]) == (0x24, 1)
            assert reply[24:32] == b"abcdefgh"
            received, sent = struct.unpack("!QQ", reply[32:48])
            assert received <= sent
            assert abs(sent / 2**32 - 2_208_988_800 - time.time() - off) < 0.2


def exchange(port: int, request: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.sendto(request, (LOOPBACK, port))
        return udp.recv(512)


def test_ntp_answers_only_clients_and_admits_being_wrong():
    reference = Reference("r", "10.0.0.1", SimClock.wrong_by(0, 0))
    client = bytes([0x23]) + bytes(47)
    assert answer(bytes([0x24]) + bytes(47), reference, 0, 0) is None
    assert answer(client[:47], reference, 0, 0) is None
    reference.synchronised = False
    reply = answer(client, reference, 0, 0)
    assert reply is not None
    assert (reply[0], reply[1]) == (0xE4, 0)
    reference.silent = True
    assert answer(client, reference, 0, 0) is None


def test_ntp_timestamps():
    assert timestamp(0) == 2_208_988_800 << 32
    assert timestamp(1_500_000_000) == (2_208_988_801 << 32) | 1 << 31
    assert timestamp((2**32 - 2_208_988_800) * SECOND) == 0  # era 1 starts 2036-02-07
    assert short(1_500_000_000) == 0x18000


def test_the_runbook_loads_and_names_the_doors_ports(tmp_path):
    incident = build_incident(tmp_path)
    runbook = load(incident.runbook_path).runbook
    door: RealDoor = incident.door
    assert runbook.domain.references == tuple(
        f"{LOOPBACK}:{door.ntp_port(n)}" for n in incident.world.references
    )
    assert {host.name: host.port for host in runbook.hosts} == {
        name: door.ssh_port(name) for name in ("app01", "app02")
    }
    assert (incident.user_key_path.stat().st_mode & 0o777) == 0o600
    door.close()
