"""How the main screen keeps searches under a name, and offers them again."""

from __future__ import annotations

from collections.abc import Iterator

from session_tui.errors import StoreError
from session_tui.text import one_line
from session_tui.tui.screens.searching import Searching
from session_tui.userdata import SavedSearch


class Saving(Searching):
    """Saved searches."""

    def __init__(self) -> None:
        super().__init__()
        self._saved: tuple[SavedSearch, ...] = ()

    def saved_searches(self) -> Iterator[SavedSearch]:
        """The saved searches as they were last seen; for the palette."""
        yield from self._saved

    def look_at_saved(self) -> None:
        """Read the saved searches in a thread."""

        def look() -> None:
            try:
                saved = self._library.userdata.searches.all()
            except StoreError as error:
                told = one_line(f"{error}. {error.hint}")
                self.app.call_from_thread(self.notify, told, title="Saved searches", severity="warning", markup=False)
                return
            self.app.call_from_thread(self.when_up, self._take_saved, saved)

        self.run_worker(look, thread=True, group="saved", exit_on_error=False)

    def _take_saved(self, saved: tuple[SavedSearch, ...]) -> None:
        self._saved = saved

    def action_saved_searches(self) -> None:
        """Choose among the saved searches, or save the one in the search box."""
        self._open_dialog(saving=False)

    def action_save_search(self) -> None:
        """Save the search in the search box under a name."""
        if self.search.value.strip():
            self._open_dialog(saving=True)
        else:
            self.notify("Type a search first; it is then kept under a name.", title="Nothing to save", markup=False)

    def _open_dialog(self, *, saving: bool) -> None:
        from session_tui.tui.screens.saved_searches import SavedScreen

        dialog = SavedScreen(self._library.userdata.searches, self.search.value.strip(), saving=saving)
        self.app.push_screen(dialog, self._chosen_saved)

    def _chosen_saved(self, query: str | None) -> None:
        self.look_at_saved()
        if query is not None:
            self.search_for(query)
            self.search.focus()
