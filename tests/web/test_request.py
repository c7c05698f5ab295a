"""One neutral request, from WSGI's environ and from ASGI's scope."""

from __future__ import annotations

import io

import pytest

from escape_mw.web.request import Request, from_environ, from_scope

HEADERS = {"accept": "text/html", "sec-gpc": "1", "x-requested-with": "com.example.app"}
ENVIRON = {
    "REQUEST_METHOD": "GET",
    "wsgi.url_scheme": "https",
    "HTTP_HOST": "Site.example",
    "SCRIPT_NAME": "/shop",
    "PATH_INFO": "/söng ü".encode().decode("latin-1"),
    "QUERY_STRING": "a=1&b=%2F",
    "HTTP_USER_AGENT": "Mozilla/5.0",
    "HTTP_ACCEPT": "text/html",
    "HTTP_SEC_GPC": "1",
    "HTTP_X_REQUESTED_WITH": "com.example.app",
    "HTTP_COOKIE": "not=read",
    "REMOTE_ADDR": "192.0.2.1",
}
SCOPE = {
    "type": "http",
    "method": "GET",
    "scheme": "https",
    "root_path": "/shop",
    "path": "/shop/söng ü",
    "query_string": b"a=1&b=%2F",
    "headers": [
        (b"host", b"Site.example"),
        (b"user-agent", b"Mozilla/5.0"),
        (b"accept", b"text/html"),
        (b"Sec-GPC", b"1"),
        (b"x-requested-with", b"com.example.app"),
        (b"cookie", b"not=read"),
    ],
    "client": ("192.0.2.1", 4711),
}


def facts(request: Request) -> tuple[object, ...]:
    return request[:-1]


def test_environ_and_scope_give_the_same_request():
    request = from_environ(ENVIRON)
    assert facts(request) == facts(from_scope(SCOPE))
    assert request.headers == HEADERS
    assert request.paths == ("/shop/söng ü", "/söng ü")
    assert (request.host, request.cookie) == ("Site.example", "not=read")


def test_a_path_that_leaves_its_root_out_is_the_same():
    assert facts(from_scope(SCOPE | {"path": "/söng ü"})) == facts(from_scope(SCOPE))


ROOTS = [
    pytest.param("/shop/", "/shop/song", ("/shop", "/song"), id="a root that ends in a slash"),
    pytest.param("/", "/song", ("", "/song"), id="the root of the host"),
    pytest.param("/shop", "/shop", ("/shop", ""), id="the root itself"),
    pytest.param("/shop", "/shopping", ("/shop", "/shopping"), id="a path that begins alike"),
    pytest.param("/sh\xf6p", "/sh\xf6p/\xfc", ("/sh\xc3\xb6p", "/\xc3\xbc"), id="beyond ASCII"),
]


@pytest.mark.parametrize(("root", "path", "expected"), ROOTS)
def test_a_root_is_whole_segments_of_a_path(root, path, expected):
    request = from_scope(SCOPE | {"root_path": root, "path": path})
    assert (request.mount, request.path) == expected


def test_a_root_is_taken_off_a_path_that_is_not_utf_8():
    sent = {"path": "/shop/\ufffd", "raw_path": b"/shop/%FF"}
    assert from_scope(SCOPE | sent).path == "/\xff"


def test_headers_that_come_twice_are_one_list():
    twice = [(b"accept", b"text/html"), (b"accept", b"*/*")]
    assert from_scope(SCOPE | {"headers": twice}).headers == {"accept": "text/html,*/*"}


def test_what_is_missing_is_empty():
    bare = from_environ({})
    assert facts(bare) == ("", "", "", "", "", "", "", {}, "")
    least = {"type": "http", "method": "GET", "path": "/", "headers": []}
    assert from_scope(least).cookie == from_scope(least).host == from_scope(least).query == ""


BODIES = [
    pytest.param("3", 3, b"abc", id="as long as may be"),
    pytest.param("4", 3, None, id="longer"),
    pytest.param("", 3, None, id="of unknown length"),
    pytest.param("-1", 3, None, id="no length"),
    pytest.param("٣", 3, None, id="another script's digit"),
    pytest.param("99999999", 10**9, None, id="a length that is a mistake"),
]


@pytest.mark.parametrize(("length", "limit", "body"), BODIES)
def test_a_body_is_read_within_its_bound(length, limit, body):
    sent = {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(b"abcd")}
    assert from_environ(ENVIRON | sent).read_body(limit) == body


def test_a_body_of_asgi_was_read_before():
    assert from_scope(SCOPE, b"abc").read_body(3) == b"abc"
    assert from_scope(SCOPE, b"abc").read_body(2) is None
    assert from_scope(SCOPE).read_body(3) is None
