"""The tag stands first in the head, and every other byte is the site's, however they are cut."""

from __future__ import annotations

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escape_mw.links.insertion import LIMIT, Insertion

TAG = b'<script async="" src="/_escape/links-0123.js" data-visit="x"></script>'
NOWHERE = None

PLACES = [  # a document, and what stands right before the tag
    pytest.param(b"<!doctype html><html><head><title>a", b"<head>", id="a document"),
    pytest.param(b"<!doctype html><!-- <head> --><html><head>", b"<html><head>", id="a comment"),
    pytest.param(b"<!doctype html><!--><head>--><title>", b"<!--><head>", id="an empty comment"),
    pytest.param(b"<!doctype html><!---><head>", b"<!---><head>", id="another empty one"),
    pytest.param(b"<!doctype html><!-- a --!><head>", b"--!><head>", id="a comment's other end"),
    pytest.param(b"<!--[if IE]><head><![endif]--><html><head>", b"<html><head>", id="for IE"),
    pytest.param(b"<html a=\"b>c\" d='<head>'><head e='>'>x", b"<head e='>'>", id="quoted"),
    pytest.param(b'<html a=b"c><head>', b"<head>", id="a quote inside a value"),
    pytest.param(b'<html ="><head>', b"<head>", id="a name that begins with ="),
    pytest.param(b"<html a= '>' /><HEAD\n>", b"<HEAD\n>", id="blanks and capitals"),
    pytest.param(b"<html x=/><head/>y", b"<head/>", id="slashes"),
    pytest.param(b"\xef\xbb\xbf<!doctype html>\n<head>", b"<head>", id="a byte order mark"),
    pytest.param(b"<?xml version='1.0'?><html><head>", b"<head>", id="an instruction"),
    pytest.param(b"<html><header>a", b"<html>", id="a name that begins alike"),
    pytest.param(b"<html><head-x>", b"<html>", id="a custom element"),
    pytest.param(b"<!doctype html><script>'<head>'</script>", b"<!doctype html>", id="no head"),
    pytest.param(b"<!doctype html>text", b"<!doctype html>", id="text"),
    pytest.param(b"<!doctype html>< head>", b"<!doctype html>", id="text that looks like a tag"),
    pytest.param(b"<!doctype html></p> <head>", b"<head>", id="an end tag of nothing"),
    pytest.param(b"<!doctype html></p a='>'> <head>", b"<head>", id="one with an attribute"),
    pytest.param(b"<!doctype html></br><head>", b"<!doctype html>", id="an end tag that opens"),
    pytest.param(b"<!doctype html></><head>", b"</><head>", id="an empty end tag"),
    pytest.param(b"<title>a</title>", b"", id="a title alone"),
    pytest.param(b"<meta charset=utf-8>", b"", id="a meta element alone"),
    pytest.param(b"<body>a", b"", id="a body alone"),
    pytest.param(b" " * (LIMIT - 6) + b"<head>", b"<head>", id="the last place"),
    pytest.param(b" " * (LIMIT - 5) + b"<head>", NOWHERE, id="too late"),
    pytest.param(b"<!doctype html><body a='" + b"y" * LIMIT, b"<!doctype html>", id="a long tag"),
    pytest.param(b"<!doctype html><!--" + b"x" * LIMIT, NOWHERE, id="a comment without an end"),
    pytest.param(b"<!doctype html><head " + b"x" * LIMIT, NOWHERE, id="a head without an end"),
    pytest.param(b"<p>a</p>", NOWHERE, id="a fragment"),
    pytest.param(b"<li><a href=x>", NOWHERE, id="a list's item"),
    pytest.param(b"<header>no head", NOWHERE, id="a header"),
    pytest.param(b"<turbo-frame id=a><head>", NOWHERE, id="a frame of Turbo's"),
    pytest.param(b"\xef\xbb\xbfplain", NOWHERE, id="text with a mark"),
    pytest.param(b'{"a": 1}', NOWHERE, id="JSON"),
    pytest.param(b"", NOWHERE, id="nothing"),
    pytest.param(b" \n ", NOWHERE, id="blanks"),
    pytest.param(b"<", NOWHERE, id="one byte"),
    pytest.param(b"<!doctype html>", NOWHERE, id="a doctype alone"),
    pytest.param(b"<!-- a", NOWHERE, id="an open comment"),
    pytest.param("<!doctype html><head>".encode("utf-16"), NOWHERE, id="UTF-16"),
    pytest.param("<html><head>".encode("utf-16-be"), NOWHERE, id="UTF-16 without a mark"),
]
XML = [
    pytest.param(b"<?xml?><!DOCTYPE html><html xmlns='x'><head>", b"<head>", id="a head"),
    pytest.param(b"<html><HEAD>", NOWHERE, id="in capitals, which is another name"),
    pytest.param(b"<html><body>", NOWHERE, id="none"),
    pytest.param(b"<!DOCTYPE html [<!ENTITY a '>'>]><html><head>", NOWHERE, id="entities"),
    pytest.param(b"<h:html><h:head>", NOWHERE, id="a prefix"),
]


