"""The fake clock is one clock for every process of its node, may be set from inside, and is not the host's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from tests.system.nodes.fakeclock import NS
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.nodes.sshd import USER

MS = 1_000_000
DAY = 86_400
READERS = {
    "bash": ["bash", "-c", "echo $EPOCHREALTIME"],
    "date": ["date", "+%s.%N"],
    "python3": ["/usr/bin/python3", "-c", "import time; print('%.6f' % time.time())"],
    "perl-time": ["perl", "-e", "print time"],
    "perl-hires": ["perl", "-MTime::HiRes=time", "-e", "printf '%.6f', time"],
    "busybox": ["busybox", "date", "+%s"],
    "login": ["su", "-", USER, "-c", "date +%s.%N"],
}

ADJTIMEX = """
import ctypes, os, sys
class Timex(ctypes.Structure):
    _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
        ("constant", ctypes.c_long), ("precision", ctypes.c_long), ("tolerance", ctypes.c_long),
        ("sec", ctypes.c_long), ("sub", ctypes.c_long), ("tick", ctypes.c_long), ("rest", ctypes.c_long * 32)]
libc = ctypes.CDLL(None, use_errno=True)
def adjtimex(**fields):
    x = Timex(**fields)
    state = libc.adjtimex(ctypes.byref(x))
    return state, os.strerror(ctypes.get_errno()) if state < 0 else "", x
"""


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    with SystemLab() as lab:
        yield lab.guest("app01")


@pytest.fixture(autouse=True)
def the_machine_keeps_its_clock() -> Iterator[None]:
    def wall_minus_steady() -> int:
        return time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)

    before = wall_minus_steady()
    yield
    assert abs(wall_minus_steady() - before) < 50 * MS


@pytest.fixture
def in_guest(guest: Guest) -> Callable[[str], str]:
    return lambda code: guest.node.run("/usr/bin/python3", "-c", code).out.strip()


def _adjust(guest: Guest, code: str) -> str:
    return guest.node.run("/usr/bin/python3", "-c", ADJTIMEX + code).out.strip()


@pytest.mark.parametrize("reader", READERS)
def test_every_program_reads_the_same_drifting_clock(guest: Guest, reader: str):
    # At 10 % a rate that started anew in each process would leave the bracket at once.
    guest.clock.set_offset(-3 * DAY * NS)
    guest.clock.set_drift(100_000_000)
    for _ in range(3):
        before = guest.clock.read()
        text = guest.node.run(*READERS[reader]).out
        after = guest.clock.read()
        whole = "." not in text
        assert before - (NS if whole else 1000) <= int(Decimal(text) * NS) <= after


def test_ssh_logins_and_sudo_read_it_too():
    with SystemLab() as lab:
        guest = lab.guest("app01", offset_s=-301, drift_ppm=50_000)
        for command in ("echo $EPOCHREALTIME", "sudo -n date +%s.%N"):
            before = guest.clock.read()
            text = lab.jump.run("ssh", "app01", command).out
            assert before - 1000 <= int(Decimal(text) * NS) <= guest.clock.read()


def test_offset_is_the_truth_and_a_new_drift_does_not_jump(guest: Guest):
    guest.clock.set_drift(0)
    guest.clock.set_offset(5 * NS)
    guest.clock.set_drift(400_000)
    assert abs(guest.clock.offset_ns() - 5 * NS) < MS
    guest.clock.step(-7 * NS)
    assert abs(guest.clock.offset_ns() + 2 * NS) < MS


def test_date_sets_the_guests_clock_only(guest: Guest):
    guest.clock.set_drift(0)
    guest.node.run("date", "-s", "@4000000000")
    assert 4_000_000_000 * NS <= guest.clock.read() < 4_000_000_005 * NS
    assert not guest.clock.synchronised


def test_settimeofday_and_clock_settime(guest: Guest, in_guest: Callable[[str], str]):
    in_guest("import time; time.clock_settime_ns(time.CLOCK_REALTIME, 5)")
    assert 5 <= guest.clock.read() < 5 * NS  # 1970
    code = "import ctypes; tv = (ctypes.c_long * 2)(4294967300, 7); ctypes.CDLL(None).settimeofday(tv, None)"
    in_guest(code)
    assert 4_294_967_300 * NS <= guest.clock.read() < 4_294_967_305 * NS  # 2106


def test_the_engineer_may_not_set_it_without_sudo(guest: Guest):
    guest.clock.set_offset(0)
    refused = guest.node.run("date", "-s", "@4000000000", user=USER, check=False)
    assert refused.rc != 0
    assert "Operation not permitted" in refused.err
    assert abs(guest.clock.offset_ns()) < NS


def test_who_owns_the_clocks_file_may_set_it(guest: Guest):
    guest.clock.set_offset(0)
    guest.node.run("chown", USER, "/run/fakeclock")
    try:
        guest.node.run("date", "-s", "@4000000000", user=USER)
    finally:
        guest.node.run("chown", "root", "/run/fakeclock")
    assert 4_000_000_000 * NS <= guest.clock.read() < 4_000_000_005 * NS


STAMPED = """
import socket, struct, time
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.bind(("127.0.0.1", 0))
here.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
before = time.time_ns()
here.sendto(b"x", here.getsockname())
_, control, _, _ = here.recvmsg(10, 100)
seconds, ns = struct.unpack("qq", control[0][2])
print(before, seconds * 10**9 + ns, time.time_ns())
"""


def test_packets_are_stamped_with_the_guests_clock(guest: Guest, in_guest: Callable[[str], str]):
    guest.clock.set_offset(-3 * DAY * NS)
    guest.clock.set_drift(100_000_000)
    before, stamp, after = map(int, in_guest(STAMPED).split())
    assert before - 1000 <= stamp <= after


def test_a_direct_system_call_cannot_reach_the_machines_clock(in_guest: Callable[[str], str]):
    code = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
rc = libc.syscall(227, 0, (ctypes.c_long * 2)(4000000000, 0))  # clock_settime on x86-64
print(rc, os.strerror(ctypes.get_errno()))
"""
    assert in_guest(code) == "-1 Operation not permitted"


