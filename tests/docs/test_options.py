"""docs/options.md has every key of the rules file, with type, default and an example that works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from escape_mw import load
from escape_mw.events.options import LIBRARIES
from escape_mw.rules.rule_form import RuleForm, When
from escape_mw.rules.schema import EventForm, RulesFile

DOCS = Path(__file__).parents[2] / "docs"
OPTIONS = (DOCS / "options.md").read_text("utf-8")
SECTIONS = {
    match[1]: match[2]
    for match in re.finditer(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", OPTIONS, re.MULTILINE | re.DOTALL)
}
NESTED = ("Apps", "Destinations", "SitePageForm", "When")


def options():
    """Every key of the rules file, by its path.

    Those of catalogue entries are explained with the catalogue.
    """
    schema = RulesFile.model_json_schema()

    def keys(node, prefix):
        for name, value in node["properties"].items():
            model = value.get("$ref", value.get("allOf", [{}])[0].get("$ref", "")).rpartition("/")[
                2
            ]
            if model in NESTED:
                yield from keys(schema["$defs"][model], f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}"

    yield from keys(schema, "")
    yield from keys(schema["$defs"]["RuleForm"], "rules[].")


def test_every_option_is_a_heading_and_no_other():
    assert sorted(SECTIONS) == sorted(options())


@pytest.mark.parametrize("option", SECTIONS)
def test_an_option_has_type_default_and_an_example_that_works(option, monkeypatch):
    monkeypatch.setenv("ESCAPE_MW_SECRET", "a secret for tests only")
    text = SECTIONS[option]
    assert text.lstrip().startswith("Type: ")
    assert "Default: " in text or "Required." in text
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert examples
    for example in examples:
        value = yaml.safe_load(example)
        part = value
        for key in option.replace("[]", ".0").split("."):
            part = part[int(key) if key.isdigit() else key]
        load({"version": 1, **value} if option != "mode" else {"version": 1, "mode": "observe"})


@pytest.mark.parametrize("sink", LIBRARIES)
def test_every_sink_is_explained(sink):
    assert f"`{sink}`" in SECTIONS["events"]
    assert f"`{sink}" in (DOCS / "measuring.md").read_text("utf-8")


FORMS = [
    pytest.param(RulesFile, lambda file: file, id="the file"),
    pytest.param(RuleForm, lambda file: merged(file["rules"]), id="its rules"),
    pytest.param(
        When, lambda file: merged(rule.get("when", {}) for rule in file["rules"]), id="for whom"
    ),
    pytest.param(EventForm, lambda file: file["events"], id="what is measured"),
]


def merged(mappings):
    return {key for one in mappings for key in one}


@pytest.mark.parametrize(("form", "keys"), FORMS)
def test_the_annotated_rules_file_has_every_key(form, keys):
    file = yaml.safe_load((DOCS.parent / "examples" / "escape.yaml").read_text("utf-8"))
    assert set(keys(file)) == {one.alias or name for name, one in form.model_fields.items()}
