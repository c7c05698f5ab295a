"""Whatever a request holds, we answer or pass.

We never fail, never change it, and never lead anywhere else.
"""

from __future__ import annotations

import html
import logging
import re
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escape_mw import load

from ..support import agents
from ..support.marked import marked, stay
from ..support.needs import corpus
from ..support.wsgi import Site, environ_of

RULES = load(
    {
        "version": 1,
        "destinations": {"only": ["spotify", "linkfire"]},
        "rules": [
            {
                "path": "/bio/{id}",
                "to": "https://open.spotify.com/track/{id}",
                "when": {"visitors": ["in-app", "webview"]},
            },
            {"path": "/q/{id}", "to": "https://open.spotify.com/search?q={id}&si=1"},
            {"path": "/page/**", "to": "page"},
            {"path": "/**", "to": "redirect"},
        ],
    }
)
SITE = Site(RULES)
ALLOWED = re.compile(
    r"(?:[a-z0-9-]+\.)*(?:open\.spotify\.com|spotify\.link|lnk\.to|lnkfi\.re|bstlnk\.to|link\.linkfire\.com|site\.example)\Z"
)

HOSTILE = [
    "",
    "\x00",
    "\r\nX: 1",
    "\n",
    "'\"><script>alert(1)</script>",
    "//evil.example/",
    "https://evil.example/",
    "javascript:alert(1)",
    "#Intent;package=evil.app;end",
    ";S.browser_fallback_url=https%3A%2F%2Fevil.example;",
    "%0d%0aSet-Cookie:a=b",
    "\\evil.example",
    "..",
    "%2e%2e/",
    "é",
    "\xff\xfe",
    "a" * 5000,
    "{0}{id}%s",
]
AGENTS = [value for name, value in vars(agents).items() if name.isupper()]
TEXT = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(max_codepoint=255), max_size=40))
PATHS = st.builds("{}{}".format, st.sampled_from(["/bio/", "/q/", "/page/", "/", "", "/x"]), TEXT)
TARGETS = st.one_of(
    TEXT,
    st.sampled_from(
        [
            "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
            "https://a.lnk.to/x",
            "https://open.spotify.com",
        ]
    ),
)
FORGED = "6b081bf7.AAAAAAAAAAAAAAAAAAAAAAAAAAA"
MARKERS = [
    "2~stay",
    f"2~stay~.{FORGED}",
    f"2~intent~~0a1b2c3d~tiktok~android.{FORGED}",
    f"2~app-scheme~visit~~~.{FORGED}",
    f"1~intent.{FORGED}",
    "2~menu~~~~.ffffffffff.",
]
MADE = [  # as each is drawn, for they grow old
    lambda: marked(RULES.policy, "/page/x", "app-scheme", 2),
    lambda: stay(RULES.policy, "/page/x"),
]


def made(make):
    return make().partition("?")[2]


QUERIES = st.one_of(
    TEXT,
    st.builds("url={}{}".format, TARGETS, TEXT),
    st.builds("_esc={}&{}".format, st.sampled_from(MARKERS), TEXT),
    st.builds("{}&{}".format, st.sampled_from(MADE).map(made), TEXT),
)
ENVIRONS = st.fixed_dictionaries(
    {
        "REQUEST_METHOD": st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "get", ""]),
        "PATH_INFO": PATHS,
        "SCRIPT_NAME": st.sampled_from(["", "", "/app", "//x"]),
        "QUERY_STRING": QUERIES,
        "HTTP_USER_AGENT": st.one_of(
            st.sampled_from(AGENTS), st.builds("{}{}".format, st.sampled_from(AGENTS), TEXT), TEXT
        ),
        "HTTP_HOST": st.one_of(st.just("site.example"), TEXT),
        "wsgi.url_scheme": st.sampled_from(["https", "https", "http", "javascript", ""]),
    },
    optional={
        "HTTP_ACCEPT": TEXT,
        "HTTP_ACCEPT_LANGUAGE": TEXT,
        "HTTP_ACCEPT_ENCODING": TEXT,
        "HTTP_REFERER": TEXT,
        "HTTP_SEC_CH_UA": TEXT,
        "HTTP_SEC_FETCH_DEST": TEXT,
        "HTTP_X_REQUESTED_WITH": st.one_of(TEXT, st.just("com.zhiliaoapp.musically")),
        "HTTP_X_FORWARDED_HOST": TEXT,
        "HTTP_X_FORWARDED_PROTO": TEXT,
    },
)


