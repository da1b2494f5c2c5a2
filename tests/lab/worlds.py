"""The fixture worlds, built at one moment."""

from __future__ import annotations

from pathlib import Path

from cutover_tui.lab.shell import Shell
from cutover_tui.lab.tools.call import Out, Wait
from cutover_tui.lab.world.build import PASSWORD, USER, build
from cutover_tui.lab.world.events import Timeline
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.loading import load_world

SECOND = 1_000_000_000
NOON = 1_795_348_800 * SECOND
FIXTURES = Path(__file__).parent / "worlds_fixture"


class Played:
    """A world with its timeline, and a hand on its time."""

    def __init__(self, name: str) -> None:
        self.spec = load_world(FIXTURES / f"{name}.yaml").spec
        self.now = NOON
        self.world: World = build(self.spec, NOON)
        self.timeline = Timeline(self.spec, self.world, NOON)

    def wait(self, seconds: float) -> list[str]:
        self.now += int(seconds * SECOND)
        return [one.what for one in self.timeline.advance(self.now)]

    def offset(self, name: str) -> float:
        return self.world.guests[name].clock.offset(self.now) / SECOND

    def run(self, name: str, argv: list[str], *, user: str = USER) -> tuple[int, str, str]:
        """One command on a guest, with the password wherever one is read."""
        guest = self.world.guests[name]
        shell = Shell(self.world, guest, guest.users[user], lambda: self.now, flavour=guest.users[user].shell)
        line = " ".join("'" + word.replace("'", "'\\''") + "'" for word in argv)
        running, out, answer = shell.script(line), {1: "", 2: ""}, None
        while True:
            try:
                event = running.send(answer)
            except StopIteration as end:
                return end.value, out[1], out[2]
            answer = None
            if isinstance(event, Out):
                out[event.fd] += event.text
            elif isinstance(event, Wait):
                self.now += event.ns
            else:
                answer = PASSWORD
