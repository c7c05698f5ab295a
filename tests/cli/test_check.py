"""`escape-mw check`: the commonest mistakes, each with its place, its cause and its cure."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from escape_mw.cli.main import main

TRACK = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
RULE = "rule 'rule 1': visitors who are not escaped get the site's own answer at '/x'"


def checked(tmp_path, text, *options):
    """The exit code, and the lines without the file's name."""
    (tmp_path / "f.yaml").write_text(text)
    done = CliRunner().invoke(main, ["check", *options, str(tmp_path / "f.yaml")])
    return done.exit_code, [
        line.partition("f.yaml:")[2].strip() for line in done.output.splitlines()
    ]


def rules(*listed):
    return "version: 1\nrules:\n" + "".join(f"  - {rule}\n" for rule in listed)


MISTAKES = [
    pytest.param(
        rules("{path: /t/{id}, to: page}"), "3:", 'as in "/t/{id}"', id="braces without quotes"
    ),
    pytest.param("version: 1\nrules:\n\t- x\n", "3:", "not with tabs", id="a tab"),
    pytest.param(
        "version: 1\npage:\n  title: Live: the album\n", "3:", "a colon and a blank", id="a colon"
    ),
    pytest.param(rules("path: **"), "3:", 'as in "/**"', id="a star without quotes"),
    pytest.param(
        "version: 1\npage:\n  accent: #1db954\n", "3:3: page.accent", "# begins a comment", id="#"
    ),
    pytest.param(
        rules("{path: /x, to: redirct}"), "3:16: rules[0].to", "is not redirect", id="a slip"
    ),
    pytest.param(
        'version: "1"\n', "1:1: version", "write it without quotes", id="a number as text"
    ),
    pytest.param(
        rules("{path: x, to: page}"), "3:6: rules[0].path", "starts with '/'", id="no slash"
    ),
    pytest.param(
        rules("{pth: /x, to: page}"), "3:6: rules[0].pth", "did you mean 'path'?", id="a key"
    ),
    pytest.param(
        rules("{path: /x, to: https://spotify.example/}"), "3:", "not a destination", id="a host"
    ),
]


@pytest.mark.parametrize(("text", "place", "cure"), MISTAKES)
def test_a_mistake_is_told_at_its_place_with_its_cure(tmp_path, text, place, cure):
    code, lines = checked(tmp_path, text)
    assert code == 1
    found = next(line for line in lines if cure in line)
    assert found.startswith(place)


WARNINGS = [
    pytest.param(
        rules('{path: "/**", to: redirect}', "{path: /x, to: page}"),
        "rule 'rule 2' never runs: 'rule 1' before it takes the same visits",
        id="a rule below one for everything",
    ),
    pytest.param(
        rules("{path: /x, to: page}", "{path: /x, to: page, when: {apps: [tiktok]}}"),
        "rule 'rule 2' never runs: 'rule 1' before it takes the same visits",
        id="a rule for some below one for all",
    ),
    pytest.param(
        rules("{name: a, path: /x, to: page}", "{name: a, path: /y, to: page}"),
        "2 rules are called 'a': logs and reports cannot tell them apart",
        id="one name for two rules",
    ),
    pytest.param(
        rules(f"{{path: /x, to: '{TRACK.replace('https', 'http')}', everyone: true}}"),
        "rule 'rule 1': write https in 'to'; an http address is one hop more",
        id="an http destination",
    ),
    pytest.param(
        rules("{path: /x, to: 'https://open.spotify.com/album/', everyone: true}"),
        "rule 'rule 1': Spotify has no song, album or the like at this address;"
        " only the browser can open it",
        id="an album without an id",
    ),
    pytest.param(
        rules(f"{{path: /x, to: '{TRACK}'}}"),
        f"{RULE}; with 'everyone: true', a redirect to the same URL",
        id="a rule that only some follow",
    ),
]


@pytest.mark.parametrize(("text", "warning"), WARNINGS)
def test_what_may_surprise_is_told_and_fails_only_if_asked(tmp_path, text, warning):
    assert checked(tmp_path, text) == (0, [*checked(tmp_path, text)[1][:1], warning])
    assert checked(tmp_path, text, "--strict") == (1, checked(tmp_path, text)[1])


SOUND = [
    pytest.param("{path: /x, to: page, when: {apps: [tiktok]}}", id="some apps"),
    pytest.param("{path: /x, to: page, when: {not_apps: [line]}}", id="not all apps"),
    pytest.param("{path: /x, to: page, when: {not_query: [ttclid]}}", id="not every query"),
    pytest.param("{path: /x, to: page, when: {platforms: [ios]}}", id="one platform"),
    pytest.param("{path: /x/**, to: page}", id="another path"),
    pytest.param("{path: /x, to: page, when: {languages: [de]}}", id="one language"),
]


@pytest.mark.parametrize("first", SOUND)
def test_a_rule_that_may_still_run_is_not_warned_of(tmp_path, first):
    text = rules(first, "{path: /x, to: page}")
    assert len(checked(tmp_path, text)[1]) == 1


def test_a_sites_own_destination_needs_no_song(tmp_path):
    own = "destinations:\n  add: [{id: ours, name: Ours, hosts: [go.label.example], goal: app}]\n"
    rule = rules("{path: /x, to: 'https://go.label.example/x', everyone: true}")
    assert len(checked(tmp_path, rule + own)[1]) == 1
