"""docs/privacy.md names all that a page or a response leaves on the visitor's device."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from escape_mw import load
from escape_mw.decision.stays import COOKIE, COOKIE_AGE

PRIVACY = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text("utf-8")
STORES = re.compile(r"\b(?:localStorage|sessionStorage|indexedDB|caches\.open|document\.cookie)\b")
TEMPLATES = [
    path
    for package in ("escape_mw.page", "escape_mw.lab")
    for path in files(package).joinpath("templates").iterdir()
]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_pages_store_nothing_but_the_loop_guard(template):
    found = set(STORES.findall(template.read_text("utf-8")))
    assert found <= {"sessionStorage"}
    assert not found or template.name == "interstitial.js"


def test_the_loop_guard_is_named_as_the_page_names_it():
    script = files("escape_mw.page").joinpath("templates", "interstitial.js").read_text("utf-8")
    [name] = re.findall(r'key = "(\w+) " \+', script)
    assert f"an entry in `sessionStorage`, `{name} /path`" in PRIVACY


def test_the_cookie_has_this_name_and_age():
    assert f"the session cookie `{COOKIE}`" in PRIVACY
    assert f"counts for {COOKIE_AGE // 60} minutes" in PRIVACY


def test_events_are_kept_for_thirteen_months_unless_the_rules_say_otherwise(monkeypatch):
    monkeypatch.setenv("ESCAPE_MW_SECRET", "a secret for tests only")
    rules = load({"version": 1, "secret": "${ESCAPE_MW_SECRET}", "events": True})
    assert rules.events.keep == "13mo"
    assert "Rows are kept for 13 months, unless `keep` says otherwise" in PRIVACY
