"""Starts the command line; ``python -m session_tui`` is the same as ``session-tui``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command and exit with its code."""
    from session_tui.cli.main import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
