"""The interstitial: what stands on it, in which order, and what can never stand on it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from dataclasses import replace

import html5lib
import pytest
from bs4 import BeautifulSoup

from escape_mw import Page, Step, Visitor, load
from escape_mw.decision.model import Destination
from escape_mw.page.languages import available
from escape_mw.page.render import redirect_to
from escape_mw.web.answers import BARE_POLICY

TIKTOK = Visitor("in-app", "tiktok", "ios", "41.9.0")
SPOTIFY = Destination(
    "spotify",
    "Spotify",
    "track",
    "1",
    "https://open.spotify.com/track/1?a=1&b=2",
    "app",
    "spotify:track:1",
    "com.spotify.music",
    "play",
)
STEPS = (
    Step("app-scheme", "tap", "spotify:track:1", 2000, "inferred"),
    Step(
        "intent", "auto", "intent://open.spotify.com/track/1?a=1&b=2#Intent;end", 2000, "inferred"
    ),
    Step("x-safari-window", "tap", "x-safari-https://site.example/", 2000, "observed"),
    Step("extbrowser", "tap", "instagram://extbrowser/?url=x", 8000, "observed", asks=True),
    Step("menu", "written", None, 2000, "observed"),
)


def decision(steps=STEPS, visitor=TIKTOK, destination=SPOTIFY, retry=False):
    return Page(
        "escape",
        visitor,
        destination,
        "rule 1",
        steps,
        stay=destination.url,
        link=destination.url,
        token="visit.a.b",
        retry=retry,
    )


def answer(page=None, accept="en", **options):
    return page_of(load({"version": 1, "page": options}), page or decision(), accept)


def page_of(rules, page, *accept):
    """The answer in the site's own dress."""
    return rules.page.answer(replace(page, dress=rules.policy.dress), *accept)


def soup(*args, **options):
    return BeautifulSoup(answer(*args, **options).body, "html.parser")


def test_headers():
    made = answer()
    assert made.status == "200 OK"
    headers = dict(made.headers)
    policy = headers.pop("Content-Security-Policy")
    assert headers == {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(made.body)),
        "Cache-Control": "no-store",
        "CDN-Cache-Control": "no-store",
        "Surrogate-Control": "no-store",
        "Vary": "User-Agent",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Content-Language": "en",
    }
    assert policy.startswith(
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "script-src 'sha256-"
    )
    assert "unsafe" not in policy


def hashes(text, element):
    content = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)[1]
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


@pytest.mark.parametrize(
    "options", [{}, {"accent": "#1db954", "brand": "Midnight Records"}], ids=["plain", "dressed"]
)
def test_policy_allows_our_style_and_script_and_nothing_else(options):
    made = answer(**options)
    policy = dict(made.headers)["Content-Security-Policy"]
    for element, directive in [("script", "script-src"), ("style", "style-src")]:
        assert f"{directive} {hashes(made.body.decode(), element)}" in policy
    page = soup(**options)
    assert not page.select("[style], [onclick], [onload]")
    assert len(page.select("script")) == 1


@pytest.mark.parametrize(
    ("artwork", "source"),
    [
        (None, None),
        ("/static/cover.jpg", "img-src 'self'"),
        ("data:image/png;base64,iVBORw0KGgo=", "img-src data:"),
    ],
)
def test_artwork_is_the_only_other_request(artwork, source):
    policy = dict(answer(artwork=artwork).headers)["Content-Security-Policy"]
    assert policy.endswith(source) if source else "img-src" not in policy
    assert [image["src"] for image in soup(artwork=artwork).select("img")] == (
        [artwork] if artwork else []
    )
    assert not soup(artwork=artwork).select("link, iframe, script[src]")


