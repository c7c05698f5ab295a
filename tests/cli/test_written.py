"""What commands write and print: nothing of a stranger's is touched, nothing acts on a terminal."""

from __future__ import annotations

import csv
import io
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from escape_mw import Event
from escape_mw.cli.main import main
from escape_mw.cli.terminal import cell, printable
from escape_mw.events.database import Database
from escape_mw.lab.marks import Session, Trial
from escape_mw.lab.store import LabStore

TRIAL = Trial(Session("tiktok", "41.9", "ios", "round"), "browser", "extbrowser")


def run(*words, **more):
    return CliRunner().invoke(main, [str(word) for word in words], **more)


@pytest.fixture
def events(tmp_path):
    """The URL of a database with two events, one of them with a hostile outcome."""
    url = f"sqlite:///{tmp_path / 'events.sqlite3'}"
    database = Database(url)
    hostile = "=HYPERLINK(\x1b[31m)"
    first = Event(1, "visit", "eligible", "rule", hostile, platform="ios", goal="browser")
    database([first, Event(2, "visit", "outcome", "rule", outcome=hostile)])
    database.close()
    return url


@pytest.fixture
def foreign(tmp_path):
    """Somebody else's database."""
    path = tmp_path / "shop.sqlite3"
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE customers (name TEXT)")
        file.commit()
    return path


READERS = [
    pytest.param(["events", "export"], id="export"),
    pytest.param(["events", "prune", "--older-than", "1d"], id="prune"),
    pytest.param(["report"], id="report"),
]


@pytest.mark.parametrize("words", READERS)
def test_a_foreign_database_is_left_alone(words, foreign):
    before = foreign.read_bytes()
    done = run(*words, "--db", f"sqlite:///{foreign}")
    assert (done.exit_code, "holds no events" in done.output) == (1, True)
    assert foreign.read_bytes() == before
    assert [path.name for path in foreign.parent.iterdir()] == [foreign.name]


@pytest.mark.parametrize("words", READERS)
def test_a_mistyped_path_creates_nothing(words, tmp_path):
    done = run(*words, "--db", f"sqlite:///{tmp_path / 'evnets.sqlite3'}")
    assert (done.exit_code, "does not exist" in done.output) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_report_replaces_a_report(events, tmp_path):
    page = tmp_path / "report.html"
    for _ in range(2):
        assert run("report", "--db", events, "--html", page).exit_code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.sqlite3", "report.html"]


def contents(folder):
    """What stands in a folder's files, those apart that are only links."""
    files = (path for path in folder.iterdir() if not path.is_symlink())
    return {path.name: path.read_bytes() for path in files}


OTHERS = [
    pytest.param("rules", id="the rules file"),
    pytest.param("link", id="a link to the rules file"),
    pytest.param("astray", id="a link to nothing"),
    pytest.param("link to a report", id="a link to a report"),
    pytest.param("events.sqlite3", id="the events themselves"),
    pytest.param("empty", id="an empty file"),
]


@pytest.mark.parametrize("name", OTHERS)
def test_a_report_replaces_another_file_by_force_only_and_follows_no_link(events, tmp_path, name):
    (tmp_path / "rules").write_text("version: 1\n")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("rules")
    (tmp_path / "astray").symlink_to("nowhere")
    run("report", "--db", events, "--html", tmp_path / "report.html")
    (tmp_path / "link to a report").symlink_to("report.html")
    before = contents(tmp_path)
    done = run("report", "--db", events, "--html", tmp_path / name)
    assert (done.exit_code, "--force replaces it" in done.output) == (1, True)
    assert contents(tmp_path) == before
    assert run("report", "--db", events, "--html", tmp_path / name, "--force").exit_code == 0
    assert not (tmp_path / name).is_symlink()
    after = contents(tmp_path)
    assert after.pop(name).startswith(b"<!doctype html>")
    before.pop(name, None)
    assert after == before


def test_a_spreadsheet_gets_no_formula_and_no_control_character(events):
    done = run("events", "export", "--db", events, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.output)))
    assert rows[1]["outcome"] == "'=HYPERLINK(\\x1b[31m)"


def test_a_spreadsheet_gets_times_that_it_can_read(events):
    done = run("events", "export", "--db", events, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.output)))
    assert [row["time"] for row in rows] == ["1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z"]
    assert {row["day"] for row in rows} == {"1970-01-01"}
    assert tuple(rows[0]) == (*Event._fields, "number")


CELLS = [
    pytest.param("=1+1", "'=1+1", id="a formula"),
    pytest.param("+1", "'+1", id="a plus"),
    pytest.param("-1", "'-1", id="a minus"),
    pytest.param("@SUM(A1)", "'@SUM(A1)", id="an at sign"),
    pytest.param("\t=1", "'\t=1", id="a tab"),
    pytest.param("presave", "presave", id="a word"),
    pytest.param("a=b", "a=b", id="a sign within"),
    pytest.param("a\r\nb", "a\\r\nb", id="line ends"),
    pytest.param(-1, -1, id="a number"),
]


@pytest.mark.parametrize(("value", "expected"), CELLS)
def test_cells(value, expected):
    assert cell(value) == expected


@given(st.text())
def test_what_is_printed_is_printable(text):
    assert all(one.isprintable() for one in printable(text).replace("\n", "").replace("\t", ""))


