"""Where Codex's sessions are, what a list shows of them, and how they are continued."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from session_tui.adapters.base import capabilities
from session_tui.agents.codex import Codex, packing
from session_tui.errors import StoreDamaged, StoreError, StoreMissing
from session_tui.model import (
    Capability,
    Health,
    Launch,
    Refusal,
    SessionKind,
    SessionState,
    TitleSource,
    TokenSource,
    Usage,
)
from tests.unit.codex_rollouts import (
    FOLDER,
    NEW,
    OLDER,
    answered,
    asked,
    counted,
    event,
    head,
    header,
    line,
    read,
    said,
    shown,
    sources,
    write,
)
from tests.unit.tables import digest, everything, world

ARCHIVED = Path(".codex", "archived_sessions")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / ".codex" / "sessions").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def codex(home: Path) -> Codex:
    return Codex(world(home))


def named(home: Path, *entries: str) -> None:
    (home / ".codex" / "session_index.jsonl").write_text("".join(f"{entry}\n" for entry in entries))


# ── where sessions are ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("below", [".", ".codex", ".codex/sessions"])
def test_a_given_root_may_be_the_sessions_the_agents_home_or_a_persons(home: Path, below: str) -> None:
    given = Codex(world(home / "elsewhere", given={"codex": (home / below,)}))

    assert [home / ".codex"] == [root.path for root in given.roots()]


def test_the_variable_moves_the_home(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / ".codex", tmp_path / "moved")

    moved = Codex(world(home, environ={"CODEX_HOME": str(tmp_path / "moved")}))

    assert [(tmp_path / "moved", "CODEX_HOME")] == [(root.path, root.origin) for root in moved.roots()]


def test_a_directory_of_another_name_is_taken_for_its_rollouts(tmp_path: Path) -> None:
    write(tmp_path, header(), asked("Anyone there?"), folder=Path("rescued"))
    rescued = Codex(world(tmp_path, given={"codex": (tmp_path / "rescued",)}))

    assert {NEW} == set(sources(rescued))
    assert isinstance(rescued.resume(head(rescued)), Refusal)


def test_a_directory_without_rollouts_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("{}\n")

    assert [] == Codex(world(tmp_path, given={"codex": (tmp_path,)})).roots()


def test_a_given_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        Codex(world(tmp_path, given={"codex": (tmp_path / "nowhere",)})).roots()


def test_a_given_file_is_no_folder_of_sessions(home: Path) -> None:
    path = write(home, header())

    with pytest.raises(StoreDamaged):
        sources(Codex(world(home, given={"codex": (path,)})))


def test_no_home_no_roots(tmp_path: Path) -> None:
    assert [] == Codex(world(tmp_path)).roots()


def test_a_session_is_listed_once_and_from_its_plain_file(home: Path, codex: Codex) -> None:
    plain = write(home, header(), asked("Which one?"))
    write(home, b"(\xb5/\xfd", ending=".jsonl.zst")
    write(home, header(), folder=ARCHIVED)

    assert {NEW: str(plain)} == {id: source.path for id, source in sources(codex).items()}


def test_other_files_and_loops_are_passed_by(home: Path, codex: Codex) -> None:
    write(home, header())
    (home / FOLDER / "notes.txt").write_text("not a rollout")
    (home / FOLDER / "loop").symlink_to(home / ".codex" / "sessions")

    assert {NEW} == set(sources(codex))


def test_the_newest_are_those_modified_last(home: Path, codex: Codex) -> None:
    for number in range(4):
        path = write(home, header(), id=f"0197aaaa-9999-7000-8000-00000000000{number}")
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    (root,) = codex.roots()

    assert ["3", "2"] == [source.key.id[-1] for source in codex.newest(root, 2)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_leaves_the_others_and_is_told(home: Path, codex: Codex) -> None:
    write(home, header())
    closed = home / ".codex" / "sessions" / "2025"
    closed.mkdir(mode=0o000)
    (root,) = codex.roots()
    found: list[str] = []

    with pytest.raises(StoreError):
        found.extend(source.key.id for source in codex.scan(root))
    closed.chmod(0o755)
    assert [NEW] == [source.key.id for source in codex.scan(root)]


# ── stamps ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_given_changes_the_stamp_of_its_session_alone(home: Path, codex: Codex) -> None:
    write(home, header())
    write(home, header(OLDER), id=OLDER)
    before = sources(codex)

    named(home, f'{{"id":"{NEW}","thread_name":"Mill"}}')
    after = sources(codex)

    assert before[NEW].stamp != after[NEW].stamp
    assert before[OLDER].stamp == after[OLDER].stamp


def test_archiving_changes_the_stamp(home: Path, codex: Codex) -> None:
    path = write(home, header())
    before = sources(codex)[NEW].stamp
    (home / ARCHIVED).mkdir()
    path.rename(home / ARCHIVED / path.name)

    assert before != sources(codex)[NEW].stamp
    assert head(codex).state is SessionState.ARCHIVED


# ── what a list shows ─────────────────────────────────────────────────────────────────────────────────────


def test_a_head_tells_all_that_a_list_shows(home: Path, codex: Codex) -> None:
    context: dict[str, Any] = {"cwd": "/srv/mill", "model": "gpt-5-codex", "approval_policy": "never", "effort": "high"}
    write(
        home,
        header(git={"branch": "weir"}, cli_version="0.169.0"),
        line("turn_context", **context, sandbox_policy={"mode": "danger-full-access"}),
        asked("Why does the wheel stand still?"),
        counted(900, 500, cached=300),
        line("event_msg", at="2026-07-10T09:30:00Z", type="task_complete", last_agent_message="done"),
    )

    session = head(codex)

    assert ("Why does the wheel stand still?", TitleSource.FIRST_PROMPT) == (session.title, session.title_source)
    assert ("/srv/mill", "weir", "gpt-5-codex", "openai") == (
        session.project,
        session.git_branch,
        session.model,
        session.provider,
    )
    assert (510, TokenSource.RECORDED, 258_400) == (session.token_count, session.token_source, session.context_window)
    assert Usage(600, 10, 300, 0) == session.token_usage
    assert datetime(2026, 7, 10, 8, tzinfo=UTC) == session.created_at
    assert datetime(2026, 7, 10, 9, 30, tzinfo=UTC) == session.updated_at
    assert "never" == session.metadata["approval_policy"]
    assert "danger-full-access" == session.metadata["sandbox"]
    assert session.message_count is None


def test_head_and_reading_agree_on_a_long_file(home: Path, codex: Codex) -> None:
    noise = b"".join(said("assistant", "x" * 900) for _ in range(300))
    turn = line("turn_context", cwd="/srv/mill", model="gpt-5")
    write(home, header(), turn, said("user", "<environment_context>\n</environment_context>"), asked("Grind!"), noise)

    told, session = head(codex), read(codex).session

    for field in ("title", "first_prompt", "project", "model", "created_at", "updated_at", "kind", "metadata"):
        assert getattr(told, field) == getattr(session, field)
    assert "Grind!" == told.title


def test_a_last_record_longer_than_the_end_that_is_read_still_has_its_time(home: Path, codex: Codex) -> None:
    late = line("response_item", at="2026-07-11T10:00:00Z", type="message", role="assistant", content="y" * 200_000)
    write(home, header(), asked("Grind!"), late)

    assert datetime(2026, 7, 11, 10, tzinfo=UTC) == head(codex).updated_at == read(codex).session.updated_at


def test_the_last_name_of_a_session_counts(home: Path, codex: Codex) -> None:
    write(home, header(), asked("Grind!"))
    named(home, f'{{"id":"{NEW}","thread_name":"Wheel"}}', "torn {", f'{{"id":"{NEW}","thread_name":"The mill wheel"}}')

    session = head(codex)

    assert ("The mill wheel", TitleSource.CUSTOM) == (session.title, session.title_source)
    assert "Grind!" == session.first_prompt


def test_a_name_taken_back_leaves_the_prompt(home: Path, codex: Codex) -> None:
    write(home, header(), asked("Grind!"))
    named(home, f'{{"id":"{NEW}","thread_name":"Wheel"}}', f'{{"id":"{NEW}","thread_name":""}}')

    assert "Grind!" == head(codex).title


def test_a_name_told_in_the_rollout_counts_where_the_index_has_none(home: Path, codex: Codex) -> None:
    write(home, header(), asked("Grind!"), event("thread_name_updated", thread_id=NEW, thread_name="Millstones"))

    assert "Millstones" == head(codex).title == read(codex).session.title


@pytest.mark.parametrize(
    ("more", "kind", "parent"),
    [
        ({}, SessionKind.MAIN, None),
        ({"source": "vscode"}, SessionKind.MAIN, None),
        ({"source": "exec"}, SessionKind.HEADLESS, None),
        ({"source": "mcp"}, SessionKind.HEADLESS, None),
        ({"source": {"subagent": "review"}}, SessionKind.SUBAGENT, None),
        (
            {"source": {"subagent": {"thread_spawn": {"parent_thread_id": OLDER, "depth": 1}}}},
            SessionKind.SUBAGENT,
            OLDER,
        ),
        ({"agent_nickname": "Miller"}, SessionKind.SUBAGENT, None),
        ({"source": "exec", "forked_from_id": OLDER}, SessionKind.FORK, OLDER),
    ],
)
def test_the_header_tells_what_kind_of_session_it_is(
    home: Path, codex: Codex, more: dict[str, Any], kind: SessionKind, parent: str | None
) -> None:
    write(home, header(**more), asked("Grind!"))

    assert (kind, parent) == (head(codex).kind, head(codex).parent)


# ── packed ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def packed(home: Path) -> Path:
    if shutil.which("zstd") is None:
        pytest.skip("needs the program zstd to pack a file")
    plain = write(home, header(), asked("Grind!"), answered("Ground."), said("assistant", "z" * 300_000))
    subprocess.run(["zstd", "-q", "--rm", str(plain)], check=True)
    return plain.with_suffix(".jsonl.zst")


def test_a_packed_rollout_reads_like_a_plain_one(packed: Path, home: Path, codex: Codex) -> None:
    before = digest(home)

    transcript = read(codex)

    assert [("user", "Grind!"), ("assistant", "Ground.")] == shown(transcript)[:2]
    assert ("Grind!", Health.CLEAN) == (head(codex).title, transcript.session.health)
    assert packed.stat().st_size == transcript.session.size_bytes == head(codex).size_bytes
    assert before == digest(home)


def test_of_a_packed_rollout_cut_off_nothing_more_is_lost_than_was_cut(packed: Path, codex: Codex) -> None:
    packed.write_bytes(packed.read_bytes()[:-6])

    try:
        health = read(codex).session.health
    except StoreDamaged as error:
        assert error.what
    else:
        assert Health.PARTIAL == health


def test_without_anything_to_unpack_with_the_reason_is_told(
    packed: Path, codex: Codex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "_opener", lambda: None)

    with pytest.raises(StoreError, match="Zstandard") as caught:
        read(codex)
    assert "zstandard" in caught.value.hint
    assert str(packed) == caught.value.where


# ── what can be done ──────────────────────────────────────────────────────────────────────────────────────


def test_it_can_be_resumed_forked_started_asked_and_deleted(codex: Codex) -> None:
    can = {Capability.RESUME, Capability.FORK, Capability.START, Capability.HEADLESS, Capability.DELETE}

    assert can <= set(capabilities(codex))


def test_a_session_is_continued_by_its_id_in_its_directory(home: Path, codex: Codex) -> None:
    write(home, header())
    session = head(codex)

    assert Launch(("codex", "resume", NEW), "/srv/mill") == codex.resume(session)
    assert Launch(("codex", "fork", NEW), "/srv/mill") == codex.fork(session)


def test_a_home_elsewhere_is_named_to_the_program(home: Path, tmp_path: Path) -> None:
    write(home, header())
    elsewhere = Codex(world(tmp_path / "nobody", given={"codex": (home,)}))

    launch = elsewhere.resume(head(elsewhere))

    assert isinstance(launch, Launch)
    assert {"CODEX_HOME": str(home / ".codex")} == launch.env


def test_the_usual_home_is_named_where_the_variable_says_another(home: Path, tmp_path: Path) -> None:
    write(home, header())
    codex = Codex(world(home, environ={"CODEX_HOME": str(tmp_path / "other")}, given={"codex": (home,)}))

    launch = codex.resume(head(codex))

    assert isinstance(launch, Launch)
    assert {"CODEX_HOME": str(home / ".codex")} == launch.env


def test_what_the_program_cannot_continue_is_refused_with_a_reason(home: Path, codex: Codex) -> None:
    write(home, header(), folder=ARCHIVED)
    write(home, header(), id="mill")

    archived, renamed = codex.resume(head(codex)), codex.resume(head(codex, "rollout-2026-07-10T10-00-00-mill"))

    assert isinstance(archived, Refusal)
    assert f"codex unarchive {NEW}" in archived.hint
    assert isinstance(renamed, Refusal)


def test_a_prompt_that_looks_like_an_option_starts_a_session_all_the_same(codex: Codex) -> None:
    assert Launch(("codex", "--", "--help me"), "/srv/mill") == codex.start("--help me", "/srv/mill")
    assert "-" == codex.headless()[-1]
    assert ("--dangerously-bypass-approvals-and-sandbox",) == codex.yolo


def test_belongings_are_the_files_and_the_names(home: Path, codex: Codex) -> None:
    path = write(home, header())
    twin = write(home, b"", ending=".jsonl.zst")
    bare = codex.belongings(head(codex))
    named(home, f'{{"id":"{NEW}","thread_name":"Mill"}}')

    belongings = codex.belongings(head(codex))

    assert {path, twin} == set(bare.files) == set(belongings.files)
    assert () == bare.entries
    assert [("session_index.jsonl", "id", NEW)] == [(e.path.name, e.field, e.value) for e in belongings.entries]


def test_an_index_with_lines_that_name_no_session_is_told(home: Path, codex: Codex) -> None:
    write(home, header())
    (root,) = codex.roots()
    assert [] == list(codex.check(root))

    named(home, "not json", f'{{"id":"{NEW}","thread_name":"Mill"}}')

    assert ["a line names no session"] == [problem.what for problem in codex.check(root)]
    assert "Mill" == head(codex).title


def test_reading_changes_no_byte_and_leaves_no_file(home: Path, codex: Codex) -> None:
    write(home, header(), asked("Grind!"), b'{"torn')
    named(home, f'{{"id":"{NEW}","thread_name":"Mill"}}')
    before = digest(home)

    assert [NEW] == list(everything(codex))
    assert before == digest(home)
