"""Whatever a value says, in whichever slot.

A page's tree stays that of a harmless word, and the value comes out as it went in.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from escape_mw import RulesError, load

from ..support import lab
from ..support.agents import ANDROID, IPHONE, LINE_IOS, SAFARI, TIKTOK_IOS
from ..support.examples import NOW, SECRET, TRACK
from ..support.marked import marked, set_clock
from ..support.markup import (
    CONTEXTS,
    EVERY,
    WORD,
    assert_only_words_differ,
    is_misread,
    raw,
    strings,
    structure,
    unsigned,
)
from ..support.needs import corpus
from ..support.wsgi import Site, environ_of

IN_URL = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]*")

# --- what the rules say ---------------------------------------------------------------------------


SHOWN = ("brand", "title", "artwork", "app", "sign", "label", "destination", "verified")
HIDDEN = ("rule", "note", "source")


def rules_with(values, artwork="/static/"):
    """Rules with a value of its own in every slot that takes any text.

    A path that browsers would misread is refused as artwork: a harmless word stands there.
    """
    is_path = artwork.startswith("/")
    image = WORD if is_path and is_misread(values["artwork"]) else values["artwork"]
    menu = {"sign": values["sign"], "label": values["label"]}
    step = {
        "x-safari": "tap",
        "verified": values["verified"],
        "note": values["note"],
        "source": values["source"],
    }
    return {
        "version": 1,
        "page": {
            "brand": values["brand"],
            "title": values["title"],
            "artwork": artwork + image,
        },
        "apps": {
            "add": [
                {
                    "id": "our-app",
                    "name": values["app"],
                    "tokens": ["OurApp/"],
                    "menu": {"ios": menu, "android": menu},
                }
            ]
        },
        "destinations": {
            "add": [
                {
                    "id": "ours",
                    "name": values["destination"],
                    "hosts": ["go.label.example"],
                    "goal": "app",
                    "android_package": "com.ours",
                }
            ]
        },
        "techniques": [{"app": "our-app", "platform": "ios", "goal": "browser", "steps": [step]}],
        "rules": [
            {
                "name": "".join(filter(str.isprintable, values["rule"]))[:64] or "x",
                "path": "/**",
                "to": "redirect",
            }
        ],
        "secret": SECRET,
        "lab": True,
    }


def at_one_moment(rules):
    site = Site(rules)
    set_clock(site.middleware, NOW)
    return site


def page(rules, agent, location="https://go.label.example/x"):
    """The page in place of a site's redirect."""
    return unsigned(Site(rules).ask(environ_of(agent), location).body)


def lab_page(rules, agent):
    asked = environ_of(agent, "/_escape/lab", f"token={lab.LINK}")
    return unsigned(at_one_moment(rules).ask(asked).body)


OURS_IOS, OURS_ANDROID = f"{IPHONE}Mobile/22G86 OurApp/1", f"{ANDROID} OurApp/1"
PAGES = {
    "the page with a button": lambda rules: page(rules, OURS_ANDROID),
    "the page in words": lambda rules: page(rules, OURS_IOS),
    "the lab": lambda rules: lab_page(rules, OURS_IOS),
}
ARTWORK = ("/static/", "data:image/svg+xml,")


def everywhere(value):
    return dict.fromkeys([*SHOWN, *HIDDEN], value)


def every_page(values, artwork):
    rules = load(rules_with(values, artwork))
    return {name: make(rules) for name, make in PAGES.items()}


def test_every_slot_is_looked_at():
    """Each slot's value stands on one of the pages.

    What the next test says of a slot it says because of that.
    """
    values = {name: f"our own {name}" for name in [*SHOWN, *HIDDEN]}
    seen = b"".join(every_page(values, ARTWORK[0]).values()).decode()
    assert {name for name, value in values.items() if value in seen} == set(SHOWN)


@pytest.mark.slow
@pytest.mark.parametrize("artwork", ARTWORK)
@pytest.mark.parametrize("context", CONTEXTS)
def test_nothing_that_the_rules_say_leaves_its_place(context, artwork):
    harmless = every_page(everywhere(WORD), artwork)
    for value in CONTEXTS[context]:
        for name, hostile in every_page(everywhere(value), artwork).items():
            assert_only_words_differ(harmless[name], hostile, value)


