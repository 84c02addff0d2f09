"""Sessions leave as documents and come back."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from session_tui.checkpoint import exporting, importing
from session_tui.errors import SessionTuiError, StoreError, UnknownSession
from session_tui.manager.endings import Endings
from session_tui.manager.workspace import normalized
from session_tui.model import EndReason, Health, Session, SessionKey, TitleSource, Transcript

_log = logging.getLogger(__name__)


class Checkpoints(Endings):
    """Sessions as checkpoints."""

    def export(
        self,
        key: SessionKey,
        path: str | Path | None = None,
        *,
        format: str = "",
        include_context: bool = True,
        include_metadata: bool = True,
        overwrite: bool = False,
    ) -> str:
        """The session as a document, which is written to ``path`` where one is given; one that cannot be imported
        again is warned of in the log.

        Args:
            format: ``json``, ``yaml`` or ``markdown``; by default what the extension of ``path`` says, else JSON.
            include_context: also its context and the files read.
            include_metadata: also its metadata.
            overwrite: replace a file that is there.

        Raises:
            UsageError: no format has that name.
            StoreError: there is a file already, or it could not be written.
        """
        chosen = exporting.format_of(format, path)
        with self._attempt("export", key):
            transcript = self._read(key)
            text = exporting.text_of(
                transcript,
                chosen,
                at=self._clock(),
                include_context=include_context,
                include_metadata=include_metadata,
            )
            if path is not None:
                exporting.write(path, text, overwrite=overwrite)
            if warning := exporting.unimportable(transcript, chosen):
                _log.warning("exported %s, but %s", key.ref, warning)
            return text
        return ""

    def export_by_name(
        self,
        project: str | Path | None,
        name: str,
        path: str | Path | None = None,
        *,
        format: str = "",
        include_context: bool = True,
        include_metadata: bool = True,
        overwrite: bool = False,
    ) -> str:
        """`export` the session with exactly this title in the project, of several the last changed.

        Raises:
            UnknownSession: there is none.
        """
        with self._attempt(f"export {name}"):
            found = self.get_by_name(project, name)
            if found is None:
                raise UnknownSession(f"no session named {name}", where=normalized(project))
            return self.export(
                found.key,
                path,
                format=format,
                include_context=include_context,
                include_metadata=include_metadata,
                overwrite=overwrite,
            )
        return ""

    def validate(self, path: str | Path) -> None:
        """Let pass a file that can be imported; this raises whatever is done about failures.

        Raises:
            CheckpointError: it is no checkpoint, or not a sound one.
            StoreError: it cannot be read.
        """
        importing.check(path)

    def import_checkpoint(
        self,
        path: str | Path,
        *,
        name: str = "",
        project: str | Path | None = None,
        overwrite: bool = False,
        include_context: bool = True,
    ) -> Session | None:
        """Write the conversation in a checkpoint as a new session, changed and last active now, and return it.

        Args:
            name: its title, by default the checkpoint's.
            project: its project, by default the checkpoint's.
            overwrite: move a session of the same title and project to the trash, of several the last changed.
            include_context: also context and files read.

        Returns:
            ``None`` where it failed and failures are logged.

        Raises:
            CheckpointError: it is no checkpoint, or not a sound one.
            StoreError: there is such a session and it is not to be overwritten, or it could not be written; all is
                as it was.
        """
        with self._attempt(f"import {path}"):
            found = importing.read(path, include_context=include_context)
            return self._taken_in(self._renewed(found, name, project), overwrite=overwrite)
        return None

    def _renewed(self, found: Transcript, name: str, project: str | Path | None) -> Transcript:
        old, now = found.session, self._clock()
        session = replace(
            old,
            key=self._store.key(),
            title=name or old.title,
            title_source=TitleSource.CUSTOM if name else old.title_source,
            project=normalized(old.project if project is None else project) or None,
            created_at=old.created_at or now,
            updated_at=now,
            last_active_at=now,
            path="",
            live=None,
            health=Health.CLEAN,
            problems=(),
        )
        return replace(found, session=session)

    def _taken_in(self, new: Transcript, *, overwrite: bool) -> Session:
        """Write ``new`` before anything goes for it, so that a failure costs nothing."""
        title, project = new.session.title, new.session.project
        with self._lock:
            self._check()
            old = self.get_by_name(project, title) if title else None
            if old and not overwrite:
                raise StoreError(
                    f"AI session already exists: session '{title}' already exists in project '{project or ''}'",
                    hint="import it under another name, or overwrite it",
                )
            key = self._store.create(new)
            if old:
                self._give_way(old, key)
            return self._head(key)

    def _give_way(self, old: Session, new: SessionKey) -> None:
        """End ``old`` and move it to the trash; where that fails, ``new`` goes instead."""
        try:
            self._end(old.key, EndReason.DELETE)
            self._remove(old.key, lambda _: True, keep=True)
        except SessionTuiError:
            self._store.delete_session(new)
            raise
