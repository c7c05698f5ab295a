"""The page's behaviour beside its ladders, in both engines.

No script, coming back, double taps, and what its policy refuses.
"""

from __future__ import annotations

import json

import pytest

from ..support.needs import need
from . import chromium as chromium_engine
from .seen import CENTRE, Attempt
from .site import served
from .steps import FACEBOOK, MENU_FIRST, NOW, TIKTOK, attempts, expected, shown, waited
from .table import AGENTS, LADDERS

AUTO = LADDERS["facebook", "android", "app"]
TAPS = LADDERS["tiktok", "android", "app"]
PLANTED = (
    '{% extends "interstitial.html" %}{% block head %}'
    "<script>window.planted = true</script>{% endblock %}"
)


def nth(engine, number):
    """A selector of the button of a step, whatever stands beside it."""
    place = f"[...document.querySelectorAll('.step')][{number}]"
    at = engine.script(f"return 1 + [...{place}.parentNode.children].indexOf({place})")
    return f".ways > :nth-child({at}) > .button"


def test_without_javascript_every_link_is_seen_and_works(engine, site):
    engine.open(f"{site.url}/track", TIKTOK, javascript=False)
    assert shown(engine) == [0, 1]
    assert engine.script("return document.querySelector('#copy').getClientRects().length") == 0
    engine.tap(nth(engine, 1))
    assert attempts(engine, 1) == expected(TAPS[1:])


def test_by_itself_never_without_javascript(engine, site):
    engine.open(f"{site.url}/track", FACEBOOK, javascript=False)
    assert shown(engine) == [0, 1]
    assert attempts(engine) == []


def test_by_itself_not_again_on_a_reload(engine, site):
    engine.open(f"{site.url}/track", FACEBOOK)
    assert attempts(engine, 1) == expected(AUTO[:1])
    engine.load(f"{site.url}/track")
    waited(engine, AUTO[0])
    assert attempts(engine) == expected(AUTO[:1])
    assert shown(engine) == [0]


def test_by_itself_not_again_on_the_way_back(engine, site):
    engine.open(f"{site.url}/track", FACEBOOK)
    assert attempts(engine, 1) == expected(AUTO[:1])
    engine.load(f"{site.url}/")
    assert engine.script("return !!document.querySelector('#home')")
    engine.back()
    engine.until("document.querySelector('.step.now')")
    waited(engine, AUTO[0])
    assert attempts(engine) == expected(AUTO[:1])
    assert shown(engine)[0] == 0


def test_kept_by_the_browser_and_shown_again_the_next_step_too(engine):
    """From the browser's own cache of whole pages (bfcache).

    An answer that says no-store is rarely kept, so this one does not.
    """
    with served(keep=True) as site:
        engine.open(f"{site.url}/track", TIKTOK)
        engine.tap(NOW)
        assert attempts(engine, 1) == expected(TAPS[:1])
        engine.load(f"{site.url}/")
        engine.back()
        engine.until("document.querySelector('.step.now')")
        assert engine.script("return restored"), "the browser did not keep the page"
        waited(engine, TAPS[0])
        assert shown(engine) == [0, 1]
        assert attempts(engine) == expected(TAPS[:1])
        assert site.asked.count("/track") == 1


def test_a_double_tap_is_one(engine, site):
    engine.open(f"{site.url}/track", TIKTOK)
    engine.tap(NOW, times=2)
    waited(engine, TAPS[0])
    assert attempts(engine) == expected(TAPS[:1])


def test_left_before_the_time_is_up_and_come_back_then_the_next_tap_works(engine, site):
    engine.open(f"{site.url}/track", TIKTOK, opens="everything")
    engine.tap(NOW)
    engine.opened()
    engine.come_back()
    waited(engine, TAPS[0])
    engine.tap(NOW)
    assert attempts(engine, 2) == expected([TAPS[0], TAPS[0]])


def test_continue_here_leads_to_the_site_itself(engine, site):
    engine.open(f"{site.url}/smart", TIKTOK)
    engine.tap(".stay a")
    assert attempts(engine, 1) == [Attempt("https://site.example/smart?_esc=stay", True)]


