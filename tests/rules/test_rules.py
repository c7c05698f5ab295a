"""The rules file: what it means, and every problem at its place."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escape_mw import Rules, RulesError, load
from escape_mw.decision.policy import Rule
from escape_mw.decision.targets import FixedUrl, SitePage, SiteRedirect
from escape_mw.events.options import EventOptions
from escape_mw.page.interstitial import SAMPLE
from escape_mw.rules.rule_form import RuleForm, When
from escape_mw.rules.schema import EventForm, RulesFile

WHOLE = """\
version: 1
mode: observe
base_url: https://label.example
allowed_hosts: [label.example]
secret: ${TEST_SECRET}
marker: _out
detect: true
exclude: ["/admin/**", "/api/**", "/static/**"]
apps:
  only: [tiktok, instagram, our-app]
  disable: [instagram]
  add:
    - {id: our-app, name: Our app, tokens: [OurApp/], android_package: com.example.ours}
destinations:
  only: [spotify, apple-music, linkfire]
  add:
    - {id: our-links, name: Our links, hosts: [go.label.example, "*.lnk.label.example"], \
goal: browser}
techniques:
  - {app: instagram, platform: ios, technique: extbrowser, enabled: false}
  - {app: tiktok, platform: android, goal: app, steps: [intent-app: tap, menu: written]}
page: {brand: Midnight Records, title: "New single", accent: "#1db954", \
artwork: /static/cover.jpg, language: auto, template: null}
rules:
  - name: bio link
    path: /listen/{slug}
    to: https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC
    share: 50
  - {path: "/t/{id}", to: "https://open.spotify.com/track/{id}"}
  - {path: "/presave/**", to: page, when: \
{apps: [tiktok], platforms: [ios, android], visitors: [in-app], languages: [en]}}
  - {path: "/**", to: redirect}
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "escape.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
        return path

    return write


def problems(source):
    with pytest.raises(RulesError) as raised:
        load(source)
    return raised.value.problems


def test_the_whole_file(written, monkeypatch):
    monkeypatch.setenv("TEST_SECRET", "sixteen characters")
    rules = load(str(written(WHOLE)))
    assert isinstance(rules, Rules)
    assert (
        rules.policy.mode,
        rules.policy.base_url,
        rules.policy.allowed_hosts,
        rules.policy.detect,
    ) == (
        "observe",
        "https://label.example",
        {"label.example"},
        True,
    )
    assert rules.policy.markers.name == "_out"
    assert rules.policy.apps == {"tiktok", "our-app"}
    assert load(
        {
            "version": 1,
            "apps": {
                "only": ["tiktok"],
                "add": [{"id": "ours", "name": "Ours", "tokens": ["Ours/"]}],
            },
        }
    ).policy.apps == {"tiktok", "ours"}
    assert set(rules.policy.destinations.entries) == {
        "spotify",
        "apple-music",
        "linkfire",
        "our-links",
    }
    assert rules.policy.excludes("/admin/x")
    assert [rule.name for rule in rules.policy.rules] == [
        "bio link",
        "rule 2",
        "rule 3",
        "rule 4",
    ]
    forms = [type(rule.to) for rule in rules.policy.rules]
    assert forms == [FixedUrl, FixedUrl, SitePage, SiteRedirect]
    assert rules.policy.rules[0].share == 50
    assert (
        rules.policy.detector.visitor(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Mobile/1 OurApp/2.5", {}
        ).app_version
        == "2.5"
    )


def test_the_same_as_a_mapping_and_as_rules():
    rules = load({"version": 1, "mode": "observe"})
    assert rules.policy.mode == "observe"
    assert load(rules) is rules
    assert load(None).policy.mode == "act"


