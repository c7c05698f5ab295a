"""What is Django's own about the middleware: settings, order, checks, threads."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from escape_mw import RulesError, load
from escape_mw.django import EscapeMiddleware

from ..support.agents import SAFARI, TIKTOK_ANDROID, TIKTOK_IOS
from ..support.examples import TRACK
from ..support.marked import marked, stay
from ..support.sites import ask_django_asgi, ask_django_wsgi
from ..support.wsgi import environ_of

OURS = "escape_mw.django.EscapeMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
CACHE = "django.middleware.cache.UpdateCacheMiddleware"
seen = []


def observe(_, decision):
    seen.append(decision.reason)


def test_rules_from_a_file(tmp_path):
    rules = tmp_path / "escape.yaml"
    rules.write_text("version: 1\npage: {brand: Midnight Records}\n")
    with override_settings(MIDDLEWARE=[OURS], ESCAPE_MW_RULES=rules):
        assert b"Midnight Records" in ask_django_wsgi("/listen", TIKTOK_IOS)[2]


@pytest.mark.parametrize(
    "observer", [observe, "tests.public.test_django.observe"], ids=["a callable", "its path"]
)
def test_observers(observer):
    seen.clear()
    with override_settings(MIDDLEWARE=[OURS], ESCAPE_MW_OBSERVERS=[observer]):
        ask_django_wsgi("/listen", TIKTOK_IOS)
        ask_django_asgi("/listen", TIKTOK_IOS)
    assert seen == ["no-redirect", "escape"] * 2


def test_bad_rules_stop_the_start():
    with override_settings(ESCAPE_MW_RULES={"version": 2}), pytest.raises(RulesError):
        EscapeMiddleware(lambda _: HttpResponse())


@pytest.mark.parametrize("agent", [SAFARI, TIKTOK_IOS])
def test_async_stays_out_of_threads(agent):
    with override_settings(MIDDLEWARE=[OURS]):
        assert ask_django_asgi("/async/x", agent)[2] == b"<p>Pre-save</p>"


def test_host_and_scheme_are_djangos():
    """Behind a proxy that Django has been told of, our own address is the public one."""
    told = {
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        "USE_X_FORWARDED_HOST": True,
    }
    rules = {"version": 1, "rules": [{"path": "/**", "to": "page"}]}
    factory = RequestFactory()
    request = factory.get(
        "/presave",
        headers={
            "User-Agent": TIKTOK_ANDROID,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "label.example",
        },
    )
    with override_settings(ESCAPE_MW_RULES=rules, **told):
        body = EscapeMiddleware(lambda _: HttpResponse())(request).content.decode()
    assert "intent://label.example/presave?" in body
    assert "scheme=https" in body


def test_a_host_that_django_refuses_passes():
    request = RequestFactory().get(
        "/listen", headers={"User-Agent": TIKTOK_ANDROID, "Host": "evil.example"}
    )
    rules = {"version": 1, "rules": [{"path": "/**", "to": "page"}]}
    with override_settings(ALLOWED_HOSTS=["label.example"], ESCAPE_MW_RULES=rules):
        assert EscapeMiddleware(lambda _: HttpResponse("site"))(request).content == b"site"


def test_get_is_read_anew_once_the_marker_is_gone():
    path = stay(load().policy, "/x?a=1")
    script = {"User-Agent": SAFARI, "Sec-Fetch-Dest": "empty"}
    request = RequestFactory().get(path, headers=script)
    assert "_esc" in request.GET
    EscapeMiddleware(lambda _: HttpResponse())(request)
    assert request.GET.dict() == {"a": "1"}


def test_listed_twice_it_acts_once():
    seen.clear()
    rules = load()
    settings = {"ESCAPE_MW_RULES": rules, "ESCAPE_MW_OBSERVERS": [observe]}
    with override_settings(MIDDLEWARE=[OURS, OURS], **settings):
        for ask in (ask_django_wsgi, ask_django_asgi):
            assert b"Play on Spotify" in ask("/listen", TIKTOK_IOS)[2]
            assert ask(stay(rules.policy, "/listen"), TIKTOK_IOS)[0] == 302
    assert seen == ["no-redirect", "escape", "stay"] * 2


@pytest.mark.parametrize("missing", ["QUERY_STRING", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT"])
def test_what_a_server_leaves_out_is_no_fault(missing, caplog):
    request = RequestFactory().get("/listen", secure=True, headers={"User-Agent": TIKTOK_IOS})
    for name in (missing, "HTTP_HOST"):
        request.META.pop(name, None)
    with override_settings(ESCAPE_MW_RULES={"version": 1}):
        middleware = EscapeMiddleware(lambda _: HttpResponse("site"))
        assert middleware(request).content == b"site"
    assert [record.getMessage() for record in caplog.records] == []


def test_headers_that_come_twice_survive():
    headers = {"User-Agent": TIKTOK_IOS, "Accept-Encoding": "gzip"}
    request = RequestFactory().get("/x", secure=True, headers=headers)
    rules = {"version": 1, "rules": [{"path": "/**", "to": "page"}]}
    with override_settings(ESCAPE_MW_RULES=rules, ALLOWED_HOSTS=["*"]):
        response = EscapeMiddleware(lambda _: HttpResponse("site"))(request)
    assert response["Content-Encoding"] == "gzip"
    assert response["Vary"] == "User-Agent, Accept-Encoding"


class Own(EscapeMiddleware):
    """A site's own."""


def ids(**settings):
    with override_settings(**settings):
        return [message.id for message in run_checks(tags=["escape_mw"])]


