"""What rules are known by: a rule, its version, and a site without a name."""

from __future__ import annotations

import pytest

from escape_mw import load
from escape_mw.decision.policy import site_of

from ..support.measured import RULES


def test_a_rule_is_known_by_its_name_path_and_experiment():
    rule = {"name": "a", "path": "/a", "to": "page"}
    others = [{"name": "b"}, {"path": "/b"}, {"experiment": {"name": "x"}}]
    others.append({"experiment": {"name": "y"}})
    found = [load(RULES | {"rules": [rule | more]}).policy.rules[0].key for more in [{}, *others]]
    assert len({*found}) == 5
    assert load(RULES | {"rules": [rule | {"links": True}]}).policy.rules[0].key == found[0]


def test_a_site_without_a_name_is_known_by_its_address_else_by_its_rules():
    rules = load(RULES).policy.rules
    named = [
        site_of(rules),
        site_of(rules[1:]),
        site_of(rules, "https://a.example"),
        site_of(rules, None, ["a.example"]),
        site_of(rules, None, ["b.example", "a.example"]),
    ]
    assert len({*named}) == 5
    assert {len(name) for name in named} == {8}
    assert site_of(rules[1:], "https://a.example") == named[2]
    assert site_of(rules, None, ["a.example", "b.example"]) == named[4]


STEP = {"platform": "ios", "goal": "app", "steps": [{"app-scheme": "tap"}, {"menu": "written"}]}
VERSIONS = [  # whose steps are changed, and whether a rule for TikTok's iOS visitors is another
    pytest.param({"app": "tiktok"} | STEP | {"asks": True}, False, id="a question"),
    pytest.param({"app": "tiktok"} | STEP | {"steps": [{"menu": "written"}]}, True, id="its own"),
    pytest.param({"app": "line"} | STEP | {"steps": [{"menu": "written"}]}, False, id="of LINE"),
    pytest.param(
        {"app": "tiktok", "platform": "android", "steps": [{"menu": "written"}]},
        False,
        id="on Android",
    ),
]


@pytest.mark.parametrize(("override", "is_another"), VERSIONS)
def test_a_rule_is_another_where_its_visitors_meet_other_steps(override, is_another):
    rule = {"path": "/x", "to": "page", "when": {"apps": ["tiktok"], "platforms": ["ios"]}}
    before, after = (
        [*load(RULES | {"rules": [rule], "techniques": more}).policy.versions.values()]
        for more in ([{"app": "tiktok"} | STEP], [{"app": "tiktok"} | STEP, override])
    )
    assert (before != after) is is_another