# The commonest mistakes are those of tests/cli/test_check.py, each with its place and its cure.
BAD = [
    pytest.param(
        "",
        ["escape.yaml:1:1: the rules are a mapping that begins with 'version: 1'"],
        id="an empty file",
    ),
    pytest.param(
        "- 1",
        ["escape.yaml:1:1: the rules are a mapping that begins with 'version: 1'"],
        id="a list",
    ),
    pytest.param(
        "version: 1\nmode: Off",
        [
            (
                "escape.yaml:2:1: mode: 'Off' is not allowed (did you mean 'off'?); allowed: "
                "act, observe, off"
            )
        ],
        id="another word",
    ),
    pytest.param(
        "version: 1\npage: {colour: '#fff'}",
        [
            (
                "escape.yaml:2:8: page.colour: unknown key; allowed here: "
                "brand, title, artist, accent, artwork, logo, language, template, style,"
                " artwork_hosts"
            )
        ],
        id="an unknown key",
    ),
    pytest.param(
        "version: 1\npage: {brand: 1.10}",
        ["escape.yaml:2:8: page.brand: must be text (put it in quotes), not 1.1"],
        id="a number for text",
    ),
    pytest.param("version: 1\npage: {brand: null, language: xx}", 1, id="an unknown language"),
    pytest.param(
        "version: 1\npage: {artwork: 'https://elsewhere.example/x.jpg'}",
        1,
        id="artwork of another site",
    ),
    pytest.param(
        "version: 1\npage: {artwork: '//elsewhere.example/x.jpg'}",
        1,
        id="artwork of another site, without a scheme",
    ),
    pytest.param(
        "version: 1\npage: {template: nowhere.html}", 1, id="a template that is not there"
    ),
    pytest.param(
        'version: 1\npage: {template: "a\\0b"}', 1, id="a template whose name no file can have"
    ),
    pytest.param(
        'version: 1\nrules: [{name: "two\\nlines", path: /x, to: page}]',
        1,
        id="a name of two lines",
    ),
    pytest.param(
        f"version: 1\nrules: [{{name: {'x' * 65}, path: /x, to: page}}]",
        1,
        id="a name too long for a report",
    ),
    pytest.param(
        "version: 1\nsecret: ${NO_SUCH_VARIABLE}",
        [
            "escape.yaml:2:1: secret: the environment variable NO_SUCH_VARIABLE is not set;"
            " it is the site's own: `escape-mw secret` prints the first one"
        ],
        id="a variable that is not set",
    ),
    *[
        pytest.param(f"version: 1\nsecret: {secret}", 1, id=f"the secret {secret}")
        for secret in ["$ESCAPE_MW_SECRET_OF_OURS", "pre-${HOME}-and-more", "${A-B}-and-some-more"]
    ],
    pytest.param("version: 1\nmarker: 'a b'", 1, id="a marker that is no name"),
    pytest.param(
        "version: 1\ndestinations: {disable: [spotifi]}",
        [
            (
                "escape.yaml:2:26: destinations.disable[0]: 'spotifi' is not a known destination "
                "(did you mean 'spotify'?)"
            )
        ],
        id="a misspelt destination",
    ),
    *[
        pytest.param(
            f"version: 1\ndestinations: {{add: [{{id: x, name: X, hosts: ['{host}']}}]}}",
            1,
            id=f"the host {host}",
        )
        for host in [
            "*",
            "*.",
            "com",
            "*.com",
            "a.*.example",
            "https://a.example",
            "a.example/x",
            "a.example:80",
            "A.example",
            "127.0.0.1",
            "söng.example",
            "a..example",
            "-a.example",
            "a.example.",
        ]
    ],
    pytest.param(
        "version: 1\ndestinations: {add: [{id: Our Links, name: X, hosts: [a.example]}]}",
        1,
        id="an id with a blank",
    ),
    pytest.param(
        "version: 1\ndestinations: {add: [{id: x, name: X, hosts: []}]}", 1, id="no hosts"
    ),
    pytest.param("version: 1\ntechniques: [{app: tiktok}]", 1, id="an override that says nothing"),
    pytest.param(
        "version: 1\ntechniques: [{app: tiktok, enabled: false, steps: [{intent: tap}]}]",
        1,
        id="steps and a switch",
    ),
    *[
        pytest.param(
            f"version: 1\ntechniques: [{{app: tiktok, steps: [{{intent-app: tap, {key}: menu}}]}}]",
            1,
            id=f"a step that says its {key} twice",
        )
        for key in ("technique", "trigger")
    ],
    pytest.param(
        "version: 1\napps: {add: [{id: x, name: X, tokens: [xapp], not_tokens: ['']}]}",
        1,
        id="what is in every agent",
    ),
    pytest.param(
        "version: 1\ndestinations: {disable: [twitter]}",
        1,
        id="a host app's other name for a destination",
    ),
    pytest.param(
        "version: 1\nhosts: {label.example: {base_ur: 'https://label.example'}}",
        [
            "escape.yaml:2:25: hosts.label.example.base_ur: unknown key (did you mean 'base_url'?);"
            " allowed here: base_url, page"
        ],
        id="an unknown key of a host",
    ),
    pytest.param(
        "version: 1\ntechniques: [{app: tiktok, steps: [{intent: written}]}]",
        1,
        id="words for a technique that has a URI",
    ),
    pytest.param(
        "version: 1\ntechniques: [{app: tiktok, steps: [{menu: tap}]}]", 1, id="a tap on words"
    ),
    pytest.param("version: 1\napps: {only: []}", 1, id="no apps at all"),
    pytest.param(
        "version: 1\nrules: [{path: /x, to: page, when: {apps: []}}]", 1, id="a rule for nobody"
    ),
    pytest.param(
        "version: 1\nrules: [{path: /x, to: page, share: true}]", 1, id="a share that is no number"
    ),
    pytest.param(
        "version: 1\ntechniques: [{technique: menu, enabled: false}]",
        1,
        id="the menu cannot be switched off",
    ),
    pytest.param(
        "version: 1\ntechniques: [{app: tiktok, steps: [{warp: tap}]}]",
        1,
        id="an unknown technique",
    ),
    pytest.param(
        "version: 1\ntechniques: [{app: tiktok, steps: [{intent: push}]}]",
        1,
        id="an unknown trigger",
    ),
    pytest.param("version: 1\nrules: []", 1, id="no rules"),
    pytest.param(
        "version: 1\nrules: [{path: /out, to: {query: url}}]",
        [
            "escape.yaml:2:22: rules[0].to: 'to: {query: ...}' is gone, for anybody can write the"
            " URL in a query; 'to: redirect' takes the address that the site itself redirects to"
        ],
        id="a target in the query, as version 0.1 had it",
    ),
    pytest.param(
        "version: 1\nrules: [{path: /x, to: redirect, direct: true}]",
        [
            "escape.yaml:2:34: rules[0].direct: 'direct' is gone: leave it out; the browser gets"
            " this site's own URL, so that arrivals are counted"
        ],
        id="direct, as version 0.1 had it",
    ),
    pytest.param(
        "version: 1\nrules: [{path: /x, to: 'javascript:alert(1)'}]", 1, id="a script for a target"
    ),
    pytest.param(
        "version: 1\nrules: [{path: /x, to: 'https://open.spotify.com\\@evil.example/'}]",
        1,
        id="a target that parsers disagree on",
    ),
    pytest.param(
        "version: 1\nrules: [{path: '/x/{a}', to: 'https://{a}/'}]", 1, id="a capture for the host"
    ),
    pytest.param(
        "version: 1\nrules: [{path: '/x/{a}', to: 'https://open.spotify.com{a}/'}]",
        1,
        id="a capture that lengthens the host",
    ),
    pytest.param(
        "version: 1\nrules: [{path: /x, to: page, share: 101}]",
        [
            "escape.yaml:2:30: rules[0].share: must be less than or equal to 100"
            " (in per cent: 50 and 50% are one half), not 101"
        ],
        id="a share above all",
    ),
    pytest.param(
        "version: 1\nrules: [{path: /x, to: page, when: {visitors: [bots]}}]",
        1,
        id="a visitor of another kind",
    ),
    pytest.param(b"version: 1\nmode: \xff", 1, id="not UTF-8"),
]


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_bad_files(written, text, expected):
    path = written(text)
    found = [problem.replace(str(path), "escape.yaml") for problem in problems(path)]
    if isinstance(expected, int):
        assert len(found) == expected, found
        assert found[0].startswith("escape.yaml:")
    else:
        assert found == expected