CHECKS = [
    pytest.param({"MIDDLEWARE": [SECURITY, OURS, SESSION]}, [], id="all is well"),
    pytest.param(
        {"MIDDLEWARE": [OURS], "ESCAPE_MW_RULES": {"version": 1, "mod": 1, "detect": 2}},
        ["escape_mw.E001"] * 2,
        id="every problem of the rules",
    ),
    pytest.param(
        {"MIDDLEWARE": [OURS], "ESCAPE_MW_OBSERVERS": ["no.such.thing"]},
        ["escape_mw.E002"],
        id="an observer that is not there",
    ),
    pytest.param(
        {"MIDDLEWARE": [OURS], "ESCAPE_MW_OBSERVERS": [1]},
        ["escape_mw.E002"],
        id="an observer that cannot be called",
    ),
    pytest.param(
        {"MIDDLEWARE": ["escape_mw.EscapeMiddleware"]}, ["escape_mw.E003"], id="WSGI's in Django"
    ),
    pytest.param(
        {"MIDDLEWARE": ["escape_mw.asgi.EscapeMiddleware"]}, ["escape_mw.E003"], id="ASGI's"
    ),
    pytest.param({"MIDDLEWARE": [OURS], "ESCAPE_MW": {}}, ["escape_mw.E003"], id="Flask's name"),
    pytest.param(
        {"MIDDLEWARE": [OURS], "ESCAPE_MW_RULE": {}}, ["escape_mw.E003"], id="a setting misspelt"
    ),
    pytest.param({"MIDDLEWARE": ["no.such.thing"]}, ["escape_mw.W004"], id="nowhere"),
    pytest.param(
        {"MIDDLEWARE": ["tests.public.test_django.Own"]}, [], id="a subclass of the site's own"
    ),
    pytest.param(
        {
            "MIDDLEWARE": [OURS],
            "ESCAPE_MW_RULES": {"version": 1, "rules": [{"path": "/x", "to": TRACK}]},
        },
        ["escape_mw.W003"],
        id="what the rules may surprise with",
    ),
    pytest.param({"MIDDLEWARE": [OURS, SECURITY]}, ["escape_mw.W001"], id="before https is known"),
    pytest.param(
        {"MIDDLEWARE": [CACHE, SESSION, OURS]},
        ["escape_mw.W002"] * 2,
        id="behind what keeps answers",
    ),
]


def test_broken_rules_are_a_warning_where_the_environment_switches_them_off(monkeypatch):
    monkeypatch.setenv("ESCAPE_MW_MODE", "off")
    broken = {"MIDDLEWARE": [OURS], "ESCAPE_MW_RULES": {"version": 1, "detect": 2}}
    with override_settings(**broken):
        assert [type(one).__name__ for one in run_checks(tags=["escape_mw"])] == ["Warning"]


@pytest.mark.parametrize(("settings", "expected"), CHECKS)
def test_checks(settings, expected):
    assert ids(**settings) == expected


PATHS = [
    pytest.param(
        "/presave/\xff", "/presave/%FF?a=1", "/presave/%FF", id="a byte that is not UTF-8"
    ),
    pytest.param("/presave/%FF", "/presave/%25FF", "/presave/%25FF", id="a percent sign"),
    pytest.param("/presave/s\xc3\xb6", "/presave/s%C3%B6", "/presave/s%C3%B6", id="UTF-8"),
    pytest.param("/presave/%41", "/elsewhere", "/presave/%2541", id="the address of another hop"),
    pytest.param("/presave/%41", None, "/presave/%2541", id="a server that does not say"),
]


@pytest.mark.parametrize("name", ["REQUEST_URI", "RAW_URI"])
@pytest.mark.parametrize(("path", "sent", "handed_over"), PATHS)
def test_the_path_is_handed_over_as_it_was_sent(path, sent, handed_over, name):
    environ = environ_of(TIKTOK_ANDROID, path) | ({name: sent} if sent else {})
    page = {"version": 1, "rules": [{"path": "/**", "to": "page"}]}
    with override_settings(MIDDLEWARE=[OURS], ESCAPE_MW_RULES=page):
        body = b"".join(get_wsgi_application()(environ, lambda *_: None)).decode()
    assert f"intent://site.example{handed_over}?" in body


def test_the_path_is_handed_over_as_it_was_sent_under_asgi():
    page = {"version": 1, "rules": [{"path": "/**", "to": "page"}]}
    with override_settings(MIDDLEWARE=[OURS], ESCAPE_MW_RULES=page):
        body = ask_django_asgi("/presave/\ufffd", TIKTOK_ANDROID, raw_path=b"/presave/%FF")[2]
    assert b"intent://site.example/presave/%FF?" in body


def sets_a_cookie_itself(_):
    response = HttpResponse("ours")
    response["Set-Cookie"] = "a=b"
    return response


@pytest.mark.parametrize("agent", [SAFARI, TIKTOK_IOS])
def test_a_header_of_the_sites_is_sent_once(agent):
    rules = {"version": 1, "rules": [{"path": "/else", "to": "page"}]}
    request = RequestFactory().get("/x", headers={"User-Agent": agent})
    with override_settings(ESCAPE_MW_RULES=rules):
        response = EscapeMiddleware(sets_a_cookie_itself)(request)
    assert (response["Set-Cookie"], response.cookies.output()) == ("a=b", "")


def test_a_query_without_its_marker_is_text_under_asgi():
    rules = load({"version": 1, "rules": [{"path": "/**", "to": "page"}]})
    marker = marked(rules.policy, "/async/x", "intent").partition("?")[2]
    with override_settings(MIDDLEWARE=[OURS], ESCAPE_MW_RULES=rules):
        script = {"Sec-Fetch-Dest": "empty"}
        body = ask_django_asgi(f"/async/x?q=\xe9&{marker}", SAFARI, **script)[2]
    assert body.decode() == "<p>Pre-save</p>q=\xe9"