def test_adjtimex_frequency_tick_and_status(guest: Guest):
    guest.clock.set_drift(0)
    guest.clock.forget_discipline()
    assert _adjust(guest, "s, e, x = adjtimex(); print(s, x.freq, x.tick, x.status & 0x40, x.maxerror)") == (
        "5 0 10000 64 16000000"  # TIME_ERROR while STA_UNSYNC, as after a boot
    )
    set_all = "adjtimex(modes=0x4016, freq=-65536 * 50, tick=10001, status=0x2000, maxerror=1000)"
    assert _adjust(guest, f"s, e, x = {set_all}; print(s, x.freq, x.tick)") == "0 -3276800 10001"
    assert guest.clock.frequency_ppb == 100_000 - 50_000
    assert guest.clock.synchronised


@pytest.mark.parametrize(
    "bad", ["modes=0x4000, tick=8999", "modes=0x4000, tick=11001", "modes=0x100, sec=1, sub=1000000"]
)
def test_adjtimex_refuses_what_the_kernel_refuses(guest: Guest, bad: str):
    guest.clock.set_offset(0)
    assert _adjust(guest, f"s, e, x = adjtimex({bad}); print(s, e)") == "-1 Invalid argument"
    assert abs(guest.clock.offset_ns()) < NS


def test_adjtimex_steps_by_an_offset(guest: Guest):
    guest.clock.set_drift(0)
    guest.clock.forget_discipline()
    guest.clock.set_offset(0)
    _adjust(guest, "adjtimex(modes=0x2100, sec=-302, sub=500000000)")  # ADJ_SETOFFSET | ADJ_NANO
    assert abs(guest.clock.offset_ns() + 301_500_000_000) < MS


def test_adjtime_slews_at_500_ppm_and_no_faster(guest: Guest, in_guest: Callable[[str], str]):
    guest.clock.set_drift(0)
    guest.clock.forget_discipline()
    guest.clock.set_offset(0)
    began = time.monotonic_ns()
    in_guest("import ctypes; ctypes.CDLL(None).adjtime((ctypes.c_long * 2)(1, 0), None)")
    moved = guest.clock.offset_ns()
    assert 0 <= moved <= (time.monotonic_ns() - began) // 2000 + 1000
    left = in_guest(
        "import ctypes; o = (ctypes.c_long * 2)(); ctypes.CDLL(None).adjtime(None, o); print(o[0] * 10**6 + o[1])"
    )
    assert 990_000 <= int(left) <= 1_000_000


def test_packet_stamps_that_are_not_translated_are_refused(in_guest: Callable[[str], str]):
    code = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for name in (29, 37, 63, 64, 65):
    try:
        s.setsockopt(socket.SOL_SOCKET, name, 1)
    except OSError as error:
        print(error.errno)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
"""
    assert in_guest(code).split() == ["92"] * 5  # ENOPROTOOPT


def test_readers_never_see_half_a_change(guest: Guest):
    guest.clock.set_drift(0)
    guest.clock.set_offset(100 * NS)
    hammer = "for i in range(20000): adjtimex(modes=2, freq=(i % 7 - 3) * 65536)"
    writers = [guest.node.popen("/usr/bin/python3", "-c", ADJTIMEX + hammer) for _ in range(2)]
    reads = 0
    while any(w.poll() is None for w in writers):
        assert abs(guest.clock.offset_ns() - 100 * NS) < MS
        guest.clock.step(0)
        reads += 1
    assert reads > 50
    for writer in writers:
        out, _ = writer.communicate()
        assert (writer.returncode, out) == (0, b"")
