"""No repr shows a secret: not of the rules, nor of anything that is made from them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from escape_mw import EscapeMiddleware, RulesError, load
from escape_mw.cli.main import main
from escape_mw.decision.experiment import Experiment
from escape_mw.decision.markers import Markers
from escape_mw.decision.policy import Policy
from escape_mw.decision.tokens import Tokens
from escape_mw.events.database import Database
from escape_mw.events.event import Event
from escape_mw.events.measurement import Measurement
from escape_mw.events.options import EventOptions
from escape_mw.events.sink_queue import SinkQueue
from escape_mw.lab.marks import LabTokens
from escape_mw.lab.setup import LabSetup
from escape_mw.rules.document import read
from escape_mw.rules.rules import Rules
from escape_mw.rules.schema import EventForm, RulesFile

CANARIES = ("hush-secret-number-19", "hush-password-37", "hush-option-46")
SECRET, PASSWORD, OPTION = CANARIES
DATABASE = f"postgresql+psycopg://label:{PASSWORD}@127.0.0.1:1/events?password={OPTION}"
SOURCE = {
    "version": 1,
    "secret": SECRET,
    "lab": True,
    "events": {"database": DATABASE},
    "rules": [{"path": "/x", "to": "page", "experiment": {"name": "spring"}}],
}


def reached(value, seen):
    """Everything of this package that a value leads to, itself included."""
    if id(value) in seen or isinstance(value, str | bytes | int | float | type):
        return
    seen[id(value)] = value
    if isinstance(value, Mapping):
        parts = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = list(value)
    elif type(value).__module__.startswith("escape_mw"):
        parts = [getattr(value, name) for name in names_of(value)]
    else:
        parts = []
    for part in parts:
        reached(part, seen)


def names_of(value):
    """The attributes of an object, with slots or without."""
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    return list(getattr(value, "__dict__", ()))


def shown(value):
    """The secrets that the repr of something shows."""
    return [canary for canary in CANARIES if canary in repr(value) or canary in str(value)]


def test_nothing_that_a_middleware_leads_to_shows_a_secret():
    seen = {}
    reached(EscapeMiddleware(lambda *_: [], SOURCE), seen)
    ours = [one for one in seen.values() if type(one).__module__.startswith("escape_mw")]
    kinds = {type(one) for one in ours}
    assert kinds >= {
        *(Rules, Policy, Markers, Tokens, Experiment, LabSetup, LabTokens),
        *(EventOptions, Measurement, Database),
    }
    assert {type(one).__name__: shown(one) for one in ours if shown(one)} == {}


FORMS = [
    pytest.param(RulesFile, SOURCE, id="the form of the whole file"),
    pytest.param(EventForm, SOURCE["events"], id="the form of events"),
    pytest.param(read, json.dumps(SOURCE), id="a document that was read"),
]


@pytest.mark.parametrize(("make", "source"), FORMS)
def test_nothing_on_the_way_to_the_rules_shows_a_secret(make, source):
    form = make(source) if isinstance(source, str) else make.model_validate(source)
    assert shown(form) == []
    assert shown([form]) == []


def test_an_error_of_the_form_shows_no_secret():
    with pytest.raises(ValidationError) as raised:
        RulesFile.model_validate({**SOURCE, "version": 2, "secret": [SECRET], "more": SECRET})
    assert raised.value.error_count() == 3
    assert shown(raised.value) == []


PROBLEMS = [
    pytest.param("secret: !hush-secret-number-19", "tags (!) are not allowed", id="read as a tag"),
    pytest.param("secret: *hush-secret-number-19", "aliases (*) are not", id="read as an alias"),
    pytest.param("secret: &hush-secret-number-19 x", "anchors (&) are not", id="read as an anchor"),
    pytest.param("secret: {hush-secret-number-19}", "secret: must be text", id="read as a mapping"),
    pytest.param("secret: x: hush-secret-number-19", "this is not YAML", id="after a colon"),
    pytest.param(
        "hosts: {label.example: {base_url: ['https://x:hush-password-37@label.example']}}",
        "base_url: must be text (put it in quotes), not this value",
        id="an address of one host in a list",
    ),
    pytest.param("lab: {token: hush-option-46}", "'token' is gone", id="a key of version 0.1"),
    pytest.param("lab: hush-option-46", "'lab' is true, false", id="a token in lab's place"),
    pytest.param(f"events: {DATABASE!r}", "'events' is true", id="a database in events' place"),
    pytest.param(f"events: [{DATABASE!r}]", "'events' is true", id="a list of databases"),
    pytest.param(
        f"events: {{database: [{DATABASE!r}]}}", "database: must be text", id="databases in a list"
    ),
    pytest.param(
        "base_url: https://label:hush-password-37@label.example",
        "base_url: this value is not an origin",
        id="a user in base_url",
    ),
    pytest.param(
        "base_url: ['https://label:hush-password-37@label.example']",
        "base_url: must be text",
        id="a user in a list of base_url",
    ),
]


@pytest.mark.parametrize(("line", "message"), PROBLEMS)
def test_no_problem_of_a_file_repeats_a_secret(tmp_path, line, message):
    file = tmp_path / "escape.yaml"
    file.write_text(f"version: 1\n{line}\n")
    with pytest.raises(RulesError) as raised:
        load(file)
    assert any(message in problem for problem in raised.value.problems)
    assert shown(raised.value) == []


def test_a_database_that_cannot_be_reached_is_logged_without_its_password(caplog):
    queue = SinkQueue(Database(DATABASE))
    queue.enqueue([Event(1, "a", "eligible")])
    queue.drain(1)
    assert "event sink failed, will retry: OperationalError" in caplog.text
    assert [canary for canary in CANARIES if canary in caplog.text] == []


@pytest.mark.parametrize("command", [["report"], ["events", "export"]])
def test_no_command_prints_a_password(command):
    done = CliRunner().invoke(main, [*command, "--db", DATABASE])
    assert (done.exit_code, "cannot be" in done.output) == (1, True), done.output
    assert [canary for canary in CANARIES if canary in done.output] == []
