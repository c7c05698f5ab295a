"""Files of the site's own: a style that its policy allows, and templates with what it refuses."""

from __future__ import annotations

import pytest

from escape_mw import RulesError, load
from escape_mw.rules.warnings import warnings_of

from .made import decision, hashes, page_of

EXTENDS = '{%% extends "interstitial.html" %%}{%% block header %%}%s{%% endblock %%}'
REFUSES = "the page's Content-Security-Policy refuses "


def rules_with(folder, page, **files):
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    path = folder / "escape.yaml"
    path.write_text(f"version: 1\npage: {{{page}}}\n")
    return load(path)


def test_a_style_stands_behind_ours_and_is_allowed_by_its_hash(tmp_path):
    rules = rules_with(tmp_path, "style: our.css", our_css="h1 { color: red }\n")
    made = page_of(rules, decision(), "en")
    text = made.body.decode()
    assert text.index(":root{color-scheme") < text.index("h1 { color: red }</style>")
    assert f"style-src {hashes(text, 'style')}" in dict(made.headers)["Content-Security-Policy"]
    assert [*map(str, rules.files)] == [str(tmp_path / "our.css")]  # an edit is seen
    bare = page_of(load({"version": 1}), decision(), "en")
    assert text.replace("\nh1 { color: red }", "") == bare.body.decode()


def test_a_byte_order_mark_is_no_part_of_a_selector(tmp_path):
    rules = rules_with(tmp_path, "style: our.css", our_css="\ufeffh1 { color: red }\n")
    assert "\nh1 { color: red }</style>" in page_of(rules, decision(), "en").body.decode()


BAD = [
    pytest.param("h1{}\0", "a style cannot contain", id="with a byte that browsers replace"),
    pytest.param("h1{}</STYLE><script>", "a style cannot contain '</style'", id="that ends early"),
    pytest.param(None, "cannot be read: No such file", id="that is not there"),
]


@pytest.mark.parametrize(("text", "problem"), BAD)
def test_a_style_that_cannot_be(tmp_path, text, problem):
    with pytest.raises(RulesError, match=problem) as found:
        rules_with(tmp_path, "style: our.css", **({"our_css": text} if text else {}))
    assert "page.style" in str(found.value) or "escape.yaml:2" in str(found.value)


MARKUP = [
    pytest.param("<style>h1{}</style>", ["<style> (use page.style)"], id="a style"),
    pytest.param('<p style="color:red">', ["style= (use page.style)"], id="a style's attribute"),
    pytest.param("<script>go()</script>", ["<script>"], id="a script"),
    pytest.param('<script src="/x.js"></script>', ["<script>"], id="a script's file"),
    pytest.param('<p onclick="go()">', ["onclick="], id="a handler"),
    pytest.param(
        '<link rel="stylesheet" href="/x.css">',
        ['<link rel="stylesheet"> (write its rules into page.style)'],
        id="a style's file",
    ),
    pytest.param(
        '<link rel="alternate preload" href="/x.js">',
        ['<link rel="alternate preload"> (write its rules into page.style)'],
        id="a file for later",
    ),
    pytest.param(
        '<link rel="modulepreload" href="/x.js">',
        ['<link rel="modulepreload"> (write its rules into page.style)'],
        id="a module for later",
    ),
    pytest.param('<link href="/x">', [], id="a link to nothing known"),
    pytest.param(
        '<img src="https://cdn.example/x.png"/>',
        ['<img src="https://cdn.example/x.png"> (only page.artwork and page.logo)'],
        id="a foreign image",
    ),
    pytest.param("<iframe></iframe><form>", ["<iframe>", "<form>"], id="a frame and a form"),
    pytest.param('<img src="/static/x.png" alt="">', [], id="an image from where the artwork is"),
    pytest.param(
        '<source srcset="https://cdn.example/x.png">',
        ['<source srcset="https://cdn.example/x.png"> (only page.artwork and page.logo)'],
        id="a foreign image in a set",
    ),
    pytest.param(
        '<link rel="icon" href="https://cdn.example/x.png">',
        ['<link rel="icon" href="https://cdn.example/x.png"> (only page.artwork and page.logo)'],
        id="a foreign icon",
    ),
    pytest.param(
        '<img src="{{ page.logo }}">',
        ['<img src="None">: put it between {% if %} and {% endif %}'],
        id="an image that may be missing",
    ),
    pytest.param('<script type="application/ld+json">{"a": 1}</script>', [], id="data, no script"),
    pytest.param("<h1>{{ heading }}</h1><p class='x'>Ours</p>", [], id="nothing"),
]


