"""How a release is dressed: the application's words over the rule's, the host's and the site's."""

from __future__ import annotations

import html
import re
from typing import NamedTuple

import pytest
from bs4 import BeautifulSoup
from django.http import HttpResponseRedirect
from django.test import RequestFactory, override_settings
from django.utils.safestring import mark_safe
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from escape_mw import Answer, EscapeMiddleware, RulesError, load
from escape_mw.decision.dress import UNDRESSED, Dress, own_dress
from escape_mw.django import EscapeMiddleware as DjangoMiddleware
from escape_mw.page.skin import image_source

from ..support import agents
from ..support.examples import TRACK
from ..support.sites import answer_to, ask_wsgi
from ..support.wsgi import environ_of

CDN = "https://cdn.label.example"
RULES = {
    "version": 1,
    "hosts": {
        "site.example": {"page": {"brand": "Lanterns", "accent": "#112233", "title": "A host"}},
        "bare.example": {},
    },
    "page": {"brand": "Midnight", "title": "The site", "artwork_hosts": [CDN], "language": "en"},
    "rules": [
        {
            "path": "/r/{slug}",
            "to": "page",
            "page": {"title": "{slug}!", "artist": "by {slug}", "artwork": "/covers/{slug}.jpg"},
        },
        {"path": "/cdn/{slug}", "to": "page", "page": {"artwork": f"{CDN}/{{slug}}?w=2"}},
        {"path": "/plain", "to": "page"},
        {"path": "/**", "page": {"title": "The rule", "accent": "#445566"}},
    ],
}
APP = EscapeMiddleware(lambda _, start: start("302 Found", [("Location", TRACK)]) or [], RULES)


def site(words):
    def app(environ, start_response):
        environ["escape_mw.page"] = words
        start_response("302 Found", [("Location", TRACK)])
        return []

    return app


def page_of(app, path, host="site.example"):
    """The page in TikTok, and what its policy says of images."""
    _, headers, body = ask_wsgi(app, path, agents.TIKTOK_ANDROID, Host=host)
    images = re.search("img-src ([^;]*)", dict(headers)["content-security-policy"])
    return BeautifulSoup(body, "html.parser"), images[1] if images else ""


class Shown(NamedTuple):
    brand: str | None
    release: str | None
    artist: str | None
    image: str | None
    accent: str | None
    sources: str


def shown(app, path, host="site.example"):
    page, images = page_of(app, path, host)
    texts = {
        "brand": page.select_one(".by > bdi"),
        "release": page.h1,
        "artist": page.select_one(".by b"),
    }
    image = page.select_one("img")
    accent = re.search(r"--fill:(#\w{6})", page.style.text)
    said = (text.text if text else None for text in texts.values())
    return Shown(*said, image["src"] if image else None, accent[1] if accent else None, images)


PRECEDENCE = [
    pytest.param(
        "/plain", "bare.example", ("Midnight", "The site", None, None, None, ""), id="site"
    ),
    pytest.param(
        "/plain", "site.example", ("Lanterns", "A host", None, None, "#112233", ""), id="host"
    ),
    pytest.param(
        "/r/harbour",
        "site.example",
        ("Lanterns", "harbour!", "by harbour", "/covers/harbour.jpg", "#112233", "'self'"),
        id="rule",
    ),
    pytest.param(
        "/cdn/x",
        "bare.example",
        ("Midnight", "The site", None, f"{CDN}/x?w=2", None, CDN),
        id="a cdn",
    ),
    pytest.param(
        "/x", "site.example", ("Lanterns", "The rule", None, None, "#445566", ""), id="a redirect's"
    ),
]


@pytest.mark.parametrize(("path", "host", "expected"), PRECEDENCE)
def test_the_nearer_word_counts(path, host, expected):
    assert shown(APP, path, host) == expected


WORDS = {"title": "Ours", "artist": "Us", "artwork": f"{CDN}/o.jpg", "accent": "#778899"}


