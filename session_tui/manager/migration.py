"""Bringing the sessions of another store into this one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from session_tui.adapters.base import Adapter, Source
from session_tui.errors import SessionTuiError, StoreError
from session_tui.manager.core import Core
from session_tui.model import Problem, SessionKey, Transcript

ORIGIN = "migrated_from"
"""The entry in a session's ``extra`` that names where it was migrated from."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """The sessions that were brought over, and what could not be."""

    keys: tuple[SessionKey, ...] = ()
    problems: tuple[Problem, ...] = ()


class Migration(Core):
    """Copies whole sessions; the store they come from is only read."""

    def migrate(self, adapter: Adapter) -> Migrated:
        """Copy every session of ``adapter`` in which anything was said, each once however often this is called.

        A session keeps its id where that is free. What cannot be read is skipped and told.
        """
        problems: list[Problem] = []
        keys: list[SessionKey] = []
        with self._attempt("migrate sessions"):
            known = {(one.key.id, one.extra.get(ORIGIN)) for one in self._heads()}
            for source in _sources(adapter, problems):
                try:
                    keys += self._copied(adapter.read(source), source.key, known)
                except SessionTuiError as error:
                    problems.append(Problem(error.where or source.path, error.what, error.hint))
        return Migrated(tuple(keys), tuple(problems))

    def _copied(
        self, transcript: Transcript, origin: SessionKey, known: set[tuple[str, object]]
    ) -> Iterator[SessionKey]:
        """The key of the copy, or nothing where there is one already or nothing was said."""
        if not transcript.messages or any(ref == origin.tagged_ref for _, ref in known):
            return
        taken = any(id == origin.id for id, _ in known)
        key = self._store.key(f"{origin.id}-{origin.tag}" if taken else origin.id)
        session = replace(
            transcript.session, key=key, path="", extra={**transcript.session.extra, ORIGIN: origin.tagged_ref}
        )
        yield self._store.create(replace(transcript, session=session))
        known.add((key.id, origin.tagged_ref))


def _sources(adapter: Adapter, problems: list[Problem]) -> Iterator[Source]:
    for root in adapter.roots():
        try:
            yield from adapter.scan(root)
        except StoreError as error:
            problems.append(Problem(error.where or str(root.path), error.what, error.hint))
