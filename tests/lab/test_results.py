"""What own results amount to.

Tallies, rows that load as rules, and the commands that print them.
"""

from __future__ import annotations

import pytest
import yaml

from escape_mw import catalogue, load
from escape_mw.decision.ladder import Ladders
from escape_mw.decision.model import Visitor
from escape_mw.lab.marks import LabTokens, Session, Trial
from escape_mw.lab.results import as_yaml, tallies
from escape_mw.lab.store import LabStore, Result
from escape_mw.rules.document import read

from ..support.commands import run

SECRET = "sixteen characters"
TOKEN = LabTokens(SECRET).link

SHIPPED = Ladders((app.id for app in catalogue.load().apps), catalogue.load().techniques)


def tried(
    technique,
    *sightings,
    app="instagram",
    platform="ios",
    goal="browser",
    day="2026-11-07",
    trigger="tap",
):
    return [
        Result(day, app, "403.0", platform, goal, technique, sighting, trigger)
        for sighting in sightings
    ]


def exported(*groups):
    return "\n".join(as_yaml(tallies([result for group in groups for result in group]), SHIPPED))


def steps(text):
    """Technique, trigger, confidence, date and source of the first exported row's steps."""
    [row] = load({"version": 1, "techniques": yaml.safe_load(text)}) and yaml.safe_load(text)
    return [
        (
            *next(iter(step.items())),
            step.get("confidence"),
            step.get("verified"),
            step.get("source"),
        )
        for step in row["steps"]
    ]


TALLIES = [
    pytest.param(tried("extbrowser", "worked"), "worked 1/1, 2026-11", id="one"),
    pytest.param(
        tried("extbrowser", "worked", "nothing", "worked", "opened"),
        "worked 3/4, 2026-11",
        id="what a person says counts as well",
    ),
    pytest.param(
        tried("extbrowser", "worked", day="2026-09-01") + tried("extbrowser", "error"),
        "worked 1/2, 2026-09",
        id="the day that it worked",
    ),
    pytest.param(
        tried("extbrowser", "nothing", day="2026-09-01") + tried("extbrowser", "page"),
        "worked 0/2, 2026-11",
        id="the day that it was tried last",
    ),
]


@pytest.mark.parametrize(("given", "told"), TALLIES)
def test_tallies(given, told):
    assert [str(tally) for tally in tallies(given).values()] == [told]


HOSTILE = [
    pytest.param({"app": "x\n- app: evil"}, id="a line break in the app"),
    pytest.param({"app": ""}, id="no app"),
    pytest.param({"platform": "desktop"}, id="no phone"),
    pytest.param({"goal": "both"}, id="an unknown goal"),
    pytest.param({"technique": "{sandwich: tap}"}, id="an unknown technique"),
    pytest.param({"sighting": "fine"}, id="an unknown outcome"),
    pytest.param({"trigger": "shake"}, id="an unknown trigger"),
    pytest.param({"day": "2026-13-40"}, id="no day"),
    pytest.param({"day": "2026-11-07\n"}, id="a line break in the day"),
]


@pytest.mark.parametrize("odd", HOSTILE)
def test_rows_that_no_lab_writes_are_left_out(odd):
    assert tallies([tried("intent", "worked")[0]._replace(**odd)]) == {}


LADDERS = [
    pytest.param(
        [tried("x-safari", "worked")],
        ["x-safari", "extbrowser", "chrome-ios", "menu"],
        id="what worked comes first, though the shipped ladder lacks it",
    ),
    pytest.param(
        [tried("chrome-ios", "worked"), tried("extbrowser", "nothing")],
        ["chrome-ios", "menu"],
        id="what always failed is left out",
    ),
    pytest.param(
        [tried("chrome-ios", "worked", "worked"), tried("extbrowser", "worked", "nothing")],
        ["chrome-ios", "extbrowser", "menu"],
        id="the surer first",
    ),
    pytest.param(
        [tried("chrome-ios", "worked"), tried("extbrowser", "worked")],
        ["extbrowser", "chrome-ios", "menu"],
        id="equals in the shipped order",
    ),
    pytest.param(
        [tried("menu", "opened")], ["extbrowser", "chrome-ios", "menu"], id="the menu stays last"
    ),
    pytest.param(
        [tried("menu", "nothing")],
        ["extbrowser", "chrome-ios", "menu"],
        id="the menu stays, though it failed",
    ),
    pytest.param(
        [tried("extbrowser", "error"), tried("chrome-ios", "page")], ["menu"], id="nothing worked"
    ),
]