def test_the_applications_own_words_count_most():
    app = EscapeMiddleware(site(WORDS), RULES)
    assert shown(app, "/x") == ("Lanterns", "Ours", "Us", f"{CDN}/o.jpg", "#778899", CDN)


def test_in_django_too():
    def view(request):
        request.META["escape_mw.page"] = {"title": mark_safe("<b>Ours</b>")}
        return HttpResponseRedirect(TRACK)

    with override_settings(ESCAPE_MW_RULES=RULES):
        request = RequestFactory().get(
            "/x", headers={"User-Agent": agents.TIKTOK_ANDROID, "Host": "site.example"}
        )
        with override_settings(ALLOWED_HOSTS=["*"]):
            body = DjangoMiddleware(view)(request).content.decode()
    assert "&lt;b&gt;Ours&lt;/b&gt;" in body
    assert "<b>Ours</b>" not in body


IGNORED = [
    pytest.param({"brand": "x"}, id="another key"),
    pytest.param({"title": 5}, id="no text"),
    pytest.param({"artwork": "/\t/evil.example; form-action *"}, id="a tab, which browsers drop"),
    pytest.param({"artwork": "/\\evil.example/x"}, id="a backslash"),
    pytest.param({"artwork": "/a\nb"}, id="a line end"),
    pytest.param({"title": b"x"}, id="bytes"),
    pytest.param({"title": "\ud800"}, id="half a character"),
    pytest.param({"accent": "red;}body{display:none"}, id="no colour"),
    pytest.param({"artwork": "https://evil.example/x.jpg"}, id="another host"),
    pytest.param({"artwork": f"{CDN}.evil.example/x.jpg"}, id="a host that begins alike"),
    pytest.param({"artwork": f"{CDN}@evil.example/x.jpg"}, id="a user's name"),
    pytest.param({"artwork": "http://cdn.label.example/x.jpg"}, id="plain http"),
    pytest.param({"artwork": "//evil.example/x.jpg"}, id="no scheme"),
    pytest.param({"artwork": "javascript:alert(1)"}, id="a script"),
    pytest.param({"artwork": "data:text/html,x"}, id="data that is no image"),
    pytest.param("a title", id="no mapping"),
    pytest.param([("title", "x")], id="a list"),
    pytest.param({1: "x"}, id="a key that is no text"),
]


@pytest.mark.parametrize("words", IGNORED)
def test_what_cannot_be_taken_is_ignored_and_said_once(words, caplog):
    app = EscapeMiddleware(site(words), RULES)
    for _ in range(3):
        assert shown(app, "/x") == shown(APP, "/x")
    warned = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.getMessage().partition(":")[0] for record in warned] == ["escape_mw.page"]


def test_an_empty_column_says_nothing(caplog):
    app = EscapeMiddleware(site({"title": None, "artist": "Us"}), RULES)
    told = shown(app, "/x")
    assert (told.release, told.artist) == ("The rule", "Us")
    assert caplog.records == []


def test_an_odd_byte_of_a_capture_is_shown_as_one():
    answer = answer_to(APP.engine, environ_of(agents.TIKTOK_ANDROID, "/r/\xff"))
    assert BeautifulSoup(answer.body, "html.parser").h1.text == "\ufffd!"
    assert 'src="/covers/%FF.jpg"' in answer.body.decode()


def test_an_image_is_let_in_from_its_own_place_alone():
    assert image_source("/\t/evil.example; form-action *") == "'self'"
    assert image_source("https://cdn.example/x; form-action *") == "https://cdn.example"


def test_a_text_that_calls_itself_safe_is_text():
    dress, ignored = own_dress({"title": Markup("<script>")}, ())
    assert (type(dress.title), ignored) == (str, [])


