"""The one way from a visit to a decision, and to the answer that carries it out."""

from __future__ import annotations

from ..decision.decide import decide, decide_for, decide_tap, lookup
from ..decision.decisions import Act, AskSite, Decision
from ..decision.model import Visit, Visitor
from ..decision.policy import Policy
from ..decision.taps import Tap
from ..page.render import redirect_to, render
from ..rules import Rules
from ..web.answers import Answer


def respond(
    visit: Visit,
    rules: Rules,
    *,
    location: str | None = None,
    visitor: Visitor | None = None,
    tap: Tap | None = None,
) -> tuple[Decision, Answer | None]:
    """Judge a visit; with it, the answer, None where the site answers or the rules only observe.

    `location` is where the site's own redirect leads, once it has answered, PAGE for a page of its
    own. `visitor` is who asks, where that is known without looking. `tap` is a tapped link of the
    page that `visit` is to.
    """
    policy = rules.policy
    if tap is not None:
        decision = decide_tap(visit, tap, policy)
    elif visitor is None or policy.mode == "off":
        decision = decide(visit, policy, location)
    else:
        decision = decide_for(visitor, visit, policy, location)
    if policy.mode == "observe" or not isinstance(decision, Act):
        return decision, None
    return decision, render(visit, decision, rules.page)


def answer_to_everyone(visit: Visit, decision: Decision, policy: Policy) -> Answer | None:
    """The redirect of a rule with `everyone: true`, for a visit that is left to the site; or None.

    It is the same in each mode, and for bots and browsers; a site's own redirect goes before it.
    """
    rule = policy.rule_for_everyone(visit) if policy.everyone else None
    if rule is None or visit.url is None or isinstance(decision, AskSite):
        return None
    if visit.method not in ("GET", "HEAD"):
        return None
    destination = rule.to.destination(lookup(visit, rule, policy))
    if destination is None or policy.owns(destination.url, visit):
        return None
    return redirect_to(destination.url)
