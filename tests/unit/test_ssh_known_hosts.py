"""No key is accepted that known_hosts does not hold."""

import base64
import hashlib
import hmac
import stat

import asyncssh
import pytest

from probes.observation import FailureKind
from probes.seam import LinkError
from probes.ssh.known_hosts import KnownHosts, PresentedKey, entry_name, fingerprint, pin, scan
from tests.unit.loopback_ssh import Behaviour, loopback


def new_key(kind: str = "ssh-ed25519") -> asyncssh.SSHKey:
    return asyncssh.generate_private_key(kind)


def line(name: str, key: asyncssh.SSHKey, marker: str = "") -> str:
    public = " ".join(key.export_public_key().decode().split()[:2])
    return f"{marker} {name} {public}\n".lstrip()


async def refusal(server, **target) -> str:
    guest = server.guest(**target)
    with pytest.raises(LinkError) as caught:
        await guest.connect()
    assert caught.value.failure.kind is FailureKind.HOST_KEY
    assert guest.identity.host_key is None
    assert server.does.logins == 0
    await guest.close()
    return caught.value.failure.detail


async def test_a_known_key_is_accepted_and_named(tmp_path):
    async with loopback(tmp_path) as server:
        server.trust()
        guest = server.guest()
        await guest.connect()
        assert guest.identity.host_key == fingerprint(server.host_key)
        await guest.close()
        assert guest.identity.host_key is None


async def test_unknown_key(tmp_path):
    async with loopback(tmp_path) as server:
        detail = await refusal(server)
        assert "unknown" in detail
        assert fingerprint(server.host_key) in detail
        assert "cutover trust 127.0.0.1" in detail


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
async def test_changed_key_names_both_even_of_another_kind(tmp_path, kind):
    async with loopback(tmp_path) as server:
        old = new_key(kind)
        server.trust(old)
        detail = await refusal(server)
        assert "CHANGED" in detail
        assert fingerprint(old) in detail
        assert fingerprint(server.host_key) in detail
        assert "cutover trust" in detail


async def test_another_machine_behind_a_trusted_address_under_a_name(tmp_path):
    async with loopback(tmp_path) as server:
        server.trust()  # 127.0.0.1 is known
        assert "unknown" in await refusal(server, host="localhost")


async def test_revoked_key_though_also_listed(tmp_path):
    async with loopback(tmp_path) as server:
        server.trust()
        server.trust(marker="@revoked", name="*")
        assert "revoked" in await refusal(server)


async def test_hashed_name(tmp_path):
    async with loopback(tmp_path) as server:
        salt = b"0123456789abcdef0123"
        digest = hmac.new(salt, entry_name("127.0.0.1", server.port).encode(), hashlib.sha1).digest()
        name = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
        server.trust(name=name)
        guest = server.guest()
        await guest.connect()
        await guest.close()


def host_certificate(authority: asyncssh.SSHKey, key: asyncssh.SSHKey, principal: str) -> bytes:
    return authority.generate_host_certificate(key, "web1", principals=[principal]).export_certificate()


async def test_certificate_of_a_trusted_authority(tmp_path):
    authority, key = new_key(), new_key()
    async with loopback(
        tmp_path, key=key, certificate=host_certificate(authority, key, "127.0.0.1")
    ) as server:
        server.trust(authority, marker="@cert-authority", name=f"[127.0.0.*]:{server.port}")
        guest = server.guest()
        await guest.connect()
        assert guest.identity.host_key == fingerprint(key)
        await guest.close()


async def test_certificate_of_an_unknown_or_revoked_authority_or_for_another_name(tmp_path):
    authority, key = new_key(), new_key()
    certificate = host_certificate(authority, key, "127.0.0.1")
    async with loopback(tmp_path, key=key, certificate=certificate) as server:
        server.trust(new_key(), marker="@cert-authority")
        detail = await refusal(server)
        assert fingerprint(authority) in detail
        server.trust(authority, marker="@cert-authority")
        server.trust(authority, marker="@revoked")
        assert "revoked" in await refusal(server)
    other = host_certificate(authority, key, "db1")
    (tmp_path / "known_hosts").unlink()
    async with loopback(tmp_path, key=key, certificate=other) as server:
        server.trust(authority, marker="@cert-authority")
        assert "cannot be accepted" in await refusal(server)


