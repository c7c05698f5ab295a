"""Where to: the gate, what is mended before it, and the directory."""

from __future__ import annotations

import can_ada
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escape_mw import load
from escape_mw.destinations import MAX_URL, gate, mend

DIRECTORY = load().destinations

REFUSED = [
    pytest.param("javascript:alert(1)", id="a script"),
    pytest.param("ftp://open.spotify.com/", id="another scheme"),
    pytest.param("//open.spotify.com/track/1", id="no scheme"),
    pytest.param("https:/open.spotify.com/", id="one slash"),
    pytest.param("https:///open.spotify.com/", id="three slashes"),
    pytest.param("HTTPS://open.spotify.com/", id="a scheme in capitals, which is mended first"),
    pytest.param("https://OPEN.spotify.com/", id="a host in capitals, which is mended first"),
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
def test_gate_refuses(url):
    assert gate(url) is None
    assert DIRECTORY.find(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://open.spotify.com",
        "http://open.spotify.com:80/a?b=c#d",
        "https://a.b.lnk.to:443/x;y=z?a=[1]&b='c'#!/e",
        "https://a.lnk.to/...?x=/../y",
    ],
)
def test_gate_accepts(url):
    assert gate(url) is not None


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
    found = DIRECTORY.find(url)
    if found is not None:
        parsed = can_ada.parse(found.url)
        assert found.url == url
        assert parsed.protocol in ("https:", "http:")
        assert parsed.hostname == gate(url).hostname
        assert (parsed.username, parsed.password, parsed.port) == ("", "", "")


MENDED = [
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


@pytest.mark.parametrize(("location", "expected"), MENDED)
def test_mend(location, expected):
    assert mend(location) == expected


FOUND = [
    pytest.param(
        "https://open.spotify.com/genre/pop",
        ("spotify", "other", None, "app", None),
        id="an unknown path of a service's own host",
    ),
    pytest.param(
        "https://open.spotify.com/track/tooshort",
        ("spotify", "other", None, "app", None),
        id="an id of the wrong form has no app URI",
    ),
    pytest.param(
        "https://artist.lnk.to/",
        ("linkfire", "smartlink", None, "browser", None),
        id="the root of somebody's subdomain",
    ),
    pytest.param(
        "https://a.b.lnk.to/x",
        ("linkfire", "smartlink", None, "browser", None),
        id="two labels below a wildcard",
    ),
    pytest.param(
        "https://music.163.com/#/song?id=42",
        ("netease", "track", "42", "app", None),
        id="a route behind the hash",
    ),
    pytest.param(
        "https://accounts.spotify.com/authorize?client_id=x&state=y",
        ("spotify", "oauth", None, "browser", None),
        id="a sign-in start",
    ),
    pytest.param(
        "https://spotify.link/AbC", ("spotify", "shortlink", "AbC", "app", None), id="a short link"
    ),
]


@pytest.mark.parametrize(("url", "expected"), FOUND)
def test_found(url, expected):
    found = DIRECTORY.find(url)
    assert found is not None
    assert (found.service, found.kind, found.id, found.goal, found.app_uri) == expected
    assert found.url == url


NOT_FOUND = [
    pytest.param("https://lnk.to/", id="a link service's own front page"),
    pytest.param("https://xlnk.to/a", id="a suffix without its dot"),
    pytest.param("https://lnk.to.evil.example/a", id="a host that begins like ours"),
    pytest.param("https://distrokid.com/pricing", id="an unknown path of a mixed host"),
    pytest.param("https://accounts.spotify.com/en/login", id="a sign-in page is no sign-in start"),
    pytest.param(
        "https://www.youtube.com/watch?v=abcdefghijk", id="an opt-in entry that nobody named"
    ),
]


@pytest.mark.parametrize("url", NOT_FOUND)
def test_not_found(url):
    assert DIRECTORY.find(url) is None


def test_opt_in_entries_can_be_named():
    rules = load({"version": 1, "destinations": {"also": ["youtube"]}})
    assert (
        rules.destinations.find("https://www.youtube.com/watch?v=abcdefghijk").service == "youtube"
    )
    assert rules.destinations.find("https://open.spotify.com/").service == "spotify"


def test_only_disable_and_add():
    rules = load(
        {
            "version": 1,
            "destinations": {
                "only": ["spotify", "linkfire"],
                "disable": ["linkfire"],
                "add": [
                    {
                        "id": "our-links",
                        "name": "Our links",
                        "hosts": ["go.label.example", "*.lnk.label.example"],
                    }
                ],
            },
        }
    )
    find = rules.destinations.find
    assert find("https://open.spotify.com/").service == "spotify"
    assert find("https://a.lnk.to/x") is None
    assert find("https://music.apple.com/us/album/1") is None
    for url in ("https://go.label.example/x", "https://a.lnk.label.example/"):
        assert (find(url).service, find(url).kind, find(url).goal) == (
            "our-links",
            "smartlink",
            "browser",
        )
    assert find("https://lnk.label.example/x") is None
