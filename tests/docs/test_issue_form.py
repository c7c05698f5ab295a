"""The form for a step that stopped working names every technique, and asks for what is exported."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from escape_mw.decision.handoffs import TECHNIQUES

FORM = Path(__file__).parents[2] / ".github" / "ISSUE_TEMPLATE" / "step-stopped-working.yml"
pytestmark = pytest.mark.skipif(not FORM.exists(), reason="an sdist has no forms for issues")


@pytest.fixture
def fields():
    form = yaml.safe_load(FORM.read_text("utf-8"))
    return {field["id"]: field for field in form["body"] if field["type"] != "markdown"}


def test_it_offers_every_technique(fields):
    assert fields["technique"]["attributes"]["options"] == list(TECHNIQUES)


def test_all_must_be_said_but_the_export(fields):
    required = {name for name, field in fields.items() if field.get("validations")}
    assert required == {"app", "platform", "technique", "destination", "seen"}
    assert fields["export"]["attributes"]["render"] == "yaml"
