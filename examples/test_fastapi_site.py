"""The FastAPI site's tests: python -m pytest examples/test_fastapi_site.py"""

import pytest
from fastapi_site import app as site

from escape_mw.testing import assert_escapes, assert_passes

pytest_plugins = ["escape_mw.pytest_plugin"]


@pytest.fixture
def app():
    return site


def test_a_listener_in_tiktok_is_handed_over_to_spotify(escape_visitor):
    assert_escapes(escape_visitor("tiktok", "android").get("/listen"), to="spotify")
    assert_passes(escape_visitor("chrome", "android").get("/listen"))


def test_a_pre_save_opens_in_the_real_browser(escape_visitor):
    response = escape_visitor("instagram", "ios").get("/presave/next")
    assert_escapes(response, to="site")
    assert "Midnight Records" in response.text
    assert_passes(escape_visitor("safari").get("/presave/next"))


def test_the_home_page_is_left_alone(escape_visitor):
    assert_passes(escape_visitor("tiktok", "ios").get("/"))
