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
RULES = load({"version": 1, "page": {"brand": "Midnight Records"}})


@pytest.mark.parametrize("app", [app.id for app in catalogue.load().apps] + [None])
@pytest.mark.parametrize("platform", ["ios", "android"])
def test_every_host_app_has_a_page_in_every_state(app, platform):
    preview = Preview(RULES, app, platform, TRACK)
    for state in STATES:
        answer = preview.page(state)
        assert answer is not None
        page = BeautifulSoup(answer.body, "html.parser")
        assert page.select_one(".brand").text == "Midnight Records"
        if state == "words only":
            assert page.select(".button") == []


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
