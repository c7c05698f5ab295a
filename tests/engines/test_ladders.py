"""The page in real engines: every ladder, rung by rung.

As a host app that refuses, opens, or loads it again.

What no engine here can tell: Android's WebView, iOS's own, universal links, and what a host app's
delegate really does.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from escape_mw import catalogue

from .seen import Attempt
from .site import ORIGIN
from .table import AGENTS, LADDERS, PATHS

TOKEN = re.compile(r"(_esc(?:=|%3D)\d+\.\d+-)[\w-]+\.[\w-]+\.[\w-]+")
TOKEN_IN = re.compile(r"_esc(?:=|%3D)\d+\.\d+-([\w-]+\.[\w-]+\.[\w-]+)")
NOW = ".step.now a"
SHOWN = (
    "[...document.querySelectorAll('.step')].flatMap((step, at) => "
    "step.getClientRects().length ? [at] : [])"
)
MENU_FIRST = (
    "[...document.querySelectorAll('.menu.first')].some(words => words.getClientRects().length)"
)
# A few Android rows in the other engine too: by itself, by a tap, a redirect, words alone.
ALSO_WEBKIT = [
    ("instagram", "android", "browser"),
    ("tiktok", "android", "app"),
    ("line", "android", "browser"),
    ("wechat", "android", "app"),
]


def test_the_table_is_whole():
    assert set(LADDERS) == {
        (row.app, row.platform, row.goal) for row in catalogue.load().techniques
    }


class Row(NamedTuple):
    """One row in one engine: the engine, the address to open, who the visitor is, the rungs."""

    engine: object
    url: str
    agent: str
    rungs: list


ROWS = [(key, "webkit" if key[1] == "ios" else "chromium") for key in LADDERS] + [
    (key, "webkit") for key in ALSO_WEBKIT
]
OPENS = [row for row in ROWS if LADDERS[row[0]] and not LADDERS[row[0]][0].uri.startswith("https:")]
MARKED = [row for row in ROWS if any("_esc" in rung.uri for rung in LADDERS[row[0]])]


def name(row):
    return f"{' '.join(row[0])} in {row[1]}"


every_row = pytest.mark.parametrize("row", ROWS, indirect=True, ids=name)


@pytest.fixture
def row(request, site):
    (app, platform, goal), engine = request.param
    site.asked.clear()
    return Row(
        request.getfixturevalue(engine),
        site.url + PATHS[goal],
        AGENTS[app, platform],
        LADDERS[app, platform, goal],
    )


def attempts(engine, count=0):
    return [
        Attempt(TOKEN.sub(r"\1{T}", attempt.uri), attempt.gesture)
        for attempt in engine.attempts(count)
    ]


def expected(rungs):
    return [Attempt(rung.uri, rung.trigger == "tap") for rung in rungs]


def shown(engine):
    """The numbers of the steps that the visitor sees."""
    return engine.script(f"return {SHOWN}")


def token(engine):
    """The visit's token, in what the page or the redirect hands over."""
    links = engine.script(
        "return [...document.querySelectorAll('.step a')].map(link => "
        "link.getAttribute('href')).join(' ')"
    )
    return TOKEN_IN.search(links or engine.attempts(1)[0].uri)[1]


def waited(engine, rung):
    """Let half as long again pass as the page waits for a rung."""
    engine.script(f"return await new Promise(done => setTimeout(done, {rung.settle * 1.5}))")


def next_rung_follows(engine, rungs):
    """After a rung that did nothing the next one stands in its place.

    After the last one there are words; either way it is said.
    """
    number = engine.script("return document.querySelectorAll('.step').length") - len(rungs)
    follows = f"({SHOWN}).join() === String({number})" if rungs else MENU_FIRST
    engine.until(f"!document.hidden && ({follows})")
    assert engine.script("return document.querySelector('[role=status]').textContent.trim()")


@every_row
def test_refused_the_whole_ladder_in_place(row, site):
    """Each rung is attempted once, with exactly its URI.

    In the visitor's own gesture where it is a tap.
    """
    engine, rungs, loads = row.engine, row.rungs, 1
    engine.open(row.url, row.agent)
    for number, rung in enumerate(rungs):
        if rung.trigger == "tap":
            assert engine.script(f"return document.querySelector('{NOW}').dataset.settle") == str(
                rung.settle
            )
            engine.tap(NOW)
        assert attempts(engine, number + 1) == expected(rungs[: number + 1])
        if rung.uri.startswith(
            ORIGIN
        ):  # a page of the web: what does not open outside is loaded in here
            engine.load(site.here(engine.attempts()[number].uri))
            loads += 1
        elif not rung.uri.startswith("https:"):
            next_rung_follows(engine, rungs[number + 1 :])
    if not rungs:
        assert engine.script(f"return {MENU_FIRST}")
    assert attempts(engine) == expected(rungs)
    assert len(site.asked) == loads
    assert engine.script("return refused") == []


@pytest.mark.parametrize("row", OPENS, indirect=True, ids=name)
def test_opened_and_come_back_the_same_step_and_no_second_launch(row):
    engine, rung = row.engine, row.rungs[0]
    engine.open(row.url, row.agent, opens="everything")
    if rung.trigger == "tap":
        engine.tap(NOW)
    assert attempts(engine, 1) == expected([rung])
    engine.opened()
    assert engine.script("return document.hidden")
    engine.come_back()
    waited(engine, rung)
    assert shown(engine) == [0]
    assert attempts(engine) == expected([rung])


@pytest.mark.parametrize("row", MARKED, indirect=True, ids=name)
def test_come_back_marked_nothing_happens_by_itself(row):
    """The host app loads the page that was handed over.

    Its next rungs wait for a tap, and the address is clean.
    """
    engine = row.engine
    engine.open(row.url, row.agent)
    visit = token(engine)
    for number in range(len(row.rungs)):
        engine.open(f"{row.url}?_esc={number}.0-{visit}", row.agent)
        rest = row.rungs[number + 1 :]
        links = engine.script(
            "return [...document.querySelectorAll('.step a')].map(link => "
            "[link.getAttribute('href'), link.dataset.trigger])"
        )
        assert [(TOKEN.sub(r"\1{T}", uri), trigger) for uri, trigger in links] == [
            (rung.uri, "tap") for rung in rest
        ]
        assert shown(engine) == ([0] if rest else [])
        assert engine.script("return location.search") == ""
        assert attempts(engine) == []
