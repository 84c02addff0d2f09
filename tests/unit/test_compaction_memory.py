"""What is remembered before messages go, and how it is kept clean."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from session_tui.compaction.hygiene import NO_MEMORY, fingerprint, normalize
from session_tui.compaction.memory import limited, refresh
from session_tui.compaction.memory_store import InFiles, InMemory, MemoryStore
from session_tui.compaction.settings import CompactionSettings
from session_tui.compaction.summarizers.base import Purpose, Summarizer, SummaryRequest, SummaryText
from session_tui.compaction.summarizers.extractive import Extractive
from session_tui.errors import Cancelled, StoreError, SummaryError
from session_tui.model import Message, Role, SessionKey, Text
from session_tui.progress import Progress
from session_tui.tokens import estimate

KEY = SessionKey("native", "night/shift:1", "/home/ana")
OTHER = SessionKey("native", "night shift 1", "/home/ana")


# ── hygiene ───────────────────────────────────────────────────────────────────────────────────────────


def test_transient_lines_go_and_duplicates_collapse() -> None:
    extracted = "\n".join(
        (
            "- User preference: short answers",
            "- Project fact: repo uses Go modules",
            "- Uploaded file available at /tmp/session/plan.md",
            "- approval requested for browser",
            "* user preference: short answers   ",
        )
    )

    assert "- User preference: short answers\n- Project fact: repo uses Go modules" == normalize(extracted)


@pytest.mark.parametrize("text", ["", "  \n ", "NO_MEMORY_NEEDED", "no_memory_needed", "  No_Memory_Needed\n"])
def test_nothing_worth_keeping_is_returned_as_it_is(text: str) -> None:
    assert text.strip() == normalize(text)


def test_where_every_line_is_dropped_nothing_is_needed() -> None:
    assert NO_MEMORY == normalize("- stderr was empty\n\n`NO_MEMORY_NEEDED`\n-\n---")


@pytest.mark.parametrize(
    "line",
    [
        *("Saved to /tmp/x", "see build/.tmp/out", "at /mnt/user-data/uploads/a.png", "WORKSPACE_ROOT is /w"),
        *("the artifact_root moved", "Stdout was long", "Exit code 2", "trace id 77", "run id 9 ended"),
        *("Approval resolved", "pending approval for rm", "one tool call", "Tool output cut", "audit trail kept"),
        *("a stack trace", "debug log on", "uploaded files are big", "attachment path is odd", "screenshot attached"),
        *("a temporary file", "the temp file", "ephemeral upload", "session id 4", "Conversation ID 5"),
        *("system prompt says", "prompt injection defense", "raw tool payload"),
    ],
)
def test_each_kind_of_transient_line_is_dropped(line: str) -> None:
    assert NO_MEMORY == normalize(f"- {line}")


@pytest.mark.parametrize("line", ["Uses stdoutput library", "The tooling calls home", "Keeps /var/tmp clean"])
def test_words_that_merely_look_transient_stay(line: str) -> None:
    assert f"- {line}" == normalize(line)


def test_lines_are_stripped_of_bullets_ticks_and_spacing() -> None:
    extracted = "1. first   one\n2) second\ttwo\n•• third\n`- fourth`\n  *  fifth"

    assert "- first one\n- second two\n- third\n- fourth\n- fifth" == normalize(extracted)


def test_preferences_stand_first_then_project_facts_each_in_their_order() -> None:
    extracted = (
        "- born in Porto\n- codebase is in Zig\n- Ana prefers tabs\n- builds on Sundays\n- default shell is fish"
    )

    assert [
        "- Ana prefers tabs",
        "- default shell is fish",
        "- codebase is in Zig",
        "- builds on Sundays",
        "- born in Porto",
    ] == normalize(extracted).split("\n")


def test_the_same_memory_in_other_clothes_is_the_same() -> None:
    assert fingerprint("- Likes  Tea.") == fingerprint('"likes tea"')
    assert fingerprint("likes tea") != fingerprint("likes coffee")


def test_patterns_are_compiled_when_first_needed() -> None:
    code = (
        "from session_tui.compaction import hygiene\n"
        "print(hygiene.transient_pattern.cache_info().currsize)\n"
        "print(hygiene.normalize('- User preference: short answers'))\n"
        "print(hygiene.transient_pattern.cache_info().currsize)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_checkout())

    assert ["0", "- User preference: short answers", "1"] == done.stdout.split("\n")[:3]


def _checkout() -> Path:
    return Path(__file__).resolve().parents[2]


# ── stores ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["memory", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryStore:
    return InMemory() if request.param == "memory" else InFiles(tmp_path / "memories")


def test_what_is_added_twice_is_kept_once(store: MemoryStore) -> None:
    store.add(KEY, "- likes tea")
    kept = store.add(KEY, "- Likes tea.\n- prefers tabs")

    assert "- likes tea\n- prefers tabs" == kept
    assert kept == store.get(KEY)


def test_sessions_do_not_share_memories_even_where_their_names_look_alike(store: MemoryStore) -> None:
    store.add(KEY, "- likes tea")

    assert "" == store.get(OTHER)


def test_memories_are_whole_files_of_their_owner_alone(tmp_path: Path) -> None:
    store = InFiles(tmp_path / "own" / "memories")

    store.add(KEY, "- 喜欢喝茶")

    assert "- 喜欢喝茶\n" == store.path(KEY).read_text(encoding="utf-8")
    assert [store.path(KEY)] == list(store.folder.iterdir())
    assert 0o600 == stat.S_IMODE(store.path(KEY).stat().st_mode)
    assert 0o700 == stat.S_IMODE(store.folder.stat().st_mode)


# ── refresh ───────────────────────────────────────────────────────────────────────────────────────────


class Writes:
    """A summarizer that answers what it was made with, or raises it."""

    name = "scripted"

    def __init__(self, answer: str | Exception) -> None:
        self.answer = answer
        self.requests: list[SummaryRequest] = []

    def summarize(self, request: SummaryRequest, progress: Progress) -> SummaryText:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return SummaryText(text=self.answer, provider=self.name)


class Broken:
    """A store that cannot be written."""

    def add(self, key: SessionKey, extracted: str) -> str:
        raise StoreError("disk full")

    def get(self, key: SessionKey) -> str:
        return ""


def talk(*texts: str) -> list[Message]:
    system = Message(id="s", role=Role.SYSTEM, blocks=(Text("You are a gardener."),))
    return [system, *(Message(id=str(i), role=Role.USER, blocks=(Text(text),)) for i, text in enumerate(texts))]


THREE = talk("one", "two", "three")


def refreshed(
    summarizer: Summarizer, store: MemoryStore, messages: list[Message] | None = None, limit: int = 500
) -> str:
    settings = CompactionSettings(extract_tokens=limit)
    done = refresh(
        KEY,
        THREE if messages is None else messages,
        summarizer=summarizer,
        store=store,
        settings=settings,
        progress=Progress(),
    )
    return done.extracted or done.note


def test_a_refresh_asks_for_memories_and_stores_them_clean() -> None:
    store, writer = InMemory(), Writes("* likes tea\n* exit code 0")

    assert "- likes tea" == refreshed(writer, store)
    assert "- likes tea" == store.get(KEY)
    assert (Purpose.MEMORY, 500) == (writer.requests[0].purpose, writer.requests[0].max_tokens)
    assert Role.SYSTEM not in {message.role for message in writer.requests[0].messages}


def test_fewer_than_three_messages_are_not_worth_a_refresh() -> None:
    writer = Writes("- likes tea")

    assert "fewer than 3 messages" == refreshed(writer, InMemory(), talk("one", "two"))
    assert [] == writer.requests


@pytest.mark.parametrize("answer", ["", "no_memory_needed", "- stdout was empty"])
def test_nothing_extracted_stores_nothing(answer: str) -> None:
    store = InMemory()

    assert "nothing worth remembering" == refreshed(Writes(answer), store)
    assert "" == store.get(KEY)


def test_failures_are_told_and_never_raised() -> None:
    assert "memory was not refreshed: no network" == refreshed(Writes(SummaryError("no network")), InMemory())
    assert "memory was not refreshed: boom" == refreshed(Writes(ValueError("boom")), InMemory())
    assert "memory was not refreshed: disk full" == refreshed(Writes("- likes tea"), Broken())


def test_being_stopped_is_no_failure() -> None:
    with pytest.raises(Cancelled):
        refreshed(Writes(Cancelled()), InMemory())


def test_what_is_extracted_is_limited_to_whole_lines() -> None:
    lines = "\n".join(f"- remembers number {i} of the long list" for i in range(100))

    kept = refreshed(Writes(lines), InMemory(), limit=60)

    assert 60 >= estimate(kept)
    assert kept == "\n".join(lines.split("\n")[: len(kept.split("\n"))])
    assert kept == limited(lines, 60)


def test_refreshing_can_be_switched_off() -> None:
    writer = Writes("- likes tea")
    settings = CompactionSettings(refresh_memory=False)

    done = refresh(KEY, THREE, summarizer=writer, store=InMemory(), settings=settings, progress=Progress())

    assert ("", []) == (done.extracted, writer.requests)


def test_the_extractive_summarizer_remembers_wishes_and_decisions() -> None:
    messages = talk(
        "Please look at the greenhouse controller.",
        "I prefer metric units in every chart.",
        "We decided to log once a minute because the card is small. The run left a stack trace.",
    )

    kept = refreshed(Extractive(), InMemory(), messages)

    assert [
        "- I prefer metric units in every chart.",
        "- We decided to log once a minute because the card is small.",
    ] == kept.split("\n")
    assert "nothing worth remembering" == refreshed(Extractive(), InMemory(), talk("hm", "ok", "so"))
