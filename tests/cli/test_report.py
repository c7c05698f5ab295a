"""The commands: what they say, how they end, and that looking changes nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from escape_mw import Tally
from escape_mw.cli.main import main
from escape_mw.report import counts
from escape_mw.web.days import date_of, start_of

from ..support.visits import FULL, NOON, visit, write


def run(*words):
    return CliRunner().invoke(main, list(map(str, words)))


def prose(text):
    return " ".join(text.split())


@pytest.fixture
def site(tmp_path):
    """A folder with a site's rules and its events.

    200 escapes and 50 held out, on the last day that is closed.
    """
    ago = (NOON - time.time()) / counts.DAY + 3
    more = {"experiment": "oct", "ago": ago}
    plan = {"planned": 9000}
    arms = [
        visit(*FULL, arm="escape", outcomes=["presave"] * (at < 60), **more) for at in range(200)
    ]
    arms += [visit(arm="holdout", outcomes=["presave"] * (at < 5), **more) for at in range(50)]
    folder = tmp_path / "site"
    folder.mkdir()
    write(
        f"sqlite:///{folder / 'events.sqlite3'}",
        *[[event._replace(time=int(event.time), **plan) for event in each] for each in arms],
    )
    (folder / "escape.yaml").write_text(
        "version: 1\nsecret: sixteen characters\nevents: {database: 'sqlite:///events.sqlite3'}\n"
        "rules: [{name: pre-save, path: /presave, to: page, "
        "experiment: {name: oct, holdout: 0.2}}]\n"
    )
    return folder


def test_report_of_a_database(site):
    done = run("report", "--db", f"sqlite:///{site / 'events.sqlite3'}")
    assert done.exit_code == 0
    assert (
        "Of 200 visits from inside an app, meant for the real browser, 200 (100.0%) arrived there."
        in prose(done.output)
    )
    assert "the two groups do not have the planned sizes" in prose(done.output), (
        "half of them is what nobody said otherwise"
    )


HOLDOUTS = [
    pytest.param(
        ["--rules", "escape.yaml"],
        "20.0% planned for the holdout (as in the rules)",
        id="from the rules",
    ),
    pytest.param(
        ["--db", "DB", "--rules", "escape.yaml"],
        "20.0% planned for the holdout (as in the rules)",
        id="from the rules, beside a database",
    ),
    pytest.param(
        ["--db", "DB", "--holdout", "0.2"], "20.0% planned for the holdout (as given)", id="given"
    ),
    pytest.param(
        ["--rules", "escape.yaml", "--holdout", "0.25"],
        "25.0% planned for the holdout (as given)",
        id="given, whatever the rules say",
    ),
]


@pytest.mark.parametrize(("words", "told"), HOLDOUTS)
def test_planned_holdout(site, monkeypatch, words, told):
    monkeypatch.chdir(site)
    done = run(
        "report",
        *(f"sqlite:///{site / 'events.sqlite3'}" if word == "DB" else word for word in words),
    )
    assert done.exit_code == 0
    assert told in prose(done.output)
    assert "too early to say: 250 of 9,000 planned visits." in prose(done.output)


def test_narrowed(site):
    database = f"sqlite:///{site / 'events.sqlite3'}"
    narrow = ["--rule", "pre-save", "--since", "2020-01-01", "--until", "2099-01-01"]
    assert "200 (100.0%) arrived" in prose(run("report", "--db", database, *narrow).output)
    assert (
        "No eligible visit was recorded by rule 'pre-save' since 2020-01-01 before 2020-01-02"
        in prose(run("report", "--db", database, *narrow[:-1], "2020-01-02").output)
    )


def date(days_ago):
    return date_of(int(time.time()) - days_ago * counts.DAY)


PERIODS = [
    pytest.param(
        ["--since", "2099-01-01"],
        f"--since 2099-01-01 is in the future; today is {date(0)} (UTC)",
        id="a first day that has not come",
    ),
    pytest.param(
        ["--since", "2026-05-02", "--until", "2026-05-01"],
        "--until 2026-05-01 must be a later day than --since 2026-05-02",
        id="an end before the beginning",
    ),
    pytest.param(
        ["--since", "2026-05-02", "--until", "2026-05-02"],
        "only visits before it are read",
        id="an end at the beginning",
    ),
    pytest.param(
        ["--compare"], "--compare needs --since: it compares with", id="a comparison with nothing"
    ),
    pytest.param(
        ["--rule", "bio link"],
        "--rule 'bio link': no visit of this rule is recorded, only of 'pre-save'",
        id="a rule that nobody knows",
    ),
    pytest.param(["--json", "--digest"], "give either --json or --digest", id="two forms"),
    pytest.param(["--by", "weather"], "'weather' is not one of", id="no dimension"),
    pytest.param(["--fail-on", "rain"], "'rain' is not one of", id="no fault"),
]


@pytest.mark.parametrize(("words", "told"), PERIODS)
def test_what_cannot_be_asked_is_a_usage_error(site, words, told):
    done = run("report", "--db", f"sqlite:///{site / 'events.sqlite3'}", *words)
    assert (done.exit_code, told in prose(done.output)) == (2, True), done.output
    assert done.stdout == ""


def test_a_rule_of_a_database_without_visits(tmp_path):
    url = f"sqlite:///{tmp_path / 'events.sqlite3'}"
    write(url, Tally("capped", time=1))
    done = run("report", "--db", url, "--rule", "pre-save")
    assert (done.exit_code, "recorded, nor of any other yet" in done.output) == (2, True)


@pytest.fixture
def two_periods(tmp_path):
    """20 visits at the noon of each of the last ten whole days, half arrived; 10 before, none."""
    url = f"sqlite:///{tmp_path / 'events.sqlite3'}"
    today = (NOON - start_of(date(0))) // counts.DAY
    stages = [FULL, ("shown", "tapped")]
    found = [
        visit(*(stages[at % 2] if ago <= 10 else ()), ago=today + ago)
        for ago in range(1, 21)
        for at in range(20 if ago <= 10 else 10)
    ]
    write(url, *found)
    return url


COMPARED = [
    pytest.param(
        ["--since", date(5), "--until", date(0)],
        "Of 100 visits (before: 100, +0%) from inside an app, meant for the real browser, "
        "50 (50.0%) arrived there (before: 50, 50.0%).",
        id="as many as before",
    ),
    pytest.param(
        ["--since", date(10), "--until", date(0)],
        "(before: 100, +100%) from inside an app, meant for the real browser, 100 (50.0%) arrived "
        "there (before: 0, 0.0%).",
        id="twice as many",
    ),
    pytest.param(
        ["--since", date(10), "--until", date(0)],
        f"Before: {date(20)} to {date(11)}, a period of the same length.",
        id="which days",
    ),
    pytest.param(
        ["--since", date(400), "--until", date(0)],
        f"From {date(800)} to {date(401)} no visit was recorded, so there is nothing to compare",
        id="nothing before",
    ),
    pytest.param(
        ["--since", date(5), "--until", "2099-01-01"],
        f"Before: {date(11)} to {date(6)}, a period of the same length.",
        id="an end that has not come is today's",
    ),
]


@pytest.mark.parametrize(("words", "told"), COMPARED)
def test_compared_with_the_period_before(two_periods, tmp_path, words, told):
    done = run("report", "--db", two_periods, "--compare", *words)
    assert (done.exit_code, told in prose(done.output)) == (0, True), done.output
    data = json.loads(run("report", "--db", two_periods, "--compare", *words, "--json").output)
    assert data["before"]["until"] == f"{words[1]}T00:00:00Z"
    page = tmp_path / "report.html"
    run("report", "--db", two_periods, "--compare", *words, "--html", page)
    assert told in page.read_text("utf-8")


def test_what_a_past_period_said_is_said_again(two_periods):
    """A technique that was fine then may have stopped since."""
    words = ["--until", date(9), "--json"]
    data = json.loads(run("report", "--db", two_periods, *words).output)
    assert data["until"] == f"{date(9)}T00:00:00Z"
    assert data["funnels"][0]["total"]["eligible"] == 10 * 10 + 20
    assert [row["now"]["of"] for row in data["health"]] == [20]


@pytest.fixture
def faulty(tmp_path):
    """Databases: a technique that stopped five days ago, experiments that are refused, and none."""
    today = (NOON - time.time()) / counts.DAY + 0.1
    sites = {
        "stopped": [
            visit(*(FULL if ago > 5 else ("shown", "tapped")), ago=today + ago)
            for ago in range(30)
            for _ in range(10)
        ],
        "refused": [
            visit(experiment="oct", arm=arm, ago=today + 4)
            for arm, number in (("escape", 400), ("holdout", 200))
            for _ in range(number)
        ],
        "tried": [
            visit("shown", experiment="oct", arm=arm, ago=today + 4)
            for arm in ("escape", "holdout")
            for _ in range(20)
        ],
        "fine": [visit(*FULL, ago=today)],
    }
    for name, found in sites.items():
        events = [[event._replace(time=int(event.time)) for event in each] for each in found]
        write(f"sqlite:///{tmp_path / name}", *events)
    return tmp_path


FAULTS = [
    pytest.param("stopped", [], 0, id="without the option, nothing fails"),
    pytest.param("stopped", ["stopped"], 1, id="a technique that stopped"),
    pytest.param("stopped", ["refused"], 0, id="another fault"),
    pytest.param("stopped", ["refused", "stopped"], 1, id="either"),
    pytest.param("refused", ["refused"], 1, id="an experiment that is refused"),
    pytest.param("tried", ["refused"], 1, id="held-out visits that had an escape"),
    pytest.param("refused", ["stopped"], 0, id="no technique that stopped"),
    pytest.param("fine", ["refused", "stopped"], 0, id="nothing to do"),
]


@pytest.mark.parametrize("form", [[], ["--json"], ["--digest"], ["--html"]])
@pytest.mark.parametrize(("name", "faults", "code"), FAULTS)
def test_a_fault_fails_once_all_is_printed(faulty, name, faults, code, form):
    page = [faulty / "report.html"] if form == ["--html"] else []
    words = [word for fault in faults for word in ("--fail-on", fault)]
    done = run("report", "--db", f"sqlite:///{faulty / name}", *words, *form, *page)
    assert done.exit_code == code, done.output
    assert done.stdout
    assert done.stderr == ""
    assert all(one.exists() for one in page)


WHERE = [
    pytest.param([], "The whole report: escape-mw report", id="by the command"),
    pytest.param(
        ["--rules", "escape.yaml"],
        "The whole report: escape-mw report --rules escape.yaml",
        id="by the command with its rules",
    ),
    pytest.param(["--html", "lift.html"], "/site/lift.html", id="in the file that is written"),
]


@pytest.mark.parametrize(("words", "told"), WHERE)
def test_a_digest_ends_with_where_the_whole_report_is(site, monkeypatch, words, told):
    monkeypatch.chdir(site)
    done = run("report", "--digest", "--db", "sqlite:///events.sqlite3", *words)
    assert done.exit_code == 0
    assert done.output.splitlines()[-1].endswith(told)
    assert (site / "lift.html").exists() is ("--html" in words)


def test_by_rule(two_periods):
    done = run("report", "--db", two_periods, "--by", "rule")
    lines = done.output.splitlines()
    at = lines.index("By rule")
    assert lines[at + 3].split() == ["pre-save", "real", "browser", "300", *["100", "33.3%"] * 2]


BROKEN = [
    pytest.param(0, "it holds no events", id="nothing of it is left"),
    pytest.param(50, "cannot be used: ", id="half of its head is left"),
    pytest.param(5000, "cannot be used: ", id="a page and a bit are left"),
    pytest.param(20_000, "cannot be used: ", id="a fifth is left"),
]


@pytest.mark.parametrize(("size", "told"), BROKEN)
@pytest.mark.parametrize("form", [[], ["--json"], ["--digest"], ["--html", "report.html"]])
def test_a_truncated_database_is_one_sentence(site, monkeypatch, size, told, form):
    monkeypatch.chdir(site)
    file = site / "events.sqlite3"
    assert file.stat().st_size > 4 * size
    os.truncate(file, size)
    done = run("report", "--db", "sqlite:///events.sqlite3", *form)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: events.sqlite3: ")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (site / "report.html").exists()


def test_json(site):
    told = json.loads(
        run("report", "--rules", site / "escape.yaml", "--json", "--lift", "1").output
    )
    [experiment] = told["experiments"]
    assert experiment["size"] == {
        "visits": 250,
        "waiting": 0,
        "begun": experiment["size"]["begun"],
        "earlier": 0,
        "needed": 9000,
        "planned": 9000,
        "reached": None,
        "target_lift": 1.0,
        "per_day": pytest.approx(250 / 3),
        "days_left": 105,
    }
    assert experiment["said"] == "too-early"


def test_json_is_ascii_whatever_the_words_are(tmp_path):
    url = f"sqlite:///{tmp_path / 'events.sqlite3'}"
    write(url, visit(*FULL, experiment="a\u00a0b \u00e9", arm="escape"))
    done = run("report", "--db", url, "--json")
    assert json.loads(done.output)["report"] == 2
    assert r"a\u00a0b \u00e9" in done.output


def test_html(site):
    page = site / "report.html"
    done = run("report", "--rules", site / "escape.yaml", "--html", page)
    assert done.output == f"{page} is written; it is one file and asks nothing of any server.\n"
    text = page.read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert "TikTok on Android" in text


def test_looking_changes_nothing(site):
    before = {path.name: path.read_bytes() for path in site.iterdir()}
    run("report", "--rules", site / "escape.yaml")
    assert {path.name: path.read_bytes() for path in site.iterdir()} == before


ENDS = [
    pytest.param([], 2, "give --db, or --rules with an events database", id="no database"),
    pytest.param(
        ["--db", "sqlite:///x", "--json", "--html", "x"],
        2,
        "give either --json or --html",
        id="two forms",
    ),
    pytest.param(
        ["--db", "sqlite:///missing.sqlite3"],
        1,
        "missing.sqlite3: this file does not exist",
        id="no file",
    ),
    pytest.param(
        ["--db", "sqlite://"], 1, ":memory:: this file does not exist", id="a database in memory"
    ),
    pytest.param(
        ["--db", "sqlite:///other.sqlite3"],
        1,
        "other.sqlite3: it holds no events",
        id="somebody else's file",
    ),
    pytest.param(
        ["--db", "sqlite:///newer.sqlite3"],
        1,
        "newer.sqlite3: the events database has form 99",
        id="of a later release",
    ),
    pytest.param(
        ["--db", "sqlite:///off.yaml"],
        1,
        "off.yaml: cannot be used: file is not a database",
        id="no database file",
    ),
    pytest.param(
        ["--db", "events.sqlite3"], 1, "that is not a database URL", id="a path in place of a URL"
    ),
    pytest.param(
        ["--db", "dbase:///x"], 1, "that is not a database URL", id="a database that nobody knows"
    ),
    pytest.param(
        ["--db", "mysql+cymysql://u@h/x"],
        1,
        "its driver is missing; install 'cymysql'",
        id="no driver",
    ),
    pytest.param(
        ["--rules", "off.yaml"], 1, "off.yaml: it names no database", id="rules without events"
    ),
    pytest.param(
        ["--rules", "log.yaml"], 1, "log.yaml: it names no database", id="rules that only log them"
    ),
    pytest.param(["--rules", "bad.yaml"], 1, "bad.yaml:1:", id="bad rules"),
    pytest.param(
        ["--db", "sqlite:///x", "--holdout", "1"], 2, "--holdout", id="everybody held out"
    ),
    pytest.param(["--db", "sqlite:///x", "--since", "yesterday"], 2, "--since", id="no day"),
]


@pytest.mark.parametrize(("words", "code", "told"), ENDS)
def test_how_report_ends(tmp_path, monkeypatch, words, code, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "off.yaml").write_text(
        "version: 1\n" + "# no database has so many words in it\n" * 20
    )
    (tmp_path / "log.yaml").write_text(
        "version: 1\nsecret: sixteen characters\nevents: {log: true}\n"
    )
    (tmp_path / "bad.yaml").write_text("version: 7\n")
    for name, statements in (
        ("other", ["CREATE TABLE songs (name TEXT)"]),
        (
            "newer",
            [
                "CREATE TABLE escape_mw_schema (version INT)",
                "INSERT INTO escape_mw_schema VALUES (99)",
            ],
        ),
    ):
        with sqlite3.connect(tmp_path / f"{name}.sqlite3") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = run("report", *words)
    assert (done.exit_code, told in done.output) == (code, True), done.output
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before, (
        "nothing is made or changed by looking"
    )


SECRETS = [
    pytest.param("postgresql+psycopg://label:hush-hush@127.0.0.1:1/events", id="beside the user"),
    pytest.param(
        "postgresql+psycopg://127.0.0.1:1/events?user=label&password=hush-hush",
        id="among the options",
    ),
    pytest.param(
        "postgresql+psycopg://label:hush-hush@127.0.0.1:port/events",
        id="in a URL that cannot be read",
    ),
    pytest.param("nonsense://label:hush-hush@127.0.0.1/events", id="in a URL of no database"),
]


@pytest.mark.parametrize("url", SECRETS)
def test_a_password_is_never_printed(url):
    done = run("report", "--db", url)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert "hush" not in done.output


def test_a_page_that_cannot_be_written(site):
    done = run(
        "report", "--rules", site / "escape.yaml", "--html", site / "nowhere" / "report.html"
    )
    assert (done.exit_code, "cannot be written: No such file or directory" in done.output) == (
        1,
        True,
    )


POWERS = [
    pytest.param(
        ["--baseline", "0.10"],
        "To find 15.0% beside 10.0% (+50%) in four of five experiments, with 50% held out:\n"
        "- looking every day: within 2,439 eligible visits, often much sooner.\n"
        "- one look, at a size planned in advance: 1,375 eligible visits.\n",
        id="both sizes",
    ),
    pytest.param(
        ["--baseline", "0.10", "--per-day", "92"],
        "1,375 eligible visits (15 days).",
        id="days",
    ),
    pytest.param(
        ["--baseline", "0.10"],
        "a difference that is not there is said in at most 5% of experiments",
        id="what it means",
    ),
    pytest.param(
        ["--baseline", "0.05", "--holdout", "0.1"],
        "looking every day: within 16,207 eligible visits",
        id="a tenth held out",
    ),
    pytest.param(
        ["--baseline", "0.10"],
        "beside the holdout before the start: planned: 1375",
        id="what to do then",
    ),
]


@pytest.mark.parametrize(("words", "told"), POWERS)
def test_power(words, told):
    done = run("power", *words)
    assert done.exit_code == 0
    assert told in done.output


IMPOSSIBLE = [
    pytest.param(
        ["--baseline", "0.8", "--lift", "0.5"],
        "no experiment can show 1.2 beside 0.8",
        id="more than everybody",
    ),
    pytest.param(["--baseline", "0"], "--baseline", id="no baseline"),
    pytest.param(["--baseline", "10"], "--baseline", id="per cent in place of a share"),
    pytest.param([], "Missing option '--baseline'", id="nothing"),
]


@pytest.mark.parametrize(("words", "told"), IMPOSSIBLE)
def test_power_of_the_impossible(words, told):
    done = run("power", *words)
    assert (done.exit_code, told in done.output) == (2, True), done.output


MISSING = [
    pytest.param("scipy", ["power", "--baseline", "0.1"], id="SciPy, for power"),
    pytest.param("scipy", ["report", "--db", "sqlite:///x"], id="SciPy, for the report"),
    pytest.param("sqlalchemy", ["report", "--db", "sqlite:///x"], id="SQLAlchemy, for the report"),
]


@pytest.mark.parametrize(("library", "words"), MISSING)
def test_a_missing_extra_is_named(library, words):
    code = (
        f"import sys; sys.modules[{library!r}] = None; from escape_mw.cli.main import main; "
        f"main({words!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "Error: the report needs more: python -m pip install 'escape-mw[report]'\n",
    )


def test_other_commands_do_not_wait_for_statistics():
    code = (
        "import sys; import escape_mw.cli.main; "
        "print(sorted({'scipy', 'numpy', 'sqlalchemy'} & set(sys.modules)))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )
