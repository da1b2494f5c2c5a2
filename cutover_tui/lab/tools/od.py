"""GNU od of a socket: the first bytes that come, in hex."""

from __future__ import annotations

from cutover_tui.lab.tools.call import Call, Out, Result, Running, Wait
from cutover_tui.lab.tools.filetools import looking

_FOREVER_NS = 3600 * 1_000_000_000


def od(call: Call) -> Result | Running:
    """`od -An -v -tx1 -wW -NN <&3`; of a file as `looking` does it."""
    words = call.argv[1:]
    if call.stdin is None:
        return looking.od(call)
    if not {"-An", "-v", "-tx1"} <= set(words):
        return Result(1, err="od: of a socket this one dumps -An -v -tx1\n")
    width = next((int(w[2:]) for w in words if w.startswith("-w")), 16)
    most = next((int(w[2:]) for w in words if w.startswith("-N")), 65536)
    return _dump(call, width, most)


def _dump(call: Call, width: int, most: int) -> Running:
    assert call.stdin is not None  # noqa: S101 - od looked
    found = call.stdin.next()
    if found is None:
        yield Wait(_FOREVER_NS)
        return 1
    at, data = found
    left = at - call.now
    if left > 0:
        yield Wait(left)
    if data is None:
        yield Out(2, "od: 'standard input': Connection refused\n")
        return 1
    shown = data[:most]
    for start in range(0, len(shown), width):
        yield Out(1, "".join(f" {byte:02x}" for byte in shown[start : start + width]) + "\n")
    return 0
