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


def test_images_come_from_their_own_places_alone():
    images = ("https://cdn.example/a.jpg", "/logo.svg", "data:image/png;base64,AA==", None)
    policy = skin_of(None, images).policy
    assert policy.endswith("; img-src https://cdn.example 'self' data:")
    assert "img-src" not in skin_of(None, ()).policy


CONTRASTS = [
    pytest.param("#000000", "#ffffff", 21.0, id="black on white"),
    pytest.param("#767676", "#ffffff", 4.54, id="the lightest grey for words on white"),
    pytest.param("#ffffff", "#767676", 4.54, id="the other way round"),
    pytest.param("#ff0000", "#ffffff", 4.00, id="red"),
    pytest.param("#00ff00", "#ffffff", 1.37, id="green"),
    pytest.param("#0000ff", "#ffffff", 8.59, id="blue"),
    pytest.param("#0a0a0a", "#ffffff", 19.8, id="a dark grey, below the curve"),
]


@pytest.mark.parametrize(("one", "other", "expected"), CONTRASTS)
def test_contrast(one, other, expected):
    """As the public checkers of WCAG's ratio tell it."""
    assert round(contrast(one, other), 2) == expected


EDGES = [
    pytest.param("#919191", "#000", {}, id="3.02 on the light page: none"),
    pytest.param("#929292", "#000", {"light": "#8b8b8b"}, id="2.98 on the light page"),
    pytest.param("#5f5f5f", "#fff", {}, id="3.02 on the dark page: none"),
    pytest.param("#5e5e5e", "#fff", {"dark": "#666666"}, id="2.97 on the dark page"),
    pytest.param("#ffcc00", "#000", {"light": "#a68500"}, id="the colour's own shade"),
]


@pytest.mark.parametrize(("fill", "label", "expected"), EDGES)
def test_a_button_that_the_page_would_hide_has_an_edge(fill, label, expected):
    style = str(skin_of(fill, ()).style)
    assert BUTTON.search(style).groups() == (fill, label)
    assert edges(style) == expected


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
