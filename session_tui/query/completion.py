"""What ``Tab`` makes of the filter being typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from session_tui.model import Role, SessionState
from session_tui.query.filters import FILTERS, FLAGS, PARTS
from session_tui.query.folding import fold

_FIXED: dict[str, tuple[str, ...]] = {
    "is": FLAGS,
    "in": PARTS,
    "has": ("error", "image", "summary", "code"),
    "role": tuple(Role),
    "state": tuple(SessionState),
    "date": ("today", "yesterday", "<2d", "<1w", "<1m", ">1m"),
}
_LAST = re.compile(
    r"(?P<sign>[-!]?)(?P<name>[a-z]+)(?P<colon>:(?P<done>(?:[^,\s]*,)*)(?P<value>[!-]?[^,\s]*))?$", re.IGNORECASE
)


def complete(text: str, known: Mapping[str, Sequence[str]]) -> str | None:
    """``text`` with the filter at its end completed, or ``None`` where there is nothing to complete.

    ``known`` gives the values that occur for filters such as ``agent``, ``project`` or ``tag``, the most frequent
    first. What several values share is completed first; typed out, the value is left as it is.
    """
    found = _LAST.search(text)
    if not found or (found.start() and not text[found.start() - 1].isspace()):
        return None
    name = found["name"].lower()
    if found["colon"] is None:
        # A whole name may as well be a word that is looked for, and one letter the beginning of any.
        names = [filter for filter in FILTERS if filter.startswith(name) and 1 < len(name) < len(filter)]
        return f"{text[: found.start()]}{found['sign']}{names[0]}:" if names else None
    if name not in FILTERS:
        return None
    value = found["value"].lstrip("!-")
    sign = found["value"][: len(found["value"]) - len(value)]
    candidates = [str(one) for one in (*known.get(name, ()), *_FIXED.get(name, ()))]
    best = next((one for one in candidates if fold(one).startswith(fold(value)) and fold(one) != fold(value)), None)
    best = best or next((one for one in candidates if len(value) > 1 and fold(value) in fold(one)), None)
    if best is None or best == value:
        return None
    quoted = f'"{best}"' if " " in best else best
    return f"{text[: found.start()]}{found['sign']}{name}:{found['done']}{sign}{quoted}"
