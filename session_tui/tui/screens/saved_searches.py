"""The dialog of saved searches: choose, save, rename, remove and take that back."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from session_tui.errors import SessionTuiError, UsageError
from session_tui.text import clip, one_line
from session_tui.userdata import SavedSearch, SavedSearches

_QUERY = 60


class SavedScreen(ModalScreen[str | None]):
    """Saved searches; answers with the query of the one that was chosen, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+o", "leave", "Close"),
        Binding("s", "save", "Save this search"),
        Binding("r", "rename", "Rename"),
        Binding("d,delete", "remove", "Remove"),
        Binding("u", "undo", "Undo"),
    ]

    def __init__(self, searches: SavedSearches, query: str, *, saving: bool) -> None:
        """Show ``searches``; ``query`` is the one that can be saved, with ``saving`` its name is asked for at once."""
        super().__init__()
        self._searches = searches
        self._query = query
        self._is_naming = saving
        self._renamed: SavedSearch | None = None
        self._replaces = ""
        self._saved: tuple[SavedSearch, ...] = ()
        self._removed: list[SavedSearch] = []
        self._is_first = True

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Saved searches"
            yield Static(id="told")
            yield OptionList(id="saved", markup=False, compact=True)
            yield Static(id="asked", classes="label")
            yield Input(id="name", placeholder="Name", compact=True)
            yield Static(id="problem")

    def on_mount(self) -> None:
        """Read what is saved."""
        self._lay_out()
        self._change(lambda: None)

    # ── what is shown ─────────────────────────────────────────────────────────────────────────────────

    def _lay_out(self) -> None:
        options, name = self.query_one(OptionList), self.query_one("#name", Input)
        options.display = bool(self._saved)
        told = "" if self._saved else "Nothing is saved yet."
        if not self._saved and not self._query:
            told = "Nothing is saved yet. Type a search first: it can then be kept here under a name."
        self.query_one("#told", Static).update(Content(told).stylize("$text-muted"))
        self.query_one("#told").display = bool(told)
        name.display = self.query_one("#asked").display = self._is_naming
        if self._is_naming:
            what = f"New name of “{self._renamed.name}”" if self._renamed else f"Keep “{clip(self._query, _QUERY)}” as"
            self.query_one("#asked", Static).update(Content(one_line(what)))
            name.focus()
        elif self._saved:
            options.focus()
        self._tell_keys()

    def _tell_keys(self) -> None:
        keys = ["Enter keeps it", "Esc cancels"]
        if not self._is_naming:
            keys = ["Enter searches", "r renames", "d removes"] if self._saved else []
            keys += ["u brings back"] if self._removed else []
            keys += ["s saves this search"] if self._query else []
            keys += ["Esc closes"]
        self.query_one(".dialog").border_subtitle = Content(" · ".join(keys))

    def _show(self, saved: tuple[SavedSearch, ...], selected: str = "") -> None:
        self._saved = saved
        options = self.query_one(OptionList)
        at = options.highlighted or 0
        options.clear_options()
        width = max((len(one.name) for one in saved), default=0)
        for one in saved:
            name = Content(clip(one.name, 30).ljust(min(30, width) + 2)).stylize("bold")
            options.add_option(Option(name + Content(clip(one_line(one.query), _QUERY)).stylize("$text-muted")))
        names = [one.name for one in saved]
        if saved:
            options.highlighted = names.index(selected) if selected in names else min(at, len(saved) - 1)
        self._lay_out()

    @property
    def _selected(self) -> SavedSearch | None:
        at = self.query_one(OptionList).highlighted
        return self._saved[at] if at is not None and at < len(self._saved) else None

    # ── changing ──────────────────────────────────────────────────────────────────────────────────────

    def _change(self, work: Callable[[], object], *, selected: str = "") -> None:
        """Do something to the saved searches in a thread and show them then, or say what stood against it."""

        def change() -> None:
            try:
                work()
                saved = self._searches.all()
            except SessionTuiError as error:
                self.app.call_from_thread(self._fail, error)
                return
            self.app.call_from_thread(self._changed, saved, selected)

        self.run_worker(change, thread=True, group="saved", exit_on_error=False)

    def _changed(self, saved: tuple[SavedSearch, ...], selected: str) -> None:
        if self._is_first and not saved and self._query:
            self._is_naming = True
        self._is_first = False
        if selected:
            self._is_naming, self._renamed = False, None
        self._tell("")
        self._show(saved, selected)

    def _fail(self, error: SessionTuiError) -> None:
        can_replace = isinstance(error, UsageError) and self._is_naming and self._renamed is None and error.hint
        self._replaces = self.query_one("#name", Input).value if can_replace else ""
        more = ". Enter again replaces it" if self._replaces else ""
        self._tell(f"{error}. {error.hint}{more}." if error.hint else f"{error}.")

    def _tell(self, problem: str) -> None:
        self.query_one("#problem", Static).update(Content(one_line(problem)).stylize("$text-warning"))

    # ── what is done ──────────────────────────────────────────────────────────────────────────────────

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._saved[event.option_index].query)

    @on(Input.Submitted, "#name")
    def _named(self, event: Input.Submitted) -> None:
        event.stop()
        name, old = event.value, self._renamed
        if old is not None:
            self._change(lambda: self._searches.rename(old.name, name), selected=one_line(name).strip())
        else:
            replace = bool(name) and name == self._replaces
            work = self._searches.save
            self._change(lambda: work(name, self._query, replace=replace), selected=one_line(name).strip())

    def action_save(self) -> None:
        """Ask under which name to keep the search."""
        if self._query:
            self._ask(None)

    def action_rename(self) -> None:
        """Ask for another name of the selected search."""
        if self._selected is not None:
            self._ask(self._selected)

    def _ask(self, renamed: SavedSearch | None) -> None:
        self._is_naming, self._renamed, self._replaces = True, renamed, ""
        self.query_one("#name", Input).value = renamed.name if renamed else ""
        self._lay_out()

    def action_remove(self) -> None:
        """Remove the selected search; until the dialog is closed that can be undone."""
        selected = self._selected
        if selected is not None and not self._is_naming:
            self._removed.append(selected)
            self._change(lambda: self._searches.remove(selected.name))

    def action_undo(self) -> None:
        """Bring back the search that was removed last."""
        if self._removed and not self._is_naming:
            back = self._removed.pop()
            self._change(lambda: self._searches.save(back.name, back.query), selected=back.name)

    def action_leave(self) -> None:
        """Stop naming, or close."""
        if self._is_naming and self._saved:
            self._is_naming, self._renamed = False, None
            self._tell("")
            self._lay_out()
        else:
            self.dismiss(None)
