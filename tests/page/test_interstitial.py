"""The interstitial: what stands on it, in which order, and what can never stand on it."""

from __future__ import annotations

import gzip
from dataclasses import replace
from itertools import product

import pytest
from bs4 import BeautifulSoup
from werkzeug.test import Client

from escape_mw import EscapeMiddleware, RulesError, Visitor, load
from escape_mw.page.languages import available
from escape_mw.page.render import redirect_to
from escape_mw.web.answers import BARE_POLICY

from ..engines.site import ORIGIN, RULES, pages
from ..engines.table import AGENTS, PATHS
from .made import SPOTIFY, STEPS, decision, hashes, page_of


def answer(page=None, accept="en", **options):
    return page_of(load({"version": 1, "page": options}), page or decision(), accept)


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
    page = soup(artwork=artwork)
    assert [image["src"] for image in page.select(".cover")] == ([artwork] if artwork else [])
    assert {one.get("src") or one["href"] for one in page.select("img, link[rel=icon]")} <= {
        artwork
    }
    assert not page.select("iframe, script[src], link[rel=stylesheet]")


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
    assert page.select_one(".menu summary").text == "Or use the menu of TikTok"
    assert rows(page) == ["Tap ••• at the top right", "Choose Open in browser"]
    assert not page.select_one(".menu").has_attr("open")
    assert page.select_one("#link").text == SPOTIFY.url
    assert page.select_one(".stay a")["href"] == SPOTIFY.url


def rows(page):
    return [row.text for row in page.select(".menu li")]


def test_link_first_script_last():
    text = answer().body.decode()
    assert (
        text.index('a class="button"')
        < text.index('<details class="menu"')
        < text.index('id="link"')
        < text.index('class="stay"')
        < text.index("<script>")
    )
    assert text.index("</script>") > len(text) - 40


def test_where_only_words_help_they_come_first():
    page = soup(decision(steps=STEPS[-1:]))
    assert page.select("a.button") == []
    assert page.main["class"] == ["rows", "led"]
    assert page.select_one(".menu").has_attr("open")
    assert [sign.text for sign in page.select("li kbd")] == ["•••", "Open in browser"]


def test_below_a_single_tap_the_rows_are_open_and_the_search_is_offered():
    page = soup(decision(steps=STEPS[:1] + STEPS[-1:]), title="Harbour Lights", artist="Lanterns")
    assert page.select_one(".menu").has_attr("open")
    assert (
        page.select_one(".search span").text
        == "Or open Spotify and search for Lanterns Harbour Lights"
    )
    assert page.select_one("#words").text == "Lanterns Harbour Lights"


SEARCHES = [
    pytest.param(STEPS[:1] + STEPS[-1:], SPOTIFY, {"title": "Harbour"}, "Harbour", id="a title"),
    pytest.param(STEPS[:1] + STEPS[-1:], SPOTIFY, {"artist": "Lanterns"}, None, id="no title"),
    pytest.param(STEPS, SPOTIFY, {"title": "Harbour"}, None, id="another step is left"),
    pytest.param(
        STEPS[:1] + STEPS[-1:],
        replace(SPOTIFY, goal="browser"),
        {"title": "Harbour"},
        None,
        id="nothing to be searched for in an app",
    ),
]


@pytest.mark.parametrize(("steps", "to", "page", "words"), SEARCHES)
def test_search(steps, to, page, words):
    found = soup(decision(steps=steps, destination=to), **page).select_one("#words")
    assert (found.text if found else None) == words


