"""The HTML file of a report: its owner's alone, whole or not at all, over nothing but a report."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import click

GENERATOR = b'<meta name="generator" content="escape-mw report">'
HEAD = 2000  # bytes in which a report says what made it


def require_replaceable(file: Path, *, force: bool) -> None:
    """Raise click.ClickException if the file is there and is not a report, unless `force`."""
    if not force and os.path.lexists(file) and (file.is_symlink() or not _is_report(file)):
        raise click.ClickException(f"{file}: this is not a report; --force replaces it")


def write_page(file: Path, text: str) -> None:
    """Replace the file, not what a link of its name leads to. Raises click.ClickException."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, prefix=file.name, delete=False
        ) as fresh:
            fresh.write(text + "\n")
        if file.is_file() and not file.is_symlink():
            shutil.copymode(file, fresh.name)
        Path(fresh.name).replace(file)
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be written: {error.strerror}") from None


def _is_report(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return GENERATOR in stream.read(HEAD)
    except OSError:
        return False
