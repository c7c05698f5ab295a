"""The rules in force: the policy, and all that is done with its decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import catalogue
from ..decision.destinations import DestinationIndex
from ..decision.entries import AppEntry, DestinationEntry, TechniqueOverride
from ..decision.ladder import Ladders
from ..decision.markers import PARAMETER, Markers
from ..decision.policy import DEFAULT_RULE, Policy, Rule, site_of
from ..decision.stays import Stays
from ..decision.tokens import Tokens
from ..decision.versions import versions
from ..decision.visitors import VisitorDetector
from ..events.options import EventOptions
from ..lab.setup import LabSetup
from ..page.interstitial import Interstitial
from ..web.routes import Route


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything a request is judged and answered by, swapped as a whole.

    `routes` are the addresses that the middleware answers itself by these rules. `events` says what
    is measured, None for nothing; `lab` is None where it is off. `files` are those besides the
    rules file itself that the rules were made from. `is_named` says whether they give the site a
    name (`site:`).
    """

    policy: Policy
    page: Interstitial
    routes: tuple[Route, ...] = ()
    events: EventOptions | None = None
    lab: LabSetup | None = None
    files: tuple[str, ...] = ()
    is_named: bool = False


def in_force(apps: Iterable[AppEntry]) -> frozenset[str]:
    """The ids of the host apps that count without being named."""
    return frozenset(app.id for app in apps if not app.opt_in)


def make_policy(
    rules: tuple[Rule, ...] = (DEFAULT_RULE,),
    *,
    site: str,
    secret: str | None = None,
    marker: str = PARAMETER,
    known: Mapping[str, AppEntry] | None = None,
    destinations: Iterable[DestinationEntry] | None = None,
    overrides: Iterable[TechniqueOverride] = (),
    **facts: Any,
) -> Policy:
    """A policy by the shipped catalogue and what differs from it.

    `known` are all host apps, by id; `facts` are `Policy`'s own.
    """
    shipped = catalogue.load()
    every = {app.id: app for app in shipped.apps} if known is None else known
    if destinations is None:
        destinations = (one for one in shipped.destinations if not one.opt_in)
    ladders = Ladders(every, shipped.techniques, overrides)
    facts.setdefault("apps", in_force(every.values()))
    return Policy(
        detector=VisitorDetector(every.values(), shipped.crawlers, shipped.browsers),
        destinations=DestinationIndex(destinations),
        ladders=ladders,
        markers=Markers(marker, secret, site),
        stays=Stays(secret, site),
        tokens=Tokens(secret, site),
        rules=rules,
        versions=versions(rules, ladders, facts["apps"]),
        **facts,
    )


def default_rules() -> Rules:
    """The rules of a site that has none: every redirect to a known music destination."""
    policy = make_policy(site=site_of((DEFAULT_RULE,)))
    return Rules(policy, Interstitial(policy.detector.apps, PARAMETER))
