"""JSON as Go's ``encoding/json`` writes it: no spaces unless indented, and escaped what could end a script in a web
page."""

from __future__ import annotations

import json
from typing import Final

from session_tui.text import scrub

_ESCAPES: Final = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})


def dumps(value: object, *, indent: int | None = None) -> str:
    """``value`` as one line, or with ``indent`` spaces to a level; lone surrogates, which Go has no text for, are
    U+FFFD."""
    separators = (",", ":") if indent is None else (",", ": ")
    return scrub(json.dumps(value, ensure_ascii=False, separators=separators, indent=indent)).translate(_ESCAPES)
