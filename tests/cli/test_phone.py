"""The demo's phone: its screen shows the site's real answer to whom it is asked as."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from werkzeug.test import Client

from escape_mw.cli import demo
from escape_mw.cli.phone import VISITORS

from ..support.agents import CHROME_DESKTOP, TIKTOK_IOS

BROWSER = {"User-Agent": CHROME_DESKTOP, "Sec-Fetch-Dest": "iframe", "Accept-Language": "en"}


@pytest.fixture
def client():
    return Client(demo.phone())


def screen(client, visitor, page, day="0"):
    """What the phone shows, as the page's form asks for it."""
    query = {"visitor": visitor, "page": page, "day": day}
    made = client.get("/show", query_string=query, headers=BROWSER, follow_redirects=True)
    return BeautifulSoup(made.text, "html.parser"), made


SCREENS = [  # visitor, page, day, what the screen says
    pytest.param("tiktok-ios", "/listen", "0", "Play on Spotify", id="one tap"),
    pytest.param("tiktok-android", "/listen", "0", "Play on Spotify", id="an intent"),
    pytest.param("instagram-ios", "/apple", "0", "Instagram asks first", id="a question first"),
    pytest.param("safari", "/listen", "0", "A redirect, without a page, to", id="a browser"),
    pytest.param("tiktok-ios", "/presave", "0", "Copy link", id="the menu in words"),
    pytest.param("tiktok-ios", "/presave", "1", "In Spotify", id="the pre-save is the release"),
    pytest.param("safari", "/presave", "0", "Pre-save on Spotify", id="a browser's pre-save"),
    pytest.param("safari", "/presave", "1", "open.spotify.com/album", id="a browser's release"),
    pytest.param("tiktok-ios", "/", "0", "Choose another service", id="a page that passes"),
]


@pytest.mark.parametrize(("visitor", "page", "day", "told"), SCREENS)
def test_screen(client, visitor, page, day, told):
    shown, made = screen(client, visitor, page, day)
    assert told.removeprefix("In ") in shown.text
    assert "frame-ancestors 'none'" not in made.headers.get("Content-Security-Policy", "")


def test_a_link_of_the_sites_stays_on_the_phone(client):
    shown, made = screen(client, "tiktok-ios", "/")
    link = shown.select_one("a[href=listen]")["href"]
    tapped = client.get(made.request.path + link, headers=BROWSER)
    assert "Play on Spotify" in tapped.text


def test_beside_the_phone_the_site_answers_as_it_is(client):
    made = client.get("/listen", headers={"User-Agent": TIKTOK_IOS, "Accept-Language": "en"})
    assert "Play on Spotify" in made.text
    assert "frame-ancestors 'none'" in made.headers["Content-Security-Policy"]
    assert client.get("/harbour-lights.svg").content_type.startswith("image/svg+xml")


def test_the_page_offers_every_visitor_page_and_day(client):
    page = BeautifulSoup(client.get("/").text, "html.parser")
    offered = {one["value"] for one in page.select("input")}
    assert offered == {*VISITORS, *(path for path, _ in demo.SHOWN), "0", "1"}


@pytest.mark.parametrize("path", ["/as/nobody/0/", "/as/safari/7/", "/as/", "/as/safari"])
def test_no_such_phone(client, path):
    assert client.get(path).status_code == 404
