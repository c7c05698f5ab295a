"""The page's behaviour beside its ladders, in both engines.

No script, coming back, double taps, and what its policy refuses.
"""

from __future__ import annotations

import pytest

from . import chromium as chromium_engine
from .conftest import need
from .seen import Attempt
from .site import served
from .table import AGENTS, LADDERS
from .test_ladders import NOW, attempts, expected, shown, waited

FACEBOOK, TIKTOK, KAKAOTALK = (
    AGENTS["facebook", "android"],
    AGENTS["tiktok", "android"],
    AGENTS["kakaotalk", "android"],
)
AUTO = LADDERS["facebook", "android", "app"]
TAPS = LADDERS["tiktok", "android", "app"]
PLANTED = (
    '{% extends "interstitial.html" %}{% block head %}'
    "<script>window.planted = true</script>{% endblock %}"
)


@pytest.fixture(params=["chromium", "webkit"])
def engine(request, site):
    site.asked.clear()
    return request.getfixturevalue(request.param)


def nth(engine, number):
    """A selector of the button of a step, whatever stands beside it."""
    place = f"[...document.querySelectorAll('.step')][{number}]"
    at = engine.script(f"return 1 + [...{place}.parentNode.children].indexOf({place})")
    return f"main > :nth-child({at}) > .button"


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
    engine.until(
        "document.querySelector('#copy').textContent === "
        "document.querySelector('#copy').dataset.copied"
    )
    assert engine.script("return document.querySelector('[role=status]').textContent") == "Copied"
    assert attempts(engine) == []


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
    """A step that opens hides the page, one that does not brings the next.

    In the end the one that works has worked.
    """
    ways = LADDERS["instagram", "ios", "app"]
    webkit.open(f"{site.url}/track", AGENTS["instagram", "ios"], opens=scheme)
    for number, hides in enumerate(opened[: opened.index(True) + 1]):
        webkit.tap(NOW)
        assert attempts(webkit, number + 1) == expected(ways[: number + 1])
        webkit.until(
            "document.hidden"
            if hides
            else f"document.querySelectorAll('.step')[{number + 1}].matches('.now')"
        )
    webkit.come_back()
    assert shown(webkit) == [0, 1][opened.index(True) :]


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
