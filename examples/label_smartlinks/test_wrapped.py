"""The wrapped site's tests: python -m pytest examples/label_smartlinks"""

import pytest
from wrapped import app

from escape_mw.testing import as_visitor, assert_escapes, assert_passes

SHAPES = [
    pytest.param("/r/harbour-lights", "site", id="a landing page"),
    pytest.param("/s/hl-sp", "spotify", id="a short link to Spotify"),
    pytest.param("/s/hl-all", "linkfire", id="a short link to a smart link"),
    pytest.param("/j/hl-sp", "site", id="a redirect by JavaScript"),
    pytest.param("/presave/harbour-lights/go", "spotify", id="the start of a sign-in"),
]


@pytest.mark.parametrize(("path", "to"), SHAPES)
def test_music_escapes_in_tiktok(path, to):
    assert_escapes(as_visitor(app, "tiktok", "android").get(path), to=to)
    assert_passes(as_visitor(app, "chrome", "android").get(path))


def test_what_is_no_music_passes():
    assert_passes(as_visitor(app, "tiktok", "android").get("/s/tour"))


def test_the_landing_page_stays_where_only_the_menu_could_help():
    assert_passes(as_visitor(app, "tiktok", "ios").get("/r/harbour-lights"))
