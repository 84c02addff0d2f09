"""The commands: shapes, exit codes, one line for an error, and data on standard output alone."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from session_tui.cli.main import main
from tests.fixture_homes import build, digest

ROW_KEYS = {
    *("ref", "store", "id", "root", "title", "title_source", "project", "git_branch", "model", "provider", "vendor"),
    *("endpoint", "skill", "state", "kind", "parent", "scope", "created_at", "updated_at", "last_active_at"),
    *("compacted_at", "message_count", "archived_count", "token_count", "token_source", "token_usage"),
    *("context_window", "max_tokens", "compaction_count", "summary", "summary_message_id", "tags", "pinned"),
    *("metadata", "custom_data", "size_bytes", "path", "live", "health", "capabilities", "resume"),
}


class Answer:
    """What a command said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def json(self) -> dict[str, object]:
        """The one JSON document on standard output."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the stores of two agents."""
    build("ggcode", tmp_path)
    build("atmos", tmp_path)
    folder = tmp_path / "home"
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder / "harbour")
    return folder


def run(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str) -> Answer:
    saved = sys.argv
    sys.argv = ["session-tui", *arguments]
    try:
        code = main()
    except SystemExit as end:
        code = int(str(end.code or 0))
    finally:
        sys.argv = saved
    out, err = capfdbinary.readouterr()
    return Answer(code, out.decode(), err.decode())


def sessions(answer: Answer) -> list[dict[str, object]]:
    listed = answer.json["sessions"]
    assert isinstance(listed, list)
    return listed


Capture = pytest.CaptureFixture[bytes]


def test_list_prints_one_document_of_the_agreed_shape(home: Path, capfdbinary: Capture) -> None:
    answer = run(capfdbinary, "list", "--json")

    assert 0 == answer.code
    assert ROW_KEYS == set(sessions(answer)[0])
    assert {"total", "offset", "limit", "returned", "next_offset"} == set(answer.json["meta"])  # type: ignore[call-overload]
    assert 1 == answer.json["schema_version"]
    assert {"ggcode", "atmos"} == {row["store"] for row in sessions(answer)}


def test_rows_hold_counts_and_times_in_utc(home: Path, capfdbinary: Capture) -> None:
    rows = sessions(run(capfdbinary, "list", "--json"))

    assert all(isinstance(row["message_count"], int) for row in rows)
    assert all(row["updated_at"] is None or str(row["updated_at"]).endswith("Z") for row in rows)
    assert [row["updated_at"] for row in rows] == sorted((row["updated_at"] for row in rows), key=str, reverse=True)


def test_pages_follow_each_other(home: Path, capfdbinary: Capture) -> None:
    everything = sessions(run(capfdbinary, "list", "--json", "--all"))
    first = run(capfdbinary, "list", "--json", "--limit", "2")
    second = run(capfdbinary, "list", "--json", "--limit", "2", "--offset", "2")

    assert [row["ref"] for row in everything][:4] == [row["ref"] for row in sessions(first) + sessions(second)]
    assert 2 == first.json["meta"]["next_offset"]  # type: ignore[index]


def test_all_lifts_the_limit(home: Path, capfdbinary: Capture) -> None:
    meta = run(capfdbinary, "list", "--json", "--all", "--limit", "1").json["meta"]

    assert meta["total"] == meta["returned"] > 1  # type: ignore[index]
    assert meta["limit"] is None  # type: ignore[index]


def test_a_query_narrows_and_a_dash_excludes(home: Path, capfdbinary: Capture) -> None:
    gulls = sessions(run(capfdbinary, "list", "--json", "gulls", "circle"))
    others = sessions(run(capfdbinary, "list", "--json", "--all", "-gulls"))

    assert ["Why do the gulls circle the east tower?"] == [row["title"] for row in gulls]
    assert "Why do the gulls circle the east tower?" not in [row["title"] for row in others]


def test_options_stand_before_or_after_the_command(home: Path, capfdbinary: Capture) -> None:
    before = run(capfdbinary, "--store", "atmos", "list", "--json")
    after = run(capfdbinary, "list", "--json", "--store", "atmos")

    assert before.json == after.json
    assert {"atmos"} == {row["store"] for row in sessions(after)}


def test_csv_has_a_header_and_no_formulas(home: Path, capfdbinary: Capture) -> None:
    rows = list(csv.DictReader(io.StringIO(run(capfdbinary, "list", "--csv").out)))

    assert rows
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@"))]


