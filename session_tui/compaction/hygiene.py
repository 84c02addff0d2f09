"""What may be kept of an extracted memory: lasting lines, each once, in a steady order.

The rules are those of a program that has long stored such memories; its tests are ours as well.
"""

from __future__ import annotations

import re
from functools import lru_cache

NO_MEMORY = "NO_MEMORY_NEEDED"
"""What an extraction answers when nothing is worth keeping."""

_TRANSIENT_PLACES = (
    r"/tmp/",
    r"\.tmp/",
    r"/mnt/user-data/(?:workspace|uploads|outputs)",
    r"\bworkspace_root\b",
    r"\bartifact_root\b",
)
_TRANSIENT_WORDS = (
    # the noise of a run
    *("stdout", "stderr", "exit code", "trace id", "run id", "approval requested", "approval resolved"),
    *("pending approval", "tool call", "tool output", "audit trail", "stack trace", "debug log"),
    # uploads
    *("uploaded (?:file|files|attachment)", "attachment path", "screenshot attached", "temporary file"),
    *("temp file", "ephemeral upload"),
    # identities and internals
    *("session id", "conversation id", "system prompt", "prompt injection defense", "raw tool payload"),
)
_PREFERENCE = ("preference", "prefers", "likes", "wants", "expects", "default")
_PROJECT_FACT = ("project", "repo", "repository", "working on", "codebase", "uses ", "builds ")


@lru_cache(1)
def transient_pattern() -> re.Pattern[str]:
    """What marks a line as true for the moment only; compiled when first needed."""
    places, words = "|".join(_TRANSIENT_PLACES), "|".join(_TRANSIENT_WORDS)
    return re.compile(rf"(?:{places}|\b(?:{words})\b)", re.IGNORECASE | re.ASCII)


@lru_cache(1)
def _bullet_pattern() -> re.Pattern[str]:
    return re.compile(r"^\s*(?:[-*•]+|[0-9]+[.)])\s*", re.ASCII)


@lru_cache(1)
def _space_pattern() -> re.Pattern[str]:
    return re.compile(r"\s+", re.ASCII)


def normalize(extracted: str) -> str:
    """``extracted`` as it may be stored: a list of ``- line``, preferences first, then project facts, then the
    rest, each in the order it came. Nothing worth keeping is `NO_MEMORY`; the empty text stays empty."""
    content = extracted.strip()
    if not content or content.upper() == NO_MEMORY:
        return content
    buckets: tuple[list[str], list[str], list[str]] = ([], [], [])
    seen: set[str] = set()
    for raw in content.split("\n"):
        line = _plain(raw)
        if not line or line.upper() == NO_MEMORY or transient_pattern().search(line):
            continue
        mark = fingerprint(line)
        if mark and mark not in seen:
            seen.add(mark)
            buckets[_bucket(line)].append(f"- {line}")
    return "\n".join(line for bucket in buckets for line in bucket) or NO_MEMORY


def fingerprint(line: str) -> str:
    """What makes two lines the same memory: their words, without bullets, case, outer punctuation and spacing."""
    return _space_pattern().sub(" ", _plain(line).lower().strip(" .,:;`\"'")).strip()


def _plain(raw: str) -> str:
    line = _bullet_pattern().sub("", raw.strip().strip("`"))
    return _space_pattern().sub(" ", line).strip()


def _bucket(line: str) -> int:
    lowered = line.lower()
    if any(word in lowered for word in _PREFERENCE):
        return 0
    return 1 if any(word in lowered for word in _PROJECT_FACT) else 2
