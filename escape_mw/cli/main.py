"""`escape-mw`: the group of commands; each is imported when it is run.

Exit codes are 0, 1 (a problem was found) and 2 (a usage error).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from .terminal import escape_what_cannot_be_encoded, wants_colour

COMMANDS = {
    "check": "rules",
    "edge": "edge",
    "events": "events",
    "explain": "explain",
    "gate": "gate",
    "lab": "lab",
    "links": "links",
    "list": "lists",
    "power": "power",
    "preview": "preview",
    "report": "report",
    "schema": "rules",
    "secret": "secret",
    "serve": "serve",
}


class LazyGroup(click.Group):
    """Commands by their names; a module of this package is imported for the one that is asked for.

    A command's function has its name, with an underscore where Python has that name already.
    """

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command; its help is output too."""
        escape_what_cannot_be_encoded()
        return super().main(*args, color=wants_colour(), **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f".{COMMANDS[cmd_name]}", __package__)
        command: click.Command = getattr(module, "list_" if cmd_name == "list" else cmd_name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="escape-mw", prog_name="escape-mw")
def main() -> None:
    """Hand visitors in a host app's webview over to the music app or to their real browser."""
