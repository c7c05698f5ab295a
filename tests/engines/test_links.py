"""Plain links of the site's own pages in real engines: caught, carried by the gesture, and once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest
from werkzeug.wrappers import Request, Response

from ..support.examples import TRACK
from ..support.needs import need
from .npm import fetched
from .seen import ScriptError, TimedOutError
from .site import served
from .table import AGENTS

AGENT = {"Chromium": AGENTS["tiktok", "android"], "WebKit": AGENTS["tiktok", "ios"]}
# What TikTok's first step opens: Android's intent with the music app's package, the app's scheme.
FIRST = {
    "Chromium": f"intent{TRACK.removeprefix('https')}#Intent;scheme=https;",
    "WebKit": "spotify:track:4uLU6hMCjMI75M1A2tKUQC",
}


class Way(NamedTuple):
    """How a page links: its body, its head, more headers, and what is tapped."""

    body: str = f"<a id=tapped href='{TRACK}'>Listen</a>"
    head: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    tapped: str = "#tapped"


def scripted(code, body="<button id=tapped>Listen</button>"):
    return Way(f"{body}<script>const url = '{TRACK}';{code}</script>")


def policy(value):
    return {"Content-Security-Policy": value}


LINK = (
    "const link = document.createElement('a'); link.id = 'tapped'; link.href = url;"
    "link.textContent = 'Listen';"
)
ON_TAP = "document.querySelector('#tapped').addEventListener('click', event => {"
PLAIN = Way().body
CAUGHT = {
    "a plain link": Way(),
    "a link for a new tab": Way(f"<a id=tapped target=_blank href='{TRACK}'>Listen</a>"),
    "markup inside": Way(f"<a href='{TRACK}'><b><span id=tapped>Listen</span></b></a>"),
    "SVG": Way(
        f"<svg width=200 height=50><a href='{TRACK}'>"
        "<rect id=tapped width=200 height=50 /></a></svg>"
    ),
    "SVG's older attribute": Way(
        "<svg width=200 height=50 xmlns:xlink='http://www.w3.org/1999/xlink'>"
        f"<a xlink:href='{TRACK}'><rect id=tapped width=200 height=50 /></a></svg>"
    ),
    "an image map": Way(
        "<img id=tapped usemap='#map' width=200 height=50 alt=''"
        " src='data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E'>"
        f"<map name=map><area coords='0,0,200,50' href='{TRACK}' alt=x></map>"
    ),
    "a link that a script has added": scripted(f"{LINK} document.body.append(link);", ""),
    "a link that came late": scripted(
        f"setTimeout(() => {{ {LINK} document.body.append(link); }}, 100);", ""
    ),
    "a link in a shadow root": scripted(
        f"const root = document.querySelector('#tapped').attachShadow({{mode: 'open'}}); {LINK}"
        "link.style.display = 'block'; root.append(link);",
        "<div id=tapped></div>",
    ),
    "a page that stops the click": scripted(
        f"{ON_TAP} event.stopImmediatePropagation(); }});", PLAIN
    ),
    "a handler that sets the location": scripted(f"{ON_TAP} location.href = url; }});", PLAIN),
    "one that cancels the click and sets it": scripted(
        f"{ON_TAP} event.preventDefault(); location.assign(url); }});", PLAIN
    ),
    "an inline handler": Way(
        f"<a id=tapped href='{TRACK}' onclick=\"location.href = this.href; return false\">L</a>"
    ),
    "a tracker that looks whether the click is cancelled": scripted(
        f"{ON_TAP} if (event.defaultPrevented) return; event.preventDefault();"
        "setTimeout(() => location.href = url, 100); });",
        PLAIN,
    ),
    "a card that clicks its link": scripted(
        f"{ON_TAP} document.querySelector('#link').click(); }});",
        f"<div id=tapped>Listen</div><a id=link hidden href='{TRACK}'></a>",
    ),
    "window.open": scripted(f"{ON_TAP} window.open(url); }});"),
    "window.open with a name": scripted(f"{ON_TAP} window.open(url, '_blank', 'noopener'); }});"),
    "window.open with a name that is an element's": scripted(
        f"{ON_TAP} window.open(url, 'tapped'); }});"
    ),
    "a base elsewhere": Way(head="<base href='https://cdn.example/x/'>"),
    "a base with a target": Way(head="<base target=_blank>"),
    "a path that was pushed": scripted("history.pushState(null, '', '/elsewhere');", PLAIN),
    "a page that is made anew": scripted(
        "setTimeout(() => { document.body.innerHTML = document.body.innerHTML; }, 100);", PLAIN
    ),
    "a policy for the site itself": Way(headers=policy("default-src 'self'")),
    "a policy with a nonce": Way(headers=policy("script-src 'nonce-abc123'")),
    "a strict policy with a nonce": Way(
        headers=policy("script-src 'nonce-abc123' 'strict-dynamic'; base-uri 'none'")
    ),
    "trusted types": Way(headers=policy("require-trusted-types-for 'script'")),
    "a tag by hand": Way(head="<script async src='/_escape/links.js'></script>"),
    "two tags by hand": Way(head="<script async src='/_escape/links.js'></script>" * 2),
}
LEFT = {
    "a host that no rule lists": (Way("<a id=tapped href='https://x.example/'>x</a>"), "https://x"),
    "a download": (Way(f"<a id=tapped download href='{TRACK}'>x</a>"), ""),
    "a link into a frame": (
        Way(f"<iframe name=inside></iframe><a id=tapped target=inside href='{TRACK}'>x</a>"),
        "https://open",
    ),
    "window.open into a frame": (
        scripted(
            f"{ON_TAP} window.open(url, 'inside'); }});",
            "<iframe name=inside></iframe><div id=tapped>Listen</div>",
        ),
        "https://open",
    ),
    "a fragment": (Way("<a id=tapped href='#below'>x</a>"), ""),
    "a port": (Way("<a id=tapped href='https://open.spotify.com:8443/x'>x</a>"), "https://open"),
    "a form": (
        Way(f"<form action='{TRACK}'><button id=tapped>x</button></form>", headers={}),
        "https://open",
    ),
    "a policy without a place": (Way(headers=policy("script-src 'none'")), "https://open"),
}


def site_of(way):
    @Request.application
    def page(request):
        if request.path not in ("/", "/elsewhere"):
            return Response("Not here", status=404)
        text = (
            f"<!doctype html><html><head><title>Links</title>{way.head}</head>"
            f"<body><p id=home>Home</p>{way.body}</body></html>"
        )
        return Response(text, headers=way.headers, content_type="text/html; charset=utf-8")

    return page


RULES = {"rules": [{"path": "/**", "links": True}]}


@pytest.fixture(params=CAUGHT)
def way(request):
    return CAUGHT[request.param]


def ready(engine):
    """The script has run: it has taken its tag out of the page, or there is none to run."""
    engine.until(
        "document.readyState === 'complete' && document.querySelector('#tapped')"
        " && ![...document.scripts].some(one => /_escape/.test(one.outerHTML))"
    )


def arrives(engine, condition, seconds=5):
    """Wait for a condition in the page that is on its way, while the one that stands ends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if engine.script(f"return !!({condition})"):
                return
        except (ScriptError, TimedOutError):
            pass
        time.sleep(0.02)
    raise TimedOutError(condition)


