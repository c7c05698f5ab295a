"""URLs: what all browsers parse the same way, and what is normalised before that is asked."""

from __future__ import annotations

from urllib.parse import quote

import can_ada
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escape_mw import load
from escape_mw.web.urls import (
    MAX_URL,
    first_values,
    host_of,
    is_local_path,
    normalise_location,
    quoted,
    strict_split,
)

INDEX = load().policy.destinations

REFUSED = [
    pytest.param("javascript:alert(1)", id="a script"),
    pytest.param("ftp://open.spotify.com/", id="another scheme"),
    pytest.param("//open.spotify.com/track/1", id="no scheme"),
    pytest.param("https:/open.spotify.com/", id="one slash"),
    pytest.param("https:///open.spotify.com/", id="three slashes"),
    pytest.param("HTTPS://open.spotify.com/", id="a scheme in capitals, which is normalised first"),
    pytest.param("https://OPEN.spotify.com/", id="a host in capitals, which is normalised first"),
    pytest.param("https://user@open.spotify.com/", id="a user"),
    pytest.param("https://open.spotify.com@evil.example/", id="a host for a user"),
    pytest.param("https://open.spotify.com\\@evil.example/", id="a backslash"),
    pytest.param("https://open.spotify.com/a\\b", id="a backslash in the path"),
    pytest.param("https://open.spotify.com./", id="a trailing dot"),
    pytest.param("https://open.spotify.com:8080/", id="a port"),
    pytest.param("https://open.spotify.com:80/", id="the other scheme's port"),
    pytest.param("https://127.0.0.1/", id="an address"),
    pytest.param("https://2130706433/", id="an address as one number"),
    pytest.param("https://[::1]/", id="an IPv6 address"),
    pytest.param("https://open.spotify.com/\n", id="a newline at the end"),
    pytest.param("https://open.spotify.com/a b", id="a blank"),
    pytest.param("https://open.spotify.com/\t", id="a tab"),
    pytest.param('https://open.spotify.com/"', id="a quote"),
    pytest.param("https://open.spotify.com/ü", id="not ASCII"),
    pytest.param("https://open.spotif\u0443.com/", id="a look-alike letter"),
    pytest.param("https://%6fpen.spotify.com/", id="a percent sign in the host"),
    pytest.param("https://-open.spotify.com/", id="a label that begins with a hyphen"),
    pytest.param("https://open.spotify.com/" + "a" * MAX_URL, id="too long"),
    pytest.param("https://open.spotify.com/a/../b", id="a dot segment"),
    pytest.param("https://open.spotify.com/a/%2E%2e/b", id="a dot segment, quoted"),
    pytest.param("https://open.spotify.com/..", id="a dot segment at the end"),
    pytest.param("", id="nothing"),
]


@pytest.mark.parametrize("url", REFUSED)
def test_refused(url):
    assert strict_split(url) is None
    assert INDEX.find(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://open.spotify.com",
        "http://open.spotify.com:80/a?b=c#d",
        "https://a.b.lnk.to:443/x;y=z?a=[1]&b='c'#!/e",
        "https://a.lnk.to/...?x=/../y",
    ],
)
def test_accepted(url):
    assert strict_split(url) is not None


URL_LIKE = st.one_of(
    st.text(max_size=60),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(
            ["https://", "http://", "https:", "//", "https:\\\\", "https:/", "HTTPS://"]
        ),
        st.sampled_from(
            [
                "open.spotify.com",
                "open.spotify.com@evil.example",
                "evil.example\\@open.spotify.com",
                "evil.example#open.spotify.com",
                "artist.lnk.to",
            ]
        ),
        st.sampled_from(
            ["", "/", "\\", "?", "#", ":443", ":80", "@", ".", "%2f", "\t", "\n", "。"]
        ),
        st.text(st.sampled_from("abc/\\@:?#%.;&= \t\n\x00é。"), max_size=20),
    ),
)


