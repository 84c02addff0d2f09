"""The two dialogs of a compaction: the plan before it, and the summary after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Select, Static, TextArea

from session_tui.compaction.compactor import Compaction
from session_tui.compaction.summarizers.choosing import BUILT_IN
from session_tui.compactions import CompactOptions, Prepared
from session_tui.text import clip, one_line, plural

_GIST = 60
_TARGETS = (("the store, so that its agent goes on from it", "store"), ("our overlay alone", "overlay"))


class PlanScreen(ModalScreen[CompactOptions | None]):
    """What a compaction would do; answers with the options to run it with, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("ctrl+s", "accept", "Compact"),
    ]
    AUTO_FOCUS = "#cancel"

    def __init__(self, prepared: Prepared, *, more: Sequence[Prepared] = ()) -> None:
        """Show ``prepared``; ``more`` are further sessions that are compacted by the same options."""
        super().__init__()
        self._prepared = prepared
        self._more = more

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        options = self._prepared.options
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Compact"
            dialog.border_subtitle = "Esc cancels"
            yield Static(self._told())
            yield Static("Written by", classes="label")
            names = [(name, name) for name in dict.fromkeys((self._prepared.summarizer.name, *BUILT_IN))]
            yield Select(names, value=self._prepared.summarizer.name, allow_blank=False, id="summarizer", compact=True)
            yield Static("Model (for those that ask one)", classes="label")
            yield Input(options.model or "", id="model", compact=True)
            yield Static("Written to", classes="label")
            places = _TARGETS[1:] if self._prepared.refusal else _TARGETS
            yield Select(places, value=self._prepared.target, allow_blank=False, id="target", compact=True)
            yield Static("Ask in these words instead (optional)", classes="label")
            yield TextArea(options.prompt, id="prompt", compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Compact", id="accept", variant="primary", compact=True)

    def _told(self) -> Content:
        every = [self._prepared, *self._more]
        plan = self._prepared.plan
        title = one_line(self._prepared.session.title) or "Untitled"
        gone = sum(len(one.plan.compact) for one in every)
        kept = sum(len(one.plan.keep) for one in every)
        saved = sum(one.plan.estimated_savings for one in every)
        lines = [
            Content(title if len(every) == 1 else plural(len(every), "session")).stylize("bold"),
            Content(plan.reason),
            Content(f"{plural(gone, 'message')} summarised, {kept} kept, about {saved:,} tokens saved"),
        ]
        lines += [Content(f"  {line}").stylize("$text-muted") for line in _gists(self._prepared)]
        if self._prepared.refusal is not None:
            lines.append(Content(f"{one_line(self._prepared.refusal.reason)}.").stylize("$text-warning"))
        if self._prepared.target == "store" and self._prepared.adapter.compaction_note:
            lines.append(Content(f"Afterwards: {self._prepared.adapter.compaction_note}.").stylize("$text-warning"))
        lines.append(Content("A copy of what changes goes to the trash first.").stylize("$text-muted"))
        return Content("\n").join(lines)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#accept")
    def action_accept(self) -> None:
        """Compact as the dialog says."""
        summarizer = self.query_one("#summarizer", Select).value
        target = self.query_one("#target", Select).value
        self.dismiss(
            replace(
                self._prepared.options,
                summarizer=str(summarizer),
                model=self.query_one("#model", Input).value or None,
                prompt=self.query_one("#prompt", TextArea).text,
                target="overlay" if target == "overlay" else "store",
            )
        )


def _gists(prepared: Prepared) -> Iterator[str]:
    """One line each for the first and the last of the messages that are summarised, and the first one kept."""
    chosen = [*dict.fromkeys((*prepared.plan.compact[:1], *prepared.plan.compact[-1:]))]
    names = {id: ("first", "last")[place] for place, id in enumerate(chosen)}
    names.update((id, "kept from") for id in prepared.plan.keep[:1])
    for message in prepared.transcript.messages:
        if message.id in names:
            gist = clip(one_line(message.text[:400]), _GIST) or f"({message.role})"
            yield f"{names.pop(message.id):<10} {gist}"
        if not names:
            return


class SummaryScreen(ModalScreen[str | None]):
    """The summary that was written: accept it, edit it first, or discard it. Answers with its text, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Discard"),
        Binding("ctrl+s", "accept", "Accept"),
    ]
    AUTO_FOCUS = "#accept"

    def __init__(self, compaction: Compaction) -> None:
        super().__init__()
        self._compaction = compaction

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        result = self._compaction.result
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Summary"
            dialog.border_subtitle = "Ctrl+S accepts · Esc discards"
            saved = f"saves {result.tokens_saved:,} of {result.tokens_before:,} tokens"
            yield Static(Content(f"{plural(result.removed_messages, 'message')} summarised, {saved}").stylize("bold"))
            if result.note:
                yield Static(Content(one_line(result.note)).stylize("$text-warning"))
            yield TextArea(result.summary, id="summary", compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Discard", id="discard", compact=True)
                yield Button("Accept", id="accept", variant="primary", compact=True)

    @on(Button.Pressed, "#discard")
    def _discarded(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#accept")
    def action_accept(self) -> None:
        """Take the summary as it stands in the dialog."""
        self.dismiss(self.query_one("#summary", TextArea).text)
