"""Everyone who wants to know is told that a session ends, and nobody can stop it."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest

from session_tui import hooks
from session_tui.config import HookSection, load
from session_tui.errors import ConfigError
from session_tui.hooks import Hooks
from session_tui.model import EndReason, Session, SessionKey, SessionState

SESSION = Session(
    key=SessionKey("native", "a", "/data/sessions.db"),
    title="Sheds \udce6 [bold]and[/] 日本",
    state=SessionState.ACTIVE,
    updated_at=datetime(2026, 11, 21, 12, tzinfo=UTC),
    message_count=3,
    tags=("garden",),
    metadata={"colour": "green"},
)


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger("session_tui"), "propagate", True)
    caplog.set_level(logging.INFO, logger="session_tui.hooks")
    return caplog


def python(code: str, *arguments: str, seconds: float = 30) -> HookSection:
    return HookSection(command=(sys.executable, "-c", code, *arguments), timeout_seconds=seconds)


def test_callables_are_told_in_the_order_they_were_added() -> None:
    told: list[tuple[str, EndReason]] = []
    all = Hooks(plugins=False)
    all.add(lambda session, reason: told.append(("first " + session.key.id, reason)))

    @all.add
    def second(session: Session, reason: EndReason) -> None:
        told.append(("second " + session.key.id, reason))

    all.ended(SESSION, EndReason.RESET)
    second(SESSION, EndReason.NEW)

    assert [("first a", EndReason.RESET), ("second a", EndReason.RESET), ("second a", EndReason.NEW)] == told


def test_one_that_fails_is_logged_and_the_others_are_told(logged: pytest.LogCaptureFixture) -> None:
    told: list[EndReason] = []
    all = Hooks(plugins=False)

    @all.add
    def broken(session: Session, reason: EndReason) -> None:
        raise ValueError("no ink")

    all.add(lambda session, reason: told.append(reason))
    all.ended(SESSION, EndReason.DELETE)

    assert [EndReason.DELETE] == told
    assert ["an end hook failed for native:a (delete)"] == [record.getMessage() for record in logged.records]
    assert "no ink" in logged.text


def test_hooks_can_tell_hooks() -> None:
    told: list[EndReason] = []
    inner, outer = Hooks(plugins=False), Hooks(plugins=False)
    inner.add(lambda session, reason: told.append(reason))
    outer.add(inner.ended)

    outer.ended(SESSION, EndReason.ARCHIVE)

    assert [EndReason.ARCHIVE] == told


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with three entry points, two of them broken."""
    (tmp_path / "diary_plugin.py").write_text(
        "from pathlib import Path\n"
        "def note(session, reason):\n"
        "    Path(__file__).with_name('diary.txt').write_text(f'{session.key.ref} {reason.value}')\n"
        "number = 5\n"
    )
    folder = tmp_path / "diary_plugin-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: diary-plugin\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        f"[{hooks.GROUP}]\nmissing = diary_plugin:nothing\nnumber = diary_plugin:number\nnote = diary_plugin:note\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("diary_plugin", None)


def test_installed_packages_are_told_and_broken_ones_left_out(package: Path, logged: pytest.LogCaptureFixture) -> None:
    Hooks().ended(SESSION, EndReason.TIMEOUT)

    assert "native:a timeout" == (package / "diary.txt").read_text()
    assert {
        "the hook diary_plugin:nothing could not be loaded",
        "the hook diary_plugin:number cannot be called",
    } == {record.getMessage() for record in logged.records}


# ── commands ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_command_gets_the_session_as_json(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    section = python("import sys; open(sys.argv[1], 'w').write(sys.stdin.read())", str(file))

    Hooks([section], plugins=False).ended(SESSION, EndReason.ARCHIVE)

    told = json.loads(file.read_text())
    assert (1, "session_end", "archive") == (told["schema_version"], told["event"], told["reason"])
    session = told["session"]
    assert ("native:a", "native", "a", "/data/sessions.db") == tuple(
        session[name] for name in ("ref", "store", "id", "root")
    )
    assert (SESSION.title, "active", 3, ["garden"], {"colour": "green"}) == tuple(
        session[name] for name in ("title", "state", "message_count", "tags", "metadata")
    )
    assert "2026-11-21T12:00:00.000000Z" == session["updated_at"]


def test_commands_run_one_after_the_other(tmp_path: Path) -> None:
    file = tmp_path / "order"
    code = "import sys; open(sys.argv[1], 'a').write(sys.argv[2])"

    Hooks([python(code, str(file), letter) for letter in "abc"], plugins=False).ended(SESSION, EndReason.NEW)

    assert "abc" == file.read_text()


