"""`detect: true`: the site is told who asks, in every shell, whatever else is done."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from escape_mw import EscapeMiddleware
from escape_mw.django import EscapeMiddleware as DjangoMiddleware

from ..support import agents
from ..support.wsgi import Server, environ_of

KEYS = ("escape_mw.app", "escape_mw.platform")


def told_plain(rules, agent, method="GET"):
    found = []

    def site(environ, start_response):
        found.append(tuple(environ.get(key) for key in KEYS))
        start_response("200 OK", [])
        return []

    environ = environ_of(agent, "/listen") | {"REQUEST_METHOD": method}
    list(EscapeMiddleware(site, rules)(environ, Server().start_response))
    return found


def told_django(rules, agent, method="GET"):
    found = []

    def site(request):
        found.append(tuple(request.META.get(key) for key in KEYS))
        return HttpResponse()

    with override_settings(ESCAPE_MW_RULES=rules):
        request = RequestFactory().generic(method, "/listen", headers={"User-Agent": agent})
        DjangoMiddleware(site)(request)
    return found


ASKED = [
    pytest.param(agents.TIKTOK_IOS, ("tiktok", "ios"), id="TikTok on iOS"),
    pytest.param(agents.INSTAGRAM_ANDROID, ("instagram", "android"), id="Instagram on Android"),
    pytest.param(agents.SAFARI, (None, None), id="a browser"),
    pytest.param("Mozilla/5.0 (compatible; Googlebot/2.1)", (None, None), id="a crawler"),
]


@pytest.mark.parametrize("ask", [told_plain, told_django])
@pytest.mark.parametrize("mode", ["act", "observe"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("agent", "expected"), ASKED)
def test_the_site_is_told_who_asks(ask, mode, method, agent, expected):
    assert ask({"version": 1, "detect": True, "mode": mode}, agent, method) == [expected]


@pytest.mark.parametrize("ask", [told_plain, told_django])
@pytest.mark.parametrize("rules", [{"version": 1}, {"version": 1, "detect": True, "mode": "off"}])
def test_nothing_is_said_unasked(ask, rules):
    assert ask(rules, agents.TIKTOK_IOS) == [(None, None)]
