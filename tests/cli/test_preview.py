"""The page of any visitor, for designers."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

from escape_mw import catalogue, load
from escape_mw.cli.preview import STATES, Preview

from ..agents import CHROME_DESKTOP
from ..real_http import Served, get
from ..sites import ask_wsgi

TRACK = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
SMART = "https://paperlanterns.lnk.to/harbour"
RULES = load({"version": 1, "page": {"brand": "Midnight Records"}})


APPS = [app.id for app in catalogue.load().apps] + [None]


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("platform", ["ios", "android"])
def test_every_host_app_has_a_page_in_every_state(app, platform):
    preview = Preview(RULES, app, platform, TRACK)
    for state in STATES:
        answer = preview.page(state)
        assert answer is not None
        page = BeautifulSoup(answer.body, "html.parser")
        assert page.h1.text == "Midnight Records"


def triggers(answer):
    """How the buttons of a page are fired."""
    page = BeautifulSoup(answer.body, "html.parser")
    return [link["data-trigger"] for link in page.select("a.button")]


@pytest.mark.parametrize("to", [TRACK, SMART], ids=["a track", "a smart link"])
@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("platform", ["ios", "android"])
def test_after_a_failed_step_nothing_fires_by_itself_and_a_way_is_left(app, platform, to):
    """Where there was a way out at all: some host apps have only their menu."""
    preview = Preview(RULES, app, platform, to)
    first, returned = (preview.page(state) for state in STATES)
    assert returned.status == "200 OK"
    assert set(triggers(returned)) <= {"tap"}
    assert bool(triggers(returned)) == (first.status == "302 Found" or bool(triggers(first)))


def test_index_and_pages_over_http():
    preview = Preview(RULES, "tiktok", "android", TRACK)
    index = BeautifulSoup(ask_wsgi(preview, "/", CHROME_DESKTOP)[2], "html.parser")
    assert index.h1.text == "TikTok on android"
    links = [link["href"] for link in index.select("a")]
    assert len(links) == len(STATES) * 21
    arabic = next(link for link in links if "language=ar" in link)
    assert (
        BeautifulSoup(ask_wsgi(preview, arabic, CHROME_DESKTOP)[2], "html.parser").html["dir"]
        == "rtl"
    )


def test_command(tmp_path):
    served = Served(
        "-m",
        "escape_mw",
        "preview",
        "--port",
        "PORT",
        "--app",
        "instagram",
        "--language",
        "ja",
        folder=tmp_path,
    )
    assert "Instagram on ios" in get(served.url, CHROME_DESKTOP)[2]
    assert "state by state" in served.stop()