class Faults(logging.Handler):
    """What failed open, as the log tells it."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.told = []

    def emit(self, record):
        self.told.append(self.format(record))


FAULTS = Faults()


@pytest.fixture(autouse=True)
def _faults_are_told():
    logging.getLogger("escape_mw").addHandler(FAULTS)
    FAULTS.told.clear()
    yield
    logging.getLogger("escape_mw").removeHandler(FAULTS)


def asked(environ, location=None):
    """What a visitor gets; what fails open in production fails here."""
    got = SITE.ask(environ, location)
    assert FAULTS.told == []
    return got


def hosts_of(answer):
    """Every host that an answer could lead to, hand-offs unpacked."""
    uris = [value for name, value in answer.headers if name == "Location"]
    uris += map(html.unescape, re.findall(r'href="([^"]*)"', answer.body.decode()))
    for uri in uris:
        data, _, items = uri.partition("#Intent;")
        inner = [
            data.replace("intent:", "https:"),
            *re.findall(r"S\.browser_fallback_url=([^;]*)", items),
        ]
        inner += (
            [unquote(part) for part in re.findall(r"[?&]url=([^&#]*)", data)]
            if data.startswith(("instagram:", "barcelona:", "kakaotalk:"))
            else []
        )
        for url in map(unquote, inner[1:]):
            yield urlsplit(url).hostname
        plain = (
            inner[0]
            .removeprefix("x-safari-")
            .replace("googlechromes:", "https:")
            .replace("googlechrome:", "http:")
        )
        if plain.startswith(("http:", "https:")):
            yield urlsplit(plain).hostname
        elif not re.match(r"/(?![/\\])", plain):
            assert plain.startswith(("spotify:", "instagram:", "barcelona:", "kakaotalk:")), uri


@settings(max_examples=400)
@given(ENVIRONS)
def test_any_environ_is_answered_or_passed(environ):
    before = dict(environ)
    got = asked(environ)
    if got.is_ours:
        assert environ == before
        assert_leads_nowhere_else(got, before)
    else:
        unmarked = [part for part in before["QUERY_STRING"].split("&") if part[:5] != "_esc="]
        rests = (before["QUERY_STRING"], "&".join(unmarked))
        assert got.environ["QUERY_STRING"] in rests
        assert got.environ | {"QUERY_STRING": ""} == before | {"QUERY_STRING": ""}


def assert_leads_nowhere_else(got, environ):
    own = (environ["HTTP_HOST"].partition(":")[0].lower(),)
    assert all(ALLOWED.match(host or "") or host in own for host in hosts_of(got))
    assert all(re.fullmatch(r"[\t -~]*", value) for _, value in got.headers)


@settings(max_examples=400)
@given(ENVIRONS, TARGETS, st.sampled_from(["", "#x", "?a=b", "/../x", "\r\nX: 1"]))
def test_any_redirect_of_the_site_is_answered_or_stands(environ, target, tail):
    is_marked = "_esc=" in environ["QUERY_STRING"]
    got = asked(environ, target + tail)
    if got.is_ours:
        assert_leads_nowhere_else(got, environ)
    elif not is_marked:
        assert got[:2] == ("302 Found", [("Location", target + tail)])


def test_header_injections_reach_no_header():
    for row in corpus("header_injection.jsonl"):
        raw = row["value"].encode("utf-8", "surrogatepass").decode("latin-1")
        for key, value in [
            ("HTTP_HOST", raw),
            ("PATH_INFO", "/page/" + raw),
            ("QUERY_STRING", raw),
            ("HTTP_ACCEPT_LANGUAGE", raw),
            ("HTTP_USER_AGENT", agents.LINE_IOS + raw),
        ]:
            got = asked({**environ_of(agents.LINE_IOS, "/page/x"), key: value})
            assert all(re.fullmatch(r"[\t -~]*", value) for _, value in got.headers)