REFUSED = [
    pytest.param({"artwork": "/{other}.jpg"}, "artwork: {other} is not a", id="another capture"),
    pytest.param({"title": "{other}"}, "title: {other} is not a", id="in a title"),
    pytest.param(
        {"artwork": "https://evil.example/x.jpg"}, "no host under page.artwork_hosts", id="a host"
    ),
    pytest.param(
        {"artwork": "https://{slug}.label.example/"}, "no host under", id="a capture in the host"
    ),
    pytest.param({"accent": "red"}, "is not a colour", id="a colour"),
    pytest.param({"artwork": "/\t/evil.example"}, "is not a path on this site", id="a tab"),
    pytest.param({"template": "missing.html"}, "page.template: ", id="a template"),
    pytest.param({"artwork_hosts": [CDN]}, "unknown key", id="the site's alone"),
]


@pytest.mark.parametrize(("page", "problem"), REFUSED)
def test_a_rules_page_is_checked_as_the_sites(page, problem):
    rule = {"path": "/r/{slug}", "to": "page", "page": page}
    with pytest.raises(RulesError, match=re.escape("rules[0].page")) as raised:
        load({"version": 1, "page": {"artwork_hosts": [CDN]}, "rules": [rule]})
    assert problem in str(raised.value)


def test_a_template_for_one_rule(tmp_path):
    (tmp_path / "ours.html").write_text("ours: {{ page.title }}")
    (tmp_path / "escape.yaml").write_text(
        "version: 1\nrules:\n"
        '  - {path: "/a/{slug}", to: page, page: {template: ours.html, title: "{slug}"}}\n'
        "  - {path: /b, to: page}\n"
    )
    app = EscapeMiddleware(APP.app, tmp_path / "escape.yaml")
    assert ask_wsgi(app, "/a/x", agents.TIKTOK_ANDROID)[2] == b"ours: x"
    assert b"<main" in ask_wsgi(app, "/b", agents.TIKTOK_ANDROID)[2]
    assert app.engine.state.rules.files == (str(tmp_path / "ours.html"),)


SEGMENTS = st.text(
    st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from("\"'<>&;{}%\\ :@?#")),
    min_size=1,
).filter(lambda text: "/" not in text and text not in {".", ".."})


@settings(max_examples=300)
@given(SEGMENTS, st.sampled_from(["/r/", "/cdn/"]))
def test_no_request_leaves_its_attribute_or_the_policy(slug, folder):
    """Whatever a path holds: it is text in the title, and one quoted segment in the artwork."""
    path = (folder + slug).encode().decode("latin-1")
    environ = environ_of(agents.TIKTOK_ANDROID, path) | {"HTTP_HOST": "site.example"}
    answer = answer_to(APP.engine, environ)
    assume(isinstance(answer, Answer))  # nobody navigates to /r/x.css
    page = BeautifulSoup(answer.body, "html.parser")
    expected = BeautifulSoup(
        answer_to(APP.engine, environ | {"PATH_INFO": f"{folder}x"}).body, "html.parser"
    )
    assert [tag.name for tag in page.find_all()] == [tag.name for tag in expected.find_all()]
    assert [sorted(tag.attrs) for tag in page.find_all()] == [
        sorted(tag.attrs) for tag in expected.find_all()
    ]
    source = page.select_one("img")["src"]
    assert re.fullmatch(r"(?:/covers/|https://cdn\.label\.example/)[\w.~%-]+(?:\?w=2)?", source)
    policy = dict(answer.headers)["Content-Security-Policy"]
    assert re.search("img-src ([^;]*)", policy)[1] == ("'self'" if folder == "/r/" else CDN)
    if folder == "/r/":
        assert html.unescape(page.h1.text) == html.unescape(f"{slug}!")


def test_over_and_filled():
    assert Dress(title="a").over(Dress(title="b", brand="c")) == Dress(title="a", brand="c")
    assert UNDRESSED.filled({"x": "y"}) == UNDRESSED
    assert Dress(title="{x}", artwork="/{x}").filled({"x": "a/b"}) == Dress(
        title="a/b", artwork="/a%2Fb"
    )