def test_the_ladder_in_order():
    page = soup()
    links = page.select("a.button")
    assert [
        (link["href"], link["data-trigger"], link["data-settle"], link.text) for link in links
    ] == [
        ("spotify:track:1", "tap", "2000", "Play on Spotify"),
        (
            "intent://open.spotify.com/track/1?a=1&b=2#Intent;end",
            "auto",
            "2000",
            "Open in your browser",
        ),
        ("x-safari-https://site.example/", "tap", "2000", "Open in Safari"),
        ("instagram://extbrowser/?url=x", "tap", "8000", "Open in your browser"),
    ]
    hints = [step.small and step.small.text for step in page.select(".step")]
    assert hints == [None, None, None, "TikTok asks first: tap “Open”."]
    assert [link.get("data-opens") for link in links] == [None, None, "window", None]
    assert page.select_one(".menu").text.split("\n")[1:] == [
        "Or use the menu of TikTok:",
        "Tap ••• at the top right, then “Open in browser”.",
        "",
    ]
    assert page.select_one("#link").text == SPOTIFY.url
    assert page.select_one(".stay a")["href"] == SPOTIFY.url


def test_link_first_script_last():
    text = answer().body.decode()
    assert (
        text.index('a class="button"')
        < text.index('class="menu"')
        < text.index('id="link"')
        < text.index('class="stay"')
        < text.index("<script>")
    )
    assert text.index("</script>") > len(text) - 40


def test_where_only_words_help_they_come_first():
    page = soup(decision(steps=STEPS[-1:]))
    assert page.select("a.button") == []
    assert (
        page.select_one(".menu.first").text.strip()
        == "Tap ••• at the top right, then “Open in browser”."
    )


def test_a_host_app_whose_menu_nobody_knows():
    assert (
        "Open the menu of Telegram"
        in soup(decision(STEPS[-1:], Visitor("in-app", "telegram", "android")))
        .select_one(".menu")
        .text
    )
    assert (
        "Open the menu of this app"
        in soup(decision(STEPS[-1:], Visitor("webview", None, "android"))).select_one(".menu").text
    )


def test_a_return_says_what_happened():
    assert (
        soup(decision(retry=True)).select_one("#state").text
        == "That did not open. Try this instead."
    )
    assert soup().select_one("#state").text == ""


@pytest.mark.parametrize(
    ("app", "platform", "drawn", "upright"),
    [
        pytest.param("tiktok", "ios", "top", False, id="three dots at the top right"),
        pytest.param("kakaotalk", "ios", "bottom", False, id="at the bottom right"),
        pytest.param("our-app", "android", "top", True, id="three dots, one above the other"),
        pytest.param("kakaotalk", "android", None, None, id="a corner that is disputed"),
        pytest.param("instagram", "ios", None, None, id="a corner that nobody has told"),
        pytest.param("telegram", "ios", None, None, id="a menu that nobody has told"),
    ],
)
def test_the_drawing_shows_what_is_known(app, platform, drawn, upright):
    menu = {"android": {"sign": "⋮", "corner": "top-right", "label": "Open in browser"}}
    added = {"id": "our-app", "name": "Our app", "tokens": ["OurApp/"], "menu": menu}
    page = load({"version": 1, "apps": {"add": [added]}}).page
    body = page.answer(decision(visitor=Visitor("in-app", app, platform))).body
    svg = BeautifulSoup(body, "html.parser").select_one(".menu svg")
    assert (svg is not None) == (drawn is not None)
    if svg:
        assert ("scale(1 -1)" in svg.g.get("transform", "")) == (drawn == "bottom")
        assert (len({dot["cx"] for dot in svg.select(".sign circle")}) == 1) == upright


GZIP = [
    pytest.param("gzip, deflate, br", True, id="a browser"),
    pytest.param("", False, id="no wish"),
    pytest.param("identity;q=1, gzip;q=0", False, id="a refusal"),
    pytest.param("*", True, id="anything"),
]


