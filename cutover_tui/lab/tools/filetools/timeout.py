"""timeout of GNU coreutils 9.1."""

from __future__ import annotations

import re

from cutover_tui.lab.tools.call import Call, Out, Result, Running, Wait

_TRY = "Try 'timeout --help' for more information.\n"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_ENDED = 124


def timeout(call: Call) -> Result | Running:
    """`timeout [-k DURATION] DURATION COMMAND…`: the command, ended when its time is over."""
    words = call.argv[1:]
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "-k":
            if not words:
                return Result(125, err=f"timeout: option requires an argument -- 'k'\n{_TRY}")
            words.pop(0)
        elif option.startswith("--"):
            return Result(125, err=f"timeout: unrecognized option '{option}'\n{_TRY}")
        else:
            return Result(125, err=f"timeout: invalid option -- '{option[1]}'\n{_TRY}")
    if len(words) < 2:
        return Result(125, err=_TRY)
    given = _DURATION.fullmatch(words[0])
    if given is None:
        return Result(125, err=f"timeout: invalid time interval {call.quote(words[0])}\n{_TRY}")
    running = call.start(words[1:], call.env)
    if running is None:
        said = f"failed to run command {call.quote(words[1])}: No such file or directory"
        return Result(127, err=f"timeout: {said}\n")
    return _limited(running, int(float(given[1]) * _SECONDS[given[2]] * 1_000_000_000))


def _limited(running: Running, left_ns: int) -> Running:
    answer: str | None = None
    while True:
        try:
            event = running.send(answer)
        except StopIteration as end:
            return int(end.value)
        answer = None
        if isinstance(event, Wait):
            if event.ns >= left_ns > 0:
                yield Wait(left_ns)
                running.close()
                return _ENDED
            left_ns -= event.ns
            yield event
        elif isinstance(event, Out):
            yield event
        else:
            answer = yield event
