"""What a store can do whose program goes on sending the messages that a summary covers: let go of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from session_tui.adapters.base import Applied, Belongings, Rows
from session_tui.model import CompactPlan, Session, Summary

Take = Callable[[sqlite3.Connection, Rows], int]
"""Removes, within the open transaction of a connection, the rows of a copy that was kept before, says how many, and
raises `StoreError` where one of them is not as it was kept. Only the trash makes one."""


@runtime_checkable
class Shrinkable(Protocol):
    """A store whose sessions can be made shorter, so that its program goes on from a summary instead of the messages
    it covers. The summary has an id."""

    def touched_by_shrink(self, session: Session, plan: CompactPlan, summary: Summary) -> Belongings:
        """All that `shrink` will change or add; a copy of it goes to the trash before.

        Raises:
            StoreError: it cannot be read.
        """

    def shrink(self, session: Session, plan: CompactPlan, summary: Summary, take: Take) -> Applied:
        """Have ``take`` remove all that ``summary`` covers, and put the summary before what stays: one short
        transaction. Callers hold `Lockable.holding` and have kept a copy of what is touched.

        Raises:
            StoreError: it could not be written, or the session was changed since it was read; the store is as it
                was.
        """
