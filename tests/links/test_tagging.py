"""Which responses take the tag, by their headers and their policies, and what a tag changes."""

from __future__ import annotations

import pytest

from escape_mw.decision.decisions import Tag
from escape_mw.decision.model import Visitor
from escape_mw.links.tagging import PolicyError, place_in, script_tag, with_tag

HTML = ("Content-Type", "text/html; charset=utf-8")
VISITOR = Visitor("in-app", "tiktok", "ios")

KINDS = [
    pytest.param([HTML], True, id="HTML"),
    pytest.param([("content-type", "TEXT/HTML")], True, id="in capitals, without a charset"),
    pytest.param([("Content-Type", "application/xhtml+xml")], True, id="XHTML"),
    pytest.param([("Content-Type", 'text/html; charset="Windows-1252"')], True, id="Latin"),
    pytest.param([("Content-Type", "text/html;charset=shift_jis")], True, id="Japanese"),
    pytest.param([("Content-Type", "text/html; charset=utf-16")], False, id="UTF-16"),
    pytest.param([("Content-Type", "text/html; charset=utf-16le")], False, id="without a mark"),
    pytest.param([("Content-Type", "text/html; charset=x-none")], False, id="unknown"),
    pytest.param([("Content-Type", "application/json")], False, id="JSON"),
    pytest.param([("Content-Type", "text/plain")], False, id="text"),
    pytest.param([], False, id="nothing said"),
    pytest.param([HTML, ("Content-Encoding", "gzip")], False, id="compressed all the same"),
    pytest.param([HTML, ("Content-Encoding", "identity")], True, id="not compressed"),
    pytest.param([HTML, ("Content-Disposition", "Attachment; filename=a")], False, id="a file"),
    pytest.param([HTML, ("Content-Disposition", "inline")], True, id="shown in place"),
    pytest.param([HTML, ("Cache-Control", "public, No-Transform")], False, id="not to be changed"),
]


@pytest.mark.parametrize(("headers", "expected"), KINDS)
def test_which_response_takes_a_tag(headers, expected):
    assert (place_in(headers) is not None) is expected


REFUSED = None
POLICIES = [
    pytest.param([], "", id="none"),
    pytest.param(["img-src 'none'"], "", id="not of scripts"),
    pytest.param(["script-src 'self'"], "", id="the site itself"),
    pytest.param(["default-src 'SELF'; img-src *"], "", id="by default"),
    pytest.param(["script-src *"], "", id="any host"),
    pytest.param(["script-src 'none'"], REFUSED, id="no script"),
    pytest.param(["script-src"], REFUSED, id="an empty list"),
    pytest.param(["script-src 'unsafe-inline'"], REFUSED, id="inline scripts only"),
    pytest.param(["script-src https://cdn.example"], REFUSED, id="another host"),
    pytest.param(["script-src 'nonce-a1'"], "a1", id="a nonce"),
    pytest.param(["script-src 'nonce-a1' 'strict-dynamic' 'self'"], "a1", id="strict, a nonce"),
    pytest.param(["script-src 'self' 'strict-dynamic'"], REFUSED, id="strict, no nonce"),
    pytest.param(["script-src 'none'; script-src-elem 'self'"], "", id="elements of their own"),
    pytest.param(["script-src 'self'; script-src 'none'"], "", id="the first of two counts"),
    pytest.param(["script-src 'self', script-src 'none'"], REFUSED, id="two policies in one"),
    pytest.param(["script-src 'self'", "script-src 'nonce-a1'"], "a1", id="two headers"),
    pytest.param(["script-src 'nonce-a1'", "script-src 'nonce-a1' *"], "a1", id="one nonce twice"),
    pytest.param(["script-src 'nonce-a1'", "script-src 'nonce-b2'"], REFUSED, id="two nonces"),
    pytest.param(["script-src 'nonce-a\"><script>'"], REFUSED, id="a hostile nonce"),
    pytest.param(["script-src https://label.example"], "", id="the site by its origin"),
    pytest.param(["script-src label.example"], "", id="by its host"),
    pytest.param(["script-src https:"], "", id="by its scheme"),
    pytest.param(["sandbox allow-forms"], REFUSED, id="a sandbox without scripts"),
    pytest.param(["sandbox allow-scripts; script-src 'self'"], "", id="a sandbox with them"),
    pytest.param([";;  ; script-src  'self' "], "", id="blanks"),
]


@pytest.mark.parametrize(("policies", "expected"), POLICIES)
def test_what_a_policy_wants(policies, expected):
    headers = [HTML, *(("Content-Security-Policy", one) for one in policies)]
    own = frozenset(("https:", "https://label.example", "label.example"))
    if expected is REFUSED:
        with pytest.raises(PolicyError):
            place_in(headers, own=own)
    else:
        assert place_in(headers, own=own).nonce == expected


def test_a_policy_that_only_reports_refuses_nothing():
    headers = [HTML, ("Content-Security-Policy-Report-Only", "script-src 'none'")]
    assert place_in(headers).nonce == ""


def test_a_policy_that_is_still_to_come_brings_its_nonce():
    assert place_in([HTML], "later").nonce == "later"


def test_the_tag_is_html_and_xml_and_escapes_what_it_says():
    decision = Tag(VISITOR, "rule", "tok.en", "intent-app", 8000)
    assert script_tag(decision, "/a&'b/_escape/links-0.js", "n1") == (
        b'<script async="" src="/a&amp;&#x27;b/_escape/links-0.js" data-visit="tok.en"'
        b' data-after="intent-app" data-settle="8000" nonce="n1"></script>'
    )


def test_a_page_with_a_tag_is_one_visitors_own():
    headers = [
        HTML,
        ("Content-Length", "9"),
        ("ETag", '"x"'),
        ("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT"),
        ("Accept-Ranges", "bytes"),
        ("Repr-Digest", "sha-256=:x:"),
        ("Expires", "0"),
        ("Cache-Control", "public, max-age=60"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
    ]
    assert with_tag(headers) == [
        HTML,
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Cache-Control", "private, no-cache"),
        ("CDN-Cache-Control", "no-store"),
        ("Surrogate-Control", "no-store"),
    ]
    kept = dict(with_tag([HTML, ("Cache-Control", "no-store, max-age=0")]))
    assert kept["Cache-Control"] == "no-store, max-age=0"
