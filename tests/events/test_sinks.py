"""Where events go besides a database: the log, Prometheus, OpenTelemetry, the site's own sinks."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
from configparser import ConfigParser
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.test import override_settings
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from escape_mw import EscapeMiddleware, Event, RulesError, load
from escape_mw.events import prometheus
from escape_mw.events.event import ARMS, COUNTED, STAGES
from escape_mw.events.log import log
from escape_mw.events.options import LIBRARIES
from escape_mw.events.sinks import resolve_sqlite_path

from ..support.agents import CHROME_ANDROID, LINE_IOS, SAFARI, TIKTOK_ANDROID, TIKTOK_IOS
from ..support.commands import PYTHON
from ..support.examples import SECRET
from ..support.marked import site_token
from ..support.measured import RULES, Measured, trial, word
from ..support.sites import ask_django_asgi, ask_django_wsgi, plain
from ..support.waiting import until
from ..support.wsgi import environ_of

OUTCOME = site_token(load(RULES).policy, "visit").encode()

# --- the log --------------------------------------------------------------------------------------


@pytest.fixture
def logged():
    """logged(): the lines that the logger `escape_mw.events` has written."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logger = logging.getLogger("escape_mw.events")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: text.getvalue().splitlines()
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_each_line_of_the_log_is_one_json_object(logged):
    site = Measured(RULES | {"events": {"log": True}})
    site.ask("/presave/x", TIKTOK_ANDROID)
    site.ask("/presave/x?{M}", CHROME_ANDROID)
    site.ask("/_escape/e", TIKTOK_ANDROID, "POST", b"forged")
    received = [json.loads(line) for line in logged_after(site, logged)]
    assert received == [event.as_dict() for event in site.events]
    assert [one["name"] for one in received] == ["eligible", "shown", "arrived", "forged"]
    assert {
        "time",
        "visit",
        "name",
        "rule",
        "app",
        "app_version",
        "platform",
        "service",
        "kind",
        "goal",
        "rule_version",
        "first",
        "handover",
        "hints",
        "day",
    } == set(received[0])
    assert set(received[3]) == {"time", "name", "number"}


def logged_after(site, logged):
    assert site.events
    return logged()


def test_nothing_in_a_word_breaks_the_line(logged):
    """The site's own word for an outcome may hold any character."""
    word = 'a\nb\r\x1b[31m\x00\u2028\x85"\\ö\ud800'
    log([Event(1, "visit", "outcome", outcome=word)] * 2)
    lines = logged()
    assert [json.loads(line)["outcome"] for line in lines] == [word] * 2
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_the_log_is_silent_unless_the_rules_say_so(caplog):
    site = Measured()
    with caplog.at_level(logging.DEBUG, "escape_mw.events"):
        site.ask("/presave/x", TIKTOK_ANDROID)
        assert site.events
    assert [record for record in caplog.records if record.name == "escape_mw.events"] == []


# --- the site's own -------------------------------------------------------------------------------


def test_a_sink_is_called_with_lists_of_events_from_a_thread_of_its_own():
    received, threads, done = [], [], threading.Event()

    def sink(events):
        threads.append(threading.current_thread())
        received.append(events)
        done.set()

    app = EscapeMiddleware(plain, RULES, sinks=[sink])
    b"".join(app(environ_of(TIKTOK_ANDROID, "/presave/x"), lambda *_: None))
    assert done.wait(30)
    assert threading.current_thread() not in threads
    assert isinstance(received[0], list)
    assert all(isinstance(event, Event) for event in received[0])


def test_every_sink_gets_the_same_events(logged):
    other = []
    site = Measured(RULES | {"events": {"log": True}})
    both = EscapeMiddleware(
        plain, RULES | {"events": {"log": True}}, sinks=[site.told.extend, other.extend]
    )
    b"".join(both(environ_of(TIKTOK_ANDROID, "/presave/x"), lambda *_: None))
    both.engine.state.measurement.recorder.close()
    assert other == site.told
    assert [event.as_dict() for event in other] == [json.loads(line) for line in logged()]


