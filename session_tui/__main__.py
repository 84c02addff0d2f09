"""Starts the command line; ``python -m session_tui`` is the same as ``session-tui``."""

from __future__ import annotations

import gc
import sys

from session_tui import first_screen

# As `typing` has it, whose import would cost as much as all that happens until a kept screen is shown.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from session_tui.glancing import Seen

_STOPPED = 130


def main() -> None:
    """Run the command and exit with its code."""
    # Nothing made while starting is garbage; collections meanwhile cost 10 to 40 ms.
    gc.disable()
    try:
        code = _run(_paint(sys.argv[1:]))
    except KeyboardInterrupt:
        code = _STOPPED
    finally:
        first_screen.take_back()
    sys.exit(code)


def _paint(arguments: list[str]) -> Seen:
    """Show rows before anything heavy is imported: the screen kept last time, else what a first glance finds."""
    if first_screen.paint(arguments) or not first_screen.is_wanted(arguments):
        return ()
    from session_tui.cli.first_look import paint

    return paint()


def _run(glanced: Seen) -> int:
    from session_tui.cli.main import main as run

    return run(glanced)


if __name__ == "__main__":
    main()