REFUSED = [
    pytest.param(
        lambda value: {"page": {"artwork": "/static/\t" + value}}, id="artwork that is misread"
    ),
    pytest.param(lambda value: {"page": {"accent": value}}, id="a colour"),
    pytest.param(
        lambda value: {"page": {"accent": "#1db954" + value}}, id="something after a colour"
    ),
    pytest.param(lambda value: {"page": {"language": value}}, id="a language"),
    pytest.param(
        lambda value: {"page": {"artwork": "//evil.example/" + value}}, id="artwork from elsewhere"
    ),
    pytest.param(lambda value: {"marker": value}, id="a marker"),
    pytest.param(lambda value: {"marker": "_esc" + value}, id="something after a marker"),
    pytest.param(
        lambda value: {"base_url": "https://label.example" + value}, id="something after an origin"
    ),
    pytest.param(lambda value: {"lab": {"file": "x", value: lab.LINK}}, id="a key of the lab"),
    pytest.param(
        lambda value: {"apps": {"add": [{"id": "x" + value, "name": "x"}]}}, id="a host app's id"
    ),
    pytest.param(
        lambda value: {
            "destinations": {"add": [{"id": "x" + value, "name": "x", "hosts": ["x.example"]}]}
        },
        id="a destination's id",
    ),
    pytest.param(
        lambda value: {
            "destinations": {"add": [{"id": "x", "name": "x", "hosts": ["x.example" + value]}]}
        },
        id="a destination's host",
    ),
    pytest.param(
        lambda value: {
            "destinations": {
                "add": [
                    {
                        "id": "x",
                        "name": "x",
                        "hosts": ["x.example"],
                        "android_package": "com.x" + value,
                    }
                ]
            }
        },
        id="a package",
    ),
    pytest.param(
        lambda value: {"rules": [{"path": "/x", "to": TRACK + value + "<"}]},
        id="a target that no URL may hold",
    ),
]


@pytest.mark.parametrize("make", REFUSED)
def test_slots_of_a_fixed_form_take_nothing_else(make):
    for value in EVERY:
        with pytest.raises(RulesError):
            load({"version": 1, **make(value)})


# --- what a request says --------------------------------------------------------------------------


