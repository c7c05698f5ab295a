"""What rules may say, and may still surprise: for `escape-mw check` and Django's checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .. import catalogue
from ..decision.destinations import DestinationIndex
from ..decision.policy import Rule
from ..decision.targets import FixedUrl
from ..web.paths import names_in
from .rules import Rules


def warnings_of(rules: Rules) -> Iterator[str]:
    """What is allowed, and may still surprise."""
    names = Counter(rule.name for rule in rules.policy.rules)
    for name, number in names.items():
        if number > 1:
            yield f"{number} rules are called {name!r}: logs and reports cannot tell them apart"
    for at, rule in enumerate(rules.policy.rules):
        before = next((one for one in rules.policy.rules[:at] if _hides(one, rule)), None)
        if before:
            yield f"rule {rule.name!r} never runs: {before.name!r} before it takes the same visits"
        if isinstance(rule.to, FixedUrl):
            yield from _target_warnings(rule, rule.to.template, rules.policy.destinations)
        if rule.to.is_of_rules and not rule.everyone:
            yield (
                f"rule {rule.name!r}: visitors who are not escaped get the site's own answer at"
                f" {rule.path.source!r}; with 'everyone: true', a redirect to the same URL"
            )
        if 0 < rule.share < 1:
            yield (
                f"rule {rule.name!r} acts on {rule.share:g} % of visits: 'share' is in per cent;"
                " write 50% for one half"
            )
    if rules.events is not None and not rules.is_named:
        has_address = rules.policy.base_url or rules.policy.allowed_hosts
        what = "base_url or allowed_hosts" if has_address else "a rule's name or path, or the order"
        yield f"without 'site', an edit of {what} ends the visits that have begun; name the site"


def _target_warnings(rule: Rule, url: str, index: DestinationIndex) -> Iterator[str]:
    if url.startswith("http:"):
        yield f"rule {rule.name!r}: write https in 'to'; an http address is one hop more"
    found = None if names_in(url) else index.find(url)
    shipped = {one.id for one in catalogue.load().destinations if one.goal == "app"}
    if found and found.kind == "other" and found.service in shipped:
        yield (
            f"rule {rule.name!r}: {found.name} has no song, album or the like at this address;"
            " only the browser can open it"
        )


def _hides(before: Rule, rule: Rule) -> bool:
    """Whether every visit that a rule could be for goes to the one before it."""
    takes_all = before.path.contains(rule.path) and not (
        before.not_apps or before.query or before.not_query
    )
    return (
        takes_all
        and rule.visitors <= before.visitors
        and (before.apps is None or (rule.apps is not None and rule.apps <= before.apps))
        and before.platforms in (None, rule.platforms)
        and before.languages in (None, rule.languages)
    )
