"""From a name in the configuration to a summarizer."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from session_tui.compaction.summarizers import anthropic as anthropic_dialect
from session_tui.compaction.summarizers import openai as openai_dialect
from session_tui.compaction.summarizers import waiting
from session_tui.compaction.summarizers.anthropic import anthropic
from session_tui.compaction.summarizers.base import Summarizer
from session_tui.compaction.summarizers.command import WINDOW, Command
from session_tui.compaction.summarizers.extractive import Extractive
from session_tui.compaction.summarizers.fallback import Fallback
from session_tui.compaction.summarizers.llm import llm
from session_tui.compaction.summarizers.modelled import Backend, Modelled
from session_tui.compaction.summarizers.openai import openai
from session_tui.compaction.summarizers.retrying import Retries
from session_tui.compaction.summarizers.waiting import Limits
from session_tui.errors import UsageError
from session_tui.tokens import DEFAULT_WINDOW, window

_NEARBY = re.compile(r"127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|::1$|.*\.local$")
BUILT_IN = ("extractive", "openai", "anthropic", "llm", "command")


@dataclass(frozen=True, slots=True, kw_only=True)
class SummarizerSettings:
    """Which summarizer writes, and how it is reached."""

    name: str = "extractive"
    """One of `extractive`, `openai`, `anthropic`, `llm`, `command`, or the name of an agent that has a preset."""
    model: str = ""
    """The model to ask for; `openai` and `anthropic` need one."""
    base_url: str = ""
    """Where the endpoint is, for example `http://localhost:11434/v1`; empty for the vendor's own."""
    key_variable: str = ""
    """The environment variable that holds the key; empty for the vendor's usual one."""
    command: tuple[str, ...] = ()
    """The program and its arguments for `command`; it reads the question from its standard input."""
    context_window: int = 0
    """The model's window in tokens where it is not a known one; 0 to look it up."""
    timeout: float = 120.0
    """Seconds without a sign of life after which a summarizer is given up."""
    attempts: int = 4
    """How often a busy endpoint is asked in all."""


def choose(
    settings: SummarizerSettings,
    *,
    presets: Mapping[str, tuple[str, ...]] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Summarizer:
    """The summarizer that ``settings`` name, backed by the extractive one. ``presets`` are the argument lists
    of agents that can answer on standard input, by name.

    Raises:
        UsageError: there is no summarizer of that name, or it lacks what it needs.
    """
    presets = presets or {}
    if settings.name == "extractive":
        return Extractive()
    return Fallback(Modelled(_backend(settings, presets, os.environ if environ is None else environ)))


def _backend(
    settings: SummarizerSettings, presets: Mapping[str, tuple[str, ...]], environ: Mapping[str, str]
) -> Backend:
    limits = Limits(silence=settings.timeout, whole=max(waiting.USUAL.whole, settings.timeout))
    retries = Retries(attempts=max(1, settings.attempts))
    known = settings.context_window or window(settings.model)
    match settings.name:
        case "openai":
            return openai(
                model=_model(settings),
                key=environ.get(settings.key_variable or openai_dialect.KEY_VARIABLE, ""),
                base_url=settings.base_url or openai_dialect.BASE_URL,
                window=_openai_window(settings),
                limits=limits,
                retries=retries,
            )
        case "anthropic":
            return anthropic(
                model=_model(settings),
                key=environ.get(settings.key_variable or anthropic_dialect.KEY_VARIABLE, ""),
                base_url=settings.base_url or anthropic_dialect.BASE_URL,
                window=known or DEFAULT_WINDOW,
                limits=limits,
                retries=retries,
            )
        case "llm":
            return llm(model=settings.model, window=known or WINDOW, limits=limits)
        case "command" if settings.command:
            return Command(argv=settings.command, window=settings.context_window or WINDOW, limits=limits)
        case "command":
            raise UsageError("the summarizer `command` has no command", hint="set `command: [program, argument, …]`")
        case name if name in presets:
            return Command(name=name, argv=presets[name], window=settings.context_window or WINDOW, limits=limits)
        case name:
            every = ", ".join((*BUILT_IN, *sorted(presets)))
            raise UsageError(f"no summarizer is called {name}", hint=f"there are: {every}")


def _openai_window(settings: SummarizerSettings) -> int:
    """The window as configured, else what is safe for a server nearby, else that of the model."""
    host = urlsplit(settings.base_url).hostname or ""
    if not settings.context_window and (host == "localhost" or _NEARBY.match(host)):
        return openai_dialect.LOCAL_WINDOW
    return settings.context_window or window(settings.model) or openai_dialect.UNKNOWN_WINDOW


def _model(settings: SummarizerSettings) -> str:
    if not settings.model:
        raise UsageError(f"the summarizer `{settings.name}` needs a model", hint="name one with --model")
    return settings.model