MENUS = [  # host app, platform, language, the rows, the corner of the arrow
    pytest.param(
        ("tiktok", "ios", "de"),
        ["Tippe oben rechts auf •••", "Wähle Im Browser öffnen"],
        "top",
        id="in the visitor's language",
    ),
    pytest.param(
        ("tiktok", "ios", "fr"),
        [
            "Appuie sur ••• en haut à droite",
            "Choisis Ouvrir dans le navigateur ou une option similaire",
        ],
        "top",
        id="a language that nobody has told: our own words for it",
    ),
    pytest.param(
        ("instagram", "android", "en"),
        ["Tap ⋮ at the top right", "Choose Open in external browser"],
        "top",
        id="three dots, one above the other",
    ),
    pytest.param(
        ("snapchat", "ios", "en"),
        ["Tap ⋯ at the top right", "Choose Open in browser or similar"],
        "top",
        id="a label that is hedged",
    ),
    pytest.param(
        ("instagram", "ios", "it"),
        ["Tocca ••• in alto a destra", "Scegli Apri nel browser esterno o una voce simile"],
        "top",
        id="a label that may be worded otherwise",
    ),
    pytest.param(
        ("x", "ios", "en"),
        ["Tap •••", "Choose Open in browser or similar"],
        None,
        id="a corner that nobody has told",
    ),
    pytest.param(
        ("facebook", "ios", "tr"),
        ["Ekrandaki ••• simgesine dokun", "Şunu seç: Harici tarayıcıda aç"],  # noqa: RUF001
        None,
        id="a corner that is disputed",
    ),
    pytest.param(
        ("kakaotalk", "ios", "en"),
        ["Tap ⋯ at the bottom right", "Choose Open in browser or similar"],
        "bottom",
        id="a label in Korean alone is not for an English visitor",
    ),
    pytest.param(
        ("kakaotalk", "ios", "ko"),
        ["오른쪽 아래의 ⋯ 탭하기", "다른 브라우저로 열기 선택하기"],
        "bottom",
        id="at the bottom",
    ),
    pytest.param(
        ("tiktok", "ios", "ar"),
        ["اضغط على •••", "اختر فتح في المتصفح أو ما يشبهه"],
        None,
        id="from right to left nobody has told the corner",
    ),
    pytest.param(
        ("line", "ios", "en"),
        ["Tap the share sign", "Choose Open in default browser"],
        None,
        id="a sign in words",
    ),
    pytest.param(
        ("pinterest", "android", "en"),
        ["Open the menu of Pinterest", "Choose Open in browser or similar"],
        None,
        id="a menu that nobody knows",
    ),
    pytest.param(
        (None, "android", "en"),
        ["Open the menu of this app", "Choose Open in browser or similar"],
        None,
        id="an app without a name",
    ),
    pytest.param(
        ("our-app", "ios", "nl"),
        ["Tik op ⋯", "Kies Open it outside"],
        None,
        id="a label of the rules for every language",
    ),
]


@pytest.mark.parametrize(("platform", "browser"), [("ios", "Safari"), ("android", "your browser")])
def test_where_to_paste_the_address(platform, browser):
    """An iPhone's default browser is Safari for nearly all; Android's may be any."""
    page = load().page.answer(decision(visitor=Visitor("in-app", "tiktok", platform)), "en")
    copy = BeautifulSoup(page.body, "html.parser").select_one("#copy")
    assert copy["data-said"] == f"Copied. Now paste it into {browser}."


@pytest.mark.parametrize(("who", "told", "corner"), MENUS)
def test_the_menu_in_two_rows(who, told, corner):
    app, platform, language = who
    menu = {"ios": {"sign": "⋯", "label": "Open it outside"}}
    added = {"id": "our-app", "name": "Our app", "tokens": ["OurApp/"], "menu": menu}
    page = load({"version": 1, "apps": {"add": [added]}}).page
    visitor = Visitor("in-app" if app else "webview", app, platform)
    made = page.answer(decision(visitor=visitor, steps=STEPS[-1:]), language)
    found = BeautifulSoup(made.body, "html.parser")
    assert rows(found) == told
    arrow = found.select_one("svg.arrow")
    assert (arrow and ("bottom" if "low" in arrow["class"] else "top")) == corner


def test_a_label_of_an_unknown_language_is_refused():
    menu = {"ios": {"sign": "⋯", "label": {"xx": "Open"}}}
    added = {"id": "our-app", "name": "Our app", "tokens": ["OurApp/"], "menu": menu}
    with pytest.raises(RulesError, match="'xx' is not a known language"):
        load({"version": 1, "apps": {"add": [added]}})


WHY = [
    pytest.param(
        decision(),
        "TikTok opened its own browser. Listen in full in the Spotify app.",
        id="to the app",
    ),
    pytest.param(
        decision(destination=replace(SPOTIFY, goal="browser")),
        "TikTok opened its own browser. Sign-ins and music apps work from your own browser.",
        id="to the browser",
    ),
    pytest.param(
        decision(visitor=Visitor("webview", None, "android")),
        "This page opened inside an app. Listen in full in the Spotify app.",
        id="from an app without a name",
    ),
    pytest.param(
        decision(retry=True), "Spotify did not open. Try this instead.", id="the app did not open"
    ),
    pytest.param(
        decision(retry=True, destination=replace(SPOTIFY, goal="browser")),
        "Your browser did not open. Try this instead.",
        id="the browser did not open",
    ),
]


@pytest.mark.parametrize(("page", "sentence"), WHY)
def test_one_sentence_says_why(page, sentence):
    assert soup(page).select_one("#state").text == sentence


def test_the_way_to_stay_says_what_it_does():
    assert soup().select_one(".stay a").text == "Continue in TikTok"
    unnamed = decision(visitor=Visitor("webview", None, "android"))
    assert soup(unnamed).select_one(".stay a").text == "Continue here anyway"


CALLS = [
    ("play", "Play on Spotify"),
    ("listen", "Listen on Spotify"),
    ("watch", "Watch on Spotify"),
]


