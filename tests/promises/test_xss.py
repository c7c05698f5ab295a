"""Whatever a value says, in whichever slot.

A page's tree stays that of a harmless word, and the value comes out as it went in.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

import html5lib
import pytest

from escape_mw import Answer, RulesError, load
from escape_mw.cli.preview import STATES, Preview
from escape_mw.decision.dress import MISREAD
from escape_mw.engine.engine import Engine
from escape_mw.lab.marks import LabTokens, Session
from escape_mw.page.languages import available

from ..support.agents import ANDROID, IPHONE, LINE_IOS, SAFARI, TIKTOK_IOS
from ..support.examples import NOW, SECRET, TRACK
from ..support.needs import corpus
from ..support.sites import answer_to
from ..support.wsgi import environ_of

WORD = "harmless"
LAB = LabTokens(SECRET).link
ROUND = Session("tiktok", "41.9", "ios", "round")
IN_URL = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]*")

CONTEXTS = {
    "text": [
        "<script>alert(1)</script>",
        "<ScRiPt\n>alert(1)</sCrIpT >",
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<\x00script>alert(1)</script>",
        "\xff\xfe<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        "<math><mtext></form><form><mglyph><style></math><img src=x onerror=alert(1)>",
        '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
        '<iframe srcdoc="&lt;script&gt;alert(1)&lt;/script&gt;">',
        "</p></header></main></body></html><script>alert(1)</script>",
        "<table><td><tr><script>alert(1)</script>",
        "<plaintext>",
        "<textarea>",
        "<select><option>",
        "<base href=//evil.example/>",
        "<meta http-equiv=refresh content=0;url=//evil.example/>",
        "<link rel=stylesheet href=//evil.example/>",
        "<a href=javascript:alert(1)>x</a>",
        "<form action=//evil.example/><button>x",
        "<!--",
        "--><script>alert(1)</script><!--",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<?xml version='1.0'?><script>alert(1)</script>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&#60;script&#62;alert(1)&#x3c;/script&#x3e;",
        "&notit; &copy &amp;amp;",
        "\uff1cscript\uff1ealert(1)",
        "\u02bascript\u02ba\u2039script\u203a",
        "  <b> \t\r\n <i>",
    ],
    "attribute": [
        '"',
        "'",
        "`",
        '">',
        "'>",
        "/>",
        '"><script>alert(1)</script>',
        "'><script>alert(1)</script>",
        '" onmouseover="alert(1)',
        "' onfocus='alert(1)' autofocus='",
        "` onerror=`alert(1)",
        " onload=alert(1) ",
        '"/onclick=alert(1)//',
        '"\nonclick=alert(1)\n"',
        '"\tonclick=alert(1)\t"',
        '"\x0conclick=alert(1)\x0c"',
        '"\ronclick=alert(1)\r"',
        '" autofocus tabindex=1 onfocus=alert(1) x="',
        '" style="background:url(//evil.example/)',
        '" srcdoc="<script>alert(1)</script>',
        '" href="javascript:alert(1)',
        '" formaction="javascript:alert(1)" type="submit',
        '" data-window data-trigger="auto',
        '" http-equiv="refresh" content="0;url=//evil.example/',
        "&quot; onclick=&quot;alert(1)",
        "&#34; onclick=&#34;alert(1)",
        "&#x22 onclick=&#x22alert(1)",
        '"]]><script>alert(1)</script>',
        '="><svg onload=alert(1)>',
    ],
    "URL": [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "java\r\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "javascript&colon;alert(1)",
        "javascript&#58;alert(1)",
        "javascript:%61lert(1)",
        "javascript://%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
        "vbscript:msgbox(1)",
        "blob:https://evil.example/1",
        "//evil.example/",
        "\\\\evil.example\\",
        "/\\evil.example/",
        "https://evil.example/",
        "https:evil.example",
        "@evil.example/",
        "../../'><script>alert(1)</script>",
        '?"><script>alert(1)</script>',
        '#"><script>alert(1)</script>',
        "#Intent;scheme=javascript;package=evil.app;end",
        ";S.browser_fallback_url=https%3A%2F%2Fevil.example;end",
        "%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "%2522%253E%253Cscript%253E",
        "%0d%0aLocation:%20javascript:alert(1)",
        "\r\nLocation: javascript:alert(1)",
        "0;url=javascript:alert(1)",
    ],
    "script": [
        "</script><script>alert(1)</script>",
        "</SCRIPT\n><img src=x onerror=alert(1)>",
        "</script/x><svg onload=alert(1)>",
        '";alert(1)//',
        "';alert(1)//",
        '\\";alert(1)//',
        "\\",
        "\\u003cscript\\u003ealert(1)",
        "\\x3cscript\\x3e",
        "${alert(1)}",
        "`${alert(1)}`",
        "-alert(1)-",
        "*/alert(1)/*",
        "//\nalert(1)",
        "<!--<script>alert(1)",
        "-->alert(1)",
        "]]>alert(1)",
        "\u2028alert(1)\u2029",
        '"}],"steps":[{"uri":"javascript:alert(1)"}]',
        '{"__proto__": {"x": 1}}',
        "{{constructor.constructor('alert(1)')()}}",
        "{{ 7 * 7 }}{% raw %}{# x #}",
        "{service}{app}{sign}{label}",
        "{0.__class__}{x!r}",
        "%s %(app)s %%",
        "$app ${service}",
        "<%= 7 * 7 %>#{7*7}",
    ],
    "style": [
        "</style><script>alert(1)</script>",
        "</STYLE\n><img src=x onerror=alert(1)>",
        "red;}body{background:url(//evil.example/)}",
        "#000;color:red",
        "#fff}.button{background:url(//evil.example/)",
        "}a[href^=x]{background:url(//evil.example/)}",
        "expression(alert(1))",
        "url(javascript:alert(1))",
        "url('//evil.example/')",
        "@import '//evil.example/';",
        ";behavior:url(x)",
        ";-moz-binding:url(//evil.example/x)",
        "var(--x);",
        "\\3c script\\3e",
        "\\0022 onclick",
        "/*",
        "*/}</style>",
        "<style>@import '//evil.example/';</style>",
        "<link rel=stylesheet href=//evil.example/>",
        "<!--</style>",
        "content:'\\",
        "!important}",
    ],
    "title and language": [
        "</title><script>alert(1)</script>",
        "</TITLE\n><img src=x onerror=alert(1)>",
        "<title>x</title>",
        "</title/x><svg onload=alert(1)>",
        "&lt;/title&gt;",
        "<!--</title>-->",
        'en"><script>alert(1)</script>',
        "en' onload='alert(1)",
        'en" dir="rtl',
        "en\x00",
        "en\n",
        "en, </html>",
        "zz-<svg/onload=alert(1)>",
        'x-"onload=alert(1)',
        "*;q=<script>alert(1)</script>",
        'de;q="><script>alert(1)</script>',
        "ar;dir=ltr",
        "\u202eelgna\u202c",
        "\u2066<b>\u2069",
        "\u200f\u200e\u200d\ufeff",
        "a\u0301\u0327<b\u0301>",
        "\U0001f3b5<\U0001f3b5>",
        "\U000e0001\U000e0065\U000e006e",
        "\u1680<i>\u3000",
    ],
}
EVERY = [value for values in CONTEXTS.values() for value in values]


@lru_cache(maxsize=16)
def tree(body):
    """Every element in its order: tag, attributes, text and tail; a comment is an element too."""
    document = html5lib.parse(body.decode(), treebuilder="etree", namespaceHTMLElements=False)
    return [
        (str(element.tag), dict(element.attrib), element.text or "", element.tail or "")
        for element in document.iter()
    ]


def structure(body):
    return [(tag, sorted(attributes)) for tag, attributes, *_ in tree(body)]


def strings(body):
    """Every attribute's value and every text, in their order; a class is ours (a long heading)."""
    for _, attributes, text, tail in tree(body):
        values = (value for name, value in attributes.items() if name != "class")
        yield from (*values, text, tail)


def as_parsed(value):
    """What a parser makes of a value before it is a token.

    Line ends are one, and NUL is nothing (HTML 13.2.3.5).
    """
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").replace("\ufffd", "")


def raw(value):
    """A value in a request as WSGI hands it over."""
    return value.encode().decode("latin-1")


def assert_only_words_differ(harmless, hostile, value):
    """The tree of the harmless word with the value in its place, everywhere."""
    assert structure(hostile) == structure(harmless), value
    kept = (f"/static/{WORD}",) if MISREAD.search(value) else ()  # see `rules_with`
    assert [as_parsed(text) for text in strings(hostile)] == [
        text if text.endswith(kept) else text.replace(WORD, as_parsed(value))
        for text in strings(harmless)
    ], value


# --- what the rules say ---------------------------------------------------------------------------


SHOWN = ("brand", "title", "artwork", "app", "sign", "label", "destination", "verified", "to")
HIDDEN = ("rule", "note", "source")


def rules_with(values, artwork="/static/"):
    """Rules with a value of its own in every slot that takes any text.

    A path that browsers would misread is refused as artwork: a harmless word stands there.
    """
    is_misread = artwork.startswith("/") and MISREAD.search(values["artwork"])
    image = WORD if is_misread else values["artwork"]
    menu = {"sign": values["sign"], "label": values["label"]}
    rung = {
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
        "techniques": [{"app": "our-app", "platform": "ios", "goal": "browser", "steps": [rung]}],
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


def page(rules, agent, location="https://go.label.example/x"):
    """The page in place of a site's redirect."""
    engine = Engine(rules)
    passed = answer_to(engine, environ_of(agent))
    return passed.instead("302 Found", [("Location", location)]).body


def lab_page(rules, agent):
    environ = environ_of(agent, "/_escape/lab", f"token={LAB}")
    return answer_to(Engine(rules), environ).body


def preview_index(rules, to):
    return b"".join(Preview(lambda: load(rules), to)(environ_of(), lambda *_: None))


OURS_IOS, OURS_ANDROID = f"{IPHONE}Mobile/22G86 OurApp/1", f"{ANDROID} OurApp/1"
PAGES = {
    "the page with a button": lambda rules, _: page(rules, OURS_ANDROID),
    "the page in words": lambda rules, _: page(rules, OURS_IOS),
    "the lab": lambda rules, _: lab_page(rules, OURS_IOS),
    "the index of the preview": lambda rules, values: preview_index(rules, values["to"]),
}
ARTWORK = ("/static/", "data:image/svg+xml,")


def everywhere(value):
    return dict.fromkeys([*SHOWN, *HIDDEN], value)


def same_date(_, text, *__):
    return f"2~{text}.{NOW:x}.{'A' * 27}"


@pytest.fixture
def same(monkeypatch):
    """Reads rules whose signed values are all the same: one key, one id, one date."""
    monkeypatch.setattr("escape_mw.lab.marks.secrets.token_urlsafe", lambda _: "round")
    monkeypatch.setattr("escape_mw.decision.tokens.Tokens.new_visit", lambda: "visit")
    monkeypatch.setattr("escape_mw.decision.policy.short_hash", lambda *_: "0a1b2c3d")
    monkeypatch.setattr("escape_mw.decision.signing.Signer.sign", same_date)
    monkeypatch.setattr("escape_mw.decision.signing.Signer._signature_of", lambda *_: "A" * 27)
    return load


def every_page(read, values, artwork):
    rules = read(rules_with(values, artwork))
    return {name: make(rules, values) for name, make in PAGES.items()}


def test_every_slot_is_looked_at(same):
    """Each slot's value stands on one of the pages.

    What the next test says of a slot it says because of that.
    """
    values = {name: f"our own {name}" for name in [*SHOWN, *HIDDEN]}
    seen = b"".join(every_page(same, values, ARTWORK[0]).values()).decode()
    assert {name for name, value in values.items() if value in seen} == set(SHOWN)


@pytest.mark.parametrize("artwork", ARTWORK)
@pytest.mark.parametrize("context", CONTEXTS)
def test_nothing_that_the_rules_say_leaves_its_place(context, artwork, same):
    harmless = every_page(same, everywhere(WORD), artwork)
    for value in CONTEXTS[context]:
        for name, hostile in every_page(same, everywhere(value), artwork).items():
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
    pytest.param(lambda value: {"lab": {"file": "x", value: LAB}}, id="a key of the lab"),
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


def signed(*parts):
    """A token as the rules of `same` sign it."""
    return f"2~{'~'.join(parts)}.{NOW:x}.{'A' * 27}"


MARKER = signed("intent", "visit", "0a1b2c3d", "tiktok", "ios")
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
QUOTED = [
    pytest.param(lambda value: {"PATH_INFO": "/p/" + value}, id="the path"),
    pytest.param(lambda value: {"SCRIPT_NAME": "/app" + value}, id="the mount point"),
    pytest.param(lambda value: {"QUERY_STRING": value}, id="the query"),
    pytest.param(
        lambda value: {"QUERY_STRING": f"_esc={MARKER}&{value}"},
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
            "QUERY_STRING": f"token={LAB}",
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
MARK = signed(*ROUND, "browser", "extbrowser", "tap")
LAB_PAGE = {"PATH_INFO": "/_escape/lab", "QUERY_STRING": f"token={LAB}"}
LAB_UNHEARD = [
    pytest.param(lambda value: {"QUERY_STRING": f"token={LAB}&run={value}"}, id="a round"),
    pytest.param(
        lambda value: {"QUERY_STRING": f"token={LAB}&run={signed(*ROUND)}{quote(value)}"},
        id="something after a round, which the signature's own decoder would overlook",
    ),
    pytest.param(
        lambda value: {"QUERY_STRING": f"token={LAB}&{value}"}, id="something else in the query"
    ),
    pytest.param(
        lambda value: {"QUERY_STRING": f"token={LAB}{quote(value, safe='')}"},
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


def answered(engine, agent, given):
    """Our answer to a request in this host app, or to the site's redirect.

    The redirect stands beside the request's own keys.
    """
    given = dict(given)
    location = given.pop("Location", None)
    answer = answer_to(engine, environ_of(agent) | given)
    if location is not None and not isinstance(answer, Answer):
        answer = answer.instead("302 Found", [("Location", location)])
    return answer if isinstance(answer, Answer) else None


def assert_quoted(engine, make, values):
    """Wherever the request's word stood, a URL's own characters stand and nothing else.

    The same holds in a redirect's Location.

    Returns how many values stood on a page at all.
    """
    harmless = answered(engine, TIKTOK_IOS, make(WORD)).body
    constant = {text for text in strings(harmless) if WORD not in text}
    stood = 0
    for value in values:
        if hostile := answered(engine, TIKTOK_IOS, make(value)):
            assert structure(hostile.body) == structure(harmless), value
            said = [text for text in strings(hostile.body) if text not in constant]
            assert all(map(IN_URL.fullmatch, said)), value
            stood += bool(said)
        if redirect := answered(engine, LINE_IOS, make(value)):
            assert all(
                IN_URL.fullmatch(text) for name, text in redirect.headers if name == "Location"
            ), value
    return stood


@pytest.mark.parametrize("make", QUOTED)
def test_what_a_request_says_stands_on_the_page_as_a_quoted_url_or_not_at_all(make, same):
    assert assert_quoted(Engine(same(MEASURED)), make, map(raw, EVERY)) > 20


@pytest.mark.parametrize(("make", "harmless"), UNHEARD)
def test_what_no_page_repeats(make, harmless, same):
    """The page is the same to the byte, or the site answers.

    `harmless` is None where only the site may.
    """
    engine = Engine(same(REQUEST_RULES))
    page = answered(engine, TIKTOK_IOS, {}).body
    same_page = 0
    for value in map(raw, EVERY):
        hostile = answered(engine, TIKTOK_IOS, make(value))
        assert hostile is None or (harmless is not None and hostile.body == page), value
        same_page += hostile is not None
    assert (same_page > len(EVERY) / 2) == (harmless is not None)


@pytest.mark.parametrize("make", LAB_UNHEARD)
def test_what_no_page_of_the_lab_repeats(make, same):
    """It is one of the pages that say nothing of the request but who asks, or the site answers."""
    engine = Engine(same({"version": 1, "secret": SECRET, "lab": True}))
    arrived = LAB_PAGE | {"PATH_INFO": "/_escape/lab/arrived", "QUERY_STRING": f"m={MARK}"}
    known = {
        answered(engine, *asked).body
        for asked in [(TIKTOK_IOS, LAB_PAGE), (SAFARI, LAB_PAGE), (TIKTOK_IOS, arrived)]
    }
    for value in map(raw, EVERY):
        hostile = answered(engine, TIKTOK_IOS, LAB_PAGE | make(value))
        assert hostile is None or hostile.body in known, value


@pytest.mark.parametrize("given", ["state=first&language={}", "state={}&language=en", "to={}"])
def test_the_preview_repeats_nothing_of_a_request(given, same):
    same_rules = same({"version": 1})
    preview = Preview(lambda: load(same_rules))

    def body(path, query=""):
        return b"".join(preview(environ_of(SAFARI, path, query), lambda *_: None))

    known = {
        body("/page", f"app=tiktok&state={state}&language={language}")
        for state in STATES
        for language in available()
    }
    known |= {body("/"), body("/page", "app=tiktok&to=nowhere"), body("/nothing")}
    for value in EVERY:
        for path in ("/page", "/" + value):
            assert body(path, f"app=tiktok&{given.format(quote(value))}") in known, value


# --- labelled payloads, where a corpus is at hand -------------------------------------------------


def markup():
    return [row["value"] for row in corpus("xss_payloads.jsonl")]


@pytest.mark.parametrize("page", PAGES)
def test_no_markup_of_the_rules_gets_out(page, same):
    """Ten rows to a value, for speed.

    They come out as they went in, or one of them has broken its slot.
    """

    def made(word):
        values = everywhere(word)
        return PAGES[page](same(rules_with(values)), values)

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
def test_no_markup_of_a_request_gets_out(make, same):
    assert assert_quoted(Engine(same(MEASURED)), make, map(raw, markup())) > 100