REQUEST_RULES = {
    "version": 1,
    "destinations": {"only": ["spotify", "linkfire"]},
    "rules": [
        {"path": "/song/{id}", "to": "https://open.spotify.com/search?q={id}"},
        {"path": "/go/**", "to": "redirect"},
        {"path": "/**", "to": "page"},
    ],
    "secret": SECRET,
    "lab": True,
}
MEASURED = REQUEST_RULES | {"events": {"log": True}}  # the page then says where its beacons go
MARKER = marked(load(MEASURED).policy, "/", "intent", 2, "visit", moment=NOW).partition("?")[2]
QUOTED = [
    pytest.param(lambda value: {"PATH_INFO": "/p/" + value}, id="the path"),
    pytest.param(lambda value: {"SCRIPT_NAME": "/app" + value}, id="the mount point"),
    pytest.param(lambda value: {"QUERY_STRING": value}, id="the query"),
    pytest.param(
        lambda value: {"QUERY_STRING": f"{MARKER}&{value}"},
        id="the query beside our marker",
    ),
    pytest.param(
        lambda value: {"PATH_INFO": "/song/" + value.replace("/", ":")}, id="a captured segment"
    ),
    pytest.param(
        lambda value: {"PATH_INFO": "/go", "Location": f"{TRACK}?x={value}"},
        id="the query of the site's redirect",
    ),
    pytest.param(
        lambda value: {"PATH_INFO": "/go", "Location": f"https://open.spotify.com/search/{value}"},
        id="the path of the site's redirect",
    ),
    pytest.param(
        lambda value: {"PATH_INFO": "/go", "Location": f"{TRACK}#{value}"},
        id="the fragment of the site's redirect",
    ),
    pytest.param(
        lambda value: {
            "PATH_INFO": "/_escape/lab",
            "QUERY_STRING": f"token={lab.LINK}",
            "SCRIPT_NAME": "/app" + value,
        },
        id="the lab's mount point",
    ),
]
UNHEARD = [
    pytest.param(lambda value: {"HTTP_HOST": value}, None, id="a Host"),
    pytest.param(
        lambda value: {"HTTP_HOST": "site.example" + value}, None, id="something after a Host"
    ),
    pytest.param(
        lambda value: {"HTTP_HOST": value + ".site.example"}, None, id="something before a Host"
    ),
    pytest.param(
        lambda value: {"HTTP_HOST": "site.example:443" + value}, None, id="something after a port"
    ),
    pytest.param(lambda value: {"wsgi.url_scheme": value}, None, id="a scheme"),
    pytest.param(
        lambda value: {"HTTP_USER_AGENT": TIKTOK_IOS + " " + value},
        {},
        id="something after an agent",
    ),
    pytest.param(
        lambda value: {"HTTP_USER_AGENT": TIKTOK_IOS.replace("41.9.0", "41.9.0" + value)},
        {},
        id="a version in an agent",
    ),
    pytest.param(lambda value: {"HTTP_ACCEPT_LANGUAGE": "en," + value}, {}, id="a language"),
    pytest.param(
        lambda value: {"HTTP_ACCEPT_LANGUAGE": "en;q=1,de;q=0." + value},
        {},
        id="a language's weight",
    ),
    pytest.param(
        lambda value: {"HTTP_ACCEPT_ENCODING": "gzip;q=0, " + value}, {}, id="an encoding"
    ),
    pytest.param(lambda value: {"HTTP_ACCEPT": "text/html," + value}, {}, id="an accepted type"),
    pytest.param(
        lambda value: {
            "HTTP_REFERER": "https://site.example/?" + value,
            "HTTP_ACCEPT": "text/html",
        },
        {},
        id="a referrer",
    ),
    pytest.param(lambda value: {"HTTP_X_REQUESTED_WITH": value}, {}, id="an embedding app"),
    pytest.param(
        lambda value: {"HTTP_X_REQUESTED_WITH": "com.zhiliaoapp.musically" + value},
        {},
        id="something after an embedding app",
    ),
    pytest.param(
        lambda value: {"HTTP_SEC_CH_UA": '"Android WebView";v="133", ' + value},
        {},
        id="a client hint",
    ),
    pytest.param(
        lambda value: {
            "HTTP_X_FORWARDED_HOST": value,
            "HTTP_X_FORWARDED_PROTO": value,
            "HTTP_FORWARDED": value,
        },
        {},
        id="what a proxy may say",
    ),
    pytest.param(
        lambda value: {"HTTP_COOKIE": value, "REMOTE_USER": value, "HTTP_AUTHORIZATION": value},
        {},
        id="a cookie and a name",
    ),
    pytest.param(
        lambda value: {"PATH_INFO": "/go", "Location": value}, None, id="the site's redirect itself"
    ),
]
MARK = lab.trial(NOW)
LAB_PAGE = {"PATH_INFO": "/_escape/lab", "QUERY_STRING": f"token={lab.LINK}"}
LAB_UNHEARD = [
    pytest.param(lambda value: {"QUERY_STRING": f"token={lab.LINK}&run={value}"}, id="a round"),
    pytest.param(
        lambda value: {"QUERY_STRING": f"token={lab.LINK}&run={lab.session(NOW)}{quote(value)}"},
        id="something after a round, which the signature's own decoder would overlook",
    ),
    pytest.param(
        lambda value: {"QUERY_STRING": f"token={lab.LINK}&{value}"},
        id="more in the query",
    ),
    pytest.param(
        lambda value: {"QUERY_STRING": f"token={lab.LINK}{quote(value, safe='')}"},
        id="something after the token",
    ),
    pytest.param(lambda value: {"QUERY_STRING": f"token={value}"}, id="a token"),
    pytest.param(
        lambda value: {"PATH_INFO": "/_escape/lab" + value}, id="something after the path"
    ),
    pytest.param(
        lambda value: {"HTTP_USER_AGENT": TIKTOK_IOS.replace("41.9.0", "41.9/" + value)},
        id="something after a version",
    ),
    pytest.param(
        lambda value: {"HTTP_ACCEPT_LANGUAGE": value, "HTTP_COOKIE": value, "HTTP_REFERER": value},
        id="headers",
    ),
    pytest.param(
        lambda value: {"PATH_INFO": "/_escape/lab/arrived", "QUERY_STRING": f"m={value}"},
        id="a mark",
    ),
    pytest.param(
        lambda value: {
            "PATH_INFO": "/_escape/lab/arrived",
            "QUERY_STRING": f"m={MARK}{quote(value)}",
        },
        id="something after a mark",
    ),
]


