"""Secrets: what needs one, which are refused, and that no problem repeats one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from escape_mw import RulesError, load

from ..support.examples import SECRET

HINT = "'escape-mw secret' prints a good one"


def problems(source):
    with pytest.raises(RulesError) as raised:
        load({"version": 1, **source})
    return raised.value.problems


REFUSED = [
    pytest.param("0f4c8a71d2be4b0d", "stands in this package's documentation", id="of the README"),
    pytest.param("7c1e52a9f0b84d36", "stands in this package's documentation", id="of the recipes"),
    pytest.param(" 0f4c8a71d2be4b0d ", "documentation", id="of the README, with blanks around"),
    pytest.param("q7#kX-2!v", "must have 16 characters or more", id="too short"),
    pytest.param("zyzyzyzyzyzyzyzyzyzy", "8 of them different", id="two characters, repeated"),
    pytest.param("zyxwvut" * 9, "8 of them different", id="seven characters, repeated"),
    pytest.param(" " * 40, "must have 16 characters or more", id="blanks"),
    pytest.param("zyxwvutq" + " " * 8, "must have 16 characters or more", id="filled with blanks"),
    pytest.param("", "must have 16 characters or more", id="empty"),
]


@pytest.mark.parametrize(("secret", "message"), REFUSED)
def test_a_secret_that_can_be_guessed_is_refused_and_not_repeated(monkeypatch, secret, message):
    monkeypatch.setenv("OUTSIDE", secret)
    for source in (secret, "${OUTSIDE}"):
        (problem,) = problems({"secret": source})
        assert problem.startswith("rules: secret: ")
        assert message in problem
        assert problem.endswith(HINT)
        assert not secret.strip() or secret.strip() not in problem


@pytest.mark.parametrize("secret", ["zyxwvutq" * 2, SECRET, "ключ для подписи"])
def test_eight_different_characters_are_enough(secret):
    assert load({"version": 1, "secret": secret})


NEEDED = [
    pytest.param({"events": True}, ["events"], "arrivals that another worker", id="events: true"),
    pytest.param({"events": {"log": True}}, ["events"], "the figures would be wrong", id="a log"),
    pytest.param({"lab": True}, ["lab"], "a link of the lab", id="lab: true"),
    pytest.param(
        {
            "events": True,
            "rules": [{"path": "/x", "to": "page", "experiment": {"name": "spring"}}],
        },
        ["events", "rules[0].experiment"],
        "a 'secret'",
        id="an experiment",
    ),
]


@pytest.mark.parametrize(("source", "places", "reason"), NEEDED)
def test_what_needs_a_secret_says_what_would_go_wrong(source, places, reason):
    found = problems(source)
    assert [problem.split(": ")[1] for problem in found] == places
    assert all(reason in problem and problem.endswith(HINT) for problem in found)
    assert load({"version": 1, "secret": SECRET, **source})


def test_the_command_prints_a_good_secret_each_time():
    command = [sys.executable, "-m", "escape_mw", "secret"]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        for _ in range(2)
    )
    assert first != second
    assert len(first.strip()) >= 43
    assert load({"version": 1, "secret": first.strip()})