def test_plain_list_shows_refs_and_titles(home: Path, capfdbinary: Capture) -> None:
    answer = run(capfdbinary, "list")

    assert "ggcode:20260702-081500-3f9c2a7710de5b64" in answer.out
    assert "gulls" in answer.out


def test_show_holds_messages_summaries_and_the_row(home: Path, capfdbinary: Capture) -> None:
    document = run(capfdbinary, "show", "--json", "20260702-081500-3f9c2a7710de5b64").json

    assert {"schema_version", "session", "messages", "summaries", "context", "files_read"} == set(document)
    assert ROW_KEYS == set(document["session"])  # type: ignore[call-overload]
    messages = document["messages"]
    assert isinstance(messages, list)
    assert list(range(len(messages))) == [message["index"] for message in messages]
    keys = {"index", "id", "role", "text", "created_at", "model", "archived", "is_summary", "is_meta", "blocks"}
    assert keys <= set(messages[0])


def test_show_splits_active_from_archived(home: Path, capfdbinary: Capture) -> None:
    def indexes(part: str) -> list[int]:
        document = run(capfdbinary, "show", "--json", "--messages", part, "20260702-081500-3f9c2a7710de5b64").json
        messages = document["messages"]
        assert isinstance(messages, list)
        return [message["index"] for message in messages]

    assert [0, 1, 2, 3, 4, 5, 6] == sorted(indexes("active") + indexes("archived")) == indexes("all")
    assert [0, 1, 2, 3] == indexes("archived")


def test_several_refs_give_transcripts(home: Path, capfdbinary: Capture) -> None:
    document = run(capfdbinary, "show", "--json", "20260702", "lamp schedule").json

    transcripts = document["transcripts"]
    assert isinstance(transcripts, list)
    assert ["ggcode", "atmos"] == [entry["session"]["store"] for entry in transcripts]


def test_show_prints_markdown(home: Path, capfdbinary: Capture) -> None:
    answer = run(capfdbinary, "show", "20260702")

    assert answer.out.startswith("# Why do the gulls circle the east tower?")
    assert "## User" in answer.out
    assert "\x1b" not in answer.out


def test_an_unknown_session_exits_with_two(home: Path, capfdbinary: Capture) -> None:
    answer = run(capfdbinary, "show", "--json", "nobody")

    assert (2, "") == (answer.code, answer.out)
    assert answer.err.startswith("error: ")
    assert "hint: " in answer.err


def test_an_ambiguous_ref_lists_its_candidates(home: Path, capfdbinary: Capture) -> None:
    answer = run(capfdbinary, "show", "2026")

    assert 2 == answer.code
    assert answer.err.count("ggcode:") >= 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--sort", "colour"),
        ("list", "--limit", "0"),
        ("list", "--store", "nobody"),
        ("list", "--root", "atmos"),
        ("list", "--root", "atmos=/does/not/exist"),
        ("show",),
        ("resume",),
    ],
)
def test_wrong_usage_exits_with_two_in_one_line(home: Path, capfdbinary: Capture, arguments: tuple[str, ...]) -> None:
    answer = run(capfdbinary, *arguments)

    assert 2 == answer.code
    assert "" == answer.out
    assert 1 == answer.err.count("error: ")
    assert "Traceback" not in answer.err


def test_resume_prints_the_shell_line(home: Path, capfdbinary: Capture) -> None:
    (home / "lighthouse").mkdir()

    answer = run(capfdbinary, "resume", "--print", "20260702")

    assert f"cd {home}/lighthouse && ggcode --resume 20260702-081500-3f9c2a7710de5b64\n" == answer.out
    assert 0 == answer.code


def test_resume_refuses_when_the_folder_is_gone_and_takes_another(home: Path, capfdbinary: Capture) -> None:
    refused = run(capfdbinary, "resume", "--print", "20260702")
    elsewhere = run(capfdbinary, "resume", "--print", "20260702", "--in", str(home))

    assert 1 == refused.code
    assert "is gone" in refused.err
    assert elsewhere.out.startswith(f"cd {home} && ggcode")