def test_what_a_command_prints_goes_to_the_log_alone(
    capfd: pytest.CaptureFixture[str], logged: pytest.LogCaptureFixture
) -> None:
    code = "import sys; print('to\\x1b[2J out'); print('to err', file=sys.stderr); sys.exit(3)"

    Hooks([python(code)], plugins=False).ended(SESSION, EndReason.NEW)

    (record,) = logged.records
    assert ("", "") == capfd.readouterr()
    assert "ended with 3:" in record.getMessage()
    assert "to out" in record.getMessage()
    assert "to err" in record.getMessage()
    assert logging.ERROR == record.levelno


def test_endless_output_is_cut(logged: pytest.LogCaptureFixture) -> None:
    Hooks([python("print('x' * 10**6)")], plugins=False).ended(SESSION, EndReason.NEW)

    assert len(logged.records[0].getMessage()) < 5_000


def test_a_line_is_split_as_a_shell_would_but_no_shell_runs_it(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    code = "import sys; open(sys.argv[1], 'w').write(repr(sys.argv[2:]))"
    line = f"""{sys.executable} -c "{code}" '{file}' "two words" $HOME ; true"""

    Hooks([HookSection(command=line)], plugins=False).ended(SESSION, EndReason.NEW)

    assert "['two words', '$HOME', ';', 'true']" == file.read_text()


def test_a_program_below_the_home_is_found(hermetic_home: Path, tmp_path: Path) -> None:
    program = hermetic_home / "hook"
    program.write_text(f"#!/bin/sh\ncat > '{tmp_path}/told'\n")
    program.chmod(0o755)

    Hooks([HookSection(command="~/hook")], plugins=False).ended(SESSION, EndReason.NEW)

    assert "session_end" == json.loads((tmp_path / "told").read_text())["event"]


@pytest.mark.parametrize("command", ["/no/such/program", (), "", "'unbalanced", ("",)])
def test_a_command_that_cannot_run_is_logged(command: str | tuple[str, ...], logged: pytest.LogCaptureFixture) -> None:
    told: list[EndReason] = []
    all = Hooks([HookSection(command=command)], plugins=False)
    all.add(lambda session, reason: told.append(reason))

    all.ended(SESSION, EndReason.NEW)

    assert [EndReason.NEW] == told
    assert "was not run" in logged.records[0].getMessage()


def test_a_command_that_takes_too_long_is_stopped_with_its_children(
    tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "child"
    script = 'sleep 600 & echo $! > "$0"; sleep 600'
    section = HookSection(command=("sh", "-c", script, str(file)), timeout_seconds=1)
    started = monotonic()

    Hooks([section], plugins=False).ended(SESSION, EndReason.NEW)

    assert monotonic() - started < 300
    assert "was stopped after 1 s" in logged.records[0].getMessage()
    assert ends(int(file.read_text()))


def ends(process: int) -> bool:
    """Whether the process ends within a minute; a signal takes its time."""
    deadline = monotonic() + 60
    while is_running(process):
        if monotonic() > deadline:
            return False
    return True


def is_running(process: int) -> bool:
    """Whether the process runs; a killed one that nobody waited for does not."""
    with suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    return False


def test_a_child_left_behind_does_not_hold_up_the_operation(tmp_path: Path) -> None:
    file = tmp_path / "child"
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "open(sys.argv[1], 'w').write(str(child.pid))"
    )
    started = monotonic()

    Hooks([python(code, str(file), seconds=300)], plugins=False).ended(SESSION, EndReason.NEW)
    os.kill(int(file.read_text()), 9)

    assert monotonic() - started < 300


# ── configuration ─────────────────────────────────────────────────────────────────────────────────────


def test_hooks_are_configured_as_a_list(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "hooks:\n- command: notes add --quiet\n- {event: session_end, command: [notes, add], timeout_seconds: 2.5}\n"
    )

    found = load(file).hooks

    assert (
        HookSection(event="session_end", command="notes add --quiet", timeout_seconds=10),
        HookSection(event="session_end", command=("notes", "add"), timeout_seconds=2.5),
    ) == found


@pytest.mark.parametrize(
    "text",
    [
        "hooks: [{event: session_start, command: x}]",
        "hooks: [{event: session_end}]",
        "hooks: [{command: x, timeout_seconds: 0}]",
        "hooks: [{command: x, timeout: 1}]",
        "hooks: {command: x}",
    ],
)
def test_a_hook_that_is_no_hook_is_a_mistake(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError):
        load(file)
