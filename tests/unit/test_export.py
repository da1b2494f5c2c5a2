"""`export` and `verify` as an engineer runs them: whole or not at all, private, and caught when edited."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import threading
from hashlib import sha256
from pathlib import Path

import pytest

from cutover_tui.cli import main
from cutover_tui.engine.export import export, exporter
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.sessions import SessionDirectory
from cutover_tui.engine.verifying import verify
from cutover_tui.record.files import RecordError
from cutover_tui.record.journal import read
from tests.unit.forgery import Forgery
from tests.unit.honest_session import Script, story, tell, walking


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "session"
    asyncio.run(tell(path))
    return path


@pytest.fixture
def evidence(session: Path, tmp_path: Path) -> Path:
    export(SessionDirectory(session), tmp_path / "evidence")
    return tmp_path / "evidence"


def relist(path: Path) -> None:
    """What a forger does after editing a file: the manifest fits again."""
    listing = json.loads((path / "manifest.json").read_bytes())
    for one in listing["files"]:
        data = (path / one["path"]).read_bytes()
        one.update(size=len(data), sha256=sha256(data).hexdigest())
    listing["head"] = read(path / "journal.jsonl", FORMAT.decode).head
    (path / "manifest.json").write_text(json.dumps(listing))


def test_all_files_are_there_private_and_listed(evidence: Path, session: Path) -> None:
    files = {str(p.relative_to(evidence)): p for p in evidence.rglob("*") if p.is_file()}
    assert set(files) == {
        "report.html",
        "report.md",
        "ticket.txt",
        "journal.jsonl",
        "tapes/@jump.jsonl",
        "tapes/app01.jsonl",
        "tapes/app02.jsonl",
        "manifest.json",
    }
    assert {stat.S_IMODE(p.stat().st_mode) for p in files.values()} == {0o600}
    assert {stat.S_IMODE(p.stat().st_mode) for p in (evidence, evidence / "tapes")} == {0o700}
    listing = json.loads(files["manifest.json"].read_bytes())
    assert listing["format"] == "cutover-evidence-1"
    assert {f["path"] for f in listing["files"]} == set(files) - {"manifest.json"}
    assert all(f["sha256"] == sha256(files[f["path"]].read_bytes()).hexdigest() for f in listing["files"])
    assert (evidence / "journal.jsonl").read_bytes() == (session / "journal.jsonl").read_bytes()


def test_two_exports_of_one_record_are_the_same_bytes(evidence: Path, session: Path, tmp_path: Path) -> None:
    export(SessionDirectory(session), tmp_path / "again")
    for path in evidence.rglob("*"):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(evidence)).read_bytes() == path.read_bytes()


def test_an_empty_directory_is_filled_another_is_not_touched(session: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    head = exporter(SessionDirectory(session))(tmp_path / "empty")
    assert verify(tmp_path / "empty", head).answer == "follows"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("full", "full/mine", "link", "full/mine/below-a-file"):
        with pytest.raises(RecordError):
            export(SessionDirectory(session), tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "full", "link"]
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["mine"]


def test_missing_parents_are_made(session: Path, tmp_path: Path) -> None:
    head = export(SessionDirectory(session), tmp_path / "evidence" / "CHG1")
    assert verify(tmp_path / "evidence" / "CHG1", head).answer == "follows"


def test_a_damaged_session_is_refused_and_leaves_nothing(session: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(session, tmp_path / "copy"))
    tape = copy / "tapes" / "app01.jsonl"
    tape.write_bytes(tape.read_bytes().replace(b"chrony", b"chrOny", 1))
    with pytest.raises(RecordError, match=r"app01.jsonl:\d+:"):
        export(SessionDirectory(copy), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [p for p in tmp_path.iterdir() if p.name.startswith(".")] == []


async def test_a_session_under_way_exports_what_is_sealed(tmp_path: Path) -> None:
    directory = SessionDirectory(tmp_path / "session")
    async with walking(directory.path, Script(), exporter=exporter(directory)) as walk:
        await story(walk)
        await walk.pass_time(10)
        head = await walk.session.export(str(tmp_path / "first"))
        assert isinstance(head, str)
        await walk.pass_time(10)  # not sealed, and partly in the file
        assert verify(tmp_path / "first", head).remarks == []
        refused = await walk.session.export(str(tmp_path / "first"))
        assert not isinstance(refused, str)
        assert "is there already" in refused.reason
    assert verify(directory.path).remarks == []
    grown = verify(directory.path, head)
    assert [r.answer for r in grown.remarks] == ["does-not-follow"]
    assert "nothing vouches for" in grown.remarks[0].what


# verify


def test_honest_evidence_follows(evidence: Path) -> None:
    result = verify(evidence)
    assert result.remarks == []
    assert verify(evidence, result.head).remarks == []


@pytest.mark.parametrize("name", ["report.html", "report.md", "ticket.txt"])
@pytest.mark.parametrize("fit_the_manifest", [False, True])
def test_an_edited_report_is_caught(evidence: Path, name: str, fit_the_manifest: bool) -> None:
    path = evidence / name
    path.write_text(path.read_text().replace("✗ refused", "✓ done", 1))
    if fit_the_manifest:
        relist(evidence)
    result = verify(evidence)
    assert result.answer == "does-not-follow"
    assert any(str(path) in r.where for r in result.remarks)


def test_a_report_of_another_version_is_not_called_genuine(evidence: Path) -> None:
    path = evidence / "ticket.txt"
    path.write_text(path.read_text().replace("✗ refused", "✓ done", 1))
    relist(evidence)
    manifest = evidence / "manifest.json"
    listing = json.loads(manifest.read_bytes())
    listing["tool"] = "9.9"
    manifest.write_text(json.dumps(listing))
    assert verify(evidence).answer == "not-rederivable"


def test_missing_added_and_foreign_files_are_named(evidence: Path) -> None:
    (evidence / "tapes" / "more.jsonl").write_text("x")
    (evidence / "report.md").unlink()
    whats = {r.what for r in verify(evidence).remarks}
    assert whats >= {"report.md is missing", "this file is not in the manifest"}
    (evidence / "manifest.json").unlink()
    assert any("manifest" in r.what for r in verify(evidence).remarks)


def test_a_forged_session_under_a_fitting_manifest_is_caught(evidence: Path) -> None:
    forgery = Forgery(evidence)
    forgery.bodies("noted")[0]["text"] = "nothing happened"
    forgery.publish()
    relist(evidence)
    result = verify(evidence)
    assert result.answer == "does-not-follow"  # the reports tell of another note
    assert all("report" in r.where or "ticket" in r.where for r in result.remarks)


@pytest.mark.parametrize("path", ["../../../etc/passwd", "/etc/passwd", "tapes/../../x"])
def test_a_manifest_cannot_lead_out_of_its_directory(evidence: Path, path: str) -> None:
    manifest = evidence / "manifest.json"
    listing = json.loads(manifest.read_bytes())
    listing["files"][0]["path"] = path
    manifest.write_text(json.dumps(listing))
    assert f"{path} is missing" in {r.what for r in verify(evidence).remarks}


@pytest.mark.parametrize("spoiled", [b"", b"{}", b"[" * 10_000, b'{"format":"other"}', b"\xff"])
def test_a_manifest_that_is_none(evidence: Path, spoiled: bytes) -> None:
    (evidence / "manifest.json").write_bytes(spoiled)
    assert verify(evidence).answer == "does-not-follow"


def test_pipes_and_links_do_not_hold_or_lead_us(evidence: Path) -> None:
    (evidence / "ticket.txt").unlink()
    os.mkfifo(evidence / "ticket.txt")
    with pytest.raises(RecordError, match="not a regular file"):
        verify(evidence)
    (evidence / "ticket.txt").unlink()
    (evidence / "ticket.txt").symlink_to("/etc/passwd")
    with pytest.raises(RecordError, match="not a regular file"):
        verify(evidence)


# The command line


def test_export_then_verify(session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["export", str(session), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    head = read(session / "journal.jsonl", FORMAT.decode).head
    assert f"chain head {head}" in said
    assert "fingerprint of the whole record" in said
    assert main(["verify", str(out)]) == 0
    assert "fingerprint of the whole record" in capsys.readouterr().out
    assert main(["verify", str(out), "--head", f" {head.upper()}\n"]) == 0
    assert "This is the head given from the ticket." in capsys.readouterr().out
    assert main(["verify", str(session)]) == 0
    assert main(["verify", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.split("\n", 3)[3])["answer"] == "follows"


def test_verify_says_where_and_exits_by_answer(evidence: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(evidence), "--head", "0" * 64]) == 1
    said = capsys.readouterr().out
    assert f"{evidence}/journal.jsonl:43: does not follow: the chain head is" in said
    assert "DOES NOT FOLLOW" in said
    lines = (evidence / "journal.jsonl").read_bytes().split(b"\n")
    lines[4] = lines[4].replace(b"base", b"time")
    (evidence / "journal.jsonl").write_bytes(b"\n".join(lines))
    assert main(["verify", str(evidence)]) == 1
    assert f"{evidence}/journal.jsonl:5: does not follow: this line's SHA-256" in capsys.readouterr().out


def test_what_is_no_evidence_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "file"):
        assert main(["verify", str(path)]) == 2
    assert main(["verify", str(tmp_path), "--head", "abc"]) == 2
    assert main(["export", str(tmp_path / "nothing"), "-o", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 5


def test_an_empty_journal_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "journal.jsonl").write_bytes(b"")
    assert main(["verify", str(tmp_path)]) == 1
    assert "the journal is empty" in capsys.readouterr().out
    assert main(["export", str(tmp_path), "-o", str(tmp_path / "out")]) == 2


def test_hostile_words_do_not_reach_the_terminal(evidence: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forgery = Forgery(evidence)
    forgery.bodies("step-started")[0]["step"] = "base\x1b]0;owned\x07\x1b[2J\nFOLLOWS"
    forgery.publish()
    assert main(["verify", str(evidence)]) == 1
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert not any(line.startswith("FOLLOWS") for line in said.splitlines())


def test_the_journal_may_grow_while_it_is_exported(session: Path, tmp_path: Path) -> None:
    """What is appended during the copy is left out; the evidence is whole."""
    copy = Path(shutil.copytree(session, tmp_path / "copy"))
    stop = threading.Event()

    def grow() -> None:
        with (copy / "tapes" / "app01.jsonl").open("ab", buffering=0) as file:
            while not stop.wait(0.0005):  # a tape grows line by line, not as fast as a disk takes it
                file.write(b'{"t":"gap","begin_ns":1,"end_ns":2,"why":"x"}\n')

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        for n in range(5):
            head = export(SessionDirectory(copy), tmp_path / f"out{n}")
    finally:
        stop.set()
        thread.join()
    assert all(verify(tmp_path / f"out{n}", head).remarks == [] for n in range(5))
