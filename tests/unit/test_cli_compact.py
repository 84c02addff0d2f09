"""``compact`` on the command line: a plan that changes nothing, a result that is written, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from session_tui.demo.build import PROJECT, build_demo
from tests.fixture_homes import digest
from tests.unit.test_cli import Answer, Capture, run

SESSION = "Basket is empty after login"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = build_demo(tmp_path / "home", datetime.now(UTC))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder / PROJECT)
    return folder


def stores_of(home: Path) -> dict[str, str]:
    return {
        name: value
        for name, value in digest(home).items()
        if not name.startswith((".cache", ".local")) and ".flock" not in name
    }


def entry(answer: Answer) -> dict[str, object]:
    done = answer.json["done"]
    assert isinstance(done, list)
    assert isinstance(done[0], dict)
    return done[0]


def test_a_dry_run_has_the_plan_alone_and_changes_no_byte(home: Path, capfdbinary: Capture) -> None:
    before = stores_of(home)

    answer = run(capfdbinary, "compact", SESSION, "--dry-run", "--json")

    assert 0 == answer.code
    assert {"ref", "plan"} == set(entry(answer))
    assert {"compact", "keep", "estimated_savings", "reason"} == set(entry(answer)["plan"])  # type: ignore[call-overload]
    assert before == stores_of(home)


def test_without_a_terminal_it_needs_yes(home: Path, capfdbinary: Capture) -> None:
    before = stores_of(home)

    answer = run(capfdbinary, "compact", SESSION, "--json")

    assert 2 == answer.code
    assert "--yes" in answer.err
    assert before == stores_of(home)


def test_the_result_is_written_and_read_back(home: Path, capfdbinary: Capture) -> None:
    done = entry(run(capfdbinary, "compact", SESSION, "--yes", "--json", "--preserve-recent", "4"))
    shown = run(capfdbinary, "show", "--json", "--messages", "active", str(done["ref"])).json

    plan, result = done["plan"], done["result"]
    assert isinstance(plan, dict)
    assert isinstance(result, dict)
    assert "store" == result["written_to"]
    assert len(plan["compact"]) == result["removed_messages"]
    messages = shown["messages"]
    assert isinstance(messages, list)
    assert plan["keep"] == [message["id"] for message in messages if not message["is_summary"]]
    summaries = shown["summaries"]
    assert isinstance(summaries, list)
    assert [True] == [result["summary"] in summary["content"] for summary in summaries]


def test_the_trash_lists_what_was_kept_and_brings_it_back(home: Path, capfdbinary: Capture) -> None:
    before = stores_of(home)
    done = entry(run(capfdbinary, "compact", SESSION, "--yes", "--json"))

    items = run(capfdbinary, "trash", "list", "--json").json["items"]
    assert isinstance(items, list)
    restored = run(capfdbinary, "trash", "restore", "--json", items[0]["trash_id"])

    keys = {"trash_id", "ref", "title", "kind", "trashed_at", "expires_at", "size_bytes"}
    assert keys == set(items[0])
    assert ("compact", done["ref"]) == (items[0]["kind"], items[0]["ref"])
    assert [done["ref"]] == [each["ref"] for each in restored.json["done"]]  # type: ignore[attr-defined]
    assert before == stores_of(home)


def test_what_is_not_in_the_trash_exits_with_two(home: Path, capfdbinary: Capture) -> None:
    assert 2 == run(capfdbinary, "trash", "restore", "20200101-000000-abcdef").code


def test_the_overlay_takes_a_summary_without_touching_the_store(home: Path, capfdbinary: Capture) -> None:
    before = stores_of(home)

    done = entry(run(capfdbinary, "compact", SESSION, "--yes", "--json", "--to", "overlay"))

    assert "overlay" == done["result"]["written_to"]  # type: ignore[index]
    assert before == stores_of(home)


def test_nothing_to_compact_is_a_failure(home: Path, capfdbinary: Capture) -> None:
    answer = run(capfdbinary, "compact", "Onboarding page", "--yes", "--json")

    assert 1 == answer.code
    assert [] == answer.json["done"]


@pytest.mark.parametrize("option", [("--ratio", "7"), ("--summarizer", "nobody"), ("--prompt-file", "/does/not/exist")])
def test_wrong_options_are_named(home: Path, capfdbinary: Capture, option: tuple[str, str]) -> None:
    answer = run(capfdbinary, "compact", SESSION, *option)

    assert 2 == answer.code
    assert 1 == answer.err.count("error: ")


def test_what_a_program_makes_of_a_compaction_is_said_beforehand(
    home: Path, capfdbinary: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home / "src" / "orchard-infra")

    answer = run(capfdbinary, "compact", "eks-1.32-staging", "--dry-run", "--preserve-recent", "2")

    assert 0 == answer.code
    assert "chat still shows and sends the whole conversation" in answer.err