def test_a_refused_tap_ends_on_the_page_and_back_is_where_it_was(engine, way):
    name = type(engine).__name__
    with served(RULES, site_of(way)) as site:
        engine.open(f"{site.url}/", AGENT[name])
        ready(engine)
        engine.tap(way.tapped)
        [attempt] = engine.attempts(1)
        assert attempt.uri.startswith(FIRST[name])
        assert attempt.gesture
        arrives(engine, "document.querySelector('.ways')")
        assert engine.script("return location.pathname") in ("/", "/elsewhere")
        assert len(engine.attempts()) == 1
        engine.back()
        arrives(engine, "document.querySelector('#home')")


def test_a_tap_that_opens_the_app_leaves_the_page_as_it_was(engine, way):
    name = type(engine).__name__
    with served(RULES, site_of(way)) as site:
        engine.open(f"{site.url}/", AGENT[name], opens="everything")
        ready(engine)
        engine.tap(way.tapped)
        assert len(engine.attempts(1)) == 1
        engine.opened()
        engine.come_back()
        assert engine.script("return !!document.querySelector('#home')")
        assert len(engine.attempts()) == 1


@pytest.mark.parametrize("name", LEFT)
def test_what_the_script_does_not_know_is_as_it_was(engine, name):
    way, expected = LEFT[name]
    agent = AGENT[type(engine).__name__]
    with served(RULES, site_of(way)) as site:
        engine.open(f"{site.url}/", agent)
        engine.until("document.readyState === 'complete'")
        engine.tap(way.tapped)
        found = engine.attempts(1 if expected else 0)
        assert all(attempt.uri.startswith(expected) for attempt in found)
        assert not any("_escape/go" in path for path in site.asked)


