"""``themes``: the looks there are to choose from."""

from __future__ import annotations

import click

from session_tui import documents
from session_tui.cli.context import global_options, settings
from session_tui.cli.output import json_option, narrate, print_json, say


@click.command()
@json_option
@global_options
def themes(as_json: bool) -> None:
    """The themes that can be chosen with --theme or in the configuration; your own among them."""
    from session_tui.tui.themes import directories, load

    folder = settings().places.themes_dir
    loaded, problems = load(directories(folder))
    rows = [{"name": theme.name, "dark": theme.dark} for theme in loaded]
    if as_json:
        broken = [documents.problem(problem) for problem in problems]
        print_json(documents.versioned({"themes": rows, "problems": broken, "folder": str(folder)}))
        return
    for row in rows:
        say(f"{row['name']:<20} {'dark' if row['dark'] else 'light'}")
    narrate(f"your own go into {folder}")
    for problem in problems:
        narrate(f"warning: {problem.what} ({problem.path})")
