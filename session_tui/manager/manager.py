"""The session manager, put together of its parts."""

from __future__ import annotations

from types import TracebackType

from session_tui.manager.belongings import Belongings
from session_tui.manager.checkpoints import Checkpoints
from session_tui.manager.compacting import Compacting
from session_tui.manager.messages import Conversations
from session_tui.manager.migration import Migration
from session_tui.manager.retention import Retention
from session_tui.manager.statistics import Figures
from session_tui.manager.summaries import Summaries
from session_tui.manager.windows import Windows


class SessionManager(
    Conversations, Windows, Summaries, Belongings, Compacting, Retention, Figures, Migration, Checkpoints
):
    """The life of an agent's sessions in one store, from any thread, beside any number of other processes.

    What a call changes, it changes as a whole or not at all. A session is written once a person has said something
    in it. Nothing is lost by a compaction, and a copy is kept before anything else takes messages away.

    Args:
        store: where the sessions live, such as `native_store()`.
        compactor: compacts conversations; ``None`` where they never are.
        summarizer: writes summaries in place of the compactor's own.
        memory: receives what is worth remembering before a compaction, in place of the compactor's own.
        hooks: told in this order that a session ends, then those of installed packages; one that fails is logged.
            `Hooks` hold the configured commands as well.
        keeper: keeps the copies; by default the trash of the store's data directory.
        upkeep: what `maintain` does; nothing by default.
        on_error: whether what fails is raised, or logged and answered with nothing, for agents that must go on.
            `create` and `require` raise in any case.
        clock: the time now, aware.
    """

    def close(self) -> None:
        """Write what was said but could not be written, forget sessions in which nobody said anything, and do no
        more. Closing twice is closing once."""
        with self._lock:
            if not self._closed:
                self._write_drafts()
                self._closed = True

    def _write_drafts(self) -> None:
        for draft in self._drafts.all():
            with self._attempt("write", draft.session.key):
                self._write(draft.session.key, draft)

    def __enter__(self) -> SessionManager:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