# --- Django ---------------------------------------------------------------------------------------


def test_sinks_need_a_secret(tmp_path, caplog):
    """At the start, and at every edit: the last good rules stay in force."""
    with pytest.raises(RulesError, match="sinks need a 'secret'"):
        EscapeMiddleware(plain, {"version": 1}, sinks=[keep])
    file = tmp_path / "escape.yaml"
    file.write_text(f"version: 1\nsecret: {SECRET}\n")
    app = EscapeMiddleware(plain, file, sinks=[keep])
    file.write_text("version: 1\n# edited\n")
    app.engine.source.look()
    assert "rules not reloaded: sinks need a 'secret'" in caplog.text
    assert app.engine.state.rules.policy.tokens.is_shared


kept: list[Event] = []


def keep(events):
    kept.extend(events)


@pytest.mark.parametrize(
    "sink", [keep, "tests.events.test_sinks.keep"], ids=["a callable", "its path"]
)
def test_djangos_setting(sink):
    kept.clear()
    with override_settings(
        MIDDLEWARE=["escape_mw.django.EscapeMiddleware"],
        ESCAPE_MW_SINKS=[sink],
        ESCAPE_MW_RULES={"version": 1, "secret": SECRET},
    ):
        ask_django_wsgi("/listen", TIKTOK_ANDROID)
        ask_django_asgi("/listen", TIKTOK_ANDROID)
    until(lambda: len(kept) == 4)
    assert sorted(map(word, kept)) == sorted(["eligible", "shown intent-app tap"] * 2)


DJANGO_PROBLEMS = [
    pytest.param(["nowhere.at.all"], "No module named 'nowhere'", id="a module that is not there"),
    pytest.param(
        ["tests.events.test_sinks.none"],
        'does not define a "none" attribute',
        id="a name that is not there",
    ),
    pytest.param([42], "42 cannot be called.", id="a number"),
]


@pytest.mark.parametrize(("setting", "message"), DJANGO_PROBLEMS)
def test_djangos_check_of_the_setting(setting, message):
    with override_settings(ESCAPE_MW_SINKS=setting):
        found = [check for check in run_checks() if check.id == "escape_mw.E002"]
    assert len(found) == 1
    assert message in found[0].msg
    assert found[0].hint == "ESCAPE_MW_SINKS holds callables or their dotted paths."


# --- Prometheus -----------------------------------------------------------------------------------

COUNTING = RULES | {"events": {"prometheus": True, "outcomes": ["presave"]}}


def samples():
    """The counter's samples: labels that are not empty -> value."""
    found = {}
    for family in REGISTRY.collect():
        for sample in family.samples:
            if sample.name == "escape_mw_events_total":
                found[
                    tuple(sorted((name, value) for name, value in sample.labels.items() if value))
                ] = sample.value
    return found


def grown(before):
    return {
        labels: value - before.get(labels, 0)
        for labels, value in samples().items()
        if value != before.get(labels, 0)
    }


def labels(**named):
    return tuple(sorted(named.items()))


def test_prometheus_counts_by_what_the_rules_and_the_catalogue_name():
    before = samples()
    site = Measured(COUNTING)
    for _ in range(3):
        site.ask("/presave/x", TIKTOK_ANDROID)
    site.ask("/presave/x?{M}", CHROME_ANDROID)
    site.ask("/_escape/outcome/presave", SAFARI, "POST", OUTCOME)
    for _ in range(5):
        site.ask("/_escape/e", TIKTOK_ANDROID, "POST", b"forged")
    assert site.events
    known = {"rule": "pre-saves", "app": "tiktok", "platform": "android"}
    about = {**known, "service": "site", "goal": "browser"}
    assert grown(before) == {
        labels(event="eligible", **about): 3,
        labels(event="shown", technique="intent", **about): 3,
        labels(event="arrived", technique="intent", **known): 1,
        labels(
            event="outcome", outcome="presave", rule="pre-saves", app="tiktok", platform="ios"
        ): 1,
        labels(event="forged"): 5,
    }


