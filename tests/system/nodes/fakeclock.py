"""The truth about one node's fake CLOCK_REALTIME: read, step and bend it from the test (see fakeclock.c)."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NS = 1_000_000_000
SOURCE = Path(__file__).with_name("fakeclock.c")
GUEST_PATH = "/run/fakeclock"
"""Where every node sees its own clock file; compiled into the library."""

_MAGIC = int.from_bytes(b"FKECLCK1", "little")
_STA_UNSYNC = 0x40
_PHASE_LIMIT_US = 16_000_000


class _State(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int64)
        for name in (
            "base_real",
            "base_fake",
            "drift",
            "freq",
            "tick",
            "slew",
            "status",
            "maxerror",
            "esterror",
            "constant",
            "tai",
        )
    ]


class _Shared(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int64), ("seq", ctypes.c_uint64), ("slot", _State * 2)]


def build_library(directory: Path) -> Path:
    """Compile the preload library into `directory` and return its path.

    Raises:
        subprocess.CalledProcessError: the compiler refused; its words are on stderr.
    """
    library = directory / "fakeclock.so"
    argv = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
    subprocess.run([*argv, f'-DFAKECLOCK_PATH="{GUEST_PATH}"', "-o", str(library), str(SOURCE)], check=True)
    return library


class FakeClock:
    """One clock: a crystal (`drift_ppb`) and what adjtimex(2) made of it, over the machine's own clock.

    All offsets are fake minus the machine's CLOCK_REALTIME, in nanoseconds; positive = ahead.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(fd, ctypes.sizeof(_Shared))
        finally:
            os.close(fd)
        self._shared = _Shared.from_buffer(self._map)

    @classmethod
    def create(cls, path: Path, *, offset_ns: int = 0, drift_ppb: int = 0) -> FakeClock:
        """A new clock file, `offset_ns` off and drifting from now on; unsynchronised, as after a boot."""
        real = time.time_ns()
        first = _State(real, real + offset_ns, drift_ppb, 0, 10_000, 0, _STA_UNSYNC, _PHASE_LIMIT_US)
        first.esterror, first.constant = _PHASE_LIMIT_US, 2
        path.write_bytes(bytes(_Shared(_MAGIC, 0, (_State * 2)(first, first))))
        path.chmod(0o644)
        return cls(path)

    def read(self) -> int:
        """The fake UTC now, ns since 1970."""
        return self._reading()[1]

    def offset_ns(self) -> int:
        """The truth: fake minus real, now."""
        real, fake = self._reading()
        return fake - real

    def step(self, ns: int) -> None:
        """Move the clock by `ns` at once, as a hypervisor or an agent does; discipline is kept."""
        with self._change() as state:
            state.base_fake += ns

    def set_offset(self, ns: int) -> None:
        """Put the clock `ns` off the machine's."""
        with self._change() as state:
            state.base_fake = state.base_real + ns

    def set_drift(self, ppb: int) -> None:
        """Give the crystal another rate error from now on; the reading itself does not jump."""
        with self._change() as state:
            state.drift = ppb

    def forget_discipline(self) -> None:
        """What a boot does: frequency, tick and status are back to their defaults, time and drift stay."""
        with self._change() as state:
            state.freq, state.tick, state.slew, state.status = 0, 10_000, 0, _STA_UNSYNC
            state.maxerror = state.esterror = _PHASE_LIMIT_US

    @property
    def drift_ppb(self) -> int:
        """Rate error of the crystal, undisciplined."""
        return int(self._state().drift)

    @property
    def frequency_ppb(self) -> int:
        """The correction somebody set through adjtimex (frequency and tick); 0 = nobody did."""
        state = self._state()
        return (int(state.tick) - 10_000) * 100_000 + int(state.freq) * 1000 // 65536

    @property
    def synchronised(self) -> bool:
        """Whether the kernel of this node would say so (STA_UNSYNC clear)."""
        return not self._state().status & _STA_UNSYNC

    def _state(self) -> _State:
        while True:
            seq = self._shared.seq
            copy = _State.from_buffer_copy(self._shared.slot[seq & 1])
            if self._shared.seq == seq:
                return copy

    def _reading(self) -> tuple[int, int]:
        while True:
            seq = self._shared.seq
            state = _State.from_buffer_copy(self._shared.slot[seq & 1])
            real = time.time_ns()
            if self._shared.seq == seq:
                return real, _fake_at(state, real)

    @contextmanager
    def _change(self) -> Iterator[_State]:
        with self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            state = _State.from_buffer_copy(self._shared.slot[self._shared.seq & 1])
            real = time.time_ns()
            state.maxerror += max(real - state.base_real, 0) // NS * 500
            state.base_fake, state.slew = _fake_at(state, real), state.slew - _slewed(state, real)
            state.base_real = real
            yield state
            self._shared.slot[(self._shared.seq + 1) & 1] = state
            self._shared.seq += 1


def _slewed(state: _State, real: int) -> int:
    worked = min(abs(state.slew), max(real - state.base_real, 0) // 2000)
    return worked if state.slew >= 0 else -worked


def _fake_at(state: _State, real: int) -> int:
    elapsed = real - state.base_real
    elapsed += elapsed * state.drift // NS
    elapsed += elapsed * ((state.tick - 10_000) * 100 * 65536 + state.freq) // (65536 * 1_000_000)
    return state.base_fake + elapsed + _slewed(state, real)
