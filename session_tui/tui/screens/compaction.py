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
from textual.widgets import Button, Checkbox, Input, Select, Static, TextArea

from session_tui.adapters.shrinking import Shrinkable
from session_tui.compaction.compactor import Compaction
from session_tui.compaction.summarizers import instructions
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

    def __init__(
        self, prepared: Prepared, *, more: Sequence[Prepared] = (), summarizers: Sequence[str] = BUILT_IN
    ) -> None:
        """Show ``prepared``; ``more`` are further sessions that are compacted by the same options, ``summarizers``
        the names of those that can be chosen."""
        super().__init__()
        self._prepared = prepared
        self._every = (prepared, *more)
        self._summarizers = summarizers
        self._usual = instructions.usual(prepared.settings.summary_tokens)

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        options = self._prepared.options
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Compact"
            dialog.border_subtitle = "Esc cancels"
            yield Static(self._told(), id="told")
            yield Static("Written by", classes="label")
            names = [(name, name) for name in dict.fromkeys((self._prepared.summarizer.name, *self._summarizers))]
            yield Select(names, value=self._prepared.summarizer.name, allow_blank=False, id="summarizer", compact=True)
            yield Static("Model (for those that ask one)", classes="label")
            yield Input(options.model or "", id="model", compact=True)
            yield Static("Written to", classes="label")
            places = _TARGETS if self._writable else _TARGETS[1:]
            target = "store" if self._writable else "overlay"
            yield Select(places, value=target, allow_blank=False, id="target", compact=True)
            if any(isinstance(one.adapter, Shrinkable) for one in self._writable):
                yield Checkbox(
                    "Move what is covered to the trash, where it would be sent on", id="shrink", compact=True
                )
            yield Static("What a model is told", classes="label")
            yield TextArea(options.prompt or self._usual, id="prompt", compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Compact", id="accept", variant="primary", compact=True)

    @property
    def _writable(self) -> list[Prepared]:
        """Those of the sessions whose store takes a summary."""
        return [one for one in self._every if one.refusal is None]

    @on(Select.Changed, "#target")
    def _aimed(self, changed: Select.Changed) -> None:
        self.query_one("#told", Static).update(self._told(to_store=changed.value == "store"))

    def _told(self, *, to_store: bool = True) -> Content:
        every = self._every
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
        reasons = dict.fromkeys(one.refusal.reason for one in every if one.refusal is not None)
        lines += [Content(f"{one_line(reason)}: kept in our overlay.").stylize("$text-warning") for reason in reasons]
        after = dict.fromkeys(_afterwards(one) for one in self._writable) if to_store else ()
        lines += [Content(f"Afterwards: {one_line(words)}.").stylize("$text-warning") for words in after]
        if not after:
            lines.append(Content("Afterwards: the agent goes on with all messages, as before.").stylize("$text-muted"))
        else:
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
        shrink = any(box.value for box in self.query("#shrink").results(Checkbox))
        prompt = self.query_one("#prompt", TextArea).text
        self.dismiss(
            replace(
                self._prepared.options,
                summarizer=str(summarizer),
                model=self.query_one("#model", Input).value or None,
                prompt="" if prompt.strip() == self._usual.strip() else prompt,
                shrink=shrink and target == "store",
                target="overlay" if target == "overlay" else "store",
            )
        )


def _afterwards(prepared: Prepared) -> str:
    """What the session's agent will see."""
    adapter = prepared.adapter
    return adapter.compaction_note or f"{adapter.label} goes on from the summary and the messages kept"


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
