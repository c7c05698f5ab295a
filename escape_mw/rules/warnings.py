"""What rules may say, and may still surprise: for `escape-mw check` and Django's checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from .. import catalogue
from ..decision.destinations import DestinationIndex
from ..decision.policy import DEFAULT_RULE, Policy, Rule
from ..decision.targets import FixedUrl
from ..events.options import EventOptions
from ..events.sinks import missing_folder
from ..web.paths import names_in
from .moments import shown
from .rules import Rules

# What says whom a rule is for, but for the dates.
CONDITIONS = (
    *("path", "hosts", "apps", "platforms", "visitors", "languages"),
    *("not_apps", "query", "not_query"),
)


def warnings_of(rules: Rules, now: int) -> Iterator[str]:
    """What is allowed, and may still surprise; `now` is in seconds since 1970."""
    yield from _date_warnings(rules.policy.rules, now)
    yield from _host_warnings(rules.policy)
    yield from dict.fromkeys(_template_warnings(rules))
    names = Counter(rule.name for rule in rules.policy.rules)
    for name, number in names.items():
        if number > 1:
            yield f"{number} rules are called {name!r}: logs and reports cannot tell them apart"
    for at, rule in enumerate(rules.policy.rules):
        yield from _hidden_warnings(rule, rules.policy.rules[:at])
        yield from _rule_warnings(rule, rules.policy.destinations)
    if rules.events is not None:
        yield from _event_warnings(rules, rules.events)


def _rule_warnings(rule: Rule, destinations: DestinationIndex) -> Iterator[str]:
    if isinstance(rule.to, FixedUrl):
        yield from _target_warnings(rule, rule.to.template, destinations)
    if rule.to.is_of_rules and not rule.everyone:
        yield (
            f"rule {rule.name!r}: visitors who are not escaped get the site's own answer at"
            f" {rule.path.source!r}; with 'everyone: true', a redirect to the same URL"
        )
    if rule.links and not rule.to.asks_site and not rule.words_pass:
        yield (
            f"rule {rule.name!r}: 'links' has no effect, for host apps never get the site's own"
            " page there; leave 'to' out, or write 'words_only: pass' beside 'to: page'"
        )
    if rule.experiment and rule.path.source.endswith("**"):
        yield (
            f"rule {rule.name!r}: its experiment covers several pages; a visitor who goes on"
            " from one to another is one visit only where the browser sends a Referer, so name"
            " the page where visitors enter"
        )
    if 0 < rule.share < 1:
        yield (
            f"rule {rule.name!r} acts on {rule.share:g} % of visits: 'share' is in per cent;"
            " write 50% for one half"
        )


def _event_warnings(rules: Rules, events: EventOptions) -> Iterator[str]:
    if folder := missing_folder(events.database or ""):
        yield f"events.database: the folder {folder} does not exist here, and is not created"
    if not rules.is_named:
        has_address = rules.policy.base_url or rules.policy.allowed_hosts
        what = (
            "base_url, hosts or allowed_hosts"
            if has_address
            else "a rule's name or path, or the order"
        )
        yield f"without 'site', an edit of {what} ends the visits that have begun; name the site"


def _hidden_warnings(rule: Rule, earlier: tuple[Rule, ...]) -> Iterator[str]:
    if before := next((one for one in earlier if _hides(one, rule)), None):
        yield f"rule {rule.name!r} never runs: {before.name!r} before it takes the same visits"
        return
    escaped = replace(rule, everyone=False)
    if before := next((one for one in earlier if _hides(one, escaped)), None):
        yield (
            f"rule {rule.name!r} runs for browsers only: {before.name!r} before it takes the"
            " visits of host apps; the first that fits counts"
        )


def _template_warnings(rules: Rules) -> Iterator[str]:
    policy = rules.policy
    sites = (policy.dress, *policy.dresses.values())
    worn = (rule.dress.over(site) for rule in policy.rules if rule.dress for site in sites)
    for dress in (*sites, *worn):
        for file, refused in rules.page.refusals(dress):
            yield f"{file}: the page's Content-Security-Policy refuses {refused}"


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


def _date_warnings(rules: tuple[Rule, ...], now: int) -> Iterator[str]:
    """Rules of one place that change with the date: what is over, and what nobody is meant for."""
    dated = [rule for rule in rules if rule.since is not None or rule.until is not None]
    for rule in dated:
        if rule.until is not None and rule.until <= now:
            yield f"rule {rule.name!r} is over since {shown(rule.until)}"
    groups: dict[Rule, list[Rule]] = {}
    for rule in dated:
        alike = replace(DEFAULT_RULE, **{name: getattr(rule, name) for name in CONDITIONS})
        groups.setdefault(alike, []).append(rule)
    for alike, group in groups.items():
        yield from _gaps(alike, sorted(group, key=lambda rule: rule.since or 0), rules)


def _gaps(alike: Rule, group: list[Rule], rules: tuple[Rule, ...]) -> Iterator[str]:
    """Where dated rules of one place leave a gap that no other rule is for, or overlap."""
    path = alike.path.source
    falls_through = any(
        rule.since is None and rule.until is None and rule.path.contains(alike.path)
        for rule in rules
    )
    last = group[0]
    for rule in group[1:]:
        begin = rule.since or 0
        if last.until is None or last.until > begin:
            yield (
                f"rules {last.name!r} and {rule.name!r} are both for {path!r} from"
                f" {shown(begin)} on; the first in the file is taken"
            )
        elif last.until < begin and not falls_through:
            yield f"no rule is for {path!r} from {shown(last.until)} to {shown(begin)}"
        if last.until is not None and (rule.until is None or rule.until > last.until):
            last = rule


def _host_warnings(policy: Policy) -> Iterator[str]:
    """A rule for a host that the site does not have."""
    for rule in policy.rules:
        hosts = rule.hosts
        if hosts and policy.allowed_hosts and not any(map(hosts.has, policy.allowed_hosts)):
            yield f"rule {rule.name!r} never runs: its hosts are not under 'hosts'"


def _hides(before: Rule, rule: Rule) -> bool:
    """Whether every visit that a rule could be for goes to the one before it."""
    return (
        before.path.contains(rule.path)
        and (before.everyone or not rule.everyone)
        and not (before.not_apps or before.query or before.not_query)
        and (before.hosts is None or before.hosts == rule.hosts)
        and (before.since is None or (rule.since is not None and before.since <= rule.since))
        and (before.until is None or (rule.until is not None and rule.until <= before.until))
        and rule.visitors <= before.visitors
        and (before.apps is None or (rule.apps is not None and rule.apps <= before.apps))
        and before.platforms in (None, rule.platforms)
        and before.languages in (None, rule.languages)
    )
