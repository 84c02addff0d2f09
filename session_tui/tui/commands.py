"""Every command of the UI, declared once: its row feeds keys, footer, palette, help and the keymap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding, BindingType


class Pane(StrEnum):
    """Where a command's keys work."""

    ANYWHERE = "anywhere"
    LIST = "list"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Command:
    """One command: a row of `COMMANDS`."""

    id: str
    """Public name, for the keymap in the configuration."""
    pane: Pane
    """Where its keys work; the palette offers it everywhere."""
    keys: str
    """Keys, separated by commas."""
    action: str
    """The `action_` method, with the object that has it: `app.`, `screen.`, or none for the pane itself."""
    title: str
    """One or two words for the footer."""
    help: str
    """One sentence for help and palette; empty where a key moves and nothing else."""
    footer: bool = False
    """Whether the footer shows it."""


A, L, V = Pane.ANYWHERE, Pane.LIST, Pane.VIEWER

COMMANDS: tuple[Command, ...] = (
    Command("resume", L, "enter", "screen.resume", "Resume", "Continue the selected session in its agent.", True),
    Command("open", L, "right,o", "screen.focus_viewer", "Read", "Move into the message viewer.", True),
    Command("search", L, "slash", "screen.focus_search", "Search", "Move to the search box.", True),
    Command("mark", L, "space", "mark", "Mark", "Mark the selected session and move down."),
    Command("mark_all", L, "A", "mark_all", "Mark all", "Mark all listed sessions, or none."),
    Command("copy_session", L, "y", "screen.copy_session", "Copy", "Copy the session as Markdown."),
    Command("copy_resume", L, "Y", "screen.copy_resume", "Copy command", "Copy the shell line that resumes it."),
    Command(
        "compact", L, "c", "screen.compact", "Compact", "Summarise the older messages, after showing the plan.", True
    ),
    Command("undo", L, "u", "screen.undo", "Undo", "Undo the newest change; what it touched was kept before."),
    Command("cancel_job", L, "K", "screen.cancel_job", "Stop", "Stop the newest job."),
    Command("details", L, "i", "screen.details", "Details", "Show all that is known of the session.", True),
    Command("list_down", L, "j,down", "move(1)", "Down", ""),
    Command("list_up", L, "k,up", "move(-1)", "Up", ""),
    Command("list_page_down", L, "pagedown", "page(1)", "Page down", ""),
    Command("list_page_up", L, "pageup", "page(-1)", "Page up", ""),
    Command("list_first", L, "g,home", "first", "First", "Go to the first session."),
    Command("list_last", L, "G,end", "last", "Last", "Go to the last session."),
    Command("list_back", L, "escape", "screen.back", "Back", ""),
    Command("list_refresh", L, "R", "screen.refresh_list", "Refresh", ""),
    Command("list_scope", L, "full_stop", "screen.toggle_scope", "Scope", ""),
    Command("list_sort", L, "s", "screen.next_sort", "Sort", ""),
    Command("list_group", L, "v", "screen.next_group", "Group", ""),
    Command("fold_group", L, "minus", "fold_group", "Fold group", "Fold the group of the selected session."),
    Command("unfold_groups", L, "plus,equals_sign", "unfold_groups", "Unfold", "Unfold all groups."),
    Command("list_next_agent", L, "greater_than_sign", "screen.next_agent(1)", "Next agent", ""),
    Command("list_previous_agent", L, "less_than_sign", "screen.next_agent(-1)", "Agent before", ""),
    Command("save_search", L, "S", "screen.save_search", "Save search", "Keep this search under a name."),
    Command("list_help", L, "question_mark", "screen.show_help", "Help", "", True),
    Command("list_palette", L, "colon", "app.command_palette", "Palette", ""),
    Command("quit_list", L, "q", "app.quit", "Quit", "", True),
    Command("viewer_down", V, "j,down", "scroll_rows(1)", "Down", ""),
    Command("viewer_up", V, "k,up", "scroll_rows(-1)", "Up", ""),
    Command("viewer_page_down", V, "pagedown,ctrl+d", "page(1)", "Page down", ""),
    Command("viewer_page_up", V, "pageup,ctrl+u", "page(-1)", "Page up", ""),
    Command("viewer_top", V, "g,home", "top", "Top", "Go to the first message."),
    Command("viewer_end", V, "G,end", "end", "End", "Go to the last message."),
    Command("next_message", V, "right_square_bracket", "next_message", "Next", "Go to the next message."),
    Command("previous_message", V, "left_square_bracket", "previous_message", "Previous", "Go to the one before."),
    Command("next_prompt", V, "right_curly_bracket", "next_prompt", "Next prompt", "Go to the next prompt."),
    Command("previous_prompt", V, "left_curly_bracket", "previous_prompt", "Prompt before", "Go to the prompt before."),
    Command("find", V, "slash", "find_prompt", "Find", "Find text in this conversation.", True),
    Command("next_match", V, "n", "next_match", "Next match", "Go to the next match."),
    Command("previous_match", V, "N", "previous_match", "Match before", "Go to the match before."),
    Command("fold", V, "enter,space", "fold", "Fold", "Fold or unfold the current message's details.", True),
    Command("tools", V, "t", "cycle_tools", "Tools", "Show tool calls hidden, short or in full.", True),
    Command("thinking", V, "T", "toggle_thinking", "Thinking", "Show or fold the model's reasoning.", True),
    Command("archived", V, "a", "toggle_archived", "Archived", "Show or hide archived messages.", True),
    Command("markers", V, "m", "toggle_markers", "Markers", "Show or hide the marks around summaries."),
    Command("copy_message", V, "y", "copy_message", "Copy", "Copy the current message.", True),
    Command("viewer_copy_resume", V, "Y", "screen.copy_resume", "Copy command", ""),
    Command("full_width", V, "z", "screen.toggle_width", "Full width", "Give the viewer the whole width.", True),
    Command("back", V, "left,escape,q", "screen.back", "Back", "Go back to the list.", True),
    Command("viewer_palette", V, "colon", "app.command_palette", "Palette", ""),
    Command("viewer_details", V, "i", "screen.details", "Details", ""),
    Command("viewer_help", V, "question_mark", "screen.show_help", "Help", ""),
    Command("palette", A, "ctrl+p", "app.command_palette", "Palette", "Find a command by name."),
    Command("help", A, "f1", "screen.show_help", "Help", "Show all keys."),
    Command("refresh", A, "f5", "screen.refresh_list", "Refresh", "Look at every store again."),
    Command("scope", A, "ctrl+t", "screen.toggle_scope", "Scope", "Switch between this directory and everywhere."),
    Command("sort", A, "ctrl+s", "screen.next_sort", "Sort", "Sort by the next of: updated, created, title…"),
    Command("group", A, "ctrl+g", "screen.next_group", "Group", "Group by the next of: project, agent, date, nothing."),
    Command("next_agent", A, "f3,ctrl+right", "screen.next_agent(1)", "Next agent", "List the next agent's sessions."),
    Command("previous_agent", A, "ctrl+left", "screen.next_agent(-1)", "Agent before", "List those of the one before."),
    Command("all_agents", A, "", "screen.all_agents", "All agents", "List the sessions of all agents."),
    Command(
        "saved_searches", A, "ctrl+o", "screen.saved_searches", "Saved searches", "Choose or save a search.", False
    ),
    Command("copy_resume_anywhere", A, "ctrl+y", "screen.copy_resume", "Copy command", ""),
    Command(
        "subagents", A, "", "screen.toggle_subagents", "Sub-agents", "List sub-agents' sessions, or leave them out."
    ),
    Command("theme", A, "", "app.change_theme", "Theme", "Choose another theme."),
    Command("demo", A, "", "screen.demo", "Demo", "Leave and open the sample home."),
    Command("quit", A, "ctrl+q", "app.quit", "Quit", "Leave.", True),
)