@pytest.mark.parametrize(("accept", "packed"), GZIP)
def test_gzip_when_asked_for(accept, packed):
    rules = load()
    made, plain = rules.page.answer(decision(), "en", accept), rules.page.answer(decision(), "en")
    headers = dict(made.headers)
    assert (headers.get("Content-Encoding") == "gzip") == packed
    assert (gzip.decompress(made.body) if packed else made.body) == plain.body
    assert headers["Content-Length"] == str(len(made.body))


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("en-GB", "en"),
        ("xx", "en"),
        ("", "en"),
        ("fr;q=broken,,,;;", "en"),
        ("*", "en"),
    ],
)
def test_language(accept, language):
    made = answer(accept=accept)
    assert dict(made.headers)["Content-Language"] == language
    assert BeautifulSoup(made.body, "html.parser").html["lang"] == language


def test_language_of_the_rules():
    assert dict(answer(accept="en", language="de").headers)["Content-Language"] == "de"


@pytest.mark.parametrize("language", available())
def test_the_whole_answer_fits_the_first_window(language):
    """Ten segments of 1,460 bytes (RFC 6928), headers and all, uncompressed."""
    made = answer(
        language=language,
        brand="Midnight Records",
        title="Harbour Lights",
        accent="#1db954",
        artwork="/static/cover.jpg",
    )
    head = sum(len(name) + len(value) + 4 for name, value in made.headers) + len(
        f"HTTP/1.1 {made.status}\r\n\r\n"
    )
    assert head + len(made.body) <= 14_600


@pytest.mark.parametrize(
    ("accent", "label"),
    [("#1db954", "#000"), ("#ffffff", "#000"), ("#000000", "#fff"), ("#0000ff", "#fff")],
)
def test_the_accents_label_can_be_read(accent, label):
    assert f".button{{background:{accent};color:{label}}}" in answer(accent=accent).body.decode()


HOSTILE = [
    pytest.param('"><script>alert(1)</script>', id="out of an attribute"),
    pytest.param("</title></style></script><script>alert(1)</script>", id="out of every element"),
    pytest.param("' onmouseover='alert(1)", id="a handler"),
    pytest.param("{{ 7 * 7 }}{% raw %}", id="a template of its own"),
    pytest.param("%s %(x)s {x.__class__} {0}", id="formats"),
    pytest.param("\u2028\u2029</SCRIPT\n>", id="line separators"),
]


def tree(body):
    document = html5lib.parse(body.decode(), treebuilder="etree", namespaceHTMLElements=False)
    return [
        (element.tag, sorted(element.attrib))
        for element in document.iter()
        if isinstance(element.tag, str)
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_leaves_its_place(text):
    """In every slot, the page's tree stays that of a harmless word.

    The text comes out as it went in.
    """

    def dressed(word):
        target = Destination(
            "x", word, "track", word, "https://a.lnk.to/" + word, "app", word, word
        )
        page = Page(
            "escape",
            TIKTOK,
            target,
            word,
            (Step("app-scheme", "tap", word, 1, "x"), STEPS[-1]),
            stay=word,
            link=word,
            token=word,
        )
        return answer(page, brand=word, title=word)

    assert tree(dressed(text).body) == tree(dressed("x").body)
    page = BeautifulSoup(dressed(text).body, "html.parser")
    assert page.select_one(".brand").text.replace("\r\n", "\n") == text
    assert page.select_one("a.button")["href"] == text


def test_redirect():
    made = redirect_to("https://site.example/?_esc=line-external&openExternalBrowser=1")
    assert made.status == "302 Found"
    assert made.body == b""
    headers = dict(made.headers)
    assert headers["Location"] == "https://site.example/?_esc=line-external&openExternalBrowser=1"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == BARE_POLICY


def test_a_template_of_the_sites_own(tmp_path):
    (tmp_path / "ours.html").write_text(
        '{% extends "interstitial.html" %}{% block header %}'
        "<h1>Ours: {{ heading }}</h1>{% endblock %}"
    )
    rules = tmp_path / "escape.yaml"
    rules.write_text("version: 1\npage: {template: ours.html}\n")
    page = BeautifulSoup(page_of(load(rules), decision(), "en").body, "html.parser")
    assert page.h1.text == "Ours: Listen in Spotify"
    assert page.select("a.button")
