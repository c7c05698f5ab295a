"""Each example, started as its text says, met over real HTTP."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from escape_mw import EscapeMiddleware, load
from escape_mw.events.event import COUNTED, STAGES
from escape_mw.events.prometheus import EVENTS, FIELDS

from ..support.agents import SAFARI, TIKTOK_ANDROID, TIKTOK_IOS
from ..support.marked import set_clock, short
from ..support.needs import need
from ..support.real_http import Served, get
from ..support.sites import ask_wsgi

ALBUM = "https://open.spotify.com/album/1DFixLWuPkv3KT3TnV35m3"
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def site():
    running = []

    def start(*words):
        running.append(Served(*words, folder=EXAMPLES.parent))
        return running[-1].url

    yield start
    for served in running:
        served.stop()


@pytest.fixture(scope="module")
def flask_site(site):
    return site("examples/flask_site.py", "PORT")


@pytest.fixture(scope="module")
def django_site(site):
    return site("examples/django_site/manage.py", "runserver", "--noreload", "PORT")


@pytest.fixture(scope="module")
def label_site(site):
    return site("examples/label_smartlinks/wrapped.py", "PORT")


@pytest.mark.parametrize("name", ["flask_site", "django_site"])
def test_framework_sites(request, name):
    site = request.getfixturevalue(name)
    assert "spotify:track:4uLU6hMCjMI75M1A2tKUQC" in get(site + "/listen", TIKTOK_IOS).text
    assert get(site + "/listen", SAFARI).lead == (
        302,
        "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
    )
    assert "Midnight Records" in get(site + "/presave/next", TIKTOK_IOS).text
    assert get(site + "/presave/next", SAFARI).text == "<h1>Pre-save next</h1>"
    assert "Harbour Lights" in get(site + "/", TIKTOK_IOS).text


TESTS = [
    "test_flask_site.py",
    "test_fastapi_site.py",
    "django_site/tests.py",
    "label_smartlinks/test_wrapped.py",
]


@pytest.mark.parametrize("name", TESTS)
def test_the_sites_own_tests_run_as_they_say(name):
    """The first line of each says by which command."""
    if "fastapi" in name:
        need(None if importlib.util.find_spec("fastapi") else "fastapi not installed")
    docstring = ast.get_docstring(ast.parse((EXAMPLES / name).read_text("utf-8")))
    command = docstring.partition(": python ")[2].split()
    done = subprocess.run(
        [sys.executable, *command, *(["-p", "no:cacheprovider"] if "pytest" in command else [])],
        cwd=EXAMPLES.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Ran 3 tests|\d passed", done.stdout + done.stderr)


def test_django_check_knows_our_checks():
    command = [sys.executable, "examples/django_site/manage.py", "check", "--tag", "escape_mw"]
    done = subprocess.run(
        command, cwd=EXAMPLES.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (
        0,
        "System check identified no issues (0 silenced).\n",
    )


ESCAPED = [
    pytest.param(
        "/r/harbour-lights", "work from your own browser", id="a landing page with direct links"
    ),
    pytest.param("/s/hl-sp", "Play on Spotify", id="a short link to Spotify"),
    pytest.param("/s/hl-all", "work from your own browser", id="a short link to a smart link"),
    pytest.param("/j/hl-sp", "work from your own browser", id="a redirect by JavaScript"),
    pytest.param("/presave/harbour-lights", "work from your own browser", id="a pre-save page"),
    pytest.param(
        "/presave/harbour-lights/go", "work from your own browser", id="the start of a sign-in"
    ),
]


@pytest.mark.parametrize(("path", "text"), ESCAPED)
def test_label_site_in_tiktok(label_site, path, text):
    status, _, page = get(label_site + path, TIKTOK_ANDROID)
    assert status == 200
    assert text in page
    assert "accounts.spotify.com" not in page
    assert get(label_site + path, SAFARI).text != page


def test_label_site_passes_what_is_no_music(label_site):
    assert get(label_site + "/s/tour", TIKTOK_ANDROID).lead == (
        302,
        "https://tickets.example/paper-lanterns",
    )
    assert get(label_site + "/nowhere", TIKTOK_ANDROID)[0] == 404


def test_label_site_keeps_its_landing_page_where_no_button_could_leave(label_site):
    landing = get(label_site + "/r/harbour-lights", SAFARI)
    assert get(label_site + "/r/harbour-lights", TIKTOK_IOS) == landing
    assert "Harbour Lights" in get(label_site + "/s/hl-sp", TIKTOK_IOS).text


def test_label_site_in_the_real_browser_is_as_it_was(label_site):
    """The handed-over URL of each shape, opened by Safari.

    The site's own answer, with every parameter.
    """
    for path, expected in [
        ("/s/hl-all", "https://paperlanterns.lnk.to/harbourlights?utm_source=short"),
        ("/j/hl-sp", None),
        ("/r/harbour-lights", None),
    ]:
        handed = re.search(
            r'href="intent://[^/]*([^#"]*)#Intent', get(label_site + path, TIKTOK_ANDROID).text
        )[1].replace("&amp;", "&")
        assert short(handed).endswith("?_esc=intent")
        assert get(label_site + handed, SAFARI).lead == (302, path)
        assert get(label_site + path, SAFARI)[1] == expected


@pytest.fixture(scope="module")
def label_app():
    """The wrapped site in this process, whose clock can be set."""
    folder = EXAMPLES / "label_smartlinks"
    spec = importlib.util.spec_from_file_location("smartlinks", folder / "smartlinks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return EscapeMiddleware(module.app, folder / "escape.yaml")


DAYS = [
    pytest.param(
        "2027-03-04T23:59:59+00:00", TIKTOK_ANDROID, "from your own browser", id="a visitor"
    ),
    pytest.param("2027-03-04T23:59:59+00:00", SAFARI, "Pre-save on Spotify", id="a browser"),
    pytest.param("2027-03-05T00:00:00+00:00", TIKTOK_ANDROID, "Play on Spotify", id="on the day"),
    pytest.param("2027-03-05T00:00:00+00:00", SAFARI, ALBUM, id="a browser, on the day"),
]


@pytest.mark.parametrize(("at", "agent", "expected"), DAYS)
def test_a_pre_save_becomes_a_release_by_itself(label_app, at, agent, expected):
    set_clock(label_app, datetime.fromisoformat(at).timestamp())
    _, headers, body = ask_wsgi(
        label_app, "/presave/harbour-lights", agent, Host="paperlanterns.example"
    )
    assert expected in dict(headers).get("location", "") + body.decode()


@pytest.mark.parametrize(
    ("host", "brand", "accent"),
    [
        ("paperlanterns.example", "Paper Lanterns", "#b3541e"),
        ("tidewater.example", "Tidewater", "#14546b"),
        ("nightbus.example", "Night Bus", "#7a1fa2"),
    ],
)
def test_each_artist_has_a_page_of_their_own(label_app, host, brand, accent):
    page = ask_wsgi(label_app, "/s/hl-sp", TIKTOK_IOS, Host=host)[2].decode()
    assert f">{brand}</bdi>" in page
    assert accent in page
    assert 'class="cover" src="data:image/svg+xml,' in page


def test_the_labels_site_knows_nothing_of_us():
    text = (EXAMPLES / "label_smartlinks" / "smartlinks.py").read_text()
    imported = {
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
        for name in [node.module.partition(".")[0]]
    }
    assert imported == {"html", "urllib", "werkzeug"}
    assert "escape_mw" not in text


def test_the_annotated_rules_file_is_good(monkeypatch):
    monkeypatch.setenv("ESCAPE_MW_SECRET", "sixteen characters")
    rules = load(EXAMPLES / "escape.yaml")
    assert rules.policy.destinations.find("https://player.label.example/play/1").goal == "app"
    assert (
        rules.policy.detector.visitor("Mozilla/5.0 (Linux; Android 14; X) MidnightApp/1.0", {}).app
        == "label-app"
    )


def grafana_queries(node):
    """Every query of a dashboard, wherever it stands."""
    if isinstance(node, dict):
        yield from (node[name] for name in ("expr", "query") if isinstance(node.get(name), str))
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for one in inner:
        yield from grafana_queries(one)


def test_grafanas_dashboard_asks_for_what_prometheus_is_given():
    board = json.loads((EXAMPLES / "grafana.json").read_text("utf-8"))
    queries = [query for query in grafana_queries(board) if query != "prometheus"]
    assert len(queries) == 10
    counter = f"{EVENTS.describe()[0].name}_total"
    for query in queries:
        assert set(re.findall(r"escape_mw\w+", query)) == {counter}
        labels = re.findall(r"(\w+)!?=~?\"", query)
        labels += re.findall(r"\w+", " ".join(re.findall(r"by \((.*?)\)", query)))
        assert set(labels) <= {"event", *FIELDS}
        named = re.findall(r"\w+", " ".join(re.findall(r'event=~?"(.*?)"', query)))
        assert set(named) <= {*STAGES, *COUNTED}
