"""``config``: where the configuration is, what it says, and a file to start from."""

from __future__ import annotations

import click

from session_tui import documents
from session_tui.cli.context import global_options, settings
from session_tui.cli.output import json_option, narrate, print_json, say
from session_tui.errors import ConfigError


@click.group("config")
def config() -> None:
    """The configuration file."""


@config.command("path")
@json_option
@global_options
def path(as_json: bool) -> None:
    """Print where the configuration file is, whether or not it exists."""
    file = settings().places.config_file
    if as_json:
        print_json(documents.versioned({"path": str(file), "exists": file.exists()}))
    else:
        say(str(file))


@config.command("show")
@json_option
@global_options
def show(as_json: bool) -> None:
    """Print the configuration in force, defaults included."""
    import msgspec

    from session_tui.config import as_yaml

    if as_json:
        print_json(documents.versioned({"config": msgspec.to_builtins(settings().config)}))
    else:
        say(as_yaml(settings().config).rstrip())


@config.command("init")
@json_option
@global_options
def init(as_json: bool) -> None:
    """Write a configuration file with every key, explained and commented out."""
    from session_tui.adapters.files import private_directory, write_atomic
    from session_tui.config import template

    file = settings().places.config_file
    if file.exists():
        raise ConfigError("the configuration file is already there", where=str(file), hint="edit it, or move it away")
    private_directory(file.parent)
    write_atomic(file, template().encode())
    if as_json:
        print_json(documents.versioned({"path": str(file), "exists": True}))
    else:
        narrate(f"wrote {file}")
