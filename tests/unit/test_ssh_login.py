"""Every way in, and every way of being kept out, as one typed failure."""

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager

import asyncssh
import pytest

from probes.observation import FailureKind
from probes.seam import LinkError
from tests.unit.loopback_ssh import Behaviour, loopback


async def failure(guest) -> tuple[FailureKind, str]:
    with pytest.raises(LinkError) as caught:
        await guest.connect()
    return caught.value.failure.kind, caught.value.failure.detail


@asynccontextmanager
async def listener(serve):
    """A TCP server whose conversations end with the test."""
    async with AsyncExitStack() as stack:

        async def talk(reader, writer):
            stack.callback(writer.close)
            await serve(reader, writer)

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        stack.callback(server.close)
        yield server.sockets[0].getsockname()[1]


async def test_password_is_asked_for_and_connecting_twice_is_once(tmp_path):
    async with loopback(tmp_path, Behaviour(password="s3cret")) as server:
        server.trust()
        server.answers.secrets["password"] = "s3cret"
        guest = server.guest(methods=("password",))
        await guest.connect()
        await guest.connect()
        assert server.does.logins == 1
        assert {(r.credential, r.kind, r.subject) for r in server.answers.asked} == {
            ("ops", "password", "ops@127.0.0.1")
        }
        await guest.close()


async def test_no_password_given(tmp_path):
    async with loopback(tmp_path, Behaviour(password="s3cret")) as server:
        server.trust()
        kind, detail = await failure(server.guest(methods=("password",)))
        assert kind is FailureKind.DENIED
        assert "no password was given" in detail
        assert server.does.password_attempts == []


async def test_keyboard_interactive_with_password_and_code(tmp_path):
    questions = [("Password: ", "s3cret"), ("\x1b[31mOne-time code: ", "123456")]
    async with loopback(tmp_path, Behaviour(kbdint=questions)) as server:
        server.trust()
        server.answers.secrets |= {"password": "s3cret", "keyboard-interactive": "123456"}
        guest = server.guest()
        await guest.connect()
        password, code = server.answers.asked
        assert (password.kind, password.reusable) == ("password", True)
        assert (code.kind, code.reusable, code.text) == (
            "keyboard-interactive",
            False,
            "\ufffd[31mOne-time code:",
        )
        await guest.close()


async def test_time_a_person_takes_is_not_the_networks(tmp_path, monkeypatch):
    loop = asyncio.get_running_loop()
    real = loop.time
    async with loopback(tmp_path, Behaviour(kbdint=[("Password: ", "s3cret")])) as server:
        server.trust()
        server.answers.secrets["password"] = "s3cret"
        ask = server.answers.ask

        async def slowly(request):
            monkeypatch.setattr(loop, "time", lambda: real() + 60)  # a minute passes at once
            for _ in range(3):
                await asyncio.sleep(0)  # whatever was due ends now
            return await ask(request)

        server.answers.ask = slowly
        guest = server.guest(connect_timeout_s=30)
        await guest.connect()
        await guest.close()


async def test_key_file_certificate_and_encrypted_key(tmp_path):
    authority = asyncssh.generate_private_key("ssh-ed25519")
    plain, encrypted = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    plain.write_private_key(tmp_path / "plain")
    encrypted.write_private_key(tmp_path / "encrypted", "pkcs8-pem", passphrase="open")
    certificate = authority.generate_user_certificate(plain, "ops", principals=["ops"])
    certificate.write_certificate(tmp_path / "plain-cert.pub")
    does = Behaviour(authorized=[plain.convert_to_public(), encrypted.convert_to_public()])
    async with loopback(tmp_path, does) as server:
        server.trust()
        for name in ("plain", "encrypted"):
            server.answers.secrets["passphrase"] = "open"
            guest = server.guest(methods=("key",), keys=(tmp_path / name,))
            await guest.connect()
            await guest.close()
        assert [(r.kind, r.subject) for r in server.answers.asked] == [
            ("passphrase", f"key {tmp_path / 'encrypted'}")
        ]

        server.answers.secrets["passphrase"] = "wrong"
        kind, detail = await failure(server.guest(methods=("key",), keys=(tmp_path / "encrypted",)))
        assert kind is FailureKind.DENIED
        assert "decrypt" in detail
        assert len(server.answers.forgotten) == 1


async def test_user_certificate_is_what_lets_in(tmp_path):
    authority, key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    key.write_private_key(tmp_path / "key")
    authority.generate_user_certificate(key, "ops", principals=["ops"]).write_certificate(
        tmp_path / "signed.pub"
    )
    does = Behaviour(authority=authority.convert_to_public())
    async with loopback(tmp_path, does) as server:
        server.trust()
        guest = server.guest(
            methods=("key",), keys=(tmp_path / "key",), certificates=(tmp_path / "signed.pub",)
        )
        await guest.connect()
        await guest.close()
        kind, _ = await failure(server.guest(methods=("key",), keys=(tmp_path / "key",)))
        assert kind is FailureKind.DENIED


async def test_a_key_that_is_not_there(tmp_path):
    async with loopback(tmp_path) as server:
        kind, detail = await failure(server.guest(methods=("key",), keys=(tmp_path / "nokey",)))
        assert kind is FailureKind.DENIED
        assert "nokey" in detail


async def test_no_method_left_is_denied_without_opening_the_breaker(tmp_path):
    async with loopback(tmp_path, Behaviour(password="s3cret")) as server:
        server.trust()
        kind, detail = await failure(server.guest(methods=("key",)))
        assert kind is FailureKind.DENIED
        assert "no login method" in detail
        assert server.breaker.refusal("ops") is None


