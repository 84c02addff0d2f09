"""Figures: every answer counted once, nothing made up, days and hours in local time."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from session_tui.activity import UNKNOWN, Activity, quarter, together
from session_tui.adapters.base import Source, World
from session_tui.adapters.tallies import Answer, Tally, identity
from session_tui.cli.figures import bar, sparks
from session_tui.cli.main import main
from session_tui.errors import Cancelled
from session_tui.facets import Facet, facets
from session_tui.index.store import SessionCache
from session_tui.index.tallies import TallyCache
from session_tui.library import Library
from session_tui.model import Health, Session, SessionKey, SessionKind, Usage
from session_tui.progress import Progress
from session_tui.registry import Registry
from session_tui.statistics import Statistics, statistics
from tests.fixture_homes import AGENTS, NOW, build
from tests.unit import diary
from tests.unit.diary import Diary

Row = dict[str, object]


def library_of(world: World, *stores: str, cache: Path | None = None) -> Library:
    return Library(world, stores=stores, cache=SessionCache(cache / "sessions.db") if cache else None)


def told_of(library: Library, **more: object) -> Statistics:
    library.refresh()
    zone = more.get("zone", UTC)
    assert isinstance(zone, timezone)
    return statistics(library, library.catalog.sessions, Progress(), now=NOW, zone=zone)


# ── a store in files, as its program writes it ────────────────────────────────────────────────────────


def prompt(id: str, at: str | None) -> Row:
    return {"type": "user", "uuid": id, "timestamp": at, "cwd": "/srv/mill", "message": {"role": "user", "content": id}}


def answer(id: str, at: str | None, *, said: str, output: int = 7) -> Row:
    usage: Row = {"input_tokens": 100, "cache_read_input_tokens": 40, "cache_creation_input_tokens": 5}
    body: Row = {"id": said, "role": "assistant", "model": "heron-4", "content": [{"type": "text", "text": id}]}
    told: Row = {**body, "usage": {**usage, "output_tokens": output}}
    return {"type": "assistant", "uuid": id, "timestamp": at, "requestId": f"r-{said}", "message": told}


def written(home: Path, name: str, *rows: Row, tail: str = "") -> Path:
    path = home / ".claude/projects/-srv-mill" / f"{name * 8}-1111-4222-8333-444444444444.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows) + tail, encoding="utf-8")
    return path


def mill(home: Path, cache: Path | None = None) -> Library:
    return library_of(World(home=home, environ={}, cwd=home, data_dir=home / ".data"), "claude", cache=cache)


MORNING = "2026-07-01T08:00:00.000Z"
NOON = "2026-07-01T12:00:00.000Z"
EVENING = "2026-07-09T21:30:00.000Z"


def test_what_a_fork_inherited_is_counted_once(tmp_path: Path) -> None:
    common = [prompt("1", MORNING), answer("2", MORNING, said="a"), answer("3", MORNING, said="a")]
    written(tmp_path, "a", *common, prompt("4", NOON), answer("5", NOON, said="b"))
    written(tmp_path, "b", *common, prompt("6", EVENING), answer("7", EVENING, said="c"))

    told = told_of(mill(tmp_path))

    assert (2, 3, 1, 2) == (told.sessions, told.answers, told.repeated, told.recorded)
    assert (300, 21, 120, 15) == (
        told.tokens.input,
        told.tokens.output,
        told.tokens.cache_read,
        told.tokens.cache_write,
    )
    assert 3 * 152 == told.tokens.total == sum(group.tokens.total for group in told.agents)
    assert 10 == told.messages
    assert 7 == sum(told.activity.hours)


def test_the_larger_of_two_copies_of_an_answer_is_true(tmp_path: Path) -> None:
    written(tmp_path, "a", prompt("1", MORNING), answer("2", MORNING, said="a", output=3))
    written(tmp_path, "b", prompt("1", MORNING), answer("2", MORNING, said="a", output=9), prompt("3", EVENING))

    told = told_of(mill(tmp_path))

    assert (1, 9, 154) == (told.answers, told.tokens.output, told.tokens.total)


def test_an_answer_on_several_lines_is_one(tmp_path: Path) -> None:
    parts = [answer(str(number), MORNING, said="a", output=number) for number in (2, 9, 4)]
    written(tmp_path, "a", prompt("1", MORNING), *parts)

    told = told_of(mill(tmp_path))

    assert (1, 9) == (told.answers, told.tokens.output)


def test_a_damaged_session_counts_with_what_can_be_read(tmp_path: Path) -> None:
    written(tmp_path, "a", prompt("1", MORNING), answer("2", MORNING, said="a"), tail='{"type":"assistant","mess')
    written(tmp_path, "b", prompt("3", MORNING)).write_bytes(b"\x00\xff no session \n")

    told = told_of(mill(tmp_path))

    assert (2, 1, 2) == (told.sessions, told.answers, told.messages)
    assert {Health.PARTIAL: 2} == told.health


def test_a_session_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    path = written(tmp_path, "a", prompt("1", MORNING))
    written(tmp_path, "b", prompt("2", MORNING))
    library = mill(tmp_path)
    library.refresh()
    path.unlink()

    told = statistics(library, library.catalog.sessions, Progress(), now=NOW)

    assert (2, 1) == (told.sessions, told.messages)
    assert {Health.UNREADABLE: 1, Health.CLEAN: 1} == told.health


def test_messages_without_a_time_stand_on_no_day(tmp_path: Path) -> None:
    written(tmp_path, "a", prompt("1", None), answer("2", "soon", said="a"), prompt("3", MORNING))

    told = told_of(mill(tmp_path))

    assert (3, 2, 1) == (told.messages, told.activity.undated, sum(told.activity.hours))
    assert (1, 1, 0) == _span(told, 30)


def _span(told: Statistics, days: int) -> tuple[int, int, int]:
    span = together(told.activity.days(NOW, days))
    return span.active_days, span.messages, span.tokens


def test_days_and_hours_are_local(tmp_path: Path) -> None:
    written(tmp_path, "a", prompt("1", EVENING), answer("2", EVENING, said="a"))
    east = timezone(timedelta(hours=5, minutes=45))

    here, there = told_of(mill(tmp_path)), told_of(mill(tmp_path), zone=east)

    assert [date(2026, 7, 9)] == [day.date for day in here.activity.days(NOW, 30) if day.messages]
    assert [date(2026, 7, 10)] == [day.date for day in there.activity.days(NOW, 30) if day.messages]
    assert (2, 2) == (here.activity.hours[21], there.activity.hours[3])
    assert (2, 2) == (here.activity.weekdays[3], there.activity.weekdays[4])
    assert (1, 2, 152) == _span(here, 30)


def test_an_empty_home_has_figures_of_nothing(tmp_path: Path) -> None:
    told = told_of(mill(tmp_path))

    assert (0, 0, 0, ()) == (told.sessions, told.messages, told.tokens.total, told.agents)
    assert (0, 0, 0) == _span(told, 365)


def test_a_second_count_reads_nothing_anew(tmp_path: Path) -> None:
    path = written(tmp_path, "a", prompt("1", MORNING), answer("2", MORNING, said="a"))
    first = told_of(mill(tmp_path, tmp_path / "cache"))
    size = path.stat()
    kept = TallyCache(tmp_path / "cache" / "tallies.db")
    library = mill(tmp_path, tmp_path / "cache")
    second = told_of(library)

    assert (first.answers, first.tokens, first.messages) == (second.answers, second.tokens, second.messages)
    assert 1 == len(kept.known([library.source(session.key) for session in library.catalog.sessions]))
    assert size.st_mtime_ns == path.stat().st_mtime_ns


def test_a_stop_keeps_what_was_read(tmp_path: Path) -> None:
    for name in "abc":
        written(tmp_path, name, prompt(name, MORNING))
    library = mill(tmp_path, tmp_path / "cache")
    library.refresh()
    progress = Progress()
    progress.report = lambda step: progress.cancel() if step.done == 1 else None

    with pytest.raises(Cancelled):
        statistics(library, library.catalog.sessions, progress, now=NOW)

    sources = [library.source(session.key) for session in library.catalog.sessions]
    assert 2 == len(TallyCache(tmp_path / "cache" / "tallies.db").known(sources))


def test_a_store_without_usage_has_messages_alone(tmp_path: Path) -> None:
    diary.write(tmp_path / "diary", "first", day=1, texts=["one", "two"], project="/srv/mill")
    diary.write(tmp_path / "diary", "second", day=3, kind="subagent")
    world = World(home=tmp_path, environ={}, cwd=tmp_path, data_dir=tmp_path / "data")

    told = told_of(Library(world, registry=Registry({"diary": Diary})))

    assert (2, 3, 0, 0) == (told.sessions, told.messages, told.recorded, told.tokens.total)
    assert 1 == told.kinds[SessionKind.SUBAGENT]
    assert {("/srv/mill", 2), (None, 1)} == {(group.name, group.messages) for group in told.projects}


# ── every store's fixtures ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("agent", AGENTS)
def test_figures_agree_with_the_sessions(agent: str, tmp_path: Path) -> None:
    home = build(agent, tmp_path)
    library = library_of(home.world, agent)
    told = told_of(library)
    whole = [library.whole(session.key) for session in library.catalog.sessions]

    assert len(home.sessions) == told.sessions
    assert sum(session.message_count or 0 for session in whole) == told.messages
    assert sum(session.archived_count or 0 for session in whole) == told.archived
    assert told.messages == sum(group.messages for group in told.projects)
    assert told.tokens.total == sum(group.tokens.total for group in told.models)


def test_the_fork_among_the_fixtures_repeats_one_answer(tmp_path: Path) -> None:
    library = library_of(build("claude", tmp_path).world, "claude")
    told = told_of(library)
    each = [library.whole(session.key).token_usage or Usage() for session in library.catalog.sessions]

    assert 1 == told.repeated
    assert 0 < told.tokens.total < sum(usage.total for usage in each)


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_a_tally_agrees_with_the_session(agent: str, tmp_path: Path) -> None:
    library = library_of(build(agent, tmp_path).world, agent)
    library.refresh()
    adapter = library.adapter_of(agent)
    for session in library.catalog.sessions:
        transcript, tally = adapter.tallied(library.source(session.key))  # type: ignore[attr-defined]
        usage = transcript.session.token_usage or Usage()

        assert usage.total == sum(one.total for one in tally.answers)
        assert usage.output_tokens == sum(one.output_tokens for one in tally.answers)


# ── parts ─────────────────────────────────────────────────────────────────────────────────────────────


def session(store: str, id: str, project: str | None, day: int | None) -> Session:
    at = datetime(2026, 7, day, tzinfo=UTC) if day else None
    return Session(key=SessionKey(store, id), project=project, updated_at=at)


def test_facets_count_agents_and_projects_with_their_last_activity() -> None:
    found = facets([session("b", "1", "/x", 1), session("b", "2", None, 5), session("a", "3", "/x", None)])

    assert (Facet("b", 2, datetime(2026, 7, 5, tzinfo=UTC)), Facet("a", 1)) == found.agents
    assert (Facet("/x", 2, datetime(2026, 7, 1, tzinfo=UTC)), Facet(None, 1, datetime(2026, 7, 5, tzinfo=UTC))) == (
        found.projects
    )


def test_facets_of_nothing_are_empty() -> None:
    assert ((), ()) == (facets([]).agents, facets([]).projects)


def test_a_moment_before_1970_is_unknown() -> None:
    assert [UNKNOWN, UNKNOWN, 4] == [
        quarter(moment) for moment in (None, datetime(1960, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, 1, tzinfo=UTC))
    ]


def test_silent_days_are_among_the_days() -> None:
    activity = Activity(UTC)
    activity.add([quarter(NOW), quarter(NOW - timedelta(days=2)), quarter(NOW + timedelta(days=3))])

    assert [1, 0, 1] == [day.messages for day in activity.days(NOW, 3)]


def test_kept_figures_hold_as_long_as_the_stamp_does(tmp_path: Path) -> None:
    kept = TallyCache(tmp_path / "tallies.db")
    source = Source(SessionKey("a", "1", "/r"), "/r/1", "one")
    tally = Tally([4, UNKNOWN], [Answer.of(Usage(1, 2, 3, 4), id=identity("x"), at=4, place=1, model="heron")])
    kept.keep([(source, tally), (Source(SessionKey("a", "\udcff", "/r"), "", ""), tally)])

    assert {source.key: tally} == kept.known([source])
    assert {} == kept.known([Source(source.key, source.path, "two")])


def test_figures_of_sessions_that_are_gone_are_dropped(tmp_path: Path) -> None:
    kept = TallyCache(tmp_path / "tallies.db")
    sources = [Source(SessionKey("a", id, "/r"), "", "one") for id in ("1", "2")]
    kept.keep([(source, Tally()) for source in sources])

    kept.forget(("a", "/r"), ["2"])

    assert [sources[1].key] == list(kept.known(sources))


def test_bars_show_whatever_is_not_nothing() -> None:
    assert ["", "▏", "█████", "██████████"] == [bar(number, 1000, 10) for number in (0, 1, 500, 1000)]
    assert " ▁▄█" == sparks([0, 1, 50, 100])
    assert "  ██" == sparks([0, 3], 2)


# ── the command ───────────────────────────────────────────────────────────────────────────────────────


def run(monkeypatch: pytest.MonkeyPatch, home: Path, *arguments: Sequence[str] | str) -> int:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "argv", ["session-tui", *arguments])
    return main()


def test_the_document_has_its_agreed_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    home = build("claude", tmp_path).world.home

    code = run(monkeypatch, home, "stats", "--json", "queen")
    document = json.loads(capfdbinary.readouterr()[0])

    assert (0, 1, "queen") == (code, document["schema_version"], document["query"])
    assert {"total", "by_kind", "by_health", "size_bytes"} == set(document["sessions"])
    assert 1 == document["tokens"]["repeated_answers"]
    assert 24 == len(document["activity"]["hours"])
    assert [2] == [row["sessions"] for row in document["agents"]]


def test_the_report_fits_eighty_cells_without_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    home = build("claude", tmp_path).world.home
    build("codex", tmp_path)

    code = run(monkeypatch, home, "stats", "--no-color")
    lines = capfdbinary.readouterr()[0].decode().splitlines()

    assert 0 == code
    assert "\x1b" not in "".join(lines)
    assert 80 >= max(len(line) for line in lines)
    assert any(line.startswith("Claude Code") for line in lines)


def test_a_session_that_was_removed_leaves_the_kept_figures(tmp_path: Path) -> None:
    path = written(tmp_path, "a", prompt("1", MORNING))
    written(tmp_path, "b", prompt("2", MORNING))
    library = mill(tmp_path, tmp_path / "cache")
    library.refresh()
    sources = [library.source(one.key) for one in library.catalog.sessions]
    told_of(library)
    path.unlink()
    told_of(library)

    assert 1 == len(TallyCache(tmp_path / "cache" / "tallies.db").known(sources))
