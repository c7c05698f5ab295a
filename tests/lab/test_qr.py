"""The lab's link as a QR code, on a terminal and on the page, read by another's decoder."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys

import html5lib
import numpy as np
import pytest
import zxingcpp
from bs4 import BeautifulSoup
from webtest import TestApp

from escape_mw import EscapeMiddleware, load
from escape_mw.lab.qr import blocks, svg

from ..support.agents import (
    CHROME_ANDROID,
    CHROME_DESKTOP,
    FACEBOOK_PREVIEW,
    SAFARI,
    TIKTOK_IOS,
    WECHAT_WINDOWS,
)
from ..support.sites import plain

HALVES = {" ": (0, 0), "\u2580": (1, 0), "\u2584": (0, 1), "\u2588": (1, 1)}
RULES = "version: 1\nbase_url: https://label.example\nsecret: sixteen characters\nlab: true\n"
LINKS = [
    pytest.param("https://x.example/_escape/lab?token=" + "0123456789abcdef" * 2, id="short"),
    pytest.param(f"https://{'label.' * 20}example:8443/shop/_escape/lab?token=-_~", id="long"),
]


def decoded(modules):
    """What a camera would read: modules of some pixels, on a white wall."""
    dark = np.kron(np.array(modules, dtype=np.uint8), np.ones((6, 6), dtype=np.uint8))
    [found] = zxingcpp.read_barcodes(np.ascontiguousarray(np.pad(255 * (1 - dark), 20)))
    return found.text


def modules_of_lines(lines):
    return [[HALVES[one][half] for one in line] for line in lines for half in (0, 1)]


def modules_of_svg(picture):
    """The dark path, drawn: lines of a module's height, each from left to right."""
    light, dark = (path["d"] for path in BeautifulSoup(picture, "html.parser").select("path"))
    size = int(re.match(r"M0 0h(\d+)v", light)[1])
    modules = [[0] * size for _ in range(size)]
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", dark):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if command == "h":
            for column in range(int(x), int(x + values[0])):
                modules[int(y)][column] = 1
            x += values[0]
        else:
            x, y = (values[0], values[1]) if command == "M" else (x + values[0], y + values[1])
    return modules


@pytest.mark.parametrize("link", LINKS)
def test_both_drawings_say_the_link(link):
    assert decoded(modules_of_lines(blocks(link))) == link
    assert decoded(modules_of_svg(svg(link))) == link


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "escape.yaml"
    path.write_text(RULES)
    return path


# --- on a terminal --------------------------------------------------------------------------------


def on_a_terminal(program, **environ):
    """What a program shows on a terminal."""
    pty = pytest.importorskip("pty", reason="no pseudo-terminals")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", program]
    said = b""
    with subprocess.Popen(command, stdout=theirs, env={**os.environ, **environ}):
        os.close(theirs)
        with contextlib.suppress(OSError):  # Linux ends a terminal so
            while chunk := os.read(ours, 4096):
                said += chunk
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


def url(rules, *words, before="pass"):
    line = ["lab", "url", "--rules", str(rules), *words]
    return f"import sys; {before}; from escape_mw.cli.main import main; main({line!r})"


PLAIN = {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
TERMINALS = [
    pytest.param({"NO_COLOR": ""}, id="with colours"),
    pytest.param({"NO_COLOR": "1"}, id="without, where it must be black on white as well"),
]


@pytest.mark.parametrize("environ", TERMINALS)
def test_below_the_link_on_a_terminal(rules, environ):
    link, *lines, end = on_a_terminal(url(rules), **PLAIN, **environ).split("\n")
    assert link == f"https://label.example/_escape/lab?token={load(rules).lab.tokens.link}"
    assert (len(lines) < 23, end) == (True, ""), "all of it is seen on 24 lines"
    shown = [re.fullmatch("\x1b\\[30m\x1b\\[107m(.+)\x1b\\[0m", line)[1] for line in lines]
    assert decoded(modules_of_lines(shown)) == link


UNABLE = [
    pytest.param({"COLUMNS": "40"}, "pass", "The terminal is too small for", id="narrow"),
    pytest.param({"PYTHONIOENCODING": "ascii"}, "pass", "or lacks the characters", id="ASCII"),
    pytest.param(
        {},
        "sys.modules['segno'] = None",
        "As a QR code too, with: python -m pip install 'escape-mw[serve]'",
        id="without the library",
    ),
]


@pytest.mark.parametrize(("environ", "before", "told"), UNABLE)
def test_where_there_can_be_none_a_line_says_why(rules, environ, before, told):
    said = on_a_terminal(url(rules, before=before), **PLAIN | environ)
    link, line = said.splitlines()
    assert link == f"https://label.example/_escape/lab?token={load(rules).lab.tokens.link}"
    assert told in line


def test_a_link_that_no_code_can_hold(rules):
    said = on_a_terminal(url(rules, "--base", f"https://{'x' * 4000}.example"), **PLAIN)
    assert said.splitlines()[1].startswith("The terminal is too small")


def test_a_path_alone_has_no_code(rules):
    rules.write_text(RULES.replace("base_url: https://label.example\n", ""))
    assert len(on_a_terminal(url(rules), **PLAIN).splitlines()) == 1


def test_a_pipe_is_given_the_link_alone(rules):
    done = subprocess.run([sys.executable, "-c", url(rules)], capture_output=True, check=True)
    assert done.stdout.decode().splitlines() == [
        f"https://label.example/_escape/lab?token={load(rules).lab.tokens.link}"
    ]


# --- on the page ----------------------------------------------------------------------------------


def page(rules, agent):
    token = load(rules).lab.tokens.link
    site = TestApp(EscapeMiddleware(plain, rules), lint=True)
    return site.get(f"/_escape/lab?token={token}", headers={"User-Agent": agent})


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(CHROME_DESKTOP, id="a browser"),
        pytest.param(WECHAT_WINDOWS, id="a host app"),
    ],
)
def test_a_desktop_shows_it(rules, agent):
    answer = page(rules, agent)
    html5lib.HTMLParser(strict=True).parse(answer.text)
    read = BeautifulSoup(answer.text, "html.parser")
    [picture] = read.select("p[role=img][aria-label] svg")
    assert decoded(modules_of_svg(str(picture))) == read.code.text
    assert not read.select("[style], [class], script")
    assert len(answer.body) < 14_000


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(SAFARI, id="a phone's browser"),
        pytest.param(CHROME_ANDROID, id="another's"),
        pytest.param(TIKTOK_IOS, id="a host app"),
        pytest.param(FACEBOOK_PREVIEW, id="a link preview"),
        pytest.param("", id="nobody"),
    ],
)
def test_nothing_else_shows_it(rules, agent):
    assert "<svg" not in page(rules, agent).text


def test_its_policy_is_that_of_a_page_without_it(rules):
    name = "Content-Security-Policy"
    assert page(rules, CHROME_DESKTOP).headers[name] == page(rules, SAFARI).headers[name]


def test_without_the_library_the_page_has_the_link_alone(rules, monkeypatch):
    monkeypatch.setitem(sys.modules, "segno", None)
    answer = page(rules, CHROME_DESKTOP)
    assert "send yourself this link" in answer.text
    assert "<svg" not in answer.text
    assert "scan" not in answer.text