def test_prometheus_tells_the_arms_apart():
    before = samples()
    site = Measured(trial() | {"events": {"prometheus": True}})
    for number in range(20):
        site.ask("/presave/x", TIKTOK_ANDROID, environ={"REMOTE_ADDR": f"10.0.0.{number}"})
    assert site.events
    drawn = {
        dict(found)["arm"]: value
        for found, value in grown(before).items()
        if dict(found)["event"] == "eligible"
    }
    assert set(drawn) == set(ARMS)
    assert sum(drawn.values()) == 20


def test_prometheus_has_no_label_that_a_visitor_could_fill():
    """Versions, paths and addresses do not change the number of series."""
    site = Measured(COUNTING)
    for path in ("/presave/x", "/listen"):
        site.ask(path, TIKTOK_IOS)
    assert site.events
    before = set(samples())
    for number in range(60):
        site.ask(
            f"/presave/{number}?q={number}",
            TIKTOK_IOS.replace("41.9", f"{number}.{number}"),
            environ={"REMOTE_ADDR": f"10.0.0.{number}"},
        )
        site.ask(
            "/listen",
            TIKTOK_IOS.replace("18_6", f"{number}_1"),
            Referer=f"https://{number}.example/",
        )
    assert site.events
    assert set(samples()) == before
    assert set(prometheus.FIELDS) <= {*Event._fields} - {
        "visit",
        "time",
        "app_version",
        "number",
        "rule_version",
        "planned",
        "by",
    }


MULTIPROCESS = """
import os, sys
from tests.support.agents import TIKTOK_ANDROID
from tests.support.measured import RULES
from tests.support.sites import ask_wsgi, plain
from escape_mw import EscapeMiddleware
site = EscapeMiddleware(plain, RULES | {"events": {"prometheus": True}})
for number in (3, 4):
    if os.fork() == 0:
        for _ in range(number):
            ask_wsgi(site, "/presave/x", TIKTOK_ANDROID)
        sys.exit()
for _ in range(2):
    os.wait()
from prometheus_client import CollectorRegistry, multiprocess
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
for family in registry.collect():
    for sample in family.samples:
        print(sample.name, sample.labels["event"], int(sample.value))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_prometheus_adds_up_over_processes(tmp_path):
    surroundings = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run(
        [*PYTHON, MULTIPROCESS],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == [
        "escape_mw_events_total eligible 7",
        "escape_mw_events_total shown 7",
    ]


# --- OpenTelemetry --------------------------------------------------------------------------------


@pytest.fixture
def spans():
    """spans(request): the attributes that a request's span has got from this middleware."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("the site's own")

    def serve(request):
        exporter.clear()
        with tracer.start_as_current_span("GET"):
            request()
        (span,) = exporter.get_finished_spans()
        return dict(span.attributes)

    yield serve
    provider.shutdown()


TRACED = RULES | {"events": {"opentelemetry": True, "outcomes": ["presave"]}}
KNOWN = {  # what a visit's tokens say
    "escape_mw.rule": "pre-saves",
    "escape_mw.app": "tiktok",
    "escape_mw.platform": "android",
}
ABOUT = {
    **KNOWN,
    "escape_mw.app_version": "33",
    "escape_mw.service": "site",
    "escape_mw.kind": "other",
    "escape_mw.goal": "browser",
}
INTENT = {"escape_mw.technique": "intent", "escape_mw.trigger": "tap"}


def test_the_current_span_says_what_happened(spans):
    site = Measured(TRACED)
    assert spans(lambda: site.ask("/presave/x", TIKTOK_ANDROID)) == {
        "escape_mw.event": "shown",
        **ABOUT,
        **INTENT,
    }
    assert spans(lambda: site.ask("/presave/x?{M}", CHROME_ANDROID)) == {
        "escape_mw.event": "arrived",
        **KNOWN,
        **INTENT,
    }
    assert spans(lambda: site.ask("/_escape/outcome/presave", SAFARI, "POST", OUTCOME)) == {
        "escape_mw.event": "outcome",
        "escape_mw.outcome": "presave",
        "escape_mw.rule": "pre-saves",
        "escape_mw.app": "tiktok",
        "escape_mw.platform": "ios",
    }


