"""What every adapter promises, held against the store of each agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from session_tui.adapters.base import Adapter, Source, capabilities
from session_tui.errors import SessionTuiError
from session_tui.model import Capability, Health, Launch, Message, Refusal
from session_tui.registry import discover
from tests.fixture_homes import AGENTS, FixtureHome, build, digest

ADAPTERS = discover().adapters


@pytest.fixture(params=AGENTS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FixtureHome:
    return build(str(request.param), tmp_path)


def adapter_of(store: FixtureHome) -> Adapter:
    return ADAPTERS[store.agent](store.world)


def sources_of(adapter: Adapter) -> dict[str, Source]:
    return {source.key.id: source for root in adapter.roots() for source in adapter.scan(root)}


def test_the_sessions_of_the_store_are_found(store: FixtureHome) -> None:
    assert {session["id"] for session in store.sessions} == set(sources_of(adapter_of(store)))


def test_reading_gives_what_the_store_is_known_to_hold(store: FixtureHome) -> None:
    adapter = adapter_of(store)
    sources = sources_of(adapter)

    for expected in store.sessions:
        transcript = adapter.read(sources[str(expected["id"])])
        session = transcript.session
        found = {
            "id": session.key.id,
            "title": session.title,
            "title_source": session.title_source.value,
            "project": session.project,
            "message_count": session.message_count,
            "archived_count": session.archived_count,
            "summaries": len(transcript.summaries),
            "roles": [message.role.value for message in transcript.messages],
            "state": session.state.value,
            "health": session.health.value,
        }

        assert {key: expected[key] for key in found} == found


def test_a_head_agrees_with_the_whole(store: FixtureHome) -> None:
    adapter = adapter_of(store)

    for source in sources_of(adapter).values():
        head, whole = adapter.head(source), adapter.read(source).session

        assert (whole.key, whole.title, whole.project, whole.kind) == (head.key, head.title, head.project, head.kind)
        assert head.updated_at == whole.updated_at
        assert head.message_count in {None, whole.message_count}


def test_heads_come_in_the_order_they_are_asked_for(store: FixtureHome) -> None:
    adapter = adapter_of(store)
    sources = list(sources_of(adapter).values())[::-1]

    heads = list(adapter.heads(sources))

    assert [source.key for source in sources] == [head.key for head in heads]


def test_counts_follow_from_the_messages(store: FixtureHome) -> None:
    adapter = adapter_of(store)

    for source in sources_of(adapter).values():
        transcript = adapter.read(source)
        spoken = [message for message in transcript.messages if not message.is_summary]

        assert len(spoken) == transcript.session.message_count
        assert sum(message.archived for message in spoken) == transcript.session.archived_count


def test_messages_can_be_asked_for_one_by_one_and_as_a_stream(store: FixtureHome) -> None:
    adapter = adapter_of(store)

    for source in sources_of(adapter).values():
        messages = adapter.read(source).messages

        assert list(messages) == [messages[index] for index in range(len(messages))]
        assert all(isinstance(message, Message) for message in messages)


def test_times_are_aware_or_unknown(store: FixtureHome) -> None:
    adapter = adapter_of(store)

    for source in sources_of(adapter).values():
        transcript = adapter.read(source)
        session = transcript.session
        moments = [session.created_at, session.updated_at, session.last_active_at, session.compacted_at]
        moments += [message.created_at for message in transcript.messages]

        assert all(moment is None or moment.tzinfo is not None for moment in moments)


def test_stamps_hold_while_nothing_changes(store: FixtureHome) -> None:
    adapter = adapter_of(store)

    assert sources_of(adapter) == sources_of(adapter_of(store))


def test_reading_changes_no_byte_and_leaves_no_file(store: FixtureHome) -> None:
    before = digest(store.world.home)

    adapter = adapter_of(store)
    sources = sources_of(adapter)
    for source in sources.values():
        adapter.head(source)
        list(adapter.read(source).messages)
    for root in adapter.roots():
        list(getattr(adapter, "check", lambda _: ())(root))

    assert sources
    assert before == digest(store.world.home)


def test_resuming_is_a_launch_or_a_sentence(store: FixtureHome) -> None:
    adapter = adapter_of(store)
    sources = sources_of(adapter)

    for expected in store.sessions:
        answer = adapter.resume(adapter.head(sources[str(expected["id"])]))  # type: ignore[attr-defined]

        if expected["resume"] is None:
            assert isinstance(answer, Refusal)
            assert answer.reason
        else:
            assert isinstance(answer, Launch)
            assert expected["resume"] == list(answer.argv)


def test_a_session_that_is_gone_is_an_error_of_ours(store: FixtureHome) -> None:
    adapter = adapter_of(store)
    for source in sources_of(adapter).values():
        path = Path(source.path)
        if path.exists():
            path.unlink()

        with pytest.raises(SessionTuiError):
            adapter.read(source)


def test_every_adapter_can_read_and_says_how_it_looks(store: FixtureHome) -> None:
    adapter = adapter_of(store)

    assert Capability.READ in capabilities(adapter)
    assert adapter.label
    assert 1 == len(adapter.mark)
    assert adapter.color.startswith("#")


@pytest.mark.parametrize("cut", [0.3, 0.7, 0.95])
def test_cut_files_cost_only_what_was_cut(store: FixtureHome, cut: float) -> None:
    files = [path for path in store.world.home.rglob("*") if path.is_file() and path.stat().st_size]
    for path in files:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * cut)])
    adapter = adapter_of(store)

    health = set()
    for root in adapter.roots():
        try:
            for source in adapter.scan(root):
                health.add(adapter.read(source).session.health)
        except SessionTuiError as error:
            assert error.what
            health.add(Health.UNREADABLE)

    assert health


@pytest.mark.parametrize(
    "garbage", [b"\0" * 4096, b"\xff\xfe garbage \x1b[31m", b"[]", b"{}\n" * 50, b"SQLite format 3\0"]
)
def test_garbage_is_never_a_crash(store: FixtureHome, garbage: bytes) -> None:
    for path in [path for path in store.world.home.rglob("*") if path.is_file()]:
        path.write_bytes(garbage)
    adapter = adapter_of(store)

    told = []
    for root in adapter.roots():
        try:
            for source in adapter.scan(root):
                told.append(adapter.read(source).session.health.value)
        except SessionTuiError as error:
            told.append(str(error))

    assert all(told)