def test_resume_as_json_says_how_or_why_not(home: Path, capfdbinary: Capture) -> None:
    answer = run(capfdbinary, "resume", "--json", "20260702")

    assert 1 == answer.code
    resume = answer.json["resume"]
    assert isinstance(resume, dict)
    assert {"argv", "cwd", "env", "reason"} == set(resume)
    assert "is gone" in resume["reason"]


def test_resume_becomes_the_agent_in_its_directory(home: Path, tmp_path: Path) -> None:
    (home / "lighthouse").mkdir()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ggcode").write_text('#!/bin/sh\npwd\necho "$@"\nexit 7\n')
    (programs / "ggcode").chmod(0o755)
    environ = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "session_tui", "resume", "20260702", "--", "--extra"]

    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    assert 7 == done.returncode
    assert [str(home / "lighthouse"), "--resume 20260702-081500-3f9c2a7710de5b64 --extra"] == done.stdout.splitlines()


def test_stores_tells_what_was_found_where(home: Path, capfdbinary: Capture) -> None:
    stores = run(capfdbinary, "stores", "--json").json["stores"]
    assert isinstance(stores, list)

    found = {row["store"]: row["root"] for row in stores if row["found"]}
    assert {
        "atmos": str(home / "harbour/.atmos/sessions/sessions.db"),
        "ggcode": str(home / ".ggcode/sessions"),
    } == found
    assert "zima" in {row["store"] for row in stores if not row["found"]}


def test_doctor_prints_the_path_of_what_cannot_be_read(home: Path, capfdbinary: Capture) -> None:
    torn = home / ".ggcode/sessions/20260702-081500-3f9c2a7710de5b64.jsonl"
    torn.write_bytes(torn.read_bytes() + b'{"type":"message","mess')

    answer = run(capfdbinary, "doctor", "--json")
    listed = run(capfdbinary, "list", "--json", "--all")

    stores = answer.json["stores"]
    assert isinstance(stores, list)
    paths = [problem["path"] for store in stores for problem in store["problems"]]
    assert str(torn) in paths
    assert "partial" == {row["id"]: row["health"] for row in sessions(listed)}[torn.stem]


def test_doctor_speaks_to_people_too(home: Path, capfdbinary: Capture) -> None:
    answer = run(capfdbinary, "doctor")

    assert 0 == answer.code
    assert str(home / ".ggcode/sessions") in answer.out


def test_config_is_written_once_and_read_back(home: Path, capfdbinary: Capture) -> None:
    path = Path(run(capfdbinary, "config", "path").out.strip())
    first = run(capfdbinary, "config", "init")
    second = run(capfdbinary, "config", "init")
    shown = run(capfdbinary, "config", "show", "--json")

    assert (0, 2) == (first.code, second.code)
    assert home / ".config/session-tui/config.yaml" == path
    assert 0o600 == path.stat().st_mode & 0o777
    assert "theme" in shown.json["config"]  # type: ignore[operator]


def test_a_broken_configuration_is_one_line(home: Path, capfdbinary: Capture) -> None:
    (home / "broken.yaml").write_text("them: x\n")

    answer = run(capfdbinary, "list", "--config", str(home / "broken.yaml"))

    assert 2 == answer.code
    assert "them" in answer.err


def test_reading_commands_change_no_store(home: Path, capfdbinary: Capture) -> None:
    before = digest(home / ".ggcode") | digest(home / "harbour")

    for command in (("list", "--json", "--all"), ("show", "--json", "20260702"), ("stores",), ("doctor",)):
        assert 0 == run(capfdbinary, *command).code

    assert before == digest(home / ".ggcode") | digest(home / "harbour")


def test_hostile_titles_reach_the_terminal_as_text(home: Path, capfdbinary: Capture) -> None:
    index = home / ".ggcode/sessions/index.json"
    entries = json.loads(index.read_text())
    entries[0]["title"] = "[bold]\x1b]0;x\x07\u202eevil\nline"
    index.write_text(json.dumps(entries))

    answer = run(capfdbinary, "list")

    assert not set("\x1b\x07\u202e") & set(answer.out)


def test_a_closed_pipe_is_no_error(home: Path) -> None:
    command = f"{sys.executable} -m session_tui list --json | head -c 10"

    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)

    assert "" == done.stderr


def test_the_ui_needs_a_terminal(home: Path, capfdbinary: Capture) -> None:
    answer = run(capfdbinary)

    assert 2 == answer.code
    assert "terminal" in answer.err
