from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from session_tui.adapters import native_schema, times
from session_tui.adapters.base import Adapter, Checkable, Resumable
from session_tui.demo.build import SPELLINGS, build_demo, demo_world, expand
from session_tui.errors import UsageError
from session_tui.model import Health, Launch, SessionKind, SessionState, Transcript
from session_tui.registry import discover

NOW = datetime(2026, 3, 8, 6, 30, 32, 67550, UTC)


@contextmanager
def clock_in(zone: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        yield
    time.tzset()


def placeholder(spelling: str, distance: str) -> str:
    return "{{" + f"{spelling} {distance}" + "}}"


def template(place: Path, name: str, content: str | bytes) -> Path:
    path = place / "source" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def expanded(place: Path, home: str = "/home/ana") -> Path:
    expand(place / "source", place / "target", home=Path(home), now=NOW)
    return place / "target"


# ── templates ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("zone", ["UTC0", "EST5", "<+0545>-5:45"])
@pytest.mark.parametrize("spelling", sorted(set(SPELLINGS) - {"stampid"}))
def test_every_spelling_is_the_time_it_names(tmp_path: Path, zone: str, spelling: str) -> None:
    template(tmp_path, "a.txt", placeholder(spelling, "-3d2h5m10s"))
    with clock_in(zone):
        said = (expanded(tmp_path) / "a.txt").read_text()
    moment = times.parse(int(said) if spelling == "epoch" else said)
    assert moment is not None
    assert datetime(2026, 3, 5, 4, 25, 22, tzinfo=UTC) == moment.replace(microsecond=0)


SHAPES = {
    "rfc3339": r"2026-03-08T01:30:32\.\d{1,9}-05:00",
    "utc": r"2026-03-08T06:30:32\.\d{6}Z",
    "go": r"2026-03-08 01:30:32\.\d{1,9} -0500 EST m=\+\d+\.\d{9}",
    "sqlite": r"2026-03-08 01:30:32\.\d{1,9}-05:00",
    "stampid": r"20260308-013032",
    "epoch": r"1772951432",
}


def test_each_spelling_looks_like_its_programs(tmp_path: Path) -> None:
    for spelling in SHAPES:
        template(tmp_path, spelling, placeholder(spelling, "-0s"))
    with clock_in("EST5"):
        target = expanded(tmp_path)
    wrong = [name for name, shape in SHAPES.items() if not re.fullmatch(shape, (target / name).read_text())]
    assert [] == wrong
    assert SPELLINGS.keys() == SHAPES.keys()


def test_a_zone_without_a_name_is_written_so_that_go_reads_it(tmp_path: Path) -> None:
    template(tmp_path, "a", "{{go -1d}}")
    with clock_in("<+0545>-5:45"):
        assert " +0000 UTC m=" in (expanded(tmp_path) / "a").read_text()


def test_names_are_filled_in_like_contents(tmp_path: Path) -> None:
    template(tmp_path, "{{stampid -1w}}/{{stampid -90m}}-9f3a.jsonl", '{"id":"{{stampid -90m}}-9f3a"}')
    (file,) = (path for path in expanded(tmp_path).rglob("*") if path.is_file())
    assert f'{{"id":"{file.stem}"}}' == file.read_text()
    assert re.fullmatch(r"\d{8}-\d{6}", file.parent.name)


@pytest.mark.parametrize("text", ["{{ .Values.x }}", "{{homes}}", "{{go}}", "{{go -3x}}", "{{now -3d}}", "{home}"])
def test_what_is_no_placeholder_stays(tmp_path: Path, text: str) -> None:
    template(tmp_path, "a.txt", text)
    assert text == (expanded(tmp_path) / "a.txt").read_text()


def test_every_other_byte_stays_as_it_was(tmp_path: Path) -> None:
    template(tmp_path, "a.bin", b"\x00\xff\r\n{{home}}\xfe\x00")
    assert b"\x00\xff\r\n/home/ana\xfe\x00" == (expanded(tmp_path) / "a.bin").read_bytes()


def test_a_home_with_quotes_is_written_as_each_format_asks(tmp_path: Path) -> None:
    template(tmp_path, "a.json", '["{{home}}"]')
    template(tmp_path, "b.db.sql", "CREATE TABLE t (p); INSERT INTO t VALUES ('{{home}}');")
    target = expanded(tmp_path, '/home/o\'hara "x"')
    assert '["/home/o\'hara \\"x\\""]' == (target / "a.json").read_text()
    with closing(sqlite3.connect(target / "b.db")) as database:
        assert [('/home/o\'hara "x"',)] == database.execute("SELECT p FROM t").fetchall()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_script_becomes_a_closed_database_with_the_journal_it_asks_for(tmp_path: Path, mode: str) -> None:
    script = (
        f"PRAGMA journal_mode={mode};\nBEGIN;\nCREATE TABLE t (at);\nINSERT INTO t VALUES ('{{{{utc -1d}}}}');\nCOMMIT;"
    )
    template(tmp_path, "x/y.db.sql", script)
    target = expanded(tmp_path)
    assert ["y.db"] == [path.name for path in (target / "x").iterdir()]
    with closing(sqlite3.connect(target / "x" / "y.db")) as database:
        assert (mode,) == database.execute("PRAGMA journal_mode").fetchone()
        assert "2026-03-07T06:30:32" == database.execute("SELECT at FROM t").fetchone()[0][:19]


def test_a_file_is_as_old_as_the_newest_time_it_names(tmp_path: Path) -> None:
    template(tmp_path, "a.txt", "{{utc -3d}} {{utc -1d}} {{utc -2d}}")
    changed = (expanded(tmp_path) / "a.txt").stat().st_mtime
    assert NOW - timedelta(days=1) == datetime.fromtimestamp(changed, UTC)


# ── the sample home ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_demo(tmp_path_factory.mktemp("demo") / "home", datetime.now(UTC))


@pytest.fixture(scope="module")
def adapters(home: Path) -> dict[str, Adapter]:
    return {name: kind(demo_world(home)) for name, kind in discover().adapters.items()}


@pytest.fixture(scope="module")
def transcripts(adapters: dict[str, Adapter]) -> list[Transcript]:
    return [
        adapter.read(source)
        for adapter in adapters.values()
        for root in adapter.roots()
        for source in adapter.scan(root)
    ]


def described() -> set[str]:
    data = Path(build_demo.__code__.co_filename).parent / "data"
    return {place.name for place in data.iterdir()} - {"projects"}


def test_every_store_with_demo_data_is_found_in_the_sample_home_alone(adapters: dict[str, Adapter], home: Path) -> None:
    roots = {name: [root.path for root in adapter.roots()] for name, adapter in adapters.items()}
    assert set() == described() - {name for name, places in roots.items() if places}
    assert [] == [path for places in roots.values() for path in places if not path.is_relative_to(home)]


def test_about_forty_sessions_of_all_kinds_are_there(transcripts: list[Transcript]) -> None:
    sessions = [transcript.session for transcript in transcripts]
    assert 38 <= len(sessions)
    assert {SessionKind.MAIN, SessionKind.SUBAGENT, SessionKind.FORK, SessionKind.HEADLESS} == {
        s.kind for s in sessions
    }
    assert {SessionState.ACTIVE, SessionState.IDLE, SessionState.SUSPENDED, SessionState.ARCHIVED} <= {
        s.state for s in sessions
    }
    assert 3 <= sum(
        bool(s.token_count and s.context_window and s.token_count / s.context_window > 0.8) for s in sessions
    )
    assert 6 <= len({s.project for s in sessions if s.project})
    assert [] == [s.key.ref for s in sessions if not s.title]


def test_every_kind_of_compaction_is_there(transcripts: list[Transcript]) -> None:
    compacted = {t.session.key.store for t in transcripts if t.summaries or t.session.summary}
    assert described() == compacted
    archived = {t.session.key.store for t in transcripts if any(message.archived for message in t.messages)}
    assert 5 <= len(archived)


def test_one_session_is_damaged_and_the_others_are_not(transcripts: list[Transcript]) -> None:
    assert 1 == sum(t.session.health is Health.PARTIAL for t in transcripts)
    assert 0 == sum(t.session.health is Health.UNREADABLE for t in transcripts)


def test_the_stores_themselves_are_sound(adapters: dict[str, Adapter]) -> None:
    problems = [
        problem
        for adapter in adapters.values()
        if isinstance(adapter, Checkable)
        for root in adapter.roots()
        for problem in adapter.check(root)
    ]
    assert [] == problems


def test_times_reach_from_minutes_to_months_ago(transcripts: list[Transcript]) -> None:
    now = datetime.now(UTC)
    ages = sorted(now - t.session.updated_at for t in transcripts if t.session.updated_at)
    assert len(transcripts) == len(ages)
    assert timedelta(0) < ages[0] < timedelta(minutes=30)
    assert ages[-1] > timedelta(days=90)


def test_messages_come_in_the_order_of_their_times(transcripts: list[Transcript]) -> None:
    for transcript in transcripts:
        moments = [m.created_at for m in transcript.messages if m.created_at and not m.is_summary]
        assert sorted(moments) == moments, transcript.session.key.ref


def test_sessions_can_be_resumed_in_a_folder_that_is_there(
    adapters: dict[str, Adapter], transcripts: list[Transcript]
) -> None:
    launches = []
    for transcript in transcripts:
        adapter = adapters[transcript.session.key.store]
        answer = adapter.resume(transcript.session) if isinstance(adapter, Resumable) else None
        if isinstance(answer, Launch):
            launches.append(answer)
    assert 25 <= len(launches)
    assert [] == [launch.cwd for launch in launches if launch.cwd and not Path(launch.cwd).is_dir()]


def test_our_own_sample_store_has_the_schema_of_today(home: Path, tmp_path: Path) -> None:
    with native_schema.changing(tmp_path / "sessions.db"):
        pass
    assert schema(tmp_path / "sessions.db") == schema(demo_world(home).data_dir / "sessions.db")


def schema(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
        return [*found, *(database.execute(f"PRAGMA {name}").fetchone() for name in ("user_version", "application_id"))]


def test_building_touches_nothing_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = tmp_path / "real-home"
    away.mkdir()
    monkeypatch.setenv("HOME", str(away))
    monkeypatch.chdir(away)
    home = build_demo(tmp_path / "demo", NOW)
    world = demo_world(tmp_path / "demo")
    assert [] == list(away.iterdir())
    assert ["demo", "real-home"] == sorted(path.name for path in tmp_path.iterdir())
    assert (home, home / "src/lantern-shop", {"PATH": os.environ["PATH"]}) == (world.home, world.cwd, world.environ)
    assert world.data_dir.is_relative_to(home)


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        build_demo(tmp_path, NOW)
    assert ["mine.txt"] == [path.name for path in tmp_path.iterdir()]


def test_the_same_moment_makes_the_same_home(tmp_path: Path) -> None:
    def digest(home: Path) -> dict[str, str]:
        files = [path for path in sorted(home.rglob("*")) if path.is_file() and path.suffix != ".db"]
        return {
            str(path.relative_to(home)): hashlib.sha256(path.read_bytes().replace(bytes(home), b"")).hexdigest()
            for path in files
        }

    assert digest(build_demo(tmp_path / "a", NOW)) == digest(build_demo(tmp_path / "b", NOW))