UNMARKED = [
    pytest.param(lambda site: site.ask("/presave/x", SAFARI), id="a browser"),
    pytest.param(lambda site: site.ask("/other", TIKTOK_ANDROID), id="a page without a rule"),
    pytest.param(
        lambda site: site.ask("/presave/x", TIKTOK_ANDROID, DNT="1"),
        id="a visitor who asks not to be tracked",
    ),
    pytest.param(
        lambda site: site.ask("/_escape/e", TIKTOK_ANDROID, "POST", b"forged"), id="a forged beacon"
    ),
]


@pytest.mark.parametrize("request_", UNMARKED)
def test_other_spans_say_nothing(spans, request_):
    assert spans(lambda: request_(Measured(TRACED))) == {}


def test_the_holdout_is_marked(spans):
    attributes = spans(
        lambda: Measured(trial("holdout") | {"events": {"opentelemetry": True}}).ask(
            "/presave/x", TIKTOK_ANDROID
        )
    )
    assert (
        attributes["escape_mw.event"],
        attributes["escape_mw.arm"],
        attributes["escape_mw.experiment"],
    ) == (
        "eligible",
        "holdout",
        "autumn",
    )


def test_without_a_span_nothing_happens():
    site = Measured(TRACED)
    assert not trace.get_current_span().is_recording()
    site.ask("/presave/x", LINE_IOS)
    assert site.words == ["eligible", "attempt line-external redirect"]


def test_a_span_holds_nothing_that_names_a_visit_or_a_visitor(spans):
    site = Measured(TRACED)
    attributes = spans(
        lambda: site.ask(
            "/presave/x", TIKTOK_ANDROID, Referer="https://secret.example/", Cookie="a=b"
        )
    )
    assert not {site.events[0].visit, "203.0.113.77"} & {
        str(value) for value in attributes.values()
    }
    assert all("secret.example" not in str(value) for value in attributes.values())


# --- what a sink needs ----------------------------------------------------------------------------

MISSING = [
    pytest.param(
        "sqlalchemy",
        "database: 'sqlite:///x'",
        "this needs sqlalchemy: python -m pip install 'escape-mw[database]'",
        id="SQLAlchemy",
    ),
    pytest.param(
        "prometheus_client",
        "prometheus: true",
        "this needs prometheus_client: python -m pip install 'escape-mw[prometheus]'",
        id="Prometheus",
    ),
    pytest.param(
        "opentelemetry",
        "opentelemetry: true",
        "this needs opentelemetry: python -m pip install 'escape-mw[opentelemetry]'",
        id="OpenTelemetry",
    ),
]


@pytest.mark.parametrize(("module", "option", "message"), MISSING)
def test_a_missing_extra_is_a_problem_at_its_line(tmp_path, monkeypatch, module, option, message):
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "escape.yaml"
    path.write_text(f"version: 1\nsecret: sixteen characters\nevents:\n  log: true\n  {option}\n")
    with pytest.raises(RulesError) as raised:
        load(path)
    key = option.partition(":")[0]
    assert raised.value.problems == [f"{path}:5:3: events.{key}: {message}"]


IN = "/srv/label"
PATHS = [
    pytest.param("sqlite:///events", f"sqlite:///{IN}/events", id="a file"),
    pytest.param("sqlite+pysqlite:///a/b", f"sqlite+pysqlite:///{IN}/a/b", id="in a folder"),
    pytest.param("sqlite:////var/events", "sqlite:////var/events", id="a whole path"),
    pytest.param("sqlite:///:memory:", "sqlite:///:memory:", id="in memory"),
    pytest.param("sqlite:///", "sqlite:///", id="the same, without a name"),
    pytest.param("sqlite://", "sqlite://", id="the same, in short"),
    pytest.param("sqlite:///file:x?uri=true", "sqlite:///file:x?uri=true", id="a URI"),
    pytest.param("postgresql://h/events", "postgresql://h/events", id="on a server"),
]