REACT = (("react", "react.production.min.js"), ("react-dom", "react-dom.production.min.js"))
RENDER = """
const h = React.createElement, url = 'TRACK';
window.errors = [];
function Link() {
  const [text, setText] = React.useState('Listen');
  React.useEffect(() => { setTimeout(() => { setText('Again'); window.drawn = true; }, 200); }, []);
  return h('p', null, h('a', {id: 'tapped', href: url}, text));
}
const told = {onRecoverableError: error => errors.push(String(error))};
""".replace("TRACK", TRACK)
INTO_ROOT = "ReactDOM.hydrateRoot(document.querySelector('#root'), h(Link), told);"
INTO_DOCUMENT = """
const scripts = ['/react', '/react-dom', '/render'].map(src => h('script', {key: src, src}));
ReactDOM.hydrateRoot(document, h('html', null, h('head', null, h('title', null, 'Links')),
  h('body', null, h('p', {id: 'home'}, 'Home'), h('div', {id: 'root'}, h(Link)), scripts)), told);
"""


@pytest.fixture(scope="module")
def react(tmp_path_factory):
    """React 18's scripts by their paths."""
    packages = fetched(tmp_path_factory.mktemp("react"), "react@18", "react-dom@18")
    need(None if packages else "npm could not fetch react@18")
    return {f"/{name}": (packages / name / "umd" / file).read_bytes() for name, file in REACT}


@pytest.mark.parametrize("into", [INTO_ROOT, INTO_DOCUMENT], ids=["a root", "the document"])
def test_react_hydrates_and_renders_again(engine, react, into):
    name = type(engine).__name__

    @Request.application
    def site(request):
        scripts = {**react, "/render": (RENDER + into).encode()}
        if request.path in scripts:
            return Response(scripts[request.path], content_type="text/javascript")
        text = (
            '<!DOCTYPE html><html><head><title>Links</title></head><body><p id="home">Home</p>'
            f'<div id="root"><p><a id="tapped" href="{TRACK}">Listen</a></p></div>'
            + "".join(f'<script src="{path}"></script>' for path in scripts)
            + "</body></html>"
        )
        return Response(text, content_type="text/html; charset=utf-8")

    with served(RULES, site) as at:
        engine.open(f"{at.url}/", AGENT[name])
        engine.until("window.drawn && document.querySelector('#tapped').textContent === 'Again'")
        assert engine.script("return errors") == []
        engine.tap("#tapped")
        [attempt] = engine.attempts(1)
        assert (attempt.uri.startswith(FIRST[name]), attempt.gesture) == (True, True)


WITHOUT_A_GESTURE = [
    pytest.param(
        scripted(
            f"addEventListener('load', () => setTimeout(() => location = '{TRACK}', 100))", ""
        ),
        id="a script's own",
    ),
    pytest.param(Way("", f"<meta http-equiv=refresh content='1;url={TRACK}'>"), id="a refresh"),
]


@pytest.mark.parametrize("way", WITHOUT_A_GESTURE)
def test_without_a_gesture_no_step_is_fired(chromium, way):
    """Where the engine tells of navigations (Chromium): our page asks for the tap."""
    with served(RULES, site_of(way)) as site:
        chromium.open(f"{site.url}/", AGENT["Chromium"])
        arrives(chromium, "document.querySelector('.step.now')")
        assert chromium.attempts() == []
