"""Colour and progress: for a terminal only, and never against the user's will."""

from __future__ import annotations

import os
import sys

import pytest
from click.testing import CliRunner

from escape_mw.cli.main import main
from escape_mw.events.database import Database
from escape_mw.events.event import Event

TIME = 1_795_000_000


def printed(words, *, terminal=True, **environ):
    """What a command prints on a terminal, or into a file."""
    return CliRunner(env=environ).invoke(main, words, color=terminal).output


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A good rules file, a bad one, and a database with events."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text("version: 1\n")
    (tmp_path / "bad.yaml").write_text("version: 2\n")
    database = Database("sqlite:///events.sqlite3")
    database([Event(TIME, f"visit {n}", "eligible", "x", "tiktok") for n in range(3)])
    database.close()


COLOURED = [
    pytest.param(["check", "good.yaml"], "\x1b[32mgood.yaml: 1 rule, ", id="good"),
    pytest.param(["check", "bad.yaml"], "\x1b[31mbad.yaml:1:1: version", id="a problem"),
    pytest.param(["list", "apps"], "\x1b[1mid  ", id="the head of a table"),
    pytest.param(["list", "techniques"], "\x1b[1mFacebook on Android", id="the title of a ladder"),
    pytest.param(
        ["explain", "--app", "tiktok", "--platform", "ios", "--to", "https://song.link/s/x"],
        "\x1b[32mdecision ",
        id="an escape",
    ),
]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("words", "start"), COLOURED)
def test_colour_on_a_terminal(words, start):
    assert start in printed(words)
    assert "\x1b" not in printed(words, NO_COLOR="1")
    assert start in printed(words, NO_COLOR=""), "empty says nothing (no-color.org)"
    assert "\x1b" not in printed(words, terminal=False)


LONG = [
    pytest.param(["report", "--db", "sqlite:///events.sqlite3"], "reading events", id="report"),
    pytest.param(
        ["events", "export", "--db", "sqlite:///events.sqlite3"], "exporting", id="export"
    ),
    pytest.param(
        ["events", "prune", "--db", "sqlite:///events.sqlite3", "--older-than", "1d"],
        "deleting",
        id="prune",
    ),
]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("words", "label"), LONG)
def test_progress_goes_to_a_terminal_and_ends_at_all(words, label):
    """Standard error is a real terminal here; what a pipe is given stays clean."""
    import pty  # noqa: PLC0415 - Unix only
    import subprocess  # noqa: PLC0415

    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "escape_mw", *words],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert label in shown
    assert "100%" in shown
    assert label not in done.stdout


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("words", "label"), LONG)
def test_no_progress_in_a_file(words, label):
    assert label not in printed(words, terminal=False)