@pytest.mark.parametrize(("markup", "told"), MARKUP)
def test_what_the_policy_refuses_of_a_template_is_told(tmp_path, markup, told):
    page = "template: our.html, artwork: /static/cover.jpg"
    rules = rules_with(tmp_path, page, our_html=EXTENDS % markup)
    path = str(tmp_path / "our.html")
    assert [*warnings_of(rules, 0)] == [f"{path}: {REFUSES}{one}" for one in told]


def test_a_template_that_is_none_is_told_by_its_line(tmp_path):
    with pytest.raises(RulesError, match=r"our\.html:2: "):
        rules_with(tmp_path, "template: our.html", our_html="<h1>\n{% if %}")


def test_values_in_a_template_are_escaped(tmp_path):
    page = "template: our.html, title: '<b>&'"
    text = (
        '{% extends "interstitial.html" %}{% block header %}<i>{{ page.title }}</i>{% endblock %}'
    )
    made = page_of(rules_with(tmp_path, page, our_html=text), decision(), "en").body.decode()
    assert "<i>&lt;b&gt;&amp;</i>" in made


def test_a_template_without_the_shipped_one(tmp_path):
    rules = rules_with(tmp_path, "template: our.html", our_html="<style>h1{}</style>{{ heading }}")
    assert [*warnings_of(rules, 0)] == [
        f"{tmp_path / 'our.html'}: {REFUSES}<style> (use page.style)"
    ]


STYLES = [
    pytest.param("h1 { color: red }", [], id="nothing"),
    pytest.param("h1 { background: url('/static/x.png') }", [], id="where the artwork is"),
    pytest.param('@import "more.css";', ["@import"], id="another file"),
    pytest.param(
        "@font-face { src: url(/static/f.woff2) }",
        ["@font-face"],
        id="a font, wherever it is",
    ),
    pytest.param(
        "h1 { background: url(https://cdn.example/x.png) }",
        ["url(https://cdn.example/x.png) (only page.artwork and page.logo)"],
        id="an image of another host",
    ),
]


@pytest.mark.parametrize(("style", "told"), STYLES)
def test_what_the_policy_refuses_of_a_style_is_told(tmp_path, style, told):
    page = "style: our.css, artwork: /static/cover.jpg"
    rules = rules_with(tmp_path, page, our_css=style)
    path = str(tmp_path / "our.css")
    assert [*warnings_of(rules, 0)] == [f"{path}: {REFUSES}{one}" for one in told]


def test_what_fails_in_a_dress_fails_at_the_start(tmp_path):
    text = "{% if page.logo %}{{ nothing }}{% endif %}"
    with pytest.raises(RulesError, match="'nothing' is undefined"):
        rules_with(tmp_path, "template: our.html, logo: /l.svg", our_html=text)


def test_a_rules_template_is_judged_in_its_hosts_dress(tmp_path):
    (tmp_path / "our.html").write_text('<img src="{{ page.artwork }}">')
    path = tmp_path / "escape.yaml"
    path.write_text(
        "version: 1\nhosts: {a.example: {page: {artwork: /a.jpg}}}\n"
        "rules: [{path: /x, to: page, page: {template: our.html, title: X}}]\n"
    )
    assert [*warnings_of(load(path), 0)] == [  # of the site, which has none
        f"{tmp_path / 'our.html'}: {REFUSES}"
        '<img src="None">: put it between {% if %} and {% endif %}'
    ]


def test_a_rules_logo_has_captures(tmp_path):
    path = tmp_path / "escape.yaml"
    path.write_text(
        "version: 1\nrules: [{path: '/r/{slug}', to: page, page: {logo: '/l/{slag}.svg'}}]\n"
    )
    with pytest.raises(RulesError, match=r"\{slag\} is not a \{capture\} of the rule's path"):
        load(path)