async def test_scan_shows_without_trusting_then_pin_lets_in(tmp_path):
    async with loopback(tmp_path) as server:
        keys = await scan("127.0.0.1", server.port)
        assert [key.fingerprint for key in keys] == [fingerprint(server.host_key)]
        assert not server.known_hosts.exists()
        pin(server.known_hosts, keys)
        assert stat.S_IMODE(server.known_hosts.stat().st_mode) == 0o600
        guest = server.guest()
        await guest.connect()
        await guest.close()


async def test_scan_of_a_closed_port(tmp_path):
    async with loopback(tmp_path) as server:
        port = server.port
    with pytest.raises(LinkError) as caught:
        await scan("127.0.0.1", port)
    assert caught.value.failure.kind is FailureKind.UNREACHABLE
    assert caught.value.failure.detail == f"127.0.0.1 port {port} showed no host key: Connection refused"


def test_pin_replaces_what_was_pinned_for_the_name_and_keeps_the_rest(tmp_path):
    path = tmp_path / "state" / "known_hosts"
    old, new, other = (new_key().convert_to_public() for _ in range(3))
    pin(path, [PresentedKey.of("web1", 22, old), PresentedKey.of("web2", 2222, other)])
    path.write_text("# kept\n" + path.read_text() + line("*", old, "@revoked"))
    pin(path, [PresentedKey.of("WEB1", 22, new)])
    text = path.read_text()
    assert text.startswith("# kept\n")
    assert line("[web2]:2222", other) in text
    assert line("web1", new) in text
    assert line("web1", old) not in text.replace("@revoked", "")
    hosts = KnownHosts([path])
    assert hosts.lookup("web1", 22).keys == (new,)
    assert hosts.lookup("web1", 22).revoked == (old,)
    assert list(path.parent.iterdir()) == [path]


def test_own_file_decides_over_the_users(tmp_path):
    own, users = tmp_path / "own", tmp_path / "users"
    pinned, stale = new_key().convert_to_public(), new_key().convert_to_public()
    users.write_text(line("web1", stale) + line("web2", stale) + line("*", stale, "@revoked"))
    own.write_text(line("web1", pinned))
    hosts = KnownHosts([own, users])
    assert hosts.lookup("web1", 22).keys == (pinned,)
    assert hosts.lookup("web1", 22).revoked == (stale,)
    assert hosts.lookup("web2", 22).keys == (stale,)


def test_names_are_case_insensitive_and_ports_fall_back(tmp_path):
    path = tmp_path / "known_hosts"
    key = new_key().convert_to_public()
    path.write_text(line("Web1.Example.COM,10.0.0.1", key))
    hosts = KnownHosts([path])
    assert hosts.lookup("web1.example.com", 22).keys == (key,)
    assert hosts.lookup("WEB1.example.com", 2222).keys == (key,)
    assert hosts.lookup("web2", 22).keys == ()


def test_a_broken_line_voids_only_itself_and_is_reported(tmp_path):
    path = tmp_path / "known_hosts"
    key = new_key().convert_to_public()
    path.write_text("@nonsense web1 x y\nlonely\n" + line("web1", key))
    hosts = KnownHosts([path, tmp_path / "absent"])
    assert hosts.lookup("web1", 22).keys == (key,)
    assert [problem.split(": ")[0] for problem in hosts.problems()] == [f"{path}:1", f"{path}:2"]


async def test_pins_made_while_running_count_at_the_next_connect(tmp_path):
    async with loopback(tmp_path, Behaviour()) as server:
        guest = server.guest()
        with pytest.raises(LinkError):
            await guest.connect()
        pin(server.known_hosts, await scan("127.0.0.1", server.port))
        await guest.connect()
        await guest.close()