async def test_ssh_config_names_address_port_user_key_and_known_hosts(tmp_path):
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "id")
    async with loopback(tmp_path, Behaviour(authorized=[key.convert_to_public()])) as server:
        server.trust(name="web-alias")
        server.known_hosts.rename(tmp_path / "theirs")
        config = tmp_path / "config"
        config.write_text(
            f"Host web*\n Hostname 127.0.0.1\n Port {server.port}\n User deploy\n IdentityFile {tmp_path}/id\n"
            f" HostKeyAlias web-alias\n UserKnownHostsFile {tmp_path}/theirs\n StrictHostKeyChecking no\n"
            " ForwardAgent yes\n RemoteCommand reboot\n RequestTTY force\n"
        )
        guest = server.guest(host="web1", port=None, user=None, methods=("key",), config=(config,))
        await guest.connect()
        await guest.close()
        (tmp_path / "theirs").write_text("")
        kind, _ = await failure(
            server.guest(host="web1", port=None, user=None, methods=("key",), config=(config,))
        )
        assert kind is FailureKind.HOST_KEY  # whatever StrictHostKeyChecking says


@pytest.mark.parametrize("how", ["target", "ProxyJump"])
async def test_through_a_jump_host(tmp_path, how):
    (tmp_path / "jump").mkdir()
    async with loopback(tmp_path) as server, loopback(tmp_path / "jump") as jump:
        server.trust()
        config = tmp_path / "config"
        config.write_text(
            f"Host web1\n Hostname 127.0.0.1\n ProxyJump hopper@bastion\n"
            f"Host bastion\n Hostname 127.0.0.1\n Port {jump.port}\n"
        )
        if how == "target":
            more = {"jump": jump.target(credential="jump")}
        else:
            more = {"host": "web1", "config": (config,)}
        guest = server.guest(**more)
        kind, detail = await failure(guest)
        assert kind is FailureKind.HOST_KEY  # the jump host's key is judged too
        assert f"[127.0.0.1]:{jump.port}" in detail
        server.trust(jump.host_key, name=f"[127.0.0.1]:{jump.port}")
        await guest.connect()
        assert (server.does.logins, jump.does.logins) == (1, 1)
        await guest.close()
        presented = await guest._login.presented(server.target(**more))
        assert [key.port for key in presented] == [server.port]


async def test_jump_hosts_in_a_circle(tmp_path):
    async with loopback(tmp_path) as server:
        server.trust()
        config = tmp_path / "config"
        config.write_text("Host *\n ProxyJump bastion\n")
        kind, detail = await failure(server.guest(config=(config,)))
        assert kind is FailureKind.UNREACHABLE
        assert "circle" in detail


async def test_nobody_listens(tmp_path):
    async with loopback(tmp_path) as server:
        port = server.port
    kind, detail = await failure(server.guest(port=port))
    assert kind is FailureKind.UNREACHABLE
    assert f"127.0.0.1 port {port}" in detail


async def test_a_name_that_does_not_resolve(tmp_path):
    async with loopback(tmp_path) as server:
        kind, detail = await failure(server.guest(host="nosuch.invalid"))
        assert kind is FailureKind.UNREACHABLE
        assert "Errno" not in detail


async def test_silence_after_connect(tmp_path):
    async def silent(reader, writer):
        await reader.read()

    async with loopback(tmp_path) as server, listener(silent) as port:
        kind, detail = await failure(server.guest(port=port, connect_timeout_s=0.3))
        assert kind is FailureKind.TIMEOUT
        assert "0.3 s" in detail


@pytest.mark.parametrize(
    "greeting",
    [
        pytest.param(b"HTTP/1.1 400 Bad\r\n\r\n", id="http"),
        pytest.param(b"SSH-2.0-\xff\x1b[2J\r\n" + b"\0" * 5000, id="escapes"),
        pytest.param(b"\n" * 100_000, id="endless"),
    ],
)
async def test_not_an_ssh_server(tmp_path, greeting):
    async def talk(reader, writer):
        writer.write(greeting)
        writer.close()

    async with loopback(tmp_path) as server, listener(talk) as port:
        kind, detail = await failure(server.guest(port=port, connect_timeout_s=2.0))
        assert kind is FailureKind.UNREACHABLE
        assert "\x1b" not in detail


async def test_cancelled_login_leaves_nothing_and_no_turn(tmp_path):
    async with loopback(tmp_path, Behaviour(kbdint=[("Password: ", "s3cret")])) as server:
        server.trust()
        before = asyncio.all_tasks()
        asked = asyncio.Event()
        ask = server.answers.ask

        async def never(request):
            asked.set()
            await asyncio.Event().wait()

        server.answers.ask = never
        guest = server.guest()
        task = asyncio.create_task(guest.connect())
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.answers.ask = ask
        server.answers.secrets["password"] = "s3cret"
        await guest.connect()  # the turn was given back
        await guest.close()
        for task in asyncio.all_tasks() - before:
            await asyncio.wait_for(asyncio.wait([task]), 5)


async def test_link_loss_is_noticed_and_connect_again_works(tmp_path, held):
    async with loopback(tmp_path) as server:
        server.trust()
        guest = server.guest()
        await guest.connect()
        loop = await guest.loop(["sh"])
        waiting = asyncio.create_task(loop.ask(held().line, token="never", timeout_s=60))
        await held().reached()
        guest._link.connection.ssh._transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        with pytest.raises(LinkError) as caught:
            await waiting
        assert caught.value.failure.kind is FailureKind.LOST
        with pytest.raises(LinkError, match="not connected"):
            await guest.run([])
        assert guest.identity.host_key is None
        await guest.connect()
        assert await guest.run([]) == ()
        await guest.close()
