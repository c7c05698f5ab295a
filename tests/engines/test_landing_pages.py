"""Real landing pages in Chromium: every link to a destination is caught, and nothing complains."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from werkzeug.wrappers import Request, Response

from escape_mw import load
from escape_mw.links.insertion import Insertion

from .seen import ScriptError
from .site import RULES, served
from .table import AGENTS

FOLDER = Path(os.environ.get("ESCAPE_MW_CORPORA", "nowhere")) / "landing_pages"
PAGES = sorted(FOLDER.glob("*.html"))
LINKS = {"rules": [{"path": "/**", "links": True}]}
TAG = b"<script></script>"
pytestmark = pytest.mark.skipif(not PAGES, reason="ESCAPE_MW_CORPORA names no landing pages")
ADDRESSES = "return [...document.querySelectorAll('a[href], area[href]')].map(link => link.href)"
CLICK = "document.querySelectorAll('a[href], area[href]')[{}].click()"


@pytest.fixture(scope="module")
def policy():
    return load({**RULES, **LINKS}).policy


def inserted(data):
    one = Insertion(TAG)
    return one.feed(data) + one.end()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_pages_bytes_are_its_own(page):
    data = page.read_bytes()
    assert inserted(data).replace(TAG, b"", 1) == data


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_to_a_destination_is_caught(chromium, policy, page):
    data = page.read_bytes()
    if inserted(data) == data:
        pytest.skip("a fragment")

    @Request.application
    def site(request):
        if request.path != "/":
            return Response(status=404)
        return Response(data, content_type="text/html; charset=utf-8")

    with served(LINKS, site) as at:
        chromium.open(f"{at.url}/", AGENTS["tiktok", "android"])
        chromium.until("document.readyState === 'complete'")
        if is_over(chromium):
            pytest.skip("it leaves by itself, without a gesture: our page asks for one")
        addresses = chromium.script(ADDRESSES)
        places = {address: number for number, address in enumerate(addresses)}
        for address in filter(policy.destinations.find, places):
            before = len(taps(at))
            words = {"expression": CLICK.format(places[address]), "userGesture": True}
            chromium.cdp("Runtime.evaluate", **words)
            assert taps(at, before + 1)[-1] == address
            if is_over(chromium):
                chromium.open(f"{at.url}/", AGENTS["tiktok", "android"])
        complaints = [text for text in chromium.complaints() if "_escape" in text]
        assert [text for text in complaints if "Not allowed to launch" not in text] == []


def is_over(browser):
    """Whether a page of ours has come, where no tap opens the link."""
    try:
        return browser.script(
            "return !document.body || !!document.querySelector('main[data-marker]')"
        )
    except ScriptError:  # on its way
        return True


def taps(site, count=0):
    """The links that were tapped, as they reached the site; waits until there are `count`."""
    end = time.monotonic() + 5
    while True:
        found = [asked for asked in site.asked if asked.startswith("/_escape/go?")]
        if len(found) >= count or time.monotonic() > end:
            assert len(found) >= count, json.dumps(site.asked[-3:])
            return [parse_qs(one.partition("?")[2])["u"][0] for one in found]
        time.sleep(0.01)
