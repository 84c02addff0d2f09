"""YAML of documents: no aliases, no types but those of JSON, nothing nested without end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from session_tui.checkpoint.projection import Moment
from session_tui.checkpoint.schema import DEEPEST
from session_tui.errors import CheckpointError
from session_tui.text import scrub

if TYPE_CHECKING:
    from yaml import SafeDumper, ScalarEvent, ScalarNode

_WIDTH: Final = 1 << 20
_WORDS: Final[Mapping[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,999})")
_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,999}\.[0-9]{0,999}(?:[eE][-+][0-9]{1,4})?")
_STRING: Final = "tag:yaml.org,2002:str"
_TYPES: Final = (None, "!", _STRING, "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
_TIME: Final = "tag:yaml.org,2002:timestamp"
_INK: Final = "!-~\u00a1-\u2027\u2030-\ud7ff"
_PLAIN_LINES: Final = re.compile(f"(?! )[ {_INK}]*[{_INK}](?:\n(?:[ {_INK}]*[{_INK}])?)*")
"""Lines that a literal block keeps as they are: without tabs, signs that have no shape, and spaces at their end or
at the very start."""


def dumps(document: object) -> str:
    """``document`` as YAML, two spaces to a level; texts of several lines as blocks where that is safe."""
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper: Any = type("Dumper", (base,), {"ignore_aliases": lambda self, data: True})
    dumper.add_representer(str, _text)
    dumper.add_representer(Moment, _moment)
    return str(yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, indent=2))


def _moment(dumper: SafeDumper, value: Moment) -> ScalarNode:
    return dumper.represent_scalar(_TIME, str(value))


def _text(dumper: SafeDumper, value: str) -> ScalarNode:
    clean = scrub(value)
    if "\n" not in clean:
        return dumper.represent_scalar(_STRING, clean)
    return dumper.represent_scalar(_STRING, clean, style="|" if _PLAIN_LINES.fullmatch(clean) else '"')


def loads(text: str) -> object:
    """The value of a YAML text with one document. Times stay texts, as do numbers that JSON would write otherwise.

    Raises:
        CheckpointError: it is no YAML, refers to itself, nests too deeply, or names a type of its own.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _built(yaml.parse(text, Loader=loader))
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise CheckpointError(f"not YAML{line}: {getattr(error, 'problem', None) or 'unreadable'}") from error


def _built(events: Iterable[object]) -> object:
    """The value that parser ``events`` tell of; built without recursion."""
    import yaml

    root: list[object] = []
    open_places: list[tuple[Callable[[object], None], object]] = [(root.append, root)]
    for event in events:
        put = open_places[-1][0]
        tag = getattr(event, "tag", None)
        if tag not in _TYPES:
            raise CheckpointError(f"YAML types are not accepted: {tag}")
        match event:
            case yaml.ScalarEvent():
                put(_scalar(event))
            case yaml.SequenceStartEvent():
                items: list[object] = []
                put(items)
                open_places.append((items.append, items))
            case yaml.MappingStartEvent():
                pairs: dict[str, object] = {}
                put(pairs)
                open_places.append((_Pairs(pairs), pairs))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                open_places.pop()
            case yaml.AliasEvent():
                raise CheckpointError(f"YAML aliases are not accepted: *{event.anchor}")
        if len(open_places) > DEEPEST + 1:
            raise CheckpointError(f"nested more than {DEEPEST} levels deep")
    if len(root) > 1:
        raise CheckpointError("more than one YAML document")
    return root[0] if root else None


class _Pairs:
    """Puts keys and values, which come in turns, into a mapping; the last of a key counts."""

    __slots__ = ("_key", "_pairs")

    def __init__(self, pairs: dict[str, object]) -> None:
        self._pairs = pairs
        self._key: str | None = None

    def __call__(self, value: object) -> None:
        if self._key is not None:
            self._pairs[self._key] = value
            self._key = None
        elif isinstance(value, list | dict):
            raise CheckpointError("YAML keys must be texts")
        else:
            self._key = "null" if value is None else str(word(value))


def word(value: object) -> object:
    """A number or truth value as a text that YAML takes for it; anything else as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _scalar(event: ScalarEvent) -> object:
    text: str = event.value
    if event.tag is not None or not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
