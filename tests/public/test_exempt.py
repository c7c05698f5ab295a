"""`X-Escape: pass`: the site's own code lets one of its redirects through, in every shell."""

from __future__ import annotations

import pytest
from django.http import HttpResponseRedirect
from django.test import RequestFactory, override_settings
from werkzeug.utils import redirect
from werkzeug.wrappers import Request

from escape_mw import EscapeMiddleware
from escape_mw.django import EscapeMiddleware as DjangoMiddleware

from ..support import agents
from ..support.examples import TRACK
from ..support.sites import ask_wsgi

HEADERS = [
    pytest.param({"X-Escape": "pass"}, True, id="the word"),
    pytest.param({"x-escape": "pass"}, True, id="in lower case"),
    pytest.param({"X-Escape": "PASS"}, False, id="another word"),
    pytest.param({}, False, id="none"),
]


def ask_plain(headers, agent):
    @Request.application
    def site(_):
        response = redirect(TRACK)
        response.headers.update(headers)
        return response

    status, sent, body = ask_wsgi(EscapeMiddleware(site), "/x", agent)
    return status, dict(sent), body


def ask_django(headers, agent):
    def site(_):
        response = HttpResponseRedirect(TRACK)
        for name, value in headers.items():
            response[name] = value
        return response

    with override_settings(ESCAPE_MW_RULES=None):
        response = DjangoMiddleware(site)(RequestFactory().get("/x", headers={"User-Agent": agent}))
    sent = {name.lower(): value for name, value in response.items()}
    return response.status_code, sent, response.content


@pytest.mark.parametrize("ask", [ask_plain, ask_django])
@pytest.mark.parametrize(("headers", "passes"), HEADERS)
def test_a_redirect_that_says_so_passes_and_the_word_goes_no_further(ask, headers, passes):
    status, sent, body = ask(headers, agents.TIKTOK_IOS)
    assert (status, sent.get("location") == TRACK) == ((302, True) if passes else (200, False))
    assert (b"Play on Spotify" in body) is not passes
    assert sent.get("x-escape") == (None if passes else "escape; to=spotify; by=app-scheme")


@pytest.mark.parametrize("ask", [ask_plain, ask_django])
def test_a_browser_gets_the_response_as_it_is(ask):
    status, sent, _ = ask({"X-Escape": "pass"}, agents.SAFARI)
    assert (status, sent["location"], sent["x-escape"]) == (302, TRACK, "pass")
