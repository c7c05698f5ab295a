"""Path patterns and templates."""

from __future__ import annotations

import can_ada
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escape_mw.web.paths import PatternError, compile_path, fill, names_in

MATCHES = [
    pytest.param("/", "/", {}, id="the root"),
    pytest.param(
        "/listen/{slug}", "/listen/harbour lights", {"slug": "harbour lights"}, id="a segment"
    ),
    pytest.param(
        "/listen/{slug}.html", "/listen/a.b.html", {"slug": "a.b"}, id="a part of a segment"
    ),
    pytest.param("/t/*", "/t/anything", {}, id="a star within a segment"),
    pytest.param("/t/*", "/t/", {}, id="a star may be empty"),
    pytest.param("/presave/**", "/presave/", {}, id="anything below"),
    pytest.param("/presave/**", "/presave", {}, id="and the folder itself"),
    pytest.param("/presave/**", "/presave/a/b\nc", {}, id="anything below, line breaks included"),
    pytest.param("/**", "/", {}, id="everything"),
    pytest.param("/harbour", "/harbour/", {}, id="one trailing slash"),
    pytest.param("/t/{slug}", "/t/harbour/", {"slug": "harbour"}, id="a slash behind a capture"),
    pytest.param("/t/*", "/t/harbour/", {}, id="a slash behind a star"),
    pytest.param("/a+b(c)", "/a+b(c)", {}, id="what would be special in a regular expression"),
]
MISSES = [
    pytest.param("/listen/{slug}", "/listen/", id="a capture is not empty"),
    pytest.param("/listen/{slug}", "/listen/a/b", id="a capture stays in its segment"),
    pytest.param("/t/*", "/t/a/b", id="a star stays in its segment"),
    pytest.param("/harbour", "/harbour//", id="no second slash"),
    pytest.param("/harbour/", "/harbour", id="a slash that the pattern asks for"),
    pytest.param("/", "//", id="the root has one slash"),
    pytest.param("/presave/**", "/presaved", id="but no longer name"),
    pytest.param("/a.c", "/abc", id="a dot is a dot"),
    pytest.param("/listen", "/listen\n", id="no newline at the end"),
]
BAD = [
    "listen",
    "",
    "/a/**/b",
    "/a**",
    "/{a}{b}",
    "/*x*",
    "/{A}",
    "/{a-b}",
    "/{}",
    "/{x}/{x}",
    "/a?b=c",
    "/a#b",
    "/a%20b",
]


@pytest.mark.parametrize(("pattern", "path", "captures"), MATCHES)
def test_matches(pattern, path, captures):
    found = compile_path(pattern).captures(path)
    assert found == captures


@pytest.mark.parametrize(("pattern", "path"), MISSES)
def test_misses(pattern, path):
    assert compile_path(pattern).captures(path) is None


@pytest.mark.parametrize("pattern", BAD)
def test_bad_patterns(pattern):
    with pytest.raises(PatternError):
        compile_path(pattern)


@pytest.mark.parametrize(
    "template", ["https://open.spotify.com/track/{v}", "https://open.spotify.com/?q={v}&r=1"]
)
@given(st.binary())
def test_no_capture_leaves_its_place(template, raw):
    """Whatever bytes a path holds, the browser reaches the template's host.

    The segments around it stay.
    """
    value = raw.decode("utf-8", "surrogateescape")
    parsed = can_ada.parse(fill(template, {"v": value}))
    assert parsed.hostname == "open.spotify.com"
    assert parsed.hash == ""
    if "/track/" in template and value not in (".", ".."):
        assert parsed.pathname.count("/") == 2
    if "?q=" in template:
        assert parsed.search.endswith("&r=1")


def test_names_in():
    assert names_in("https://x.example/{a}/b?{c}") == ["a", "c"]
