"""What docs/measuring.md says of tokens is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from escape_mw import load
from escape_mw.decision.markers import MAX_AGE
from escape_mw.decision.model import Subject
from escape_mw.decision.stays import COOKIE_AGE, LINK_AGE
from escape_mw.decision.tokens import BEACON_AGE, OUTCOME_AGE, TAG_AGE

from ..support.examples import SECRET

MEASURING = (Path(__file__).parents[2] / "docs" / "measuring.md").read_text("utf-8")
TABLE = MEASURING.partition("## Tokens")[2].partition("\n## ")[0]
ROWS = {
    cells[1].strip(): cells[-2].strip()
    for line in re.findall(r"^\|.*\|$", TABLE, re.MULTILINE)
    if len(cells := line.split("|")) == 7
}
SECONDS = {"minutes": 60, "hour": 3600, "hours": 3600}
LIVES = [
    pytest.param("marker", MAX_AGE, id="a marker"),
    pytest.param('"continue here", the link', LINK_AGE, id="the link to continue here"),
    pytest.param('"continue here", the cookie', COOKIE_AGE, id="the cookie that keeps it"),
    pytest.param("beacon's token", BEACON_AGE, id="a beacon's token"),
    pytest.param("tag's token", TAG_AGE, id="a tag's token"),
    pytest.param("site token", OUTCOME_AGE, id="a site token"),
]


@pytest.mark.parametrize(("token", "age"), LIVES)
def test_a_token_lives_as_long_as_the_page_says(token, age):
    number, unit = ROWS[token].split()
    assert int(number) * SECONDS[unit] == age


RULES = {"version": 1, "secret": SECRET, "rules": [{"name": "a", "path": "/a", "to": "page"}]}
NAMED = RULES | {"site": "midnight"}
ADDRESSED = RULES | {"base_url": "https://label.example"}
MORE = {"rules": [*RULES["rules"], {"path": "/b", "to": "page"}]}
EDITS = [
    pytest.param(RULES, MORE, False, id="another rule"),
    pytest.param(RULES, {"rules": [{"path": "/a", "to": "page"}]}, False, id="a rule's name"),
    pytest.param(RULES, {"base_url": "https://label.example"}, False, id="an address of its own"),
    pytest.param(RULES, {"allowed_hosts": ["label.example"]}, False, id="a host"),
    pytest.param(RULES, {"site": "midnight"}, False, id="a name"),
    pytest.param(RULES, {"secret": SECRET.upper()}, False, id="the secret"),
    pytest.param(RULES, {"page": {"brand": "Ours"}}, True, id="how the page looks"),
    pytest.param(RULES, {"events": True}, True, id="what is measured"),
    pytest.param(ADDRESSED, MORE, True, id="another rule of a site with an address"),
    pytest.param(ADDRESSED, {"base_url": "https://www.label.example"}, False, id="its address"),
    pytest.param(NAMED, MORE, True, id="another rule of a site with a name"),
    pytest.param(
        NAMED, {"base_url": "https://label.example"}, True, id="the address of a site with a name"
    ),
    pytest.param(NAMED, {"site": "moonlight"}, False, id="its name"),
    pytest.param(NAMED, {"secret": SECRET.upper()}, False, id="its secret"),
]


@pytest.mark.parametrize(("rules", "edit", "are_kept"), EDITS)
def test_which_edits_end_the_tokens_in_flight(rules, edit, are_kept):
    before, after = (load(source).policy.tokens for source in (rules, rules | edit))
    token = before.site(Subject("visit"), "", 0)
    assert (after.read_site(token, 0) is not None) == are_kept
    assert (after.hash_of("visit") == before.hash_of("visit")) == are_kept
