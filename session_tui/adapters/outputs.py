"""Outputs that a program keeps outside its sessions."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from session_tui.model import Attachment, Session


@runtime_checkable
class Spilling(Protocol):
    """A store whose program keeps long outputs in files of their own."""

    def spilled(self, session: Session, block: Attachment) -> str:
        """The whole of the output that ``block``, of a message of ``session``, stands for; read when asked for.

        Raises:
            StoreError: it stands for no such file, or the file cannot be read.
        """