@pytest.mark.parametrize(("url", "resolved"), PATHS)
def test_a_databases_file_is_beside_the_rules(url, resolved):
    assert resolve_sqlite_path(url, Path(IN)) == resolved


def test_each_name_of_a_sink_has_its_extra():
    config = ConfigParser()
    config.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    extras = config["options.extras_require"]
    assert {name for name, library in LIBRARIES.items() if library} <= set(extras)


WITHOUT = """
import sys
for name in ("sqlalchemy", "prometheus_client", "opentelemetry", "scipy"):
    sys.modules[name] = None
from escape_mw import EscapeMiddleware, load
rules = {"version": 1, "secret": "a secret for tests only", "events": {"log": True}}
load(rules)
received = []
site = lambda environ, start: start("200 OK", []) or []
app = EscapeMiddleware(site, rules, sinks=[received.extend])
import escape_mw.cli.main
"""


def test_nothing_is_needed_for_the_log_and_the_sites_own_sinks():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


URLS = [
    pytest.param(
        "nonsense://x",
        "events are written to SQLite or PostgreSQL, not to nonsense",
        id="an unknown database",
    ),
    pytest.param(
        "mysql+pymysql://u@h/d",
        "events are written to SQLite or PostgreSQL, not to mysql",
        id="another database",
    ),
    pytest.param(
        "postgresql+pg8000://u@h/d",
        "the database's driver is not installed: No module named 'pg8000'",
        id="a driver that is not installed",
    ),
    pytest.param("no-url", "this value is not a database URL as", id="not a URL"),
    pytest.param(
        "postgresql+psycopg://u:a secret@h/d",
        "this value is not a database URL as SQLAlchemy writes it",
        id="a blank in it",
    ),
    pytest.param(
        "postgresql+psycopg://h:port/d",
        "this is not a database URL",
        id="a port that is not a number",
    ),
]


@pytest.mark.parametrize(("url", "message"), URLS)
def test_a_database_url_that_cannot_work_is_a_problem(url, message):
    with pytest.raises(RulesError) as raised:
        load({"version": 1, "secret": SECRET, "events": {"database": url}})
    assert len(raised.value.problems) == 1
    assert f"events.database: {message}" in raised.value.problems[0]
    assert "secret" not in raised.value.problems[0]


# --- the environment ------------------------------------------------------------------------------

FROM_OUTSIDE = [
    pytest.param(
        {"events": {"database": "${OUTSIDE}"}},
        "sqlite:////srv/x",
        lambda rules: rules.events.database,
        "sqlite:////srv/x",
        id="the database",
    ),
    pytest.param(
        {"secret": "${OUTSIDE}"},
        SECRET,
        lambda rules: rules.policy.tokens.owner,
        load({"version": 1, "secret": SECRET}).policy.tokens.owner,
        id="the secret",
    ),
]


@pytest.mark.parametrize(("rules", "value", "found", "expected"), FROM_OUTSIDE)
def test_a_variable_of_the_environment(monkeypatch, rules, value, found, expected):
    monkeypatch.setenv("OUTSIDE", value)
    assert found(load({"version": 1, "secret": SECRET, **rules})) == expected


def test_a_variable_that_is_not_there_or_not_alone(monkeypatch):
    monkeypatch.delenv("OUTSIDE", raising=False)
    for value, message in (
        ("${OUTSIDE}", "the environment variable OUTSIDE is not set"),
        (
            "sqlite:///${OUTSIDE}",
            "an environment variable is written ${NAME}, and nothing else stands beside it",
        ),
    ):
        with pytest.raises(RulesError) as raised:
            load({"version": 1, "events": {"database": value}})
        assert f"rules: events.database: {message}" in raised.value.problems


def test_every_word_of_an_event_is_one_of_a_fixed_set():
    assert STAGES == (
        "eligible",
        "shown",
        "attempt",
        "tapped",
        "left",
        "returned",
        "copied",
        "continued",
        "arrived",
        "arrived-elsewhere",
        "outcome",
    )
    assert COUNTED == ("repeat", "forged", "capped", "dropped")