def inserted(*chunks, is_xml=False):
    """What is sent, and the most that was held back."""
    one = Insertion(TAG, is_xml=is_xml)
    sent, held, given = b"", 0, 0
    for chunk in chunks:
        given += len(chunk)
        sent += one.feed(chunk)
        held = max(held, given - len(sent.replace(TAG, b"", 1)))
    return sent + one.end(), held


def cut(data):
    """A document in two, at every place; byte by byte; and with empty chunks."""
    head = data[:600]
    for at in range(len(head) + 1):
        yield data[:at], data[at:]
    yield (*(head[at : at + 1] for at in range(len(head))), data[600:])
    yield (b"", data, b"")


def is_same_however_cut(data, *, is_xml=False):
    whole, _ = inserted(data, is_xml=is_xml)
    assert whole.replace(TAG, b"", 1) == data
    for chunks in cut(data):
        sent, held = inserted(*chunks, is_xml=is_xml)
        assert sent == whole
        assert held <= LIMIT
    return whole


def tree(data):
    """The document as a browser builds it, without our tag; and whether that was first in head."""
    document = html5lib.parse(data, treebuilder="dom", transport_encoding="utf-8")
    head = document.getElementsByTagName("head")[0]
    first = head.firstChild
    is_first = first is not None and first.nodeName == "script" and "async" in first.attributes
    if is_first:
        head.removeChild(first)
    return shape(document), is_first


def shape(node):
    attributes = sorted((node.attributes or {}).items())
    return node.nodeName, node.nodeValue, attributes, [shape(child) for child in node.childNodes]


@pytest.mark.parametrize(("data", "before"), PLACES)
def test_the_place_of_the_tag(data, before):
    whole = is_same_however_cut(data)
    if before is NOWHERE:
        assert whole == data
        return
    assert whole.partition(TAG)[0].endswith(before)
    assert tree(whole) == (tree(data)[0], True)


@pytest.mark.parametrize(("data", "before"), XML)
def test_the_place_of_the_tag_in_xml(data, before):
    whole = is_same_however_cut(data, is_xml=True)
    assert whole == data if before is NOWHERE else whole.partition(TAG)[0].endswith(before)


PIECES = st.sampled_from(
    [
        *(b"<!doctype html>", b"<html", b"<head", b"<header>", b">", b" ", b"\n", b"<!--", b"-->"),
        *(b"-", b"--!>", b"!", b"a", b"=", b'"', b"'", b"/", b"<", b"</", b"<body>", b"<title>"),
        *(b"<p>", b"<?x", b"<![CDATA[", b"]]>", b"<HTML lang=en>", b"<head>", b"<html>", b"<!"),
        *(b"</head>", b"</html>", b"<meta charset=utf-8>", b"\xef\xbb\xbf", b"<!-", b"&amp;"),
        *(b"</br>", b"<br>", b"<frameset>", b"<template>", b"<svg>", "é".encode()),
    ]
)
STARTS = st.sampled_from([b"", b"<!doctype html>", b"<html"])
DOCUMENTS = st.tuples(STARTS, st.lists(PIECES, max_size=12).map(b"".join)).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS | st.binary(max_size=60))
def test_no_document_changes_but_for_the_tag(data):
    whole = is_same_however_cut(data)
    if whole != data:
        assert tree(whole) == (tree(data)[0], True)


def test_what_comes_behind_is_sent_at_once():
    one = Insertion(TAG)
    assert one.feed(b"<!doctype html><html>") == b""
    assert one.feed(b"<head><title>") == b"<!doctype html><html><head>" + TAG + b"<title>"
    chunk = b"<head>again"
    assert one.feed(chunk) is chunk