@pytest.mark.parametrize(("given", "order"), LADDERS)
def test_exported_order(given, order):
    text = exported(*given)
    assert [step[0] for step in steps(text)] == order
    rules = load({"version": 1, "techniques": yaml.safe_load(text)})
    assert [
        step.technique
        for step in rules.policy.ladders.steps_for(Visitor("in-app", "instagram", "ios"), "browser")
    ] == order


BOTH_WAYS = [
    pytest.param(["worked"], ["worked"], "auto", "#", id="equal: by itself spares the tap"),
    pytest.param(["worked"], ["nothing"], "tap", "# left out: extbrowser by itself", id="a tap"),
    pytest.param(["nothing"], ["worked"], "auto", "# left out: extbrowser failed", id="by itself"),
    pytest.param(
        ["worked", "worked"],
        ["worked", "nothing"],
        "tap",
        "# extbrowser by itself: worked 1/2, 2026-11",
        id="more often by a tap",
    ),
]


@pytest.mark.parametrize(("taps", "autos", "trigger", "comment"), BOTH_WAYS)
def test_of_two_ways_to_fire_the_better_is_exported(taps, autos, trigger, comment):
    text = exported(tried("extbrowser", *taps), tried("extbrowser", *autos, trigger="auto"))
    assert steps(text)[0][:2] == ("extbrowser", trigger)
    assert any(line.startswith(comment) for line in text.splitlines())


def test_what_ships_as_automatic_stays_so_unless_only_a_tap_works():
    facebook = {"app": "facebook", "platform": "android"}
    assert steps(exported(tried("intent", "worked", **facebook)))[0][:2] == ("intent", "auto")
    failed = tried("intent", "nothing", trigger="auto", **facebook)
    text = exported(tried("intent", "worked", **facebook), failed)
    assert steps(text)[0][:2] == ("intent", "tap")


def test_exported_steps_say_what_is_known_of_them():
    text = exported(
        tried("chrome-ios", "worked", day="2026-11-07"), tried("x-safari", "nothing", "error")
    )
    told = steps(text)
    assert told[0] == ("chrome-ios", "tap", "single", "2026-11-07", "lab")
    assert told[1] == ("extbrowser", "tap", "observed", "2026-10-06", "public code, seen 2026-11")
    ladders = load({"version": 1, "techniques": yaml.safe_load(text)}).policy.ladders
    pasted = ladders.steps_for(Visitor("in-app", "instagram", "ios"), "browser")
    assert [step.wait for step in pasted] == [8000] * len(pasted), "the app still asks first"
    assert (
        "# left out: x-safari failed 2 of 2 (error 1, nothing 1; last 2026-11-07)"
        in text.splitlines()
    )


def test_every_shipped_ladder_can_be_exported_and_loads():
    every = [
        tried(specs[0].technique, "worked", app=app, platform=platform, goal=goal)
        for app, platform, goal, specs in SHIPPED.rows()
        if app != "default"
    ]
    text = "version: 1\ntechniques:\n" + exported(*every)
    assert read(text).problems == []
    assert load(read(text).value).policy.ladders


def test_an_unnamed_webview_is_told_and_no_row():
    text = exported(tried("intent", "worked", app="default", platform="android"))
    assert (
        text
        == "# intent in a webview that names no host app, android, browser: worked 1/1, 2026-11"
    )


