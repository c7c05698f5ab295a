"""The button: visible on the page and readable, whatever colour a service or a site chooses."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escape_mw import catalogue, load
from escape_mw.page.skin import PAGES, contrast, skin_of
from escape_mw.web.answers import template_text

from .made import decision, page_of

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
BUTTON = re.compile(r"\n:root\{--fill:(#\w{6});--label:(#\w{3})\}")


def edges(style):
    """Scheme -> colour of the button's edge there."""
    edge = r"scheme:(\w+)\)\{:root\{--edge:(#\w{6})\}\}"
    return dict(re.findall(edge, style))


def is_sound(fill):
    """Words of 4.5:1 on the button, and 3:1 for the button or its edge on either page."""
    style = str(skin_of(fill, ()).style)
    background, words = BUTTON.search(style).groups()
    around = edges(style)
    return contrast(background, words + words[1:]) >= 4.5 and all(
        contrast(around.get(scheme, background), page) >= 3 for scheme, page in PAGES.items()
    )


@given(COLOURS)
def test_any_button_is_seen_and_read(fill):
    assert is_sound(fill)


@pytest.mark.parametrize("entry", [one for one in catalogue.load().destinations if one.colour])
def test_a_services_own_button_too(entry):
    assert is_sound(entry.colour)


def test_the_pages_are_those_of_the_style():
    style = template_text("escape_mw.page", "interstitial.css")
    assert re.findall(r"--page:(#\w+);", style) == [PAGES["light"], PAGES["dark"]]


CHOSEN = [
    pytest.param({}, "app", "#1ed760", id="the service's"),
    pytest.param({"accent": "#7a1fa2"}, "app", "#7a1fa2", id="the site's over it"),
    pytest.param({}, "browser", None, id="none for the browser"),
]


@pytest.mark.parametrize(("page", "goal", "fill"), CHOSEN)
def test_whose_colour(page, goal, fill):
    rules = load({"version": 1, "page": page})
    to = rules.policy.destinations.find("https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC")
    made = page_of(rules, decision(destination=to if goal == "app" else replace(to, goal=goal)))
    found = BUTTON.search(made.body.decode())
    assert (found[1] if found else None) == fill