def test_the_copy_button_copies_and_says_so(engine, site):
    engine.open(f"{site.url}/track", TIKTOK)
    engine.tap("#copy")
    engine.until("document.querySelector('#copy').textContent === 'Copied'")
    said = "return document.querySelector('[role=status]').textContent"
    assert engine.script(said) == "Copied. Now paste it into your browser."
    engine.until("document.querySelector('#copy').textContent === 'Copy link'")
    assert engine.script(said) == "Copied. Now paste it into your browser."
    assert attempts(engine) == []


STATUS = "document.querySelector('[role=status]').textContent"
FIRST = "document.querySelector('.step .button')"


def test_a_tap_says_what_is_under_way_and_then_what_came_of_it(engine, site):
    engine.open(f"{site.url}/track", TIKTOK)
    engine.script(f"{FIRST}.addEventListener('click', () => window.said = {FIRST}.textContent)")
    engine.tap(NOW)
    engine.until("window.said === 'Opening Spotify…'")
    engine.until("document.querySelectorAll('.step')[1].matches('.now')")
    assert engine.script(f"return {STATUS}") == "Spotify did not open. Try this instead."
    assert engine.script(f"return {FIRST}.textContent") == "Play on Spotify"
    assert engine.script("return document.querySelectorAll('[aria-busy]').length") == 0
    engine.tap(NOW)
    engine.until(MENU_FIRST)
    assert engine.script(f"return {STATUS}") == "Your browser did not open. Try this instead."
    last = "document.querySelector('.step.now .button')"
    assert engine.script(f"return {last}.textContent") == "Try again"
    assert engine.script(f"return getComputedStyle({last}).backgroundColor") == "rgba(0, 0, 0, 0)"
    engine.script("return await new Promise(done => setTimeout(done, 12000))")  # no double tap
    engine.tap(NOW)
    assert len(attempts(engine, 3)) == 3


def test_a_press_is_seen_on_what_is_pressed_alone(chromium, site):
    chromium.open(f"{site.url}/track", TIKTOK)
    x, y = chromium.script(CENTRE.replace("SELECTOR", json.dumps(NOW)))
    chromium.cdp("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left")
    chromium.until(f"getComputedStyle({FIRST}).opacity === '0.75'")
    assert chromium.script("return getComputedStyle(document.querySelector('main')).opacity") == "1"


def test_while_the_host_app_asks_the_next_step_is_offered_beside_the_first(engine, site):
    """The question may take eight seconds; after two and a half the next step is there too."""
    engine.open(f"{site.url}/track", AGENTS["instagram", "android"])
    engine.tap(NOW)
    engine.until("document.querySelectorAll('.step.now').length === 2")
    assert engine.script(f"return {FIRST}.getAttribute('aria-busy')") == "true"
    assert "did not open" not in engine.script(f"return {STATUS}")
    engine.until(f"!{FIRST}.hasAttribute('aria-busy')")
    assert shown(engine) == [1]


def test_coming_back_is_not_scolded(engine, site):
    engine.open(f"{site.url}/track", TIKTOK, opens="everything")
    engine.tap(NOW)
    engine.opened()
    engine.come_back()
    engine.until("document.querySelectorAll('.step.now').length === 2")
    assert engine.script(f"return {STATUS}") == "Did it not open? Here is another way."
    assert engine.script(f"return {FIRST}.textContent") == "Play on Spotify"


def test_the_search_words_are_copied(engine):
    dress = {"title": "Harbour Lights", "artist": "Paper Lanterns"}
    with served({"page": dress}) as site:
        engine.open(f"{site.url}/track", AGENTS["tiktok", "ios"])
        engine.script(
            "document.addEventListener('copy', () => window.copied = `${getSelection()}`)"
        )
        engine.script(
            "Object.defineProperty(navigator, 'clipboard', "
            "{value: {writeText: text => { window.copied = text; return Promise.resolve() }}})"
        )
        engine.tap(".search button")
        engine.until("window.copied === 'Paper Lanterns Harbour Lights'")
        engine.until("document.querySelector('.search button').textContent === 'Copied'")
        assert attempts(engine) == []


def test_where_nothing_can_be_copied_the_link_is_shown_and_chosen(engine, site):
    engine.open(f"{site.url}/track", TIKTOK)
    engine.script(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
        "document.execCommand = () => false"
    )
    shows = "document.querySelector('#link').getClientRects().length"
    assert engine.script(f"return {shows}") == 0
    engine.tap("#copy")
    engine.until(shows)
    chosen = engine.script("return `${getSelection()}`")
    assert chosen == engine.script("return document.querySelector('#link').textContent")


