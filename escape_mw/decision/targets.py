"""Where a rule leads: one small class for each form of `to:` in the rules file.

What else differs from form to form stands beside the destination as a plain fact, so that no other
module asks which form a rule has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from ..web.paths import fill
from ..web.urls import normalise_location
from .destinations import DestinationIndex
from .model import Destination, Visit
from .signals import is_one_time


class Lookup(NamedTuple):
    """What a destination is found by.

    `captures` are those of the rule's path; `location` is where the site's own redirect leads, None
    as long as that is not known.
    """

    visit: Visit
    captures: Mapping[str, str]
    in_force: DestinationIndex
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A form of `to:`.

    `asks_site`: only the site's own redirect tells where a visit leads. `is_page`: the visit leads
    to the requested page itself. `is_of_rules`: the URL is the rules' own, so the page may show it,
    and a real browser is led on to it.
    """

    asks_site: ClassVar[bool] = False
    is_page: ClassVar[bool] = False
    is_of_rules: ClassVar[bool] = False

    def destination(self, lookup: Lookup) -> Destination | None:
        """The destination of a visit, None where none is in force."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class SiteRedirect(Target):
    """`to: redirect`: what the wrapped site itself answers."""

    asks_site: ClassVar[bool] = True

    def destination(self, lookup: Lookup) -> Destination | None:
        """The destination that the site's Location names."""
        return lookup.in_force.find(normalise_location(lookup.location or ""))


@dataclass(frozen=True, slots=True)
class SitePage(Target):
    """`to: page`: the requested page itself, such as a pre-save, in the visitor's real browser."""

    is_page: ClassVar[bool] = True

    def destination(self, lookup: Lookup) -> Destination | None:
        """The page."""
        url = lookup.visit.url or ""
        return Destination("site", url, "other", None, url, "browser")


@dataclass(frozen=True, slots=True)
class TappedLink(Target):
    """A plain link on a page of the site, tapped: never one that is good for one use."""

    url: str

    def destination(self, lookup: Lookup) -> Destination | None:
        """The destination that the link names."""
        query = self.url.partition("#")[0].partition("?")[2]
        return None if is_one_time(query) else lookup.in_force.find(self.url)


@dataclass(frozen=True, slots=True)
class FixedUrl(Target):
    """`to: https://…`: a URL of the rules, or a template with the path's captures."""

    template: str
    is_of_rules: ClassVar[bool] = True

    def destination(self, lookup: Lookup) -> Destination | None:
        """The destination that the URL names."""
        return lookup.in_force.find(fill(self.template, lookup.captures))
