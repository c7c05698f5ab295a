"""Where a rule leads: one small class for each form of `to:` in the rules file.

A target names the `destinations` of a visit, in order; each form names one at most. What else
differs from form to form stands beside it as a plain fact, so that no other module asks which form
a rule has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from ..web.paths import fill
from ..web.urls import first_values, normalise_location
from .destinations import DestinationIndex
from .model import Destination, Visit

Destinations = tuple[Destination, ...]


class Lookup(NamedTuple):
    """What destinations are found by.

    `captures` are those of the rule's path; `location` is where the site's own redirect leads, None
    as long as that is not known.
    """

    visit: Visit
    captures: Mapping[str, str]
    in_force: DestinationIndex
    location: str | None = None

    def find(self, url: str) -> Destinations:
        """The destination that a URL leads to, if it is in force."""
        destination = self.in_force.find(url)
        return () if destination is None else (destination,)


@dataclass(frozen=True, slots=True)
class Target:
    """A form of `to:`.

    `asks_site`: only the site's own redirect tells where a visit leads. `is_page`: the visit leads
    to the requested page itself. `shows_url`: the page shows the destination's own URL, rather than
    this site's.
    """

    asks_site: ClassVar[bool] = False
    is_page: ClassVar[bool] = False
    shows_url: ClassVar[bool] = False

    def destinations(self, lookup: Lookup) -> Destinations:
        """The destinations of a visit; none where none is in force."""
        raise NotImplementedError

    def onward(self, lookup: Lookup) -> Destinations:
        """Where a real browser is led on to once it has arrived; none leaves that to the site."""
        return ()


@dataclass(frozen=True, slots=True)
class SiteRedirect(Target):
    """`to: redirect`: what the wrapped site itself answers."""

    asks_site: ClassVar[bool] = True

    def destinations(self, lookup: Lookup) -> Destinations:
        """The destination that the site's Location names."""
        return lookup.find(normalise_location(lookup.location or ""))


@dataclass(frozen=True, slots=True)
class SitePage(Target):
    """`to: page`: the requested page itself, such as a pre-save, in the visitor's real browser."""

    is_page: ClassVar[bool] = True

    def destinations(self, lookup: Lookup) -> Destinations:
        """The page."""
        url = lookup.visit.url or ""
        return (Destination("site", url, "other", None, url, "browser"),)


@dataclass(frozen=True, slots=True)
class FixedUrl(Target):
    """`to: https://…`: a URL of the rules, or a template with the path's captures."""

    template: str
    shows_url: ClassVar[bool] = True

    def destinations(self, lookup: Lookup) -> Destinations:
        """The destination that the URL names."""
        return lookup.find(fill(self.template, lookup.captures))

    def onward(self, lookup: Lookup) -> Destinations:
        """The same: the URL is the rules' own."""
        return self.destinations(lookup)


@dataclass(frozen=True, slots=True)
class FromQuery(Target):
    """`to: {query: NAME}`: the URL in a query parameter, if it is a destination in force.

    Anybody can write that URL, so nobody is sent there but by a music app's own link: a browser
    gets this site's own URL, and whatever check the site makes of the parameter stays the site's.
    A sign-in is not a destination here.
    """

    parameter: str

    def destinations(self, lookup: Lookup) -> Destinations:
        """The destination that the parameter names; of several parameters, the first."""
        values = first_values(lookup.visit.query, keep_blank=True)
        found = lookup.find(values.get(self.parameter, ""))
        return tuple(one for one in found if one.kind != "oauth")
