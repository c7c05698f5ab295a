"""`escape-mw check`: the commonest mistakes, each with its place, its cause and its cure."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from escape_mw.cli.main import main

from ..support.examples import SECRET, TRACK

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


MEASURED = "secret: Ab3dEf6hIj9lMn2p\nevents: {log: true}\n"
TRIAL = "{path: /x, to: page, experiment: {name: a, holdout: %s}}"
# The file, where its problem stands, what is told of it, and the file as it should be.
MISTAKES = {
    "braces without quotes": (
        rules("{path: /t/{id}, to: page}"),
        "3:15",
        'as in "/t/{id}"',
        rules('{path: "/t/{id}", to: page}'),
    ),
    "a tab": (
        "version: 1\nrules:\n\t- {path: /x, to: page}\n",
        "3:1",
        "not with tabs",
        rules("{path: /x, to: page}"),
    ),
    "a colon in a value": (
        "version: 1\npage:\n  title: Live: the album\n",
        "3:14",
        "a colon and a blank",
        'version: 1\npage:\n  title: "Live: the album"\n',
    ),
    "a star without quotes": (
        rules("{path: **, to: page}"),
        "3:13",
        'as in "/**"',
        rules('{path: "/**", to: page}'),
    ),
    "a colour that is a comment": (
        "version: 1\npage:\n  accent: #1db954\n",
        "3:3",
        "# begins a comment",
        "version: 1\npage:\n  accent: '#1db954'\n",
    ),
    "a colour by name": (
        "version: 1\npage: {accent: green}\n",
        "2:8",
        "such as '#1db954'",
        "version: 1\npage: {accent: '#1db954'}\n",
    ),
    "a slip in a target": (
        rules("{path: /x, to: redirct}"),
        "3:16",
        "did you mean 'redirect'?",
        rules("{path: /x, to: redirect}"),
    ),
    "a slip in a key": (
        rules("{pth: /x, to: page}"),
        "3:6",
        "did you mean 'path'?",
        rules("{path: /x, to: page}"),
    ),
    "a slip in a section": (
        "version: 1\nrule: []\n",
        "2:1",
        "did you mean 'rules'?",
        "version: 1\n",
    ),
    "a slip in a host app": (
        "version: 1\napps: {only: [tiktokk]}\n",
        "2:15",
        "did you mean 'tiktok'?",
        "version: 1\napps: {only: [tiktok]}\n",
    ),
    "a slip in a mode": (
        "version: 1\nmode: observ\n",
        "2:1",
        "did you mean 'observe'?",
        "version: 1\nmode: observe\n",
    ),
    "a number as text": (
        'version: "1"\n',
        "1:1",
        "write it without quotes",
        "version: 1\n",
    ),
    "no version": (
        "rules: []\n",
        "1:1",
        "is missing",
        "version: 1\n",
    ),
    "another version": ("version: 2\n", "1:1", "allowed: 1", "version: 1\n"),
    "no slash": (
        rules("{path: x, to: page}"),
        "3:6",
        "starts with '/'",
        rules("{path: /x, to: page}"),
    ),
    "no path": (
        rules("{to: page}"),
        "3:5",
        "is missing",
        rules("{path: /x, to: page}"),
    ),
    "a host that is no destination": (
        rules("{path: /x, to: https://spotify.example/, everyone: true}"),
        "3:16",
        "add it under destinations.add",
        rules(f"{{path: /x, to: '{TRACK}', everyone: true}}"),
    ),
    "a capture that the path has not": (
        rules('{path: "/x/{id}", to: "https://open.spotify.com/track/{song}", everyone: true}'),
        "3:23",
        "{song} is not a {capture} of the path",
        rules('{path: "/x/{id}", to: "https://open.spotify.com/track/{id}", everyone: true}'),
    ),
    "a capture in the host": (
        rules('{path: "/x/{id}", to: "https://{id}.lnk.to/x", everyone: true}'),
        "3:23",
        "whose host holds no {capture}",
        rules('{path: "/x/{id}", to: "https://band.lnk.to/{id}", everyone: true}'),
    ),
    "everyone for the site's own page": (
        rules("{path: /x, to: page, everyone: true}"),
        "3:26",
        "needs a 'to' that is a URL",
        rules("{path: /x, to: page}"),
    ),
    "yes for true": (
        "version: 1\ndetect: yes\n",
        "2:1",
        "must be true or false",
        "version: 1\ndetect: true\n",
    ),
    "one for a list": (
        "version: 1\nexclude: /admin/**\n",
        "2:1",
        "must be a list",
        'version: 1\nexclude: ["/admin/**"]\n',
    ),
    "another framework's capture": (
        rules("{path: /x/<slug>, to: page}"),
        "3:6",
        "a capture is written {slug}",
        rules('{path: "/x/{slug}", to: page}'),
    ),
    "a colon for a capture": (
        rules("{path: /x/:slug, to: page}"),
        "3:6",
        "a capture is written {slug}",
        rules('{path: "/x/{slug}", to: page}'),
    ),
    "a brace that stays open": (
        rules('{path: "/x/{slug", to: page}'),
        "3:6",
        "a capture is written {slug}",
        rules('{path: "/x/{slug}", to: page}'),
    ),
    "a colour that is a comment in a line": (
        "version: 1\npage: {accent: #1db954}\n",
        "3:1",
        "quote a colour",
        "version: 1\npage: {accent: '#1db954'}\n",
    ),
    "a key of when": (
        rules("{path: /x, to: page, apps: [tiktok]}"),
        "3:26",
        "stands under 'when:'",
        rules("{path: /x, to: page, when: {apps: [tiktok]}}"),
    ),
    "a date without a zone": (
        rules("{path: /x, when: {from: 2026-12-04T00:00}}"),
        "3:23",
        "needs a time zone, such as 2026-12-04T00:00 Europe/London",
        rules("{path: /x, when: {from: 2026-12-04T00:00 Europe/London}}"),
    ),
    "an end before the beginning": (
        rules("{path: /x, when: {from: 2036-12-04 Etc/UTC, until: 2036-12-03 Etc/UTC}}"),
        "3:49",
        "is not after 'from', 2036-12-04 00:00 UTC",
        rules("{path: /x, when: {from: 2036-12-03 Etc/UTC, until: 2036-12-04 Etc/UTC}}"),
    ),
    "a host with a scheme": (
        "version: 1\nhosts: {https://a.example: {}}\n",
        "2:9",
        "a host name such as label.example",
        "version: 1\nhosts: {a.example: {}}\n",
    ),
    "a list for a mapping": (
        "version: 1\npage: [brand]\n",
        "2:1",
        "must be a mapping",
        "version: 1\npage: {brand: Midnight}\n",
    ),
    "a key twice": (
        "version: 1\nmode: act\nmode: off\n",
        "3:1",
        "stands here twice; keep one",
        "version: 1\nmode: act\n",
    ),
    "a key indented too far": (
        "version: 1\n  mode: act\n",
        "2:7",
        "a colon and a blank",
        "version: 1\nmode: act\n",
    ),
    "a bracket that stays open": (
        'version: 1\nexclude: ["/admin/**"\nmode: act\n',
        "3:1",
        "expected ',' or ']'",
        'version: 1\nexclude: ["/admin/**"]\nmode: act\n',
    ),
    "per cent for a part of 1": (
        MEASURED + "version: 1\nsite: label\nrules:\n  - " + TRIAL % "50" + "\n",
        "6:48",
        "0.5 and 50% are one half",
        MEASURED + "version: 1\nsite: label\nrules:\n  - " + TRIAL % "50%" + "\n",
    ),
    "an experiment that nothing measures": (
        "secret: Ab3dEf6hIj9lMn2p\nversion: 1\nsite: a\nrules:\n  - " + TRIAL % "0.5" + "\n",
        "5:26",
        "needs 'events:'",
        MEASURED + "version: 1\nsite: label\nrules:\n  - " + TRIAL % "0.5" + "\n",
    ),
    "an experiment whose escaped visits never come back": (
        MEASURED
        + "version: 1\nsite: label\nrules:\n  - "
        + (TRIAL % "0.5").replace(
            "to: page", "to: https://open.spotify.com/album/1DFixLWuPkv3KT3TnV35m3"
        )
        + "\n",
        "6:75",
        "only held-out visits could have an outcome",
        MEASURED + "version: 1\nsite: label\nrules:\n  - " + TRIAL % "0.5" + "\n",
    ),
    "events without a secret": (
        "version: 1\nsite: a\nevents: {log: true}\n",
        "3:1",
        "'escape-mw secret' prints",
        MEASURED + "version: 1\nsite: a\n",
    ),
    "a secret that can be guessed": (
        "version: 1\nsecret: aaaaaaaaaaaaaaaaaaaa\n",
        "2:1",
        "'escape-mw secret' prints",
        "version: 1\nsecret: Ab3dEf6hIj9lMn2p\n",
    ),
    "a variable beside text": (
        "version: 1\nbase_url: https://${HOST}\n",
        "2:1",
        "nothing else stands beside it",
        "version: 1\nbase_url: https://label.example\n",
    ),
    "a base with a path": (
        "version: 1\nbase_url: https://label.example/shop\n",
        "2:1",
        "this value is not",
        "version: 1\nbase_url: https://label.example\n",
    ),
    "steps and a switch": (
        "version: 1\ntechniques:\n  - {app: tiktok, platform: ios, technique: app-scheme}\n",
        "3:5",
        "say 'enabled: false'",
        "version: 1\ntechniques:\n"
        "  - {app: tiktok, platform: ios, technique: app-scheme, enabled: false}\n",
    ),
}


@pytest.mark.parametrize(("text", "place", "cure", "mended"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_at_its_place_with_its_cure(tmp_path, text, place, cure, mended):
    code, lines = checked(tmp_path, text)
    assert code == 1
    found = next(line for line in lines if cure in line)
    assert found.startswith(f"{place}:")
    assert checked(tmp_path, mended, "--strict")[0] == 0, "nothing is found in a second step"


EVERYTHING = """\
version: "1"
page:
  title: Live: the album
  accent: #1db954