# --- the commands ---------------------------------------------------------------------------------


@pytest.fixture
def rules(tmp_path):
    """A rules file with the lab on, and results beside it."""
    store = LabStore(tmp_path / "escape_lab.sqlite3")
    round_ = Session("tiktok", "41.9", "android", "round")
    for number, (goal, technique, sighting) in enumerate(
        [
            ("browser", "intent", "worked"),
            ("browser", "intent", "nothing"),
            ("app", "https-link", "opened"),
        ]
    ):
        store.record(
            Trial(round_._replace(id=str(number)), goal, technique), sighting, 1_794_000_000
        )
    path = tmp_path / "escape.yaml"
    path.write_text(
        "version: 1\nbase_url: https://label.example\nsecret: sixteen characters\nlab: true\n"
    )
    return path


def test_url(rules):
    token = load(rules).lab.tokens.link
    assert (
        run("lab", "url", "--rules", str(rules)).stdout
        == f"https://label.example/_escape/lab?token={token}\n"
    )
    assert (
        run("lab", "url", "--rules", str(rules), "--base", "https://x.example/shop/").stdout
        == f"https://x.example/shop/_escape/lab?token={token}\n"
    )


def test_url_without_base_is_a_path(tmp_path):
    path = tmp_path / "escape.yaml"
    path.write_text(f"version: 1\nsecret: {SECRET}\nlab: true\n")
    assert run("lab", "url", "--rules", str(path)).stdout == f"/_escape/lab?token={TOKEN}\n"


def test_export_can_be_pasted(rules, tmp_path):
    done = run("lab", "export", "--rules", str(rules))
    assert done.returncode == 0
    assert (
        run("lab", "export", "--file", str(rules.parent / "escape_lab.sqlite3")).stdout
        == done.stdout
    )
    pasted = tmp_path / "pasted.yaml"
    pasted.write_text(f"version: 1\ntechniques:\n{done.stdout}")
    ladders = load(pasted).policy.ladders
    assert [
        step.technique for step in ladders.steps_for(Visitor("in-app", "tiktok", "android"), "app")
    ] == ["https-link", "intent-app", "intent", "menu"]
    first = ladders.steps_for(Visitor("in-app", "tiktok", "android"), "browser")[0]
    assert (first.technique, first.confidence, first.verified, first.source) == (
        "intent",
        "single",
        "2026-11-06",
        "lab",
    )


ENDS = [
    pytest.param(["url", "--rules", "OFF"], 1, "the lab is off", id="the lab is off"),
    pytest.param(
        ["url", "--rules", "BAD"],
        1,
        "lab: the lab needs a 'secret'",
        id="rules that cannot be used",
    ),
    pytest.param(
        ["url", "--rules", "ON", "--base", "label.example"],
        2,
        "does not begin with https://",
        id="a base without a scheme",
    ),
    pytest.param(["url"], 2, "Missing option '--rules'", id="no rules"),
    pytest.param(["export"], 2, "give either --rules or --file", id="neither rules nor file"),
    pytest.param(
        ["export", "--rules", "ON", "--file", "x"], 2, "give either --rules or --file", id="both"
    ),
    pytest.param(
        ["export", "--rules", "ON"], 1, "this file does not exist", id="nothing recorded yet"
    ),
    pytest.param(
        ["export", "--file", "ON"],
        1,
        "cannot be read as a lab's file",
        id="a file that is none of ours",
    ),
]


@pytest.mark.parametrize(("words", "code", "told"), ENDS)
def test_how_commands_end(tmp_path, words, code, told):
    files = {
        "ON": f"version: 1\nsecret: {SECRET}\nlab: true\n",
        "OFF": "version: 1\n",
        "BAD": "version: 1\nlab: true\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = run("lab", *(str(tmp_path / word) if word in files else word for word in words))
    assert done.returncode == code
    assert told in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["BAD", "OFF", "ON"], (
        "nothing is made by looking"
    )
