"""Adapters are found by being there; a broken plug-in is reported and skipped."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from session_tui.registry import discover


def plug_in(folder: Path, monkeypatch: pytest.MonkeyPatch, *, module: str, body: str) -> None:
    (folder / f"{module}.py").write_text(body)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[session_tui.agents]\n{module} = {module}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, module, raising=False)


GOOD = """
from session_tui.adapters.base import Adapter

class Guest(Adapter):
    name = "guest"
    label = "Guest"
    def roots(self): return ()
    def scan(self, root): yield from ()
    def head(self, source): raise NotImplementedError
    def read(self, source): raise NotImplementedError
"""


def test_the_systems_are_found() -> None:
    registry = discover()

    assert {"native", "memory", "atmos", "ggcode", "zima", "techne", "picoclaw"} <= set(registry.adapters)
    assert () == registry.problems


def test_a_plug_in_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(tmp_path, monkeypatch, module="guest_sessions", body=GOOD)

    assert "guest" in discover().adapters


def test_a_broken_plug_in_is_reported_and_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(tmp_path, monkeypatch, module="broken_sessions", body="raise RuntimeError('out of order')\n")

    registry = discover()

    assert ["broken_sessions"] == [problem.path for problem in registry.problems]
    assert "out of order" in registry.problems[0].what
    assert "native" in registry.adapters


def test_a_plug_in_cannot_take_a_name_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(tmp_path, monkeypatch, module="thief_sessions", body=GOOD.replace('"guest"', '"native"'))

    registry = discover()

    assert "session_tui.agents.native" == registry.adapters["native"].__module__
    assert "taken" in registry.problems[0].what
