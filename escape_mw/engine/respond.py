"""The one way from a visit to a decision, and to the answer that carries it out."""

from __future__ import annotations

from ..decision.decide import decide, decide_for
from ..decision.model import Act, Decision, Visit, Visitor
from ..page.render import render
from ..rules import Rules
from ..web.answers import Answer


def respond(
    visit: Visit, rules: Rules, *, location: str | None = None, visitor: Visitor | None = None
) -> tuple[Decision, Answer | None]:
    """Judge a visit; with it, the answer, None where the site answers or the rules only observe.

    `location` is where the site's own redirect leads, once it has answered. `visitor` is who asks,
    where that is known without looking.
    """
    policy = rules.policy
    if visitor is None:
        decision = decide(visit, policy, location)
    else:
        decision = decide_for(visitor, visit, policy, location)
    if policy.mode == "observe" or not isinstance(decision, Act):
        return decision, None
    return decision, render(visit, decision, rules.page)
