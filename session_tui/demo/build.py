"""Makes a home directory with stores of every kind out of a tree of template files.

A template ``X.sql`` becomes the SQLite database ``X``; any other file is copied. In contents and in names these
placeholders are replaced, so that the conversations are always a few minutes to a few months old:

    {{home}}            the home directory's path
    {{rfc3339 -3d2h}}   2026-03-08T01:30:32.067550928-05:00, local
    {{utc -3d2h}}       2026-03-08T06:30:32.067550Z
    {{go -3d2h}}        2026-03-08 01:30:32.067550928 -0500 EST m=+1532.088635475, local
    {{sqlite -3d2h}}    2026-03-08 01:30:32.067550928-05:00, local
    {{stampid -3d2h}}   20260308-013032, local
    {{epoch -3d2h}}     1772951432

The time is that of building moved by weeks, days, hours, minutes and seconds (``w d h m s``). A file's own time
is the newest one it names.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Final
from zlib import crc32

from session_tui.adapters.base import World
from session_tui.errors import UsageError
from session_tui.text import stamp

PROJECT: Final = "src/lantern-shop"
"""Where in the sample home a person would be."""
DATA_DIR: Final = ".local/share/session-tui"
_DATABASE: Final = ".sql"
_PLACEHOLDER = re.compile(rb"\{\{(?:(home)|(rfc3339|utc|go|sqlite|stampid|epoch) ([+-]?)((?:\d+[wdhms])+))\}\}")
_SPAN = re.compile(r"(\d+)([wdhms])")
_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


# ── templates ─────────────────────────────────────────────────────────────────────────────────────────


def expand(source: Path, target: Path, *, home: Path, now: datetime) -> None:
    """Build below ``target`` what the templates below ``source`` describe; what is there already and not
    described stays. ``home`` is what ``{{home}}`` stands for.

    Raises:
        OSError: a file cannot be read or written.
        sqlite3.Error: a script is wrong, or its database is there already.
    """
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir()):
        filling = _Filling(home, now)
        name = filling.name(entry.name)
        if entry.is_dir():
            expand(entry, target / name, home=home, now=now)
        elif name.endswith(_DATABASE):
            script = filling.content(entry.read_bytes(), lambda path: path.replace("'", "''"))
            _build_database(target / name.removesuffix(_DATABASE), script.decode("utf-8"), filling)
        else:
            escape = _in_json if name.endswith((".json", ".jsonl")) else str
            (target / name).write_bytes(filling.content(entry.read_bytes(), escape))
            filling.date(target / name)


def _in_json(path: str) -> str:
    return json.dumps(path, ensure_ascii=False)[1:-1]


def _build_database(path: Path, script: str, filling: _Filling) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(script)
    filling.date(path)


@dataclass(slots=True)
class _Filling:
    """Replaces the placeholders of one file, and remembers the newest time among them."""

    home: Path
    now: datetime
    newest: datetime | None = field(default=None, init=False)

    def name(self, name: str) -> str:
        """``name`` without placeholders, which do not count towards the newest time."""
        filled = _PLACEHOLDER.sub(lambda found: self._value(found, str), os.fsencode(name))
        self.newest = None
        return os.fsdecode(filled)

    def content(self, data: bytes, escape: Callable[[str], str]) -> bytes:
        """``data`` without placeholders, every other byte as it was; the home's path goes through ``escape``."""
        return _PLACEHOLDER.sub(lambda found: self._value(found, escape), data)

    def _value(self, found: re.Match[bytes], escape: Callable[[str], str]) -> bytes:
        home, spelling, sign, span = (part.decode() if part else "" for part in found.groups())
        if home:
            return os.fsencode(escape(str(self.home)))
        distance = timedelta(**{_UNITS[unit]: int(number) for number, unit in _SPAN.findall(span)})
        moment = self.now + (-distance if sign == "-" else distance)
        self.newest = max(self.newest or moment, moment)
        return SPELLINGS[spelling](moment, crc32(span.encode()) % 10**9).encode()

    def date(self, path: Path) -> None:
        """Give ``path`` the newest time that was filled in, where there was one."""
        if self.newest:
            os.utime(path, (self.newest.timestamp(),) * 2)


# ── spellings: a moment to the second, and nanoseconds ────────────────────────────────────────────────


def _rfc3339(moment: datetime, nanoseconds: int) -> str:
    local = moment.astimezone()
    return f"{local:%Y-%m-%dT%H:%M:%S}{_fraction(nanoseconds)}{_offset(local)}".replace("+00:00", "Z")


def _utc(moment: datetime, nanoseconds: int) -> str:
    return stamp(moment.replace(microsecond=nanoseconds // 1000)) or ""


def _go(moment: datetime, nanoseconds: int) -> str:
    local = moment.astimezone()
    zone = local.tzname() or ""
    if not re.fullmatch("[A-Z]{3,4}", zone):
        local, zone = moment.astimezone(UTC), "UTC"
    elapsed = f"m=+{nanoseconds % 7_200}.{nanoseconds:09d}"
    return f"{local:%Y-%m-%d %H:%M:%S}{_fraction(nanoseconds)} {local:%z} {zone} {elapsed}"


def _sqlite(moment: datetime, nanoseconds: int) -> str:
    local = moment.astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}{_fraction(nanoseconds)}{_offset(local)}"


def _stampid(moment: datetime, nanoseconds: int) -> str:
    return f"{moment.astimezone():%Y%m%d-%H%M%S}"


def _epoch(moment: datetime, nanoseconds: int) -> str:
    return str(int(moment.timestamp()))


def _fraction(nanoseconds: int) -> str:
    return f".{nanoseconds:09d}".rstrip("0").rstrip(".")


def _offset(local: datetime) -> str:
    offset = f"{local:%z}"
    return f"{offset[:3]}:{offset[3:5]}"


SPELLINGS: Final[Mapping[str, Callable[[datetime, int], str]]] = {
    "rfc3339": _rfc3339,
    "utc": _utc,
    "go": _go,
    "sqlite": _sqlite,
    "stampid": _stampid,
    "epoch": _epoch,
}


# ── the sample home ───────────────────────────────────────────────────────────────────────────────────


def build_demo(target: Path, now: datetime) -> Path:
    """Make the whole sample home in the new or empty directory ``target`` and return its real path. Nothing
    outside is touched.

    Raises:
        UsageError: the directory holds something already.
        OSError: a file cannot be written.
    """
    target.mkdir(parents=True, exist_ok=True)
    home = target.resolve()
    if any(home.iterdir()):
        raise UsageError(f"the directory is not empty: {home}", hint="name a new one for the sample home")
    with resources.as_file(resources.files("session_tui.demo") / "data") as data:
        for store in sorted(data.iterdir()):
            expand(store / "home", home, home=home, now=now)
    return home


def demo_world(target: Path) -> World:
    """The world of somebody who lives in the sample home at ``target``; of the real environment only where
    programs are found is kept."""
    home = target.resolve()
    return World(
        home=home,
        environ={"PATH": os.environ.get("PATH", os.defpath)},
        cwd=home / PROJECT,
        data_dir=home / DATA_DIR,
        mentioned=tuple(sorted(place for place in (home / "src").iterdir() if place.is_dir())),
    )
