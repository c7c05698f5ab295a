"""No crawler that the catalogue lists ever gets the page, whatever else its agent says."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from escape_mw import EscapeMiddleware

from ..catalogue.sources import sources
from ..engines.site import pages
from ..support import agents

CRAWLERS = sources().crawlers
NAMES = [*CRAWLERS.words, *(f"Some{stem}" for stem in CRAWLERS.stems)]
RULES = {"version": 1, "rules": [{"path": "/**", "to": "redirect"}, {"path": "/x", "to": "page"}]}
WHOLE = ["Mozilla/5.0 (compatible; {}/1.0)", "{}/1.0"]
IN_APPS = [f"{agents.TIKTOK_IOS} {{}}", f"{agents.INSTAGRAM_ANDROID} {{}}"]


@pytest.fixture(scope="module")
def client():
    return Client(EscapeMiddleware(pages, RULES))


def test_the_visitor_they_imitate_gets_it(client):
    for agent in IN_APPS:
        made = client.get("/track", headers={"User-Agent": agent.format("")})
        assert b"<main" in made.data


@pytest.mark.parametrize("name", NAMES)
def test_a_crawler_gets_the_site(client, name):
    for agent in (*WHOLE, *IN_APPS):
        made = client.get("/track", headers={"User-Agent": agent.format(name)})
        assert (made.status_code, made.data.count(b"<main")) == (302, 0)
        assert made.location.startswith("https://open.spotify.com/track/")