@pytest.mark.parametrize(("call", "words"), [*CALLS, ("open", "Open in Spotify")])
def test_the_services_own_word(call, words):
    page = soup(decision(destination=replace(SPOTIFY, call=call)))
    assert page.select_one("a.button").text == words
    assert page.main["data-opening"] == "Opening Spotify…"
    assert page.main["data-failed"] == "Spotify did not open. Try this instead."
    safari = page.select_one("[data-technique=x-safari-window]")
    assert safari["data-opening"] == "Opening Safari…"


HEADINGS = [  # the dress, the heading, the line below it
    pytest.param(
        {"title": "Harbour Lights", "artist": "Paper Lanterns", "brand": "Midnight Records"},
        ("Harbour Lights", "Paper Lanterns · Midnight Records"),
        id="the release",
    ),
    pytest.param(
        {"title": "Harbour Lights"}, ("Harbour Lights", "site.example"), id="a title alone"
    ),
    pytest.param({"brand": "Midnight Records"}, ("Midnight Records", None), id="a brand alone"),
    pytest.param({}, ("site.example", None), id="nothing said"),
    pytest.param(
        {"artist": "Paper Lanterns"}, ("site.example", "Paper Lanterns"), id="an artist alone"
    ),
]


@pytest.mark.parametrize(("dress", "told"), HEADINGS)
def test_the_heading_is_the_release_or_who_shows_it(dress, told):
    page = soup(replace(decision(), address="https://site.example/listen"), **dress)
    line = page.select_one(".by")
    assert (page.h1.text, line and line.text.strip()) == told
    assert page.title.text == page.h1.text


def test_previews_and_search_engines():
    page = soup(
        replace(decision(), address="https://site.example/listen?a=1"),
        title="Harbour Lights",
        artist="Paper Lanterns",
        brand="Midnight Records",
        artwork="/static/cover.jpg",
    )
    assert page.select_one("link[rel=canonical]")["href"] == "https://site.example/listen?a=1"
    assert page.select_one("link[rel=icon]")["href"] == "/static/cover.jpg"
    assert {meta["property"]: meta["content"] for meta in page.select("meta[property]")} == {
        "og:title": "Harbour Lights",
        "og:description": "Paper Lanterns · Midnight Records",
        "og:image": "https://site.example/static/cover.jpg",
    }
    assert not page.select("meta[name=robots]")


def test_without_an_address_a_path_is_no_preview():
    page = soup(replace(decision(), address=""), artwork="/static/cover.jpg")
    assert page.select_one("img.cover")["src"] == "/static/cover.jpg"
    assert not page.select("meta[property='og:image']")


def test_an_image_in_itself_is_written_once_and_is_no_preview():
    page = soup(
        replace(decision(), address="https://site.example/"), artwork="data:image/png;base64,AA=="
    )
    assert len(page.select("img")) == 1
    assert not page.select("meta[property='og:image']")


def test_a_logo_stands_for_the_brand():
    made = answer(brand="Midnight Records", logo="/logo.svg", title="Harbour Lights")
    page = BeautifulSoup(made.body, "html.parser")
    assert page.select_one(".by .logo")["src"] == "/logo.svg"
    assert page.select_one(".by .logo")["alt"] == "Midnight Records"
    assert "img-src 'self'" in dict(made.headers)["Content-Security-Policy"]


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


@pytest.fixture(scope="module")
def measured_and_dressed():
    """The site of the engines' tests, with all that makes a page longer."""
    page = {
        "brand": "Midnight Records",
        "title": "Harbour Lights",
        "artist": "Paper Lanterns",
        "artwork": "/static/cover.jpg",
        "logo": "/static/logo.svg",
        "accent": "#1db954",
    }
    rules = {**RULES, "page": page, "events": {"outcomes": ["presave"]}}
    return Client(EscapeMiddleware(pages, rules, sinks=[list]))


@pytest.mark.parametrize("language", available())
def test_every_answer_fits_the_first_window(measured_and_dressed, language):
    """Ten segments of 1,460 bytes (RFC 6928), headers and all, uncompressed: of every ladder."""
    for agent, path in product(AGENTS.values(), PATHS.values()):
        headers = {"User-Agent": agent, "Accept-Language": language}
        made = measured_and_dressed.get(path, base_url=ORIGIN, headers=headers)
        head = sum(len(name) + len(value) + 4 for name, value in made.headers)
        assert len(f"HTTP/1.1 {made.status}\r\n\r\n") + head + len(made.data) <= 14_600


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
    rules.write_text("version: 1\npage: {template: ours.html, brand: Midnight Records}\n")
    page = BeautifulSoup(page_of(load(rules), decision(), "en").body, "html.parser")
    assert page.h1.text == "Ours: Midnight Records"
    assert page.select("a.button")
