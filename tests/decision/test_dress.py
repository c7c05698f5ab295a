"""How a page may look: what is taken of the application's own words, and what an artwork may be."""

from __future__ import annotations

import pytest

from escape_mw.decision.dress import UNDRESSED, Dress, is_artwork, own_dress

CDN = "https://cdn.label.example"
PIXEL = "data:image/png;base64,iVBORw0KGgo="
ARTWORK = [
    pytest.param("/covers/harbour.jpg", True, id="a path of the site"),
    pytest.param(f"{CDN}/x.jpg", True, id="an image of a listed host"),
    pytest.param(f"{CDN}?id=1", True, id="its query alone"),
    pytest.param(PIXEL, True, id="an image in itself"),
    pytest.param("data:text/html,<b>", False, id="another thing in itself"),
    pytest.param("https://news.example/x.jpg", False, id="another host"),
    pytest.param(f"{CDN}.evil.example/x.jpg", False, id="a longer host"),
    pytest.param("//cdn.label.example/x.jpg", False, id="no scheme"),
    pytest.param("/covers\\x.jpg", False, id="what browsers read otherwise"),
]


@pytest.mark.parametrize(("value", "expected"), ARTWORK)
def test_what_an_artwork_may_be(value, expected):
    assert is_artwork(value, {CDN}) is expected


def test_words_that_are_no_mapping_are_told_by_their_type():
    assert own_dress("a title", ()) == (UNDRESSED, ["str"])


FILLED = [
    pytest.param("/covers/{slug}.jpg", "/covers/tides.jpg", id="an address with a capture"),
    pytest.param(PIXEL, PIXEL, id="an image in itself, which has none"),
    pytest.param(None, None, id="none"),
]


@pytest.mark.parametrize(("image", "expected"), FILLED)
def test_captures_in_an_address(image, expected):
    filled = Dress(artwork=image, logo=image).filled({"slug": "tides"})
    assert (filled.artwork, filled.logo) == (expected, expected)
