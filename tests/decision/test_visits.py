"""From a request to the facts that a decision is made from."""

from __future__ import annotations

import pytest

from escape_mw import load
from escape_mw.decision.model import Subject
from escape_mw.decision.visits import visit_of
from escape_mw.web.request import from_environ

from ..support.agents import TIKTOK_IOS
from ..support.examples import NOW, SECRET, SITE
from ..support.marked import marked
from ..support.wsgi import environ_of

POLICY = load({"version": 1, "site": "labels", "secret": SECRET}).policy


def made(path="/x", query="", mount="", measured=True, **headers):
    environ = environ_of(TIKTOK_IOS, path, query, SCRIPT_NAME=mount, **headers)
    return visit_of(from_environ(environ), POLICY, NOW, measured=measured)


PLACES = [  # mount, path, and the visit's root, paths and address
    pytest.param("", "/a b", "", ("/a b",), "/a%20b", id="at the root"),
    pytest.param("/shop", "/x", "/shop", ("/shop/x", "/x"), "/shop/x", id="below a mount"),
    pytest.param(
        *("/a:b", "/(x)", "/a:b", ("/a:b/(x)", "/(x)"), "/a:b/(x)"),
        id="signs that a path may hold as they are",
    ),
    pytest.param(
        "/m\xc3\xbcs/li",
        "/\xc3\xbc",
        "/m%C3%BCs/li",
        ("/müs/li/ü", "/ü"),
        "/m%C3%BCs/li/%C3%BC",
        id="bytes in the guise of latin-1",
    ),
]


@pytest.mark.parametrize(("mount", "path", "root", "paths", "url"), PLACES)
def test_the_place(mount, path, root, paths, url):
    visit = made(path, mount=mount)
    assert (visit.root, visit.paths, visit.url) == (root, paths, SITE + url)
    assert visit.below == (paths[1] if mount else "")


def test_a_query_is_quoted_byte_for_byte():
    assert made(query="a=\xc3\xbc%20&b='").url == f"{SITE}/x?a=%C3%BC%20&b='"


def test_a_measured_visit_has_an_id_and_any_other_a_seed():
    assert (made().seed, bool(made().id)) == ("", True)
    for other in (made(measured=False), made(HTTP_DNT="1"), made(HTTP_SEC_GPC="1")):
        assert (bool(other.seed), other.id) == (True, "")
    assert made(measured=False).seed != made(measured=False).seed, "each visit draws anew"


def test_a_marker_brings_its_visit():
    subject = Subject("a-visit", POLICY.rules[0].key, "tiktok", "ios")
    value = POLICY.markers.value(f"{SITE}/x", "x-safari", subject, NOW)
    visit = made(query=f"a=1&_esc={value}")
    assert (visit.id, visit.query, visit.marker.subject) == ("a-visit", "a=1", subject)
    assert made("/y", f"_esc={value}").id == "", "elsewhere it brings none"


def test_who_asks_not_to_be_followed_has_a_marker_and_no_visit():
    query = marked(POLICY, "/x", "x-safari", moment=NOW).partition("?")[2]
    visit = made(query=query, HTTP_DNT="1")
    assert (visit.marker.technique, visit.is_marked, visit.id) == ("x-safari", True, "")
