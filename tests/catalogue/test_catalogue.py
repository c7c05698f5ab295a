"""The shipped data proves itself: every example is claimed by its own entry and by no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from escape_mw import catalogue, load
from escape_mw.decision.destinations import DestinationIndex
from escape_mw.decision.entries import AppEntry, Catalogue, DestinationEntry, TechniqueRow
from escape_mw.decision.handoffs import TECHNIQUES
from escape_mw.decision.ladder import DEFAULT
from escape_mw.decision.model import StepSpec
from escape_mw.rules.forms import AppForm, StepForm
from escape_mw.web.urls import strict_split

from . import agents
from .sources import SourceRow, Sources, compiled, dated, sources
from .table import table

try:
    from re import _parser as parser  # Python 3.11 and later
except ImportError:
    import sre_parse as parser

CATALOGUE = catalogue.load()
SOURCES = sources()
ENTRIES = {entry.id: entry for entry in CATALOGUE.destinations}
VISITORS = load().policy.detector
EVERYWHERE = DestinationIndex(CATALOGUE.destinations)


def ids(entries):
    return [entry.id for entry in entries]


@pytest.mark.parametrize("app", SOURCES.apps, ids=ids(SOURCES.apps))
def test_app(app):
    assert app.examples
    assert app.confidence
    assert app.verified
    assert app.source
    for agent, package in app.requests:
        assert VISITORS.matches(agent, package) == [app.id]
        seen = VISITORS.detect(agent, package, False)
        assert (seen.kind, seen.app) == ("in-app", app.id)
        assert seen.platform in app.platforms
    for agent in app.not_examples:
        assert VISITORS.matches(agent) == []
        assert VISITORS.detect(agent, "", False).app is None


@pytest.mark.parametrize("entry", SOURCES.destinations, ids=ids(SOURCES.destinations))
def test_destination(entry):
    assert entry.examples
    for example in entry.examples:
        assert EVERYWHERE.matches(example.url) == [entry.id]
        found = EVERYWHERE.find(example.url)
        assert (found.kind, found.id, found.app_uri) == (
            example.kind,
            example.id,
            example.app_uri,
        ), example.url
        assert found.url == example.url
    for url in entry.not_examples:
        assert EVERYWHERE.matches(url) == [], url


@pytest.mark.parametrize("source", SOURCES.destinations, ids=ids(SOURCES.destinations))
def test_every_shape_has_an_example(source):
    """A shape that no example reaches is a guess.

    The first shape that fits each example is struck off.
    """
    reached, entry = set(), ENTRIES[source.id]
    for example in source.examples:
        for number in range(len(entry.paths)):
            paths = entry.paths[: number + 1]
            hosts = tuple(host for host, _ in entry.listings())
            alone = replace(entry, paths=paths, hosts=(), mixed_hosts=hosts, links={})
            if DestinationIndex([alone]).find(example.url):
                reached.add(number)
                break
    assert reached == set(range(len(entry.paths)))


def test_ids_are_unique():
    for entries in (CATALOGUE.apps, CATALOGUE.destinations):
        assert len(set(ids(entries))) == len(entries)


def test_techniques_are_complete_and_known():
    rows = {(row.app, row.platform, row.goal) for row in CATALOGUE.techniques}
    assert len(rows) == len(CATALOGUE.techniques), "a row stands twice"
    assert {
        (DEFAULT, platform, goal) for platform in ("ios", "android") for goal in ("app", "browser")
    } <= rows
    assert {app for app, _, _ in rows} - {DEFAULT} <= set(ids(CATALOGUE.apps))
    assert {step.technique for row in CATALOGUE.techniques for step in row.steps} <= set(TECHNIQUES)


def test_what_was_seen_has_a_date_and_a_source():
    for row in CATALOGUE.techniques:
        for step in row.steps:
            if step.verified:
                assert re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", step.verified)
                assert date.fromisoformat(f"{step.verified}-01"[:10]) <= date.today()
            if step.confidence in ("documented", "observed", "single"):
                assert step.source, (row.app, row.platform, row.goal, step.technique)


def test_app_uris_use_schemes_of_the_services_own():
    schemes = {
        shape.app_uri.partition(":")[0]
        for entry in CATALOGUE.destinations
        for shape in entry.paths
        if shape.app_uri
    }
    assert schemes == {
        "spotify",
        "music",
        "deezer",
        "tidal",
        "audiomack",
        "yandexmusic",
        "anghami",
        "linemusic",
        "youtubemusic",
        "qqmusic",
        "orpheus",
    }


def test_every_listed_host_passes_the_strict_split():
    for entry in CATALOGUE.destinations:
        for host, _ in entry.listings():
            assert strict_split(f"https://{host.replace('*', 'x')}/") is not None


def unbounded_repeats(pattern: str) -> Iterator[tuple[bool, str]]:
    """Every repeat without a bound: whether it stands within another one, and its text."""

    def walk(tree: Any, within: bool) -> Iterator[tuple[bool, str]]:
        for operation, argument in tree:
            if operation in (parser.MAX_REPEAT, parser.MIN_REPEAT):
                endless = argument[1] == parser.MAXREPEAT
                if endless:
                    yield within, str(argument[2])
                yield from walk(argument[2], within or endless)
            elif operation is parser.SUBPATTERN:
                yield from walk(argument[3], within)
            elif operation is parser.BRANCH:
                for branch in argument[1]:
                    yield from walk(branch, within)

    return walk(parser.parse(pattern), within=False)


def test_the_check_for_nested_repeats_finds_one():
    assert [nested for nested, _ in unbounded_repeats("(?:a+)+b")] == [False, True]


@pytest.mark.parametrize("entry", CATALOGUE.destinations, ids=ids(CATALOGUE.destinations))
def test_no_pattern_repeats_a_repeat(entry):
    """Nested repeats are what makes a pattern explode.

    Segments are exempt: a slash keeps them apart.
    """
    for shape in entry.paths:
        for pattern in (entry.prefix + shape.path, *shape.query.values()):
            nested = [
                text for within, text in unbounded_repeats(pattern) if within and "47" not in text
            ]
            assert nested == [], pattern


def test_the_json_is_made_from_the_sources():
    """`python -m tests.catalogue` writes it anew."""
    written = files(catalogue).joinpath("catalogue.json").read_text("utf-8")
    assert written == compiled(SOURCES)
    assert CATALOGUE.dated == dated(SOURCES)


def test_the_visitors_are_made_from_the_examples():
    """`python -m tests.catalogue` writes them anew."""
    written = files(catalogue).joinpath("visitors.json").read_text("utf-8")
    assert written == agents.text()


def test_the_catalogue_has_no_examples():
    assert "examples" not in files(catalogue).joinpath("catalogue.json").read_text("utf-8")
    assert set(Sources.model_fields) == set(Catalogue.__dataclass_fields__) - {"dated"}


def test_the_page_of_host_apps_has_the_table_of_the_techniques_file():
    """`python -m tests.catalogue` writes it anew."""
    page = Path(__file__).parents[2] / "docs" / "host-apps.md"
    assert table() in page.read_text("utf-8")


def test_forms_and_plain_values_have_the_same_defaults():
    """What the JSON leaves out is the form's default: a plain value must have the same."""
    data = {"id": "x", "name": "X"}
    assert AppForm(**data).entry() == AppEntry.from_data(data)
    [form] = [one for one in SOURCES.destinations if one.id == "linkcore"]
    whole = DestinationEntry.from_data(form.model_dump(exclude={"examples", "not_examples"}))
    assert whole == ENTRIES["linkcore"]
    step = StepForm(technique="intent", trigger="tap")
    assert step.spec() == StepSpec("intent", "tap")
    row = {"app": "x", "platform": "ios", "goal": "app", "steps": []}
    assert SourceRow(**row).asks == TechniqueRow.from_data(row).asks
