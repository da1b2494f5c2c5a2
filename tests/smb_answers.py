"""An SMB server that answers what a test has written: bytes by hand, by the tables of [MS-SMB2] section 2.2."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

OK, PENDING, MORE = 0, 0x103, 0xC0000016
SESSION = 0x1122334455667788

# What smbd 4.17.12, a member, answered to our NEGOTIATE as its clock showed 39600 s (11 h) more than ours.
SMBD = bytes.fromhex(
    "fe534d4240000000000000000000010001000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "000000000000000041000100110302006170703031000000000000000000000007000000000080000000800000008000eed04832dc7ddd01"
    "000000000000000080006000e0000000605e06062b0601050502a0543052a024302206092a864882f71201020206092a864886f712010202"
    "060a2b06010401823702020aa32a3028a0261b246e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f7265"
    "01002600000000000100200001003ab8165964e610be9e54ace2db23df0381c3663dd981b5216fd9b12f0bca53d200000200040000000000"
    "01000200"
)
SMBD_SHOWED_NS = 1_795_721_258_089_291_000


def header(command: int, number: int, status: int = OK, *, flags: int = 1, following: int = 0) -> bytes:
    """2.2.1.2: an answer of the server (flag 1), of the session once there is one."""
    session = SESSION if command else 0
    return (
        b"\xfeSMB" + struct.pack("<HHIHHII", 64, 0, status, command, 1, flags, following)
        + struct.pack("<QIIQ", number, 0, 0, session) + bytes(16)
    )  # fmt: skip


def agreement(offers: bytes = b"", dialect: int = 0x0210, filetime: int = 0, *, begin: int = 128) -> bytes:
    """2.2.4: an answer to NEGOTIATE."""
    fixed = struct.pack("<HHHH", 65, 1, dialect, 0) + bytes(16) + struct.pack("<IIII", 0, 65536, 65536, 65536)
    return header(0, 0) + fixed + struct.pack("<QQHHI", filetime, 0, begin, len(offers), 0) + offers


def login(number: int, status: int, token: bytes, flags: int = 0, *, begin: int = 72) -> bytes:
    """2.2.6: an answer to SESSION_SETUP."""
    return header(1, number, status) + struct.pack("<HHHH", 9, flags, begin, len(token)) + token


def refusal(command: int, number: int, status: int, *, flags: int = 1) -> bytes:
    """2.2.2: any error; with the flag 2 the one that says to wait for another."""
    return header(command, number, status, flags=flags) + struct.pack("<HBBI", 9, 0, 0, 0) + b"\0"


def framed(message: bytes) -> bytes:
    """2.1: as it goes over TCP."""
    return struct.pack(">I", len(message)) + message


class Told:
    """The requests that came, each without its frame."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[bytes] = []


@contextmanager
def answering(*answers: bytes, hold: bool = False) -> Iterator[Told]:
    """To each request the next answer as it is, then the end; `hold`: then nothing, until we go."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = Told(listener.getsockname()[1])

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as came:
                for answer in answers:
                    frame = came.read(4)
                    if len(frame) < 4:
                        return
                    told.requests.append(came.read(int.from_bytes(frame, "big")))
                    connection.sendall(answer)
                if hold:
                    came.read()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield told
        thread.join(5)
        assert not thread.is_alive()
