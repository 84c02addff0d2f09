"""The configuration file: one field per key, whose docstring is its documentation."""

from __future__ import annotations

import ast
import difflib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from session_tui.errors import ConfigError


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """A group of keys; a key that is not listed is a mistake."""


class StoreSection(Section, frozen=True):
    """Settings of one store, under its name."""

    roots: tuple[str, ...] = ()
    """Further places to look in: a database file, a sessions directory, an agent's home or a project."""
    enabled: bool = True
    """Whether the store is looked at at all."""


class ExcludeSection(Section, frozen=True):
    """What is never listed, indexed or exported."""

    projects: tuple[str, ...] = ()
    """Project directories; everything below them is left out as well. `~` is your home."""
    stores: tuple[str, ...] = ()
    """Names of stores."""


class IndexSection(Section, frozen=True):
    """What a search looks through. The index may be deleted at any time; it is made anew."""

    tool_text: bool = True
    """Whether the text of tool calls and results, and thinking, is kept in the index as well."""
    tool_text_mb: Annotated[int, msgspec.Meta(ge=1)] = 1000
    """Megabytes of such text that are kept, that of the newest sessions first."""


class CompactionSection(Section, frozen=True):
    """When conversations are due for compaction, and how it is done."""

    enabled: bool = True
    """Whether conversations are marked as due; a compaction by hand is always possible."""
    trigger_threshold: float = 0.75
    """Share of the context window (or of the message limit) at which compaction is due."""
    soft_threshold: float = 0.6
    """Share of the context window at which memory is refreshed."""
    refresh_memory: bool = True
    """Whether lasting facts are noted under `memory/` in the data directory before messages are taken away."""
    compact_ratio: float = 0.4
    """Share of the active messages that one compaction takes away, the oldest first."""
    preserve_recent: int = 10
    """How many of the newest messages are always kept."""
    use_ai_summary: bool = True
    """Whether the summarizer may be a model; otherwise the program's own plain one or the extractive one is used."""
    show_summary_markers: bool = False
    """Whether summaries are framed by lines that say which messages they stand for."""


class SummarizerSection(Section, frozen=True):
    """Who writes summaries when a conversation is compacted."""

    name: str = "extractive"
    """`extractive` (embedded, no network), `openai` (any compatible endpoint), `anthropic`, `llm` or `command`."""
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


class HookSection(Section, frozen=True, kw_only=True):
    """A command that is told when something happens to a session: it gets a JSON object on standard input with
    `event`, `reason` (`archive`, `reset`, `delete`, `timeout`, `new`) and `session`; what it prints is logged."""

    event: Literal["session_end"] = "session_end"
    """What it is told of: `session_end`, before anything changes."""
    command: str | tuple[str, ...]
    """The program and its arguments, as a list, or as a line that is split as a shell would; no shell runs it."""
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0)] = 10
    """Seconds after which it is stopped."""


class Config(Section, frozen=True):
    """The whole configuration."""

    theme: str = "harbour-dark"
    """Name of the theme; `session-tui themes` lists them."""
    scope: Literal["everywhere", "here"] = "everywhere"
    """Whether the list starts with all conversations or those of the current directory."""
    watch: bool = True
    """Whether conversations that go on elsewhere are shown as they grow."""
    context_window: int = 200_000
    """Context window in tokens that is assumed where neither the store nor the table of models knows one."""
    stores: dict[str, StoreSection] = {}
    """Settings of single stores by name, for example `native: {roots: [~/backup/sessions.db]}`."""
    exclude: ExcludeSection = ExcludeSection()
    """Projects and stores to leave out."""
    index: IndexSection = IndexSection()
    """What a search looks through."""
    compaction: CompactionSection = CompactionSection()
    """When conversations are due for compaction, and how it is done."""
    summarizer: SummarizerSection = SummarizerSection()
    """Who writes summaries when a conversation is compacted."""
    hooks: tuple[HookSection, ...] = ()
    """Commands that get a session as JSON when it ends, for example `[{command: notes add, timeout_seconds: 5}]`."""
    keymap: dict[str, str] = {}
    """Other keys for commands, by the command's id, for example `resume: ctrl+r`."""


def load(file: Path) -> Config:
    """The configuration in ``file``; the defaults when there is no such file.

    Raises:
        ConfigError: it cannot be read, is no YAML, or holds an unknown key or a wrong value.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration cannot be read: {error}", where=str(file)) from error
    import yaml

    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        what = " ".join(str(error).split())
        raise ConfigError(f"not YAML: {what}", where=str(file), hint=f"edit or move {file}") from error
    if data is None:
        return Config()
    try:
        return msgspec.convert(data, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error), where=str(file), hint=_hint(str(error), file)) from error


def _hint(message: str, file: Path) -> str:
    unknown = re.search(r"unknown field `([^`]*)`", message)
    if unknown:
        near = difflib.get_close_matches(unknown[1], [name for name, *_ in documented()], n=1)
        if near:
            return f"did you mean `{near[0]}`? `session-tui config init` writes a file with every key"
    return f"edit {file}; `session-tui config init` writes a file with every key"


def documented(section: type[Section] = Config, prefix: str = "") -> Iterator[tuple[str, str, object]]:
    """Every key as ``(dotted name, documentation, default)``, sections before their keys."""
    docs = _attribute_docs(section)
    for item in msgspec.structs.fields(section):
        default = item.default if item.default_factory is msgspec.NODEFAULT else item.default_factory()
        name = f"{prefix}{item.name}"
        yield name, docs.get(item.name, ""), default
        if isinstance(default, Section):
            yield from documented(type(default), f"{name}.")


def _attribute_docs(section: type[Section]) -> dict[str, str]:
    body = ast.parse(inspect.getsource(section)).body[0]
    assert isinstance(body, ast.ClassDef)
    docs: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            docs[field.target.id] = str(below.value.value)
    return docs


def template() -> str:
    """A configuration file that holds every key with its default, commented out and explained."""
    lines = ["## session-tui configuration. Every key is optional; the values shown are the defaults.", "##"]
    for name, doc, default in documented():
        depth = "  " * name.count(".")
        value = "" if isinstance(default, Section) else f" {msgspec.json.encode(default).decode()}"
        lines += [f"## {depth}{doc}", f"# {depth}{name.rsplit('.', 1)[-1]}:{value}"]
    return "\n".join(lines) + "\n"


def as_yaml(config: Config) -> str:
    """The configuration in force, as YAML."""
    import yaml

    return yaml.safe_dump(msgspec.to_builtins(config), sort_keys=False, allow_unicode=True)
