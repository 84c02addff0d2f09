"""Text rules shared by every front end: what is safe to draw, how wide it is, how ages and sizes are said."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta

REPLACEMENT = "\ufffd"
_SURROGATES = re.compile("[\ud800-\udfff]")
# C0 and C1 controls, line and paragraph separators, bidirectional controls, and the deprecated tag block:
# everything that moves a cursor, breaks a line or reorders what stands beside it.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)
_UNSAFE_BUT_LAYOUT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)
# A whole terminal sequence, so that none of its parameters stay behind as litter.
_ESCAPE = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_].*?(?:\x07|\x1b\\\\|$)|[@-Z\\\\-_])", re.DOTALL)


def scrub(text: str) -> str:
    """``text`` without lone surrogates, so that it can be encoded and stored."""
    return _SURROGATES.sub(REPLACEMENT, text)


def one_line(text: str) -> str:
    """``text`` as one line that is safe to draw: no controls, escapes or direction marks, spaces collapsed."""
    return " ".join(_UNSAFE.sub(" ", _ESCAPE.sub("", scrub(text))).split())


def drawable(text: str) -> str:
    """``text`` that is safe to draw over several lines: line ends and tabs stay, tabs as four spaces."""
    if text.isascii() and text.isprintable():
        return text
    lines = _ESCAPE.sub("", scrub(text)).replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    return _UNSAFE_BUT_LAYOUT.sub(REPLACEMENT, lines.replace("\u2029", "\n").replace("\t", "    "))


def title_from_prompt(prompt: str, *, limit: int = 200) -> str:
    """A title made of a prompt: its first non-blank line, at most ``limit`` characters."""
    line = next((line.strip() for line in prompt.split("\n") if line.strip()), "")
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def clip(text: str, limit: int) -> str:
    """The first ``limit`` characters of ``text``, the last one an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + "…"


def homely(path: str, home: str) -> str:
    """``path`` with ``~`` for the home directory it lies in."""
    return f"~{path[len(home) :]}" if path == home or path.startswith(f"{home}/") else path


def slug(text: str, *, limit: int = 60) -> str:
    """A file name made of ``text``: letters, digits and dashes, never empty, never a reserved name."""
    plain = unicodedata.normalize("NFKC", one_line(text))
    name = re.sub(r"[^\w]+", "-", plain, flags=re.UNICODE).strip("-_").lower()[:limit].strip("-_")
    reserved = re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)", name)
    return f"{name or 'session'}{'-session' if reserved else ''}"


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, in at most four cells: ``now``, ``5m``, ``3h``, ``2d``, ``7w``, ``4mo``, ``2y``; ``–`` unknown."""
    if moment is None:
        return "–"
    seconds = (now - moment) // timedelta(seconds=1)
    units = ((31_536_000, "y"), (2_592_000, "mo"), (604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "m"))
    for size, unit in units:
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return "now"


def count(number: int | None) -> str:
    """A count in at most five cells: ``812``, ``8.1k``, ``62k``, ``1.3M``; ``–`` unknown."""
    if number is None:
        return "–"
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            share = number / size
            return f"{share:.0f}{unit}" if share >= 9.95 else f"{share:.1f}{unit}".replace(".0", "")
    return str(number)


def size(number: int | None) -> str:
    """A size in bytes for people: ``512 B``, ``51 kB``, ``1.4 MB``; ``–`` unknown."""
    if number is None:
        return "–"
    for unit_size, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if number >= unit_size:
            share = number / unit_size
            return f"{share:.0f} {unit}" if share >= 9.95 else f"{share:.1f} {unit}"
    return f"{number} B"


def plural(number: int, noun: str, nouns: str = "") -> str:
    """``1 message``, ``2 messages``, with thousands set apart by commas."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def stamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with six decimals and ``Z``; ``None`` stays unknown."""
    if moment is None:
        return None
    offset = moment.utcoffset() or timedelta()
    return f"{(moment - offset).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
