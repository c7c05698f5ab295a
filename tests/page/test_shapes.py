"""What a page is remembered by: what it shows, and nothing that it does not."""

from __future__ import annotations

from escape_mw import load
from escape_mw.decision.decide import decide
from escape_mw.decision.model import Visit

from ..agents import TIKTOK_IOS

POLICY_RULES = {"version": 1, "rules": [{"path": "/**", "to": "page"}]}


def test_versions_that_no_page_shows_make_no_new_page():
    """Or anybody could push the others out, an agent at a time."""
    rules = load(POLICY_RULES)
    for number in range(300):
        agent = TIKTOK_IOS.replace("41.9.0", f"41.{number}.0").replace("18_6", f"18_{number}")
        url = f"https://site.example/presave/{number}"
        visit = Visit("GET", f"/presave/{number}", "", url, "site.example", agent)
        decision = decide(visit, rules.policy)
        assert url in rules.page.answer(decision).body.decode()
    assert rules.page._shape.cache_info().misses == 1
