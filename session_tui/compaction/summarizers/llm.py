"""The installed `llm` command with its plug-ins; the answer is not logged as a conversation of its own."""

from __future__ import annotations

from session_tui.compaction.summarizers import waiting
from session_tui.compaction.summarizers.command import WINDOW, Command
from session_tui.compaction.summarizers.waiting import Limits


def llm(*, model: str = "", window: int = WINDOW, program: str = "llm", limits: Limits = waiting.USUAL) -> Command:
    """The backend for ``program``; without a model it uses its own default one."""
    chosen = ("-m", model) if model else ()
    return Command(
        name="llm",
        argv=(program, "prompt", "--no-log", *chosen),
        model=model,
        window=window,
        system_option="--system",
        limits=limits,
    )
