"""What a terminal and a spreadsheet are given: nothing that they would act upon.

A rule's name, a user agent or an outcome may hold anything; control characters move a terminal's
cursor, and a cell that begins with "=" is a formula (OWASP, CSV Injection).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

import click

Row = tuple[str | None, ...]
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def say(text: str, **style: Any) -> None:
    """Print text, with control characters other than line breaks and tabs written as escapes.

    `style` is `click.style`'s, for a terminal (see `wants_colour`).
    """
    shown = printable(text)
    click.echo(click.style(shown, **style) if any(style.values()) else shown)


def wants_colour() -> bool | None:
    """False where NO_COLOR says so (no-color.org); None: a terminal has it, a file has not."""
    return False if os.environ.get("NO_COLOR") else None


def bar(length: Callable[[], int], what: str) -> Any:
    """A progress bar on standard error, while that is a terminal; else nothing is counted."""
    is_shown = sys.stderr.isatty()
    number = length() if is_shown else 0
    return click.progressbar(length=number, label=what, file=sys.stderr, hidden=not is_shown)


def printable(text: str) -> str:
    """The text with control characters other than line breaks and tabs written as escapes."""
    return "".join(
        one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode()
        for one in text
    )


def cell(value: object) -> object:
    """A value for a spreadsheet: text that would be a formula begins with an apostrophe."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.startswith(FORMULAS) else text


def escape_what_cannot_be_encoded() -> None:
    """Let output on a terminal of few characters (cp1252, ASCII) be escaped, not refused."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def show_table(head: Row, rows: Iterable[Row]) -> None:
    """Print aligned columns below a head; the last one is as wide as it is."""
    every = [head, *([cell or "-" for cell in row] for row in rows)]
    widths = [max(len(cell or "") for cell in column) for column in zip(*every, strict=True)]
    for row in every:
        cells = [f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip(), bold=row is head)
