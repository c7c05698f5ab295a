"""The rules in force: the policy, and all that is done with its decisions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .. import catalogue
from ..decision.destinations import DestinationIndex
from ..decision.entries import AppEntry
from ..decision.ladder import Ladders
from ..decision.markers import Markers
from ..decision.policy import DEFAULT_RULE, Policy, site_of
from ..decision.stays import Stays
from ..decision.tokens import Tokens
from ..decision.visitors import VisitorDetector
from ..events.options import EventOptions
from ..lab.setup import LabSetup
from ..page.interstitial import Interstitial
from ..web.routes import Route

MARKER = "_esc"


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


def default_rules() -> Rules:
    """The rules of a site that has none: every redirect to a known music destination.

    They equal those of a file that says `version: 1` and nothing else; a test compares.
    """
    known = catalogue.load()
    apps = {app.id: app for app in known.apps}
    site = site_of((DEFAULT_RULE,))
    policy = Policy(
        visitors=VisitorDetector(known.apps, known.crawlers, known.browsers),
        destinations=DestinationIndex(one for one in known.destinations if not one.opt_in),
        ladders=Ladders(apps, known.techniques),
        markers=Markers(MARKER, site=site),
        stays=Stays(site=site),
        tokens=Tokens(site=site),
        apps=in_force(known.apps),
    )
    return Rules(policy, Interstitial(apps, MARKER))
