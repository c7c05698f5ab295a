"""docs/tutorial.md can be followed: its files and commands, and what it says that they print."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from ..support.real_http import Served, get

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    """A command of the page, and the lines that it is said to print."""

    words: list[str]
    printed: list[str]


def commands():
    blocks = BLOCK.findall(TUTORIAL)
    for (kind, text), (next_kind, printed) in pairwise(blocks):
        if (kind, next_kind) == ("sh", "text"):
            command = Command(shlex.split(text), printed.splitlines())
            if command.words[0] in ("escape-mw", "curl"):
                yield command


ALL = list(commands())
ASKED = [one for one in ALL if one.words[0] == "curl"]
[LABEL] = [text for kind, text in BLOCK.findall(TUTORIAL) if kind == "python"]
PLAIN, DRESSED = [text for kind, text in BLOCK.findall(TUTORIAL) if kind == "yaml"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("tutorial")
    (made / "label.py").write_text(LABEL, "utf-8")
    (made / "escape.yaml").write_text(PLAIN, "utf-8")
    return made


@pytest.fixture(scope="module")
def site(folder):
    words = ("-m", "flask", "--app", str(folder / "label.py"), "run", "--port", "PORT")
    served = Served(*words, folder=ROOT)
    yield served.url
    served.stop()


def output_of(words, folder):
    done = subprocess.run(
        [sys.executable, "-m", "escape_mw", *words[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_page_has_all_three_kinds_of_commands():
    assert len(ASKED) == 2
    assert {one.words[1] for one in ALL if one.words[0] == "escape-mw"} == {"check", "explain"}


@pytest.mark.parametrize(
    "command", [pytest.param(one, id=" ".join(one.words[:7])) for one in ALL if one not in ASKED]
)
def test_a_command_prints_what_the_page_says(command, folder, request):
    words = command.words
    if "http://127.0.0.1:5000/listen" in words:
        url = request.getfixturevalue("site")
        words = [word.replace("http://127.0.0.1:5000", url) for word in words]
    output = output_of(words, folder)
    for line in command.printed:
        assert line in output


@pytest.mark.parametrize("command", [pytest.param(one, id=one.words[1]) for one in ASKED])
def test_a_visitor_gets_what_the_page_says(command, site):
    agent = command.words[command.words.index("-A") + 1] if "-A" in command.words else "curl/8.0"
    _, location, body = get(command.words[-1].replace("http://127.0.0.1:5000", site), agent)
    for line in command.printed:
        assert line in f"Location: {location}\n{body}"


def test_the_dressed_rules_are_good_and_the_mistake_is_told(folder):
    path = folder / "dressed.yaml"
    path.write_text(DRESSED, "utf-8")
    assert output_of(["escape-mw", "check", path.name], folder).endswith("mode act\n")
    path.write_text(DRESSED.replace("accent", "acent"), "utf-8")
    [told] = re.findall(r"With `acent` for `accent`:\n\n```text\n(.*)\n```", TUTORIAL)
    assert told in output_of(["escape-mw", "check", path.name], folder)
