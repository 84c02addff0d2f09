"""Find, read, continue and compact the conversations of AI agents in a terminal."""

from __future__ import annotations

__version__ = "0.1.0"
