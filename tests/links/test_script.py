"""The script: the same bytes for everybody, made from the rules, small, and known by its hash."""

from __future__ import annotations

import gzip

import pytest

from escape_mw import EscapeMiddleware, load
from escape_mw.links.script import HAND_NAME, Script, script_of

from ..support import agents
from ..support.sites import answer_to, ask_wsgi, plain
from ..support.wsgi import environ_of

RULES = {"version": 1, "rules": [{"path": "/**", "links": True}]}
ADDED = [{"id": "our-links", "name": "Ours", "hosts": ["go.label.example", "*.lnk.label.example"]}]


def test_it_is_small():
    """The address space of a page's first window is the site's, not ours."""
    policy = load({**RULES, "apps": {"also": ["gsa", "naver"]}}).policy
    assert len(gzip.compress(script_of(policy).encode(), 9)) <= 3072


def test_tokens_and_hosts_are_those_in_force():
    text = script_of(load({**RULES, "destinations": {"add": ADDED}}).policy)
    assert "musical_ly" in text
    assert " go.label.example " in text
    assert " *.lnk.label.example " in text
    assert " open.spotify.com " in text
    only = {"apps": {"only": ["instagram"]}, "destinations": {"only": ["deezer"]}}
    text = script_of(load({**RULES, **only}).policy)
    assert "musical_ly" not in text
    assert "open.spotify.com" not in text


def test_its_name_tells_other_rules():
    one, other = Script(load(RULES).policy), Script(load({**RULES, "detect": True}).policy)
    assert one.path == other.path
    only = {**RULES, "destinations": {"only": ["deezer"]}}
    assert Script(load(only).policy).path != one.path


AGES = [
    pytest.param(Script(load(RULES).policy).path, "public, max-age=31536000, immutable", id="hash"),
    pytest.param(HAND_NAME, "public, max-age=3600", id="the plain name"),
]


@pytest.mark.parametrize(("path", "kept"), AGES)
@pytest.mark.parametrize("agent", [agents.SAFARI, agents.TIKTOK_IOS])
def test_everybody_gets_the_same_bytes(path, kept, agent):
    app = EscapeMiddleware(plain, RULES)
    status, headers, body = ask_wsgi(app, path, agent)
    found = dict(headers)
    assert (status, found["cache-control"]) == (200, kept)
    assert found["content-type"] == "text/javascript; charset=utf-8"
    assert body == script_of(load(RULES).policy).encode()
    environ = {**environ_of(agent, path), "HTTP_ACCEPT_ENCODING": "gzip"}
    packed = answer_to(app.engine, environ)
    assert dict(packed.headers)["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == body
    assert ask_wsgi(app, path, agent, method="HEAD")[2] == b""


def test_without_such_a_rule_the_addresses_are_the_sites():
    app = EscapeMiddleware(plain, {"version": 1})
    assert ask_wsgi(app, HAND_NAME, agents.TIKTOK_IOS)[2] == b"<p>Pre-save</p>"


def test_switched_off_it_is_empty_and_a_tap_goes_where_the_link_leads():
    """A tag by hand stands in pages that nobody edits in a hurry."""
    app = EscapeMiddleware(plain, {**RULES, "mode": "off"})
    assert ask_wsgi(app, HAND_NAME, agents.TIKTOK_IOS)[2] == b""
    tap = "/_escape/go?u=https%3A%2F%2Fopen.spotify.com%2Ftrack%2Fx"
    page = {"Referer": "https://site.example/music", "Accept": "text/html"}
    status, headers, _ = ask_wsgi(app, tap, agents.TIKTOK_IOS, **page)
    assert (status, dict(headers)["location"]) == (302, "https://open.spotify.com/track/x")