def test_every_problem_at_once_in_the_order_of_the_file(written):
    path = written(
        "version: 1\nmod: act\napps: {only: [tiktik]}\nrules:\n"
        "  - {path: x, to: page, share: 101}\n"
    )
    assert [problem.removeprefix(f"{path}:").partition(" ")[0] for problem in problems(path)] == [
        "2:1:",
        "3:15:",
        "5:6:",
        "5:25:",
    ]


def test_problems_of_a_mapping_have_no_line():
    assert problems({"version": 1, "mod": "act"})[0].startswith(
        "rules: mod: unknown key (did you mean 'mode'?)"
    )


BROKEN_TEMPLATES = [
    pytest.param("{% block x %}", "ours.html:1: ", id="a syntax error, at its line"),
    pytest.param("{{ words.get(a=1, a=2) }}", "keyword argument repeated", id="a call with a twin"),
    pytest.param("{{ nothing }}", "'nothing' is undefined", id="a name that is not there"),
    pytest.param('{% extends "elsewhere.html" %}', "elsewhere.html", id="a base that is not there"),
]


@pytest.mark.parametrize(("text", "told"), BROKEN_TEMPLATES)
def test_a_broken_template_stops_the_start(written, tmp_path, text, told):
    (tmp_path / "ours.html").write_text(text)
    found = problems(written("version: 1\npage: {template: ours.html}"))
    assert len(found) == 1
    assert "page.template: " in found[0]
    assert told in found[0]