def test_a_report_for_a_terminal_has_no_control_characters(events):
    done = run("report", "--db", events)
    assert done.exit_code == 0
    assert "HYPERLINK" in done.output
    assert "\x1b" not in done.output


def test_an_explanation_repeats_no_control_characters():
    words = ("explain", "--ua", "Mozilla \x1b[2J musical_ly_41.9.0", "--url", "/\x9b31m")
    for more in ([], ["--json"]):
        done = run(*words, *more)
        assert done.exit_code == 0
        assert not {"\x1b", "\x9b"} & set(done.output)


POOR = [
    pytest.param(["--help"], id="help"),
    pytest.param(["explain", "--ua", "TikTok ünï", "--to", "https://a.lnk.to/é"], id="explain"),
    pytest.param(["list", "apps"], id="a list"),
    pytest.param(["check", "ünï.yaml"], id="check"),
    pytest.param(["events", "export", "--db", "sqlite:///e.sqlite3"], id="events, JSON Lines"),
    pytest.param(
        ["events", "export", "--db", "sqlite:///e.sqlite3", "--format", "csv"], id="events, CSV"
    ),
    pytest.param(["report", "--db", "sqlite:///e.sqlite3"], id="a report"),
]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252:strict"])
@pytest.mark.parametrize("words", POOR)
def test_a_terminal_of_few_characters(words, encoding, tmp_path):
    """Windows' console is cp1252's: what it cannot show is escaped."""
    (tmp_path / "ünï.yaml").write_text(
        'version: 1\nrules: [{name: "夜明け", path: /a, to: page}]\n', encoding="utf-8"
    )
    Database(f"sqlite:///{tmp_path / 'e.sqlite3'}")(
        [Event(1, "visit", "eligible", "夜明け"), Event(2, "visit", "outcome", outcome="ünï夜")]
    )
    done = subprocess.run(
        [sys.executable, "-m", "escape_mw", *words],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def _usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.usefixtures("_usual_umask")
def test_files_of_visits_are_their_owners_alone(tmp_path):
    url = f"sqlite:///{tmp_path / 'events.sqlite3'}"
    Database(url)([Event(1, "visit", "eligible")])
    LabStore(tmp_path / "lab.sqlite3").record(TRIAL, "worked", 1_800_000_000)
    assert run("report", "--db", url, "--html", tmp_path / "report.html").exit_code == 0
    modes = {path.name: oct(mode(path)) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(modes, "0o600")
    assert {"events.sqlite3", "lab.sqlite3", "report.html"} <= {
        path.name for path in tmp_path.iterdir()
    }


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_file_that_is_there_keeps_its_mode(tmp_path):
    path = tmp_path / "events.sqlite3"
    path.touch()
    path.chmod(0o640)
    Database(f"sqlite:///{path}")([Event(1, "visit", "eligible")])
    assert mode(path) == 0o640


MISSING = [
    pytest.param("sqlite:///{}", id="a plain URL"),
    pytest.param("sqlite+pysqlite:///{}", id="with the driver's name"),
    pytest.param("sqlite:///file:{}?mode=rwc&uri=true", id="as a file's URI"),
    pytest.param("sqlite+pysqlite:///file:{}?uri=true", id="both"),
]


@pytest.mark.parametrize("url", MISSING)
@pytest.mark.parametrize("words", [["export"], ["prune", "--older-than", "90d"]])
def test_a_missing_database_is_not_made(tmp_path, words, url):
    missing = tmp_path / "missing.sqlite3"
    done = CliRunner().invoke(main, ["events", *words, "--db", url.format(missing)])
    assert (done.exit_code, missing.exists()) == (1, False)
    assert "this file does not exist" in done.output


READING = [
    pytest.param(
        ["explain", "--app", "tiktok", "--platform", "ios", "--url", "/x"], 0, id="explain"
    ),
    pytest.param(["links", "script"], 0, id="links script"),
    pytest.param(["report"], 1, id="report, of no database yet"),
    pytest.param(["events", "export"], 1, id="events export, of none"),
]


@pytest.mark.parametrize(("words", "code"), READING)
def test_a_command_that_reads_needs_no_secret(tmp_path, monkeypatch, words, code):
    """The operator's own machine has no secret of the site's."""
    monkeypatch.delenv("A_SITES_SECRET", raising=False)
    rules = tmp_path / "escape.yaml"
    rules.write_text("version: 1\nsite: labels\nsecret: ${A_SITES_SECRET}\nevents: true\n")
    done = CliRunner().invoke(main, [*words, "--rules", str(rules)])
    assert done.exit_code == code
    assert "note: A_SITES_SECRET is not set here; the site needs it" in done.stderr
    assert ("does not exist" in done.stderr) is bool(code)


def test_check_says_that_the_secret_is_not_here_and_strictly_it_fails(tmp_path, monkeypatch):
    monkeypatch.delenv("A_SITES_SECRET", raising=False)
    rules = tmp_path / "escape.yaml"
    rules.write_text("version: 1\nsite: labels\nsecret: ${A_SITES_SECRET}\nevents: true\n")
    done = CliRunner().invoke(main, ["check", str(rules)])
    assert (done.exit_code, "A_SITES_SECRET is not set here" in done.stderr) == (0, True)
    assert CliRunner().invoke(main, ["check", "--strict", str(rules)]).exit_code == 1
