"""Markup that wants out of its slot, by the context it is meant for, and what a page then says."""

from __future__ import annotations

import re
from functools import lru_cache

import html5lib

from escape_mw import RulesError, load

WORD = "harmless"
SIGNED = re.compile(rb"2~[\w.~-]*\.[0-9a-f]+\.[\w-]{27}", re.ASCII)
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


def unsigned(body):
    """A page with one word for every signed value, which has no character that means anything."""
    return SIGNED.sub(b"SIGNED", body)


@lru_cache(maxsize=1024)
def is_misread(value):
    """Whether browsers would misread a path that ends so, which the rules refuse as artwork."""
    try:
        load({"version": 1, "page": {"artwork": f"/static/{value}"}})
    except RulesError:
        return True
    return False


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
    kept = (f"/static/{WORD}",) if is_misread(value) else ()  # see `rules_with` of test_xss
    assert [as_parsed(text) for text in strings(hostile)] == [
        text if text.endswith(kept) else text.replace(WORD, as_parsed(value))
        for text in strings(harmless)
    ], value
