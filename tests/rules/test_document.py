"""YAML, read with care."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escape_mw.rules.document import MAX_BYTES, read
from escape_mw.rules.errors import Position

from ..support.needs import corpus

VALUES = [
    pytest.param("a: true", {"a": True}, id="true"),
    pytest.param(
        "a: [no, off, yes, on, y]",
        {"a": ["no", "off", "yes", "on", "y"]},
        id="what YAML 1.1 takes for booleans",
    ),
    pytest.param("a: [1, -2, 1.5, 1.10]", {"a": [1, -2, 1.5, 1.1]}, id="numbers"),
    pytest.param(
        "a: [12:30:45, 2020-99-99, 0x1F, 1e3, .5]",
        {"a": ["12:30:45", "2020-99-99", "0x1F", "1e3", ".5"]},
        id="what YAML 1.1 takes for numbers and dates",
    ),
    pytest.param("a: " + "9" * 5000, {"a": "9" * 5000}, id="more digits than an int should have"),
    pytest.param("a: [null, ~, ]", {"a": [None, None]}, id="nothing"),
    pytest.param("a:", {"a": None}, id="no value"),
    pytest.param("a: '1'\nb: \"true\"", {"a": "1", "b": "true"}, id="quotes make text"),
    pytest.param("a: |\n  x\n  y\n", {"a": "x\ny\n"}, id="a block"),
    pytest.param("1: a\nno: b", {"1": "a", "no": "b"}, id="keys are text"),
    pytest.param("", None, id="nothing at all"),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values(text, value):
    document = read(text)
    assert document.problems == []
    assert document.value == value


REFUSED = [
    pytest.param("a: &x 1\nb: *x", ["anchors", "aliases"], id="an anchor and an alias"),
    pytest.param("a: !!python/object/apply:os.system [x]", ["tags"], id="a tag that constructs"),
    pytest.param("a: !!str 1", ["tags"], id="a harmless tag"),
    pytest.param("<<: {a: 1}", ["merge keys"], id="a merge key"),
    pytest.param(
        "a: 1\na: 2\nb: {c: 1, c: 2}", ["stands here twice", "stands here twice"], id="keys twice"
    ),
    pytest.param("? [a, b]\n: 1", ["a key must be a word"], id="a list for a key"),
    pytest.param("a: 1\n---\nb: 2", ["one document"], id="two documents"),
    pytest.param("[" * 1000, ["nested deeper"], id="too deep"),
    pytest.param("a: [1", ["not YAML"], id="not closed"),
    pytest.param("a: \x00", ["not YAML"], id="a control"),
    pytest.param("a: " + "x" * MAX_BYTES, ["larger than"], id="too large"),
    pytest.param("a: [" + "x," * 300_000 + "]", ["more than"], id="too many values"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_refused(text, expected):
    found = [problem.message for problem in read(text).problems]
    assert found
    for word, message in zip(expected, found, strict=True):
        assert word in message


def test_places():
    assert read("a: 1\nb:\n  - c: 2\n").positions == {
        (): Position(1, 1),
        ("a",): Position(1, 1),
        ("b",): Position(2, 1),
        ("b", 0): Position(3, 5),
        ("b", 0, "c"): Position(3, 5),
    }


@given(st.text(max_size=200))
def test_any_text_reads_or_tells(text):
    document = read(text)
    assert (
        document.problems
        or document.value is None
        or isinstance(document.value, str | int | float | bool | list | dict)
    )


def test_hostile_yaml_reads_or_tells():
    for row in corpus("yaml_hostile.jsonl"):
        document = read(row["yaml"])
        assert document.problems or document.value is not None or not row["yaml"].strip("# x\n")
