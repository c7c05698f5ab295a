"""The command line, run as its user runs it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from datetime import date

import pytest
import yaml

from escape_mw import catalogue
from escape_mw.cli.lists import is_stale
from escape_mw.cli.main import COMMANDS

from ..support.agents import SAFARI, TIKTOK_ANDROID, TIKTOK_IOS
from ..support.commands import run, run_alone
from ..support.real_http import Served, get

TRACK = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=x"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_starts_alone(command):
    done = run_alone(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: python -m escape_mw {command}")


def batch(*records, rules=()):
    lines = "".join(
        (record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records
    )
    done = run("explain", "--batch", *rules, given=lines)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_batch_answers_every_line_in_order():
    code, told = batch(
        {"ua": TIKTOK_IOS, "to": TRACK},
        {"ua": SAFARI, "to": TRACK},
        {"ua": TIKTOK_IOS, "url": "/x", "location": "https://a.lnk.to/y"},
        {"ua": TIKTOK_IOS, "url": "/x"},
        {},
    )
    assert code == 0
    assert told[0] == {
        "visitor": {"kind": "in-app", "app": "tiktok", "platform": "ios", "app_version": "41.9.0"},
        "destination": {
            "service": "spotify",
            "kind": "track",
            "id": "4uLU6hMCjMI75M1A2tKUQC",
            "goal": "app",
            "url": TRACK,
            "app_uri": "spotify:track:4uLU6hMCjMI75M1A2tKUQC",
        },
        "decision": "page",
        "reason": "escape",
        "rule": "to",
        "location": None,
        "steps": [
            {
                "technique": "app-scheme",
                "trigger": "tap",
                "uri": "spotify:track:4uLU6hMCjMI75M1A2tKUQC",
            },
            {"technique": "menu", "trigger": "written", "uri": None},
        ],
    }
    assert (told[1]["decision"], told[1]["reason"], told[1]["visitor"]["platform"]) == (
        "pass",
        "browser",
        "ios",
    )
    assert told[1]["destination"]["service"] == "spotify"
    assert (told[2]["rule"], told[2]["destination"]["goal"]) == ("every redirect", "browser")
    assert (told[3]["decision"], told[3]["reason"], told[3]["destination"]) == (
        "pass",
        "no-redirect",
        None,
    )
    assert told[4]["visitor"] == {
        "kind": "browser",
        "app": None,
        "platform": "other",
        "app_version": None,
    }


NO_RECORDS = [
    pytest.param("nonsense", id="no JSON"),
    pytest.param("", id="an empty line"),
    pytest.param("[]", id="a list"),
    pytest.param('{"agent": "x"}', id="an unknown key"),
    pytest.param('{"ua": 1}', id="a number for text"),
    pytest.param('{"headers": {"a": 1}}', id="a header that is no text"),
    pytest.param('{"url": "http://[::"}', id="a URL that is none"),
    pytest.param("[" * 10_000, id="too deep"),
]


@pytest.mark.parametrize("line", NO_RECORDS)
def test_batch_tells_what_is_no_record_and_goes_on(line):
    code, told = batch(line, {"ua": TIKTOK_IOS})
    assert code == 1
    assert list(told[0]) == ["error"]
    assert told[1]["visitor"]["app"] == "tiktok"


def test_batch_takes_any_text():
    odd = ["\ud800", "\x00", "\u2028", "é" * 3000, "\r\nX: 1"]
    code, told = batch(
        *({"ua": text, "to": text, "headers": {text or "x": text}} for text in odd),
        *({"ua": TIKTOK_IOS, "url": text, "location": text} for text in odd),
    )
    assert code == 0
    assert len(told) == 2 * len(odd)


def test_batch_takes_headers_method_and_rules(tmp_path):
    rules = tmp_path / "escape.yaml"
    rules.write_text("version: 1\nrules: [{name: pre-save, path: /presave, to: page}]\n")
    code, told = batch(
        {"ua": TIKTOK_IOS, "url": "/presave"},
        {"ua": TIKTOK_IOS, "url": "/presave", "method": "POST"},
        {"ua": TIKTOK_IOS, "url": "/presave", "headers": {"Sec-Fetch-Dest": "image"}},
        rules=["--rules", str(rules)],
    )
    assert code == 0
    assert [(row["decision"], row["reason"]) for row in told] == [
        ("page", "escape"),
        ("pass", "method"),
        ("pass", "not-navigation"),
    ]


def test_explain_for_people():
    done = run("explain", "--ua", TIKTOK_ANDROID, "--url", "/listen", "--location", TRACK)
    assert done.returncode == 0
    for line in [
        "visitor      tiktok 33.3.4 on android (in-app)",
        f"destination  spotify track 4uLU6hMCjMI75M1A2tKUQC, goal app: {TRACK}",
        "rule         every redirect",
        "decision     page (escape)",
        "step 3       menu (written)",
    ]:
        assert line in done.stdout.splitlines()
    assert re.search(
        r"^response     200 OK, \d{1,2},\d{3} bytes \(--body prints them\)$", done.stdout, re.M
    )
    assert "<" not in done.stdout
    assert len(done.stdout.splitlines()) == 8


def test_explain_prints_the_response_if_asked():
    done = run("explain", "--body", "--ua", TIKTOK_ANDROID, "--to", TRACK)
    lines = done.stdout.splitlines()
    assert {"response     200 OK", "             Cache-Control: no-store", "</html>"} <= {*lines}


def test_explain_takes_a_host_app_in_place_of_an_agent():
    told = json.loads(
        run("explain", "--json", "--app", "tiktok", "--platform", "ios", "--to", TRACK).stdout
    )
    assert told["visitor"] == {
        "kind": "in-app",
        "app": "tiktok",
        "platform": "ios",
        "app_version": None,
    }
    assert [step["technique"] for step in told["steps"]] == ["app-scheme", "menu"]


def test_explain_json_has_the_exact_response():
    told = json.loads(
        run(
            "explain",
            "--json",
            "--ua",
            TIKTOK_IOS,
            "--to",
            TRACK,
            "--header",
            "Accept-Language: de",
        ).stdout
    )
    assert told["response"]["status"] == "200 OK"
    assert ["Content-Language", "de"] in told["response"]["headers"]
    assert "Auf Spotify abspielen" in told["response"]["body"]


USAGE = [
    pytest.param(["explain", "--to", TRACK, "--url", "/x"], id="--to with --url"),
    pytest.param(["explain", "--app", "tiktok"], id="--app without --platform"),
    pytest.param(["explain", "--app", "tik", "--platform", "ios"], id="an app that nobody knows"),
    pytest.param(["explain", "--header", "no colon"], id="a header without a colon"),
    pytest.param(["list", "sandwiches"], id="an unknown list"),
    pytest.param(["check"], id="check without a file"),
    pytest.param(["serve", "--app", "no_such_module:app"], id="an app that is not there"),
    pytest.param(["serve", "--app", "os:name"], id="an app that cannot be called"),
    pytest.param(["explain", "--batch", "--ua", "x"], id="--batch with --ua"),
    pytest.param(
        ["explain", "--url", "/x", "--location", "http://["], id="a location that is no URL"
    ),
    pytest.param(["preview", "--app", "nobody"], id="a preview of nobody"),
    pytest.param(
        ["preview", "--to", "https://news.example/"], id="a preview on the way to nowhere"
    ),
    pytest.param(["dance"], id="an unknown command"),
]


@pytest.mark.parametrize("words", USAGE)
def test_usage_is_2(words):
    done = run(*words)
    assert done.returncode == 2
    assert "Error:" in done.stderr


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_alone("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "cannot serve on 127.0.0.1" in done.stderr
    assert "another port: --port" in done.stderr


def test_explain_asks_for_what_it_needs():
    assert (
        "decision     up to the site's own redirect; --location says where it leads (no-redirect)"
        in run("explain", "--ua", TIKTOK_IOS, "--url", "/x").stdout
    )


def test_explain_in_observe_mode_answers_nothing(tmp_path):
    rules = tmp_path / "escape.yaml"
    rules.write_text("version: 1\nmode: observe\n")
    done = run(
        "explain", "--rules", str(rules), "--ua", TIKTOK_IOS, "--url", "/x", "--location", TRACK
    )
    assert "decision     page (escape)" in done.stdout
    assert "response     the site's own" in done.stdout


def test_check(tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("version: 1\n")
    bad.write_text("version: 1\nmod: act\n")
    assert run("check", str(good)).returncode == 0
    done = run("check", str(good), str(bad))
    assert done.returncode == 1
    assert f"{bad}:2:1: mod: unknown key (did you mean 'mode'?)" in done.stderr


@pytest.mark.parametrize("command", [["explain", "--ua", "x"], ["serve"]])
def test_bad_rules_end_the_command(tmp_path, command):
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 2\n")
    done = run(*command, "--rules", str(bad))
    assert done.returncode == 1
    assert "bad.yaml:1:1: version" in done.stderr


def test_schema_is_json_schema():
    schema = json.loads(run("schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert set(schema["properties"]) >= {
        "version",
        "mode",
        "rules",
        "destinations",
        "techniques",
        "page",
    }
    assert schema["additionalProperties"] is False


LISTS = [
    pytest.param(
        "apps",
        r"^tiktok +TikTok +ios android +yes +high +2026-11-\d\d +\S",
        len(catalogue.load().apps) + 3,
        id="host apps",
    ),
    pytest.param(
        "destinations",
        r"^spotify +Spotify +app +high +2026-11-\d\d +\S",
        len(catalogue.load().destinations) + 3,
        id="destinations",
    ),
    pytest.param(
        "techniques",
        r"^Facebook on Android\. To the browser.*:\n  1\. .*\(intent\), by itself: observed,"
        r" 2024-11-07, stale$",
        None,
        id="techniques",
    ),
]


@pytest.mark.parametrize(("what", "pattern", "lines"), LISTS)
def test_list(what, pattern, lines):
    told = run("list", what).stdout
    assert told.startswith(f"Facts of {catalogue.load().dated}; ")
    assert re.search(pattern, told, re.MULTILINE)
    assert lines in (None, len(told.splitlines()))


def test_every_ladder_is_listed():
    told = run("list", "techniques").stdout
    assert told.count("(menu), in words") == len(catalogue.load().techniques)
    assert told.count("Any other host app on ") == 4


@pytest.fixture
def serve(tmp_path):
    running = []

    def start(*words):
        running.append(
            Served(
                *("-m", "escape_mw", "serve", "--port", "PORT", *words),
                folder=tmp_path,
                errors=subprocess.STDOUT,
            )
        )
        return running[-1]

    yield start
    for served in running:
        served.stop()


def test_serve_the_demo(serve):
    served = serve()
    site = served.url
    for path, target in [
        ("/listen", "Play on Spotify"),
        ("/apple", "Listen on Apple Music"),
        ("/presave", "work from your own browser"),
        ("/smart", "work from your own browser"),
    ]:
        assert target in get(site + path, TIKTOK_IOS).text
    assert get(site + "/listen", SAFARI).lead == (
        302,
        "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=harbour",
    )
    assert "What your listeners get" in get(site + "/", SAFARI).text
    assert "curl -i -A" in served.stop()


@pytest.mark.parametrize(("mode", "said"), [("act", "page rule="), ("observe", "observe: page ")])
def test_serve_prints_what_is_done(serve, tmp_path, mode, said):
    rules = tmp_path / "escape.yaml"
    rules.write_text(f"version: 1\nmode: {mode}\n")
    served = serve("--rules", str(rules))
    get(served.url + "/listen", TIKTOK_IOS)
    printed = served.stop()
    assert f"rules=1 mode={mode}" in printed
    assert [line for line in printed.splitlines() if line.startswith(said)]


def test_serve_an_app_of_ones_own(serve, tmp_path):
    (tmp_path / "ours.py").write_text(
        "def app(environ, start_response):\n"
        "    start_response('302 Found', [('Location', 'https://a.lnk.to/x')])\n"
        "    return []\n"
    )
    rules = tmp_path / "escape.yaml"
    rules.write_text(yaml.safe_dump({"version": 1, "page": {"brand": "Our label"}}))
    site = serve("--app", "ours:app", "--rules", str(rules)).url
    assert "Our label" in get(site, TIKTOK_ANDROID).text
    assert get(site, SAFARI).lead == (302, "https://a.lnk.to/x")


WORDS = [
    pytest.param("", "a rule's name or path", id="rules alone"),
    pytest.param("base_url: https://label.example\n", "base_url", id="an address"),
    pytest.param("site: labels\n", None, id="a name"),
]


@pytest.mark.parametrize(("more", "word"), WORDS)
def test_check_says_which_edits_end_the_visits_that_have_begun(tmp_path, more, word):
    path = tmp_path / "escape.yaml"
    path.write_text(f"version: 1\nsecret: a secret for tests only\nevents: true\n{more}")
    done = run("check", str(path))
    assert done.returncode == 0
    assert ("ends the visits that have begun" in done.stdout) == (word is not None)
    assert word is None or f"an edit of {word}" in done.stdout


@pytest.mark.parametrize(
    ("verified", "expected"),
    [
        ("2025-11-22", False),
        ("2025-11-20", True),
        ("2025-10", True),
        ("2026-07", False),
        (None, False),
    ],
)
def test_stale_after_a_year(verified, expected):
    assert is_stale(verified, date(2026, 11, 22)) is expected
