"""A forger's workshop: edit a session on disk, then make every hash, number and digest fit again.

A forger has the program too, so that decisions can be derived anew from forged evidence.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from cutover_tui.core.gate import decide
from cutover_tui.core.loading import load_text
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.record.asking import Logs, question
from cutover_tui.record.baseline import capture
from cutover_tui.record.events import GENESIS, BaselineCaptured, Decided, Event
from cutover_tui.record.journal import read
from cutover_tui.record.reels import logs_of, seals_by_tape
from cutover_tui.record.state import State
from cutover_tui.record.tape import read_tape, tape_path

Line = dict[str, Any]


class Forgery:
    """One session directory under the forger's hands. Nothing is on disk before `publish`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.events: list[Line] = _lines(directory / "journal.jsonl")
        self.tapes: dict[str, list[Line]] = {}
        for path in sorted((directory / "tapes").iterdir()):
            lines = _lines(path)
            self.tapes[lines[0]["tape"]] = lines
        self._origin = {id(event): seq for seq, event in enumerate(self.events, 1)}
        self._seals = self._sealed_lines()

    # Finding things

    def bodies(self, kind: str, /, **fields: object) -> list[Line]:
        """The bodies of that type whose fields are these."""
        return [
            e["body"]
            for e in self.events
            if e["body"]["type"] == kind and all(e["body"].get(k) == v for k, v in fields.items())
        ]

    def decisions(self, step: str, outcome: str, host: str = "app01") -> list[Line]:
        return [
            e
            for e in self.events
            if e["body"]["type"] == "decided"
            and (d := e["body"]["decision"])["step"] == step
            and (d["outcome"], d["host"]) == (outcome, host)
        ]

    def observations(self, reader: str, tape: str = "app01") -> list[Line]:
        return [line for line in self.tapes[tape] if line["t"] == "obs" and line["reader"] == reader]

    def samples(self, tape: str = "app01") -> list[Line]:
        return [line for line in self.tapes[tape] if line["t"] == "s"]

    def raw_of(self, observation: Line, n: int = 0) -> Line:
        """The interned raw output an observation cites."""
        tape = self.tapes[observation["host"]]
        return next(line for line in tape if line["t"] == "raw" and line["sha256"] == observation["raw"][n])

    # Changing things

    def drop(self, events: list[Line]) -> None:
        """Take events out of the journal."""
        gone = {id(e) for e in events}
        self.events = [e for e in self.events if id(e) not in gone]

    def drop_body(self, body: Line) -> None:
        self.drop([e for e in self.events if e["body"] is body])

    def insert(self, at: int, body: Line) -> Line:
        """Put an event before the one at that place, with the time and name of its neighbour."""
        near = self.events[at - 1]
        event = {"seq": 0, "prev": "", "at": near["at"], "by": near["by"], "body": body}
        self.events.insert(at, event)
        return event

    # Making it fit again

    def publish(self, *, rederive: bool = False) -> None:
        """Write everything back with all digests, seals, sequence numbers and the chain recomputed.

        Args:
            rederive: also let the program decide again on the forged evidence.
        """
        self._intern()
        self._write_tapes()
        self._renumber()
        self._reseal()
        self._write_journal()
        if rederive:
            self._decide_again()

    def _sealed_lines(self) -> list[tuple[Line, list[tuple[str, list[Line]]]]]:
        """For every seal the very lines it covers, so that edits move it along."""
        return [
            (w, [(w["tape"], self.tapes[w["tape"]][w["first"] - 1 : w["last"]])])
            for body in self.bodies("sealed")
            for w in body["windows"]
        ]

    def _intern(self) -> None:
        for lines in self.tapes.values():
            new: dict[str, str] = {}
            for line in lines:
                if line["t"] == "raw":
                    digest = sha256(_encoded(line["raw"])).hexdigest()
                    new[line["sha256"]] = digest
                    line["sha256"] = digest
            for line in lines:
                if line["t"] == "obs":
                    line["raw"] = [new.get(digest, digest) for digest in line["raw"]]

    def _write_tapes(self) -> None:
        for name, lines in self.tapes.items():
            data = b"".join(_encoded(line) + b"\n" for line in lines)
            tape_path(self.directory / "tapes", name).write_bytes(data)

    def _reseal(self) -> None:
        places = {
            name: {id(line): n for n, line in enumerate(lines, 1)} for name, lines in self.tapes.items()
        }
        reached: dict[str, int] = {}
        for window, covered in self._seals:
            ((name, lines),) = covered
            at = [places[name][id(line)] for line in lines if id(line) in places[name]]
            first = reached.get(name, 0) + 1
            last = max([*at, first - 1])
            mine = self.tapes[name][first - 1 : last]
            window.update(
                first=first,
                last=last,
                sha256=sha256(b"".join(_encoded(line) + b"\n" for line in mine)).hexdigest(),
                n=sum(line["t"] == "s" for line in mine),
                gaps=sum(line["t"] == "gap" for line in mine),
            )
            reached[name] = last
        newest: dict[str, Line] = {}
        for event in self.events:
            body = event["body"]
            if body["type"] == "sealed":
                body["windows"] = [w for w in body["windows"] if w["last"] >= w["first"]]
                newest.update({w["tape"]: w for w in body["windows"]})
            if body["type"] == "decided":
                cited = body["decision"]["windows"]
                body["decision"]["windows"] = [dict(newest[w["tape"]]) for w in cited if w["tape"] in newest]

    def _renumber(self) -> None:
        new = {self._origin[id(e)]: seq for seq, e in enumerate(self.events, 1) if id(e) in self._origin}
        for seq, event in enumerate(self.events, 1):
            event["seq"] = seq
            body = event["body"]
            if body["type"] == "action-ended":
                body["intent"] = new.get(body["intent"], 0)
            if body["type"] == "done":
                body["decision"] = new.get(body["decision"], body["decision"])
            if body["type"] == "decided":
                decision = body["decision"]
                decision["upto"] = seq - 1
                if decision["mark"] is not None:
                    decision["mark"] = new.get(decision["mark"])
                for finding in decision["findings"]:
                    if finding["baseline"] is not None:
                        finding["baseline"] = str(new.get(int(finding["baseline"])))
        self._origin = {id(e): seq for seq, e in enumerate(self.events, 1)}

    def _write_journal(self) -> None:
        prev = GENESIS
        lines: list[bytes] = []
        for event in self.events:
            event["prev"] = prev
            line = _encoded(event)
            prev = sha256(line).hexdigest()
            lines.append(line + b"\n")
        (self.directory / "journal.jsonl").write_bytes(b"".join(lines))

    def _decide_again(self) -> None:
        """Every baseline and decision as the program gives it on what is written now."""
        journal = self.directory / "journal.jsonl"
        seals = seals_by_tape(read(journal, FORMAT.decode).events)
        logs = {
            name: logs_of(read_tape(tape_path(self.directory / "tapes", name), mine))
            for name, mine in seals.items()
        }
        state = State()
        for event in self.events:
            parsed: Event = FORMAT.decode(_encoded(event))
            if state.started is not None and isinstance(parsed.body, Decided | BaselineCaptured):
                book = load_text(state.started.runbook_text, state.started.runbook_name).runbook
                mine = Logs(
                    {n: boots[parsed.at.boot_id] for n, boots in logs.items() if parsed.at.boot_id in boots}
                )
                if isinstance(parsed.body, BaselineCaptured):
                    body: Any = capture(book, state, mine, parsed.body.host, parsed.at, state.seals)
                else:
                    old = parsed.body.decision
                    step = book.step(old.step)
                    assert step is not None
                    again = decide(
                        question(
                            book,
                            state,
                            mine,
                            step,
                            old.host,
                            old.at,
                            upto=old.upto,
                            seals=state.seals,
                            operator=parsed.by,
                            second=parsed.body.second,
                            asked=parsed.body.asked,
                        )
                    )
                    body = Decided(again, parsed.body.second, parsed.body.asked)
                event["body"] = json.loads(FORMAT.encode(Event(parsed.seq, "", parsed.at, parsed.by, body)))[
                    "body"
                ]
            state.apply(FORMAT.decode(_encoded(event)))
        self._write_journal()


def _lines(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


Attack = Callable[[Forgery], None]