def answered(site, agent, given):
    """Our answer to a request in this host app, or to the site's redirect.

    The redirect stands beside the request's own keys.
    """
    given = dict(given)
    location = given.pop("Location", None)
    got = site.ask(environ_of(agent) | given, location)
    return got._replace(body=unsigned(got.body)) if got.is_ours else None


def assert_quoted(site, make, values):
    """Wherever the request's word stood, a URL's own characters stand and nothing else.

    The same holds in a redirect's Location.

    Returns how many values stood on a page at all.
    """
    harmless = answered(site, TIKTOK_IOS, make(WORD)).body
    constant = {text for text in strings(harmless) if WORD not in text}
    stood = 0
    for value in values:
        if hostile := answered(site, TIKTOK_IOS, make(value)):
            assert structure(hostile.body) == structure(harmless), value
            said = [text for text in strings(hostile.body) if text not in constant]
            assert all(map(IN_URL.fullmatch, said)), value
            stood += bool(said)
        if redirect := answered(site, LINE_IOS, make(value)):
            assert all(
                IN_URL.fullmatch(text) for name, text in redirect.headers if name == "Location"
            ), value
    return stood


@pytest.mark.parametrize("make", QUOTED)
def test_what_a_request_says_stands_on_the_page_as_a_quoted_url_or_not_at_all(make):
    assert assert_quoted(at_one_moment(MEASURED), make, map(raw, EVERY)) > 20


@pytest.mark.parametrize(("make", "harmless"), UNHEARD)
def test_what_no_page_repeats(make, harmless):
    """The page is the same to the byte, or the site answers.

    `harmless` is None where only the site may.
    """
    site = at_one_moment(REQUEST_RULES)
    page = answered(site, TIKTOK_IOS, {}).body
    same_page = 0
    for value in map(raw, EVERY):
        hostile = answered(site, TIKTOK_IOS, make(value))
        assert hostile is None or (harmless is not None and hostile.body == page), value
        same_page += hostile is not None
    assert (same_page > len(EVERY) / 2) == (harmless is not None)


@pytest.mark.parametrize("make", LAB_UNHEARD)
def test_what_no_page_of_the_lab_repeats(make):
    """It is one of the pages that say nothing of the request but who asks, or the site answers."""
    site = at_one_moment({"version": 1, "secret": SECRET, "lab": True})
    arrived = LAB_PAGE | {"PATH_INFO": "/_escape/lab/arrived", "QUERY_STRING": f"m={MARK}"}
    known = {
        answered(site, *asked).body
        for asked in [(TIKTOK_IOS, LAB_PAGE), (SAFARI, LAB_PAGE), (TIKTOK_IOS, arrived)]
    }
    for value in map(raw, EVERY):
        hostile = answered(site, TIKTOK_IOS, LAB_PAGE | make(value))
        assert hostile is None or hostile.body in known, value


# --- labelled payloads, where a corpus is at hand -------------------------------------------------


def markup():
    return [row["value"] for row in corpus("xss_payloads.jsonl")]


@pytest.mark.parametrize("page", PAGES)
def test_no_markup_of_the_rules_gets_out(page):
    """Ten rows to a value, for speed.

    They come out as they went in, or one of them has broken its slot.
    """

    def made(word):
        return PAGES[page](load(rules_with(everywhere(word))))

    rows, harmless = markup(), made(WORD)
    for first in range(0, len(rows), 10):
        value = " ".join(rows[first : first + 10])
        assert_only_words_differ(harmless, made(value), value)


@pytest.mark.parametrize(
    "make",
    [
        case
        for case in QUOTED
        if case.id in ("the path", "the query", "the query of the site's redirect")
    ],
)
def test_no_markup_of_a_request_gets_out(make):
    assert assert_quoted(at_one_moment(MEASURED), make, map(raw, markup())) > 100
