"""In which language a conversation is held, and how a summary speaks in it (`languages.json`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).with_name("languages.json")
_SAMPLE = 20_000
"""How many characters are enough to tell a language by."""
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|[A-Za-z0-9]+(?:[_./\\:=-]+[A-Za-z0-9]+)+", re.DOTALL)
_HAN = re.compile(r"[\u3400-\u9fff]")
_KANA = re.compile(r"[\u3041-\u30fa]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_WIDE_SHARE = 4
"""Letters of a script that writes whole words with one or two of them, counted this many times."""


@dataclass(frozen=True, slots=True)
class Language:
    """One entry of the table; the meaning of each list stands at its top."""

    code: str
    name: str
    headings: dict[str, str]
    decision: tuple[str, ...]
    leaning: tuple[str, ...]
    reason: tuple[str, ...]
    narration: tuple[str, ...]
    open: tuple[str, ...]
    next: tuple[str, ...]
    result: tuple[str, ...]
    preference: tuple[str, ...]
    stop: frozenset[str]


@lru_cache(1)
def languages() -> dict[str, Language]:
    """All languages by their code, English first."""
    table: dict[str, dict[str, object]] = json.loads(_FILE.read_text(encoding="utf-8"))["languages"]
    return {code: _language(code, entry) for code, entry in table.items()}


def _language(code: str, entry: dict[str, object]) -> Language:
    def phrases(name: str) -> tuple[str, ...]:
        found = entry[name]
        assert isinstance(found, list)
        return tuple(str(phrase) for phrase in found)

    headings = entry["headings"]
    assert isinstance(headings, dict)
    return Language(
        code=code,
        name=str(entry["name"]),
        headings={str(section): str(heading) for section, heading in headings.items()},
        decision=phrases("decision"),
        leaning=phrases("leaning"),
        reason=phrases("reason"),
        narration=phrases("narration"),
        open=phrases("open"),
        next=phrases("next"),
        result=phrases("result"),
        preference=phrases("preference"),
        stop=frozenset(phrases("stop")),
    )


def language(code: str) -> Language:
    """The language of that code (``pt-BR`` is ``pt``), or English."""
    table = languages()
    return table.get(code.lower().replace("_", "-").split("-")[0], table["en"])


def detect(texts: Iterable[str]) -> Language:
    """The language most of ``texts`` is in, told by its script and its commonest words; English in doubt."""
    sample = _CODE.sub(" ", _start_of(texts))
    counts = {
        "ja": len(_KANA.findall(sample)) * _WIDE_SHARE,
        "zh": len(_HAN.findall(sample)) * _WIDE_SHARE,
        "ko": len(_HANGUL.findall(sample)) * _WIDE_SHARE,
        "ru": len(_CYRILLIC.findall(sample)),
        "latin": len(_LATIN.findall(sample)),
    }
    if counts["ja"] * 5 >= counts["zh"]:  # Japanese mixes kana into every sentence, Chinese has none
        counts["ja"], counts["zh"] = counts["ja"] + counts["zh"] if counts["ja"] else 0, counts["zh"]
    script = max(counts, key=lambda code: (counts[code], code == "ja"))
    return _latin(sample) if script == "latin" or not counts[script] else languages()[script]


def _start_of(texts: Iterable[str]) -> str:
    parts: list[str] = []
    length = 0
    for text in texts:
        parts.append(text[:_SAMPLE])
        length += len(text)
        if length >= _SAMPLE:
            break
    return "\n".join(parts)


def _latin(sample: str) -> Language:
    found = _WORD.findall(sample.lower())
    candidates = [entry for entry in languages().values() if entry.code not in {"ja", "zh", "ko", "ru"}]
    hits = {entry.code: sum(word in entry.stop for word in found) for entry in candidates}
    return languages()[max(hits, key=lambda code: (hits[code], code == "en"))]
