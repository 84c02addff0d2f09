"""A small store of JSON Lines files, as a plug-in would bring it; the library's tests use it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from session_tui.adapters import files, jsonl
from session_tui.adapters.base import Adapter, Root, Source, World, places
from session_tui.errors import StoreDamaged
from session_tui.model import (
    Launch,
    Message,
    Refusal,
    Role,
    Session,
    SessionKey,
    SessionKind,
    Text,
    TitleSource,
    Transcript,
)


class Diary(Adapter):
    """Sessions of the invented program ``diary``: one file each, a header line and messages."""

    name = "diary"
    label = "Diary"
    program = "diary"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.heads_read = 0
        self.read_whole = 0

    def roots(self) -> Sequence[Root]:
        def below(path: Path) -> Iterator[Path]:
            if path.is_dir() and any(path.glob("*.diary")):
                yield path

        def defaults() -> Iterator[tuple[Path, str]]:
            yield self.world.home / "diary", "default"
            for place in self.world.project_places():
                yield place / ".diary", "project"

        return places(self.world, self.name, defaults(), below)

    def scan(self, root: Root) -> Iterator[Source]:
        for entry in files.entries(root.path):
            if entry.name == "fails":
                raise StoreDamaged("the folder cannot be listed", where=entry.path)
            if entry.name.endswith(".diary"):
                key = SessionKey(self.name, entry.name.removesuffix(".diary"), str(root.path))
                yield Source(key, entry.path, files.stamp(Path(entry.path)), files.modified_at(entry.stat()))

    def head(self, source: Source) -> Session:
        self.heads_read += 1
        first = jsonl.decode(files.head(Path(source.path), 10_000).split(b"\n")[0]).value
        assert isinstance(first, dict)
        return Session(
            key=source.key,
            path=source.path,
            title=first["title"],
            title_source=TitleSource.CUSTOM,
            project=first.get("project"),
            kind=SessionKind(first.get("kind", "main")),
            updated_at=datetime.fromisoformat(first["updated"]).replace(tzinfo=UTC),
        )

    def read(self, source: Source) -> Transcript:
        self.read_whole += 1
        from dataclasses import replace

        lines = files.read(Path(source.path), limit=1_000_000).split(b"\n")[1:]
        texts = [json.loads(line) for line in lines if line]
        messages = [Message(id=str(n), role=Role.USER, blocks=(Text(text),)) for n, text in enumerate(texts)]
        return Transcript(session=replace(self.head(source), message_count=len(texts)), messages=messages)

    def resume(self, session: Session) -> Launch | Refusal:
        if session.title == "closed":
            return Refusal("the diary is closed", "open a new one")
        return Launch(("diary", "--open", session.key.id), session.project)


def write(
    folder: Path, id: str, *, title: str = "", day: int = 1, texts: Sequence[str] = ("hello",), **more: str
) -> Path:
    """Write one session and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    header = {"title": title or f"Title of {id}", "updated": f"2026-05-{day:02d}T10:00:00", **more}
    file = folder / f"{id}.diary"
    file.write_text("\n".join(json.dumps(line) for line in [header, *texts]) + "\n", encoding="utf-8")
    return file