@given(URL_LIKE)
def test_a_browser_goes_where_we_say(url):
    """Whatever is found, the WHATWG parser reaches the very host, by the very URL."""
    found = INDEX.find(url)
    if found is not None:
        parsed = can_ada.parse(found.url)
        assert found.url == url
        assert parsed.protocol in ("https:", "http:")
        assert parsed.hostname == strict_split(url).hostname
        assert (parsed.username, parsed.password, parsed.port) == ("", "", "")


NORMALISED = [
    pytest.param(
        "HTTPS://Open.Spotify.COM/Track/A",
        "https://open.spotify.com/Track/A",
        id="scheme and host in lower case, the path as it is",
    ),
    pytest.param(
        "https://open.spotify.com/söng".encode().decode("latin-1"),
        "https://open.spotify.com/s%C3%B6ng",
        id="UTF-8 in the path",
    ),
    pytest.param(
        "https://a.lnk.to/x?a={b}|c",
        "https://a.lnk.to/x?a=%7Bb%7D%7Cc",
        id="what browsers quote or send as it is",
    ),
    pytest.param("  https://a.lnk.to/x ", "https://a.lnk.to/x", id="blanks around it"),
    pytest.param(
        "https://a.lnk.to/x%20y?z=%2f",
        "https://a.lnk.to/x%20y?z=%2f",
        id="what is quoted already stays byte for byte",
    ),
    pytest.param("/relative", "/relative", id="a path of the site's own"),
    pytest.param(
        "https://a.lnk.to\\@evil.example/",
        "https://a.lnk.to\\@evil.example/",
        id="a backslash is left for the gate",
    ),
    pytest.param(
        "https://a.lnk.to/\r\nX: 1",
        "https://a.lnk.to/\r\nX: 1",
        id="controls are left for the gate",
    ),
    pytest.param(
        "https://a.lnk.to/。",
        "https://a.lnk.to/。",
        id="what no header can hold is left for the gate",
    ),
]


@pytest.mark.parametrize(("location", "expected"), NORMALISED)
def test_normalise_location(location, expected):
    assert normalise_location(location) == expected


HOSTS = [
    pytest.param("https://Site.example:8443/a?b#c", "site.example:8443", id="a whole URL"),
    pytest.param("https://site.example?a=/b", "site.example", id="a query without a path"),
    pytest.param("https://site.example#a/b", "site.example", id="a fragment without a path"),
    pytest.param("https://Site.example:x@Evil.example/", "evil.example", id="a user's name"),
    pytest.param("https://evil.example\\@site.example/", "evil.example", id="a backslash"),
    pytest.param("https://site.example/@b", "site.example", id="an at sign in the path"),
    pytest.param("/a/b", "", id="a path"),
    pytest.param("", "", id="nothing"),
]


@pytest.mark.parametrize(("url", "host"), HOSTS)
def test_host_of(url, host):
    assert host_of(url) == host


LOCAL = [
    pytest.param("/", True, id="the root"),
    pytest.param("/a//b", True, id="two slashes further on"),
    pytest.param("//evil.example", False, id="another host"),
    pytest.param("/\\evil.example", False, id="another host, as browsers read it"),
    pytest.param("a/b", False, id="a relative path"),
    pytest.param("https://site.example/", False, id="a URL"),
    pytest.param("", False, id="nothing"),
]


@pytest.mark.parametrize(("text", "is_local"), LOCAL)
def test_local_paths(text, is_local):
    assert is_local_path(text) == is_local


def test_of_several_parameters_the_first_counts():
    assert first_values("a=1&a=2&b=&c=3") == {"a": "1", "c": "3"}
    assert first_values("a=1&a=2&b=", keep_blank=True) == {"a": "1", "b": ""}


@given(st.text())
def test_quoted_is_what_urllib_makes_of_it(text):
    try:
        expected = quote(text, safe="")
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            quoted(text)
    else:
        assert quoted(text) == expected