def bindings(pane: Pane) -> list[BindingType]:
    """The bindings of a pane; every one has its command's id, so that a keymap can change its keys."""
    return [
        Binding(command.keys, command.action, command.title, show=command.footer, tooltip=command.help, id=command.id)
        for command in COMMANDS
        if command.pane is pane and command.keys
    ]


def offered() -> Iterator[Command]:
    """The commands that are worth a line in palette and help: those with a sentence."""
    return (command for command in COMMANDS if command.help)


_SIGNS = {
    "slash": "/",
    "full_stop": ".",
    "colon": ":",
    "minus": "-",
    "plus": "+",
    "equals_sign": "=",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "question_mark": "?",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "right_curly_bracket": "}",
    "left_curly_bracket": "{",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "right": "→",
    "left": "←",
    "up": "↑",
    "down": "↓",
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "home": "Home",
    "end": "End",
}


def spelled(keys: str) -> str:
    """Keys as people read them: ``Ctrl+P``, ``j / ↓``."""
    return " / ".join(_spelled(key) for key in keys.split(",") if key)


def _spelled(key: str) -> str:
    if key in _SIGNS:
        return _SIGNS[key]
    if key.startswith("ctrl+"):
        return f"Ctrl+{_SIGNS.get(key[5:], key[5:].upper())}"
    return key.upper() if key.startswith("f") and key[1:].isdigit() else key