def test_a_template_is_tried_with_what_a_rule_says_of_its_page(written, tmp_path):
    text = "{% if page.title and page.brand %}{{ nothing }}{% endif %}"
    (tmp_path / "ours.html").write_text(text)
    rules = (
        "version: 1\npage: {template: ours.html, brand: Ours}\n"
        "rules: [{path: /a, to: page, page: {title: A}}, {path: /b, to: page, page: {title: B}}]"
    )
    [found] = problems(written(rules))
    assert "escape.yaml:3:" in found
    assert "'nothing' is undefined" in found


def test_a_template_may_bear_the_shipped_ones_name(written, tmp_path):
    (tmp_path / "interstitial.html").write_text("ours: {{ heading }}")
    rules = load(written("version: 1\npage: {template: interstitial.html}"))
    assert rules.policy.dress.template.endswith("interstitial.html")
    page = replace(SAMPLE, dress=rules.policy.dress)
    assert rules.page.answer(page).body.startswith(b"ours: ")


def test_templates_of_rules_need_only_a_host_in_force():
    rules = load(
        {
            "version": 1,
            "destinations": {"also": ["youtube"]},
            "rules": [{"path": "/v/{id}", "to": "https://www.youtube.com/watch?v={id}"}],
        }
    )
    assert isinstance(rules.policy.rules[0].to, FixedUrl)


@pytest.mark.parametrize("path", ["nowhere.yaml", ".", "a\x00b"])
def test_files_that_cannot_be_read(path):
    assert "cannot be read" in problems(path)[0]


def test_mode_from_the_environment(monkeypatch):
    monkeypatch.setenv("ESCAPE_MW_MODE", "observe")
    assert load({"version": 1, "mode": "act"}).policy.mode == "observe"
    monkeypatch.setenv("ESCAPE_MW_MODE", "OFF")
    assert load(None).policy.mode == "off"
    monkeypatch.setenv("ESCAPE_MW_MODE", "maybe")
    assert problems(None) == [
        "rules: mode: the environment variable ESCAPE_MW_MODE is 'maybe';"
        " allowed: act, observe, off"
    ]


