"""The lab in real engines: a row by a tap, by itself, by a script, and what it asks afterwards."""

from __future__ import annotations

import pytest

from escape_mw.lab.marks import LabTokens

from .seen import Attempt
from .site import RULES, served
from .table import AGENTS

INSTAGRAM, FACEBOOK = AGENTS["instagram", "ios"], AGENTS["facebook", "ios"]
ASKED = "document.querySelector('li.asked')"


@pytest.fixture(params=["chromium", "webkit"])
def engine(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def page(tmp_path):
    with served({"lab": {"file": str(tmp_path / "lab.sqlite3")}}) as site:
        yield f"{site.url}/_escape/lab?token={LabTokens(RULES['secret']).link}"


def button(engine, name):
    """A selector of the button of a row, and its URI."""
    row = f"document.getElementById('{name}')"
    engine.script(f"{row}.scrollIntoView(); {row}.querySelector('.go').dataset.here = 1")
    return "[data-here]", engine.script(f"return {row}.querySelector('.go').getAttribute('href')")


WAYS = [
    pytest.param(INSTAGRAM, "browser.extbrowser.tap", id="a link"),
    pytest.param(FACEBOOK, "browser.x-safari.tap", id="a plain link to Safari"),
    pytest.param(FACEBOOK, "browser.x-safari-location.tap", id="a script"),
]


@pytest.mark.parametrize(("agent", "name"), WAYS)
def test_a_row_opens_its_uri_in_the_tap_and_then_asks(engine, page, agent, name):
    engine.open(page, agent)
    selector, uri = button(engine, name)
    engine.tap(selector)
    assert engine.attempts(1) == [Attempt(uri, True)]
    engine.until(f"{ASKED} && {ASKED}.id === '{name}'", 10)


def test_by_itself_the_page_is_loaded_anew_and_fires_once(engine, page):
    name = "browser.extbrowser.auto"
    engine.open(page, INSTAGRAM)
    _, again = button(engine, name)
    assert again.endswith(f"&fire={name}")
    engine.open(page + "&" + again.partition("?")[2].partition("&")[2], INSTAGRAM)
    [attempt] = engine.attempts(1)
    assert attempt.uri.startswith("instagram://extbrowser/?url=")
    assert not attempt.gesture
    assert "fire=" not in engine.script("return location.href")
    engine.until(f"{ASKED} && {ASKED}.id === '{name}'", 10)
    assert len(engine.attempts()) == 1