rules:
  - {path: /t/{id}, to: page}
  - {path: /x, to: redirct}
  - {path: /y, to: https://nobody.example/}
\t- {path: /z, to: page, shar: 1}
  - {path: /a, to: page, share: 101}
  - {path: /b, to: page, experiment: {name: x, holdout: 50%}}
techniques:
  - {app: tiktok, platform: ios, technique: menu, enabled: false}
"""


def test_everything_is_told_in_one_pass(tmp_path):
    """What is not YAML, what has another form, and what means nothing: at the first attempt."""
    _, lines = checked(tmp_path, EVERYTHING)
    assert [line.partition(": ")[0] for line in lines if line] == [
        "1:1", "3:14", "4:3", "6:15", "7:16", "8:16", "9:1", "9:26", "10:26", "11:26", "11:26",
        "13:34",
    ]  # fmt: skip


EXCERPTS = [
    pytest.param(
        rules("{path: x, to: page}"),
        ["    3 |   - {path: x, to: page}", "      |      ^"],
        id="the line, and a caret below",
    ),
    pytest.param("version: 1\nsecret: short\n", [], id="no line that holds a secret"),
    pytest.param("version: 1\nsecret:\n  @hunter2-Zq81xxLK\n", [], id="nor one below its key"),
    pytest.param(
        "version: 1\nlab:\n  token:\n    %hunter2-Zq81xxLK\n", [], id="nor one two levels below"
    ),
    pytest.param('version: 1\nsecret: "hunter2\n  Zq81 @\n mode: x\n', [], id="nor one in quotes"),
    pytest.param(
        "version: 1\nmode: \x1b[31mred\n", ["    2 | mode: \\x1b[31mred", "      | ^"], id="escaped"
    ),
    pytest.param(f"version: 1\nmodes: {'x' * 300}\n", None, id="cut"),
]


@pytest.mark.parametrize(("text", "excerpt"), EXCERPTS)
def test_the_line_stands_below_with_a_caret(tmp_path, text, excerpt):
    (tmp_path / "f.yaml").write_text(text)
    done = CliRunner().invoke(main, ["check", str(tmp_path / "f.yaml")])
    shown = done.output.splitlines()[1:]
    if excerpt is None:
        assert max(map(len, shown)) <= 110
    else:
        assert shown == excerpt


WARNINGS = [
    pytest.param(
        rules("{path: /x, to: page, links: true}"),
        "rule 'rule 1': 'links' has no effect, for host apps never get the site's own page there;"
        " leave 'to' out, or write 'words_only: pass' beside 'to: page'",
        id="links of a page that nobody sees",
    ),
    pytest.param(
        rules('{path: "/**", to: redirect}', "{path: /x, to: page}"),
        "rule 'rule 2' never runs: 'rule 1' before it takes the same visits",
        id="a rule below one for everything",
    ),
    pytest.param(
        rules("{path: /x/**, to: page}", "{path: '/x/{slug}/y', to: page}"),
        "rule 'rule 2' never runs: 'rule 1' before it takes the same visits",
        id="a rule below one for its folder",
    ),
    pytest.param(
        rules("{path: '/{any}/y', to: page}", "{path: /x/y, to: page}"),
        "rule 'rule 2' never runs: 'rule 1' before it takes the same visits",
        id="a rule below one with a capture",
    ),
    pytest.param(
        rules("{path: /x, to: page}", "{path: /x, to: page, when: {apps: [tiktok]}}"),
        "rule 'rule 2' never runs: 'rule 1' before it takes the same visits",
        id="a rule for some below one for all",
    ),
    pytest.param(
        rules(
            "{name: pre, path: /x, to: page}",
            f"{{name: out, path: /x, to: '{TRACK}', everyone: true}}",
        ),
        "rule 'out' runs for browsers only: 'pre' before it takes the visits of host apps;"
        " the first that fits counts",
        id="a release below its pre-save",
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
    pytest.param(
        f"{MEASURED}site: a\n{rules(TRIAL.replace('/x', '/x/**') % 0.5)}",
        "rule 'rule 1': its experiment covers several pages; a visitor who goes on from one to"
        " another is one visit only where the browser sends a Referer, so name the page where"
        " visitors enter",
        id="an experiment on a flow of pages",
    ),
]


@pytest.mark.parametrize(("text", "warning"), WARNINGS)
def test_what_may_surprise_is_told_and_fails_only_if_asked(tmp_path, text, warning):
    assert checked(tmp_path, text) == (0, [*checked(tmp_path, text)[1][:1], warning])
    assert checked(tmp_path, text, "--strict") == (1, checked(tmp_path, text)[1])


DATED = [
    pytest.param(
        "until: 2020-01-01 Etc/UTC",
        "",
        "rule 'rule 1' is over since 2020-01-01 00:00 UTC",
        id="past",
    ),
    pytest.param(
        "until: 2036-01-01 Etc/UTC",
        "from: 2036-01-03 Etc/UTC",
        "no rule is for '/x' from 2036-01-01 00:00 UTC to 2036-01-03 00:00 UTC",
        id="a gap",
    ),
    pytest.param(
        "until: 2036-01-02 Etc/UTC",
        "from: 2036-01-01 Etc/UTC",
        "rules 'rule 1' and 'rule 2' are both for '/x' from 2036-01-01 00:00 UTC on;"
        " the first in the file is taken",
        id="an overlap",
    ),
    pytest.param(
        "until: 2036-01-01 Etc/UTC", "from: 2036-01-01 Etc/UTC", "", id="one after the other"
    ),
    pytest.param("hosts: [a.example]", "", "", id="a host's, and everybody's"),
    pytest.param(
        "until: 2036-01-02 Etc/UTC, platforms: [ios]",
        "from: 2036-01-01 Etc/UTC, platforms: [android]",
        "",
        id="for other visitors",
    ),
]


@pytest.mark.parametrize(("first", "second", "warning"), DATED)
def test_dates_that_leave_a_gap_or_are_over(tmp_path, first, second, warning):
    text = rules(f"{{path: /x, when: {{{first}}}}}", f"{{path: /x, when: {{{second}}}}}")
    assert checked(tmp_path, text)[1][1:] == [warning] * bool(warning)


def test_a_rule_without_a_date_closes_the_gaps_of_its_path(tmp_path):
    dated = [
        "{path: /x, when: {until: 2036-01-01 Etc/UTC}}",
        "{path: /x, when: {from: 2036-01-03 Etc/UTC}}",
    ]
    assert len(checked(tmp_path, rules(*dated, "{path: '/**'}"))[1]) == 1


def test_a_range_in_another_leaves_no_gap(tmp_path):
    dated = [
        f"{{path: /x, when: {{from: 2036-12-{first} Etc/UTC, until: 2036-12-{last} Etc/UTC}}}}"
        for first, last in (("01", 30), (10, 12), (20, 31))
    ]
    told = checked(tmp_path, rules(*dated))[1][1:]
    assert sum("are both for" in line for line in told) == 2
    assert not any("no rule is for" in line for line in told)


def test_a_host_that_the_site_has_not(tmp_path):
    text = (
        "version: 1\nhosts: {a.example: {}}\nrules:\n  - {path: /x, when: {hosts: [b.example]}}\n"
    )
    assert checked(tmp_path, text)[1][1:] == [
        "rule 'rule 1' never runs: its hosts are not under 'hosts'"
    ]


def test_one_bad_dress_is_one_problem(tmp_path):
    text = (
        "version: 1\npage: {template: none.html}\nhosts: {a.example: {}, b.example: {}}\n"
        "rules: [{path: /x}]\n"
    )
    assert [line.partition(": ")[0] for line in checked(tmp_path, text)[1][:1]] == ["2:8"]
    text = "version: 1\npage: {artwork_hosts: [a.example], artwork: 'https://a.example/x'}\n"
    told = [line for line in checked(tmp_path, text)[1] if ": page." in line]
    assert [line.split(": ")[1] for line in told] == ["page.artwork_hosts[0]"]


SOUND = [
    pytest.param("{path: /x, to: page, when: {apps: [tiktok]}}", id="some apps"),
    pytest.param("{path: /x, to: page, when: {not_apps: [line]}}", id="not all apps"),
    pytest.param("{path: /x, to: page, when: {not_query: [ttclid]}}", id="not every query"),
    pytest.param("{path: /x, to: page, when: {platforms: [ios]}}", id="one platform"),
    pytest.param("{path: /y/**, to: page}", id="another path"),
    pytest.param("{path: /x/*, to: page}", id="below that path"),
    pytest.param("{path: '/{slug}/y', to: page}", id="another shape"),
    pytest.param("{path: '/x{slug}', to: page}", id="with more behind it"),
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


def test_a_database_in_a_folder_that_is_not_there_is_a_warning(tmp_path):
    url = f"sqlite:///{tmp_path / 'nowhere' / 'events.sqlite3'}"
    path = tmp_path / "escape.yaml"
    path.write_text(f"version: 1\nsite: x\nsecret: {SECRET}\nevents: {{database: '{url}'}}\n")
    done = CliRunner().invoke(main, ["check", str(path)])
    expected = f"the folder {tmp_path / 'nowhere'} does not exist here, and is not created"
    assert (done.exit_code, expected in done.output) == (0, True)
    (tmp_path / "nowhere").mkdir()
    assert "does not exist here" not in CliRunner().invoke(main, ["check", str(path)]).output


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("sqlite:///:memory:", id="in memory"),
        pytest.param("sqlite:///file::memory:?uri=true", id="in memory, as a URI"),
        pytest.param("sqlite:///file:{}/events.sqlite3?vfs=/nowhere/x&uri=true", id="a URI"),
        pytest.param("postgresql+psycopg://localhost/nowhere/x", id="on a server"),
    ],
)
def test_a_database_that_needs_no_other_folder(tmp_path, url):
    path = tmp_path / "escape.yaml"
    database = url.format(tmp_path)
    path.write_text(f"version: 1\nsite: x\nsecret: {SECRET}\nevents: {{database: '{database}'}}\n")
    done = CliRunner().invoke(main, ["check", str(path)])
    assert (done.exit_code, "does not exist here" in done.output) == (0, False), done.output