@pytest.mark.parametrize("source", [None, {"version": 1}])
def test_the_old_name_of_the_modes_variable_is_an_error(monkeypatch, source):
    """A deployment that says "off" by it must not act."""
    monkeypatch.setenv("ESCAPE_MW", "off")
    assert problems(source) == [
        "rules: mode: the environment variable ESCAPE_MW is now ESCAPE_MW_MODE; rename it"
    ]
    monkeypatch.setenv("ESCAPE_MW_MODE", "off")
    assert load(source).policy.mode == "off"


def test_the_callers_mapping_is_left_alone():
    source = {"version": 1, "rules": [{"path": "/x", "to": "page"}]}
    before = json.loads(json.dumps(source))
    load(source)
    assert source == before


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*RulesFile.model_fields, "path", "to", "id", "add", "only", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*RulesFile.model_fields, "x"]), JSONISH, max_size=4))
def test_any_mapping_loads_or_raises_rules_error(source):
    try:
        rules = load({"version": 1, **source})
    except RulesError as error:
        problems = error.problems
    else:
        problems = []
        assert isinstance(rules, Rules)
    assert all(problem.startswith("rules") for problem in problems)


def test_the_default_rules_are_those_of_a_file_that_says_nothing():
    """They are built without the form of the rules file, so each part is compared."""
    default, read = load(None), load({"version": 1})
    for name in ("mode", "rules", "apps", "base_url", "allowed_hosts", "detect", "exclude"):
        assert getattr(default.policy, name) == getattr(read.policy, name), name
    for name in ("detector", "destinations", "ladders"):
        one, other = (_state(getattr(rules.policy, name)) for rules in (default, read))
        assert one == other, name
    assert default.policy.markers.name == read.policy.markers.name
    assert (default.events, default.lab, default.files) == (read.events, read.lab, read.files)
    assert _state(default.page) == _state(read.page)


def _state(part):
    """What an object holds, but for its memos and its compiled template."""
    held = vars(part).items()
    return {
        name: value for name, value in held if not hasattr(value, "cache_clear") and name != "_own"
    }


HALF = "\ud800"
NOT_UTF8 = [
    pytest.param({"page": {"title": HALF}}, "page.title", id="a title"),
    pytest.param({"page": {"language": HALF}}, "page.language", id="a language"),
    pytest.param({"page": {"template": HALF}}, "page.template", id="a file's name"),
    pytest.param({"rules": [{"path": f"/{HALF}", "to": "page"}]}, "rules[0].path", id="a path"),
    pytest.param({"page": {HALF: "x"}}, "page", id="a key"),
    pytest.param({"secret": "${NOT_UTF8}"}, "secret", id="bytes in the environment"),
]


@pytest.mark.parametrize(("rules", "place"), NOT_UTF8)
def test_text_that_utf8_cannot_hold_is_a_problem_at_its_place(rules, place, monkeypatch):
    monkeypatch.setitem(os.environb, b"NOT_UTF8", bytes(range(200, 240)))
    said = "is not text that UTF-8 can hold; write each character whole"
    assert problems({"version": 1, **rules}) == [f"rules: {place}: {said}"]


VALUES = [
    pytest.param(EventForm, EventOptions, set(), id="events"),
    pytest.param(When, Rule, set(), id="when a rule applies"),
    pytest.param(RuleForm, Rule, {"when", "page", "words_only"}, id="a rule"),
]


@pytest.mark.parametrize(("form", "value", "converted"), VALUES)
def test_no_key_is_accepted_and_dropped(form, value, converted):
    """`_copied` takes what form and value name alike; these have another form in the value."""
    names = {one.name for one in dataclasses.fields(value)}
    assert set(form.model_fields) - names == converted


def test_no_key_of_a_rule_hides_another():
    assert set(RuleForm.model_fields).isdisjoint(When.model_fields)
