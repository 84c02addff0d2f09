"""The search language: what a person types, as a `Query`."""

from __future__ import annotations

from session_tui.query.completion import complete
from session_tui.query.facts import HARD, Facts, Features
from session_tui.query.filters import FILTERS, FLAGS, PARTS, Filter
from session_tui.query.folding import fold, fold_with_positions, haystack, pattern
from session_tui.query.parsing import Mistake, Query, Term, parse

__all__ = [
    "FILTERS",
    "FLAGS",
    "HARD",
    "PARTS",
    "Facts",
    "Features",
    "Filter",
    "Mistake",
    "Query",
    "Term",
    "complete",
    "fold",
    "fold_with_positions",
    "haystack",
    "parse",
    "pattern",
]
