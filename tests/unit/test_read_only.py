"""Stores on a file system that cannot be written are read like any other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixture_homes import AGENTS, build

READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && shift && exec "$@"'


def run_read_only(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a mount namespace where ``folder`` is read-only."""
    whole = ["unshare", "--mount", "sh", "-c", READ_ONLY, str(folder), "--", *command]
    return subprocess.run(whole, capture_output=True, text=True, check=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    probe = run_read_only(tmp_path, "sh", "-c", f"! touch {tmp_path}/x 2>/dev/null")
    if probe.returncode:
        pytest.skip("this machine lets us mount nothing")
    return tmp_path


@pytest.mark.parametrize("agent", [agent for agent in AGENTS if agent != "native"])
def test_a_store_on_a_read_only_file_system_is_listed(
    agent: str, home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixture = build(agent, home)
    own = tmp_path_factory.mktemp("own")
    monkeypatch.setenv("HOME", str(fixture.world.home))
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "SESSION_TUI_DATA_DIR"):
        monkeypatch.setenv(name, str(own))
    monkeypatch.chdir(fixture.world.cwd)

    done = run_read_only(home, sys.executable, "-m", "session_tui", "list", "--json", "--all", "--store", agent)

    assert "" == done.stderr
    assert {session["id"] for session in fixture.sessions} == {row["id"] for row in json.loads(done.stdout)["sessions"]}