TABBED = ["Play on Spotify", "Or use the menu of TikTok", "Copy link", "Continue in TikTok"]


def test_the_keyboard_reaches_everything_in_order(chromium, site):
    chromium.open(f"{site.url}/track", TIKTOK)
    reached = []
    for _ in TABBED:
        chromium.press("Tab")
        reached.append(chromium.script("return document.activeElement.textContent"))
        assert chromium.script(
            "return getComputedStyle(document.activeElement).outlineStyle === 'solid'"
        )
    assert reached == TABBED
    chromium.script("document.querySelector('summary').focus()")
    chromium.press("Enter")
    chromium.until("document.querySelector('.menu').open")


def test_nothing_but_the_document_is_asked_for(chromium, site):
    site.asked.clear()
    chromium.open(f"{site.url}/track", TIKTOK)
    assert chromium.requests() == [f"{site.url}/track"]
    assert site.asked == ["/track"]
    assert chromium.complaints() == []


def test_a_planted_script_is_refused_and_told(engine, tmp_path):
    template = tmp_path / "page.html"
    template.write_text(PLANTED, "utf-8")
    with served({"page": {"template": str(template)}}) as site:
        engine.open(f"{site.url}/track", TIKTOK)
        engine.until("refused.length > 0")  # it is told behind the script's turn
        assert engine.script("return [refused, 'planted' in window]") == [
            ["script-src-elem"],
            False,
        ]
        engine.tap(NOW)
        assert attempts(engine, 1) == expected(TAPS[:1])


OWN_SCHEME = [
    pytest.param("instagram", [True, False], id="Instagram opens its own scheme"),
    pytest.param("spotify", [False, True], id="another host app opens the player's alone"),
]


@pytest.mark.parametrize(("scheme", "opened"), OWN_SCHEME)
def test_a_host_app_that_opens_one_scheme(webkit, site, scheme, opened):
    """A step that opens hides the page, one that does not brings the next beside it.

    In the end the one that works has worked.
    """
    ways = LADDERS["instagram", "ios", "app"]
    webkit.open(f"{site.url}/track", AGENTS["instagram", "ios"], opens=scheme)
    for number, hides in enumerate(opened[: opened.index(True) + 1]):
        webkit.tap(nth(webkit, number))
        assert attempts(webkit, number + 1) == expected(ways[: number + 1])
        webkit.until(
            "document.hidden"
            if hides
            else f"document.querySelectorAll('.step')[{number + 1}].matches('.now')"
        )
    webkit.come_back()
    assert shown(webkit) == [0, 1]


def test_a_window_only_in_the_tap(webkit, site):
    """Facebook's iOS app takes the hand-off as a new window.

    That is asked for inside the gesture, and the page itself stays.
    """
    webkit.open(f"{site.url}/smart", AGENTS["facebook", "ios"])
    webkit.tap(NOW)
    webkit.attempts(1)
    assert [
        told["kind"] for told in webkit.navigations() if told["uri"].startswith("x-safari")
    ] == ["create"]


@pytest.fixture(scope="module")
def desktop(site):
    need(chromium_engine.missing())
    with chromium_engine.Chromium(permits=site.url) as browser:
        yield browser


DESKTOP = [
    pytest.param("/smart", "tiktok", "android", 0, id="an intent"),
    pytest.param("/track", "tiktok", "ios", 0, id="the player's own scheme"),
    pytest.param("/track", "kakaotalk", "android", 1, id="KakaoTalk's opener"),
]


@pytest.mark.parametrize(("path", "app", "platform", "number"), DESKTOP)
def test_the_operating_system_is_given_the_very_uri(desktop, site, path, app, platform, number):
    """Chromium really starts the handler of the scheme, with the URI as it stands on the page."""
    desktop.open(site.url + path, AGENTS[app, platform], javascript=False)
    before = len(desktop.handed_over())
    uri = desktop.script(
        f"return document.querySelectorAll('.step a')[{number}].getAttribute('href')"
    )
    desktop.tap(nth(desktop, number))
    assert desktop.handed_over(before + 1)[before:] == [uri]
