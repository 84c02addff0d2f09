"""What the list of sessions tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from session_tui.model import Session, SessionKey

if TYPE_CHECKING:
    from session_tui.tui.widgets.session_list import SessionList


class ListMessage(Message, bubble=True, namespace="session_list"):
    """Something that happened in a list."""

    def __init__(self, session_list: SessionList) -> None:
        super().__init__()
        self.session_list = session_list

    @property
    def control(self) -> SessionList:
        """The list it happened in."""
        return self.session_list


class Highlighted(ListMessage, namespace="session_list"):
    """Another session is under the cursor; ``session`` is ``None`` when the list has become empty."""

    def __init__(self, session_list: SessionList, session: Session | None) -> None:
        super().__init__(session_list)
        self.session = session

    def can_replace(self, message: Message) -> bool:
        """Only the last of several that wait matters."""
        return isinstance(message, Highlighted) and message.session_list is self.session_list


class Chosen(ListMessage, namespace="session_list"):
    """A session was double-clicked."""

    def __init__(self, session_list: SessionList, session: Session) -> None:
        super().__init__(session_list)
        self.session = session


class Marked(ListMessage, namespace="session_list"):
    """Marks were set or taken away; ``marks`` holds all that are set now."""

    def __init__(self, session_list: SessionList, marks: frozenset[SessionKey]) -> None:
        super().__init__(session_list)
        self.marks = marks


class Sighted(ListMessage, namespace="session_list"):
    """Other sessions are in sight, or the selected one is another, while it is to be told why they are listed."""

    def can_replace(self, message: Message) -> bool:
        """One of several that wait is enough."""
        return isinstance(message, Sighted) and message.session_list is self.session_list
