"""Where to: which destination a URL is."""

from __future__ import annotations

import pytest

from escape_mw import catalogue, load

INDEX = load().policy.destinations

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
        ("netease", "track", "42", "app", "orpheus://song/42"),
        id="a route behind the hash",
    ),
    pytest.param(
        f"https://open.spotify.com/?uri=spotify:track:{'1' * 22}&uri=spotify:track:{'2' * 22}",
        ("spotify", "track", "1" * 22, "app", f"spotify:track:{'1' * 22}"),
        id="of several parameters with one name, the first",
    ),
    pytest.param(
        f"https://open.spotify.com/?uri=&uri=spotify:track:{'2' * 22}",
        ("spotify", "other", None, "app", None),
        id="even an empty one",
    ),
    pytest.param(
        "https://accounts.spotify.com/authorize?client_id=x&state=y",
        ("spotify", "oauth", None, "browser", None),
        id="a sign-in start",
    ),
    pytest.param(
        "https://music.163.com/store/x#/song?id=42",
        ("netease", "track", "42", "app", "orpheus://song/42"),
        id="a route behind another page's hash",
    ),
    pytest.param(
        "https://music.163.com/store/x#!/song?id=42",
        ("netease", "track", "42", "app", "orpheus://song/42"),
        id="the same behind a hash and a bang",
    ),
    pytest.param(
        "https://music.163.com/song?id=42#a/b",
        ("netease", "track", "42", "app", "orpheus://song/42"),
        id="a fragment behind a page of its own is no route",
    ),
    pytest.param(
        "https://spotify.link/AbC", ("spotify", "shortlink", "AbC", "app", None), id="a short link"
    ),
    pytest.param(
        "https://spotify.link/AbX/",
        ("spotify", "shortlink", "AbX", "app", None),
        id="a short link with a slash behind it",
    ),
]


@pytest.mark.parametrize(("url", "expected"), FOUND)
def test_found(url, expected):
    found = INDEX.find(url)
    assert found is not None
    assert (found.service, found.kind, found.id, found.goal, found.app_uri) == expected
    assert found.url == url


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"/track/{'1' * 22}", id="a known path"),
        pytest.param("/genre/pop", id="an unknown one"),
    ],
)
def test_a_destination_has_what_its_button_needs(path):
    found = INDEX.find(f"https://open.spotify.com{path}")
    entry = next(entry for entry in catalogue.load().destinations if entry.id == "spotify")
    assert (found.name, found.call, found.colour, found.android_package) == (
        *(entry.name, entry.call, entry.colour, entry.android_package),
    )
    assert entry.colour is not None


NOT_FOUND = [
    pytest.param("https://lnk.to/", id="a link service's own front page"),
    pytest.param("https://lnk.to", id="the same without a slash"),
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
    assert INDEX.find(url) is None


def test_what_no_browser_reads_alike_matches_no_entry():
    assert INDEX.matches("https://open.spotify.com/") == ["spotify"]
    assert INDEX.matches("https://open.spotify.com\\@evil.example/") == []


def test_opt_in_entries_can_be_named():
    rules = load({"version": 1, "destinations": {"also": ["youtube"]}})
    assert (
        rules.policy.destinations.find("https://www.youtube.com/watch?v=abcdefghijk").service
        == "youtube"
    )
    assert rules.policy.destinations.find("https://open.spotify.com/").service == "spotify"


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
    find = rules.policy.destinations.find
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


LISTED = [
    pytest.param({"hosts": ["a.example", "b.example"]}, ["a.example", "b.example"], id="by name"),
    pytest.param({"hosts": ["*.a.example", "x.a.example"]}, ["*.a.example"], id="below another"),
    pytest.param(
        {"hosts": ["*.a.example", "y.x.a.example"]}, ["*.a.example"], id="two labels below another"
    ),
    pytest.param(
        {"hosts": ["*.a.example", "a.example"]}, ["*.a.example", "a.example"], id="and the other"
    ),
]


@pytest.mark.parametrize(("added", "hosts"), LISTED)
def test_every_host_is_listed_once(added, hosts):
    entry = {"id": "ours", "name": "Ours", **added}
    listed = load({"version": 1, "destinations": {"add": [entry]}}).policy.destinations.hosts()
    assert [host for host in listed if host.endswith(".example")] == hosts
