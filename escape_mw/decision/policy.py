"""The policy: all that a decision reads, made once from the rules and then only read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from ..web.accept import languages
from ..web.paths import PathPattern, compile_path
from ..web.urls import first_values, host_of, without_port
from .destinations import DestinationIndex
from .draw import draw
from .dress import UNDRESSED, Dress
from .entries import DestinationEntry
from .experiment import Experiment
from .ladder import Ladders
from .markers import Markers
from .model import Visit, Visitor
from .signals import is_own_url
from .stays import Stays
from .targets import SiteRedirect, Target
from .tokens import Tokens
from .visitors import VisitorDetector

Mode = Literal["act", "observe", "off"]


def short_hash(*texts: str) -> str:
    """Eight hexadecimal digits that tell these texts from others."""
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=4).hexdigest()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a path, where it leads, and which visitors it is for (None means all of its sort).

    `since` and `until` are seconds since 1970, the latter excluded. `query` are parameters with
    their values, `not_query` the names of those that must be missing.
    `number` is its place in the rules file from 0, `share` in per cent. With `everyone`, visitors
    who are not escaped are redirected to its URL too. With `words_pass`, the site answers where
    nothing is left but the menu in words. With `links`, taps on plain links of the site's page are
    caught. With `tag`, the site's own URL names the host app that it was opened from. `dress` is
    its page's own. `content` is a hash of what the rules file says of it. `key` is what tokens call
    the rule: a hash of its name, its path and its experiment's name, so that an edit of any other
    rule leaves it what it was.
    """

    number: int
    name: str
    path: PathPattern
    to: Target
    apps: frozenset[str] | None = None
    platforms: frozenset[str] | None = None
    visitors: frozenset[str] = frozenset({"in-app"})
    languages: frozenset[str] | None = None
    hosts: Hosts | None = None
    since: int | None = None
    until: int | None = None
    not_apps: frozenset[str] = frozenset()
    query: tuple[tuple[str, str], ...] = ()
    not_query: frozenset[str] = frozenset()
    share: float = 100
    experiment: Experiment | None = None
    everyone: bool = False
    words_pass: bool = False
    links: bool = False
    tag: bool = False
    dress: Dress | None = None
    content: str = field(default="", compare=False)
    key: str = field(init=False, default="")

    def __post_init__(self) -> None:
        experiment = self.experiment.name if self.experiment else ""
        key = short_hash(self.name, self.path.source, experiment)
        object.__setattr__(self, "key", key)

    def covers(self, visit: Visit) -> bool:
        """Whether the rule is for this place and this time.

        The place is the host, and the whole path or the part below the mount.
        """
        return (
            (self.until is None or visit.moment < self.until)
            and (self.since is None or self.since <= visit.moment)
            and (self.hosts is None or self.hosts.has(visit.host))
            and self.path.fits(*visit.paths)
        )

    def matches(self, visit: Visit, visitor: Visitor) -> bool:
        """Whether the rule is for this place and this visitor."""
        return (
            self.covers(visit)
            and visitor.kind in self.visitors
            and (self.apps is None or visitor.app in self.apps)
            and visitor.app not in self.not_apps
            and (self.platforms is None or visitor.platform in self.platforms)
            and (self.languages is None or _prefers(visit, self.languages))
            and (not (self.query or self.not_query) or self._fits_query(visit.query))
        )

    def draws(self, visit: Visit) -> bool:
        """Whether the visit is in the rule's share."""
        if self.share >= 100:
            return True
        subject = visit.id or visit.seed or Tokens.new_visit(visit.moment)
        return draw(subject, self.key, b"escape_mw.share") * 100 < self.share

    def _fits_query(self, query: str) -> bool:
        given = first_values(query, keep_blank=True)
        has_all = all(given.get(name) == value for name, value in self.query)
        return has_all and self.not_query.isdisjoint(given)


@dataclass(frozen=True, slots=True)
class Hosts:
    """Hosts by their names, and by what they end with, such as ".label.example"."""

    names: frozenset[str]
    endings: tuple[str, ...] = ()

    def has(self, host: str) -> bool:
        """Whether one of these is `host`, which may bring a port."""
        name = without_port(host)
        return name in self.names or name.endswith(self.endings)


def hosts_of(patterns: Iterable[str]) -> Hosts:
    """Hosts as rules write them: `label.example`, and `*.label.example` for all below it."""
    listed = sorted(patterns)
    endings = tuple(one.removeprefix("*") for one in listed if one.startswith("*."))
    return Hosts(frozenset(one for one in listed if not one.startswith("*.")), endings)


DEFAULT_RULE = Rule(0, "every redirect", compile_path("/**"), SiteRedirect())


def site_of(rules: Iterable[Rule], base_url: str | None = None, hosts: Iterable[str] = ()) -> str:
    """The name of a site that the rules give none: of its address and hosts, else of its rules.

    Two sites with one secret are told apart by it.
    """
    own = [base_url or "", *sorted(hosts)]
    return short_hash(*own) if any(own) else short_hash(*(rule.key for rule in rules))


@dataclass(frozen=True, slots=True)
class Policy:
    """What requests are judged by, swapped as a whole.

    `apps` are the ids of the host apps that count. With `detect`, the site is told who asks.
    `base_urls` are those of single hosts, `allowed_hosts` the site's own, none for any. `dress` is
    the site's own, `dresses` are those of single hosts, `artwork_hosts` the https origins that
    artwork may come from. `versions` tells one edition of a rule from another, by the rule's key.
    """

    detector: VisitorDetector
    destinations: DestinationIndex
    ladders: Ladders
    markers: Markers
    stays: Stays
    tokens: Tokens
    apps: frozenset[str]
    rules: tuple[Rule, ...] = (DEFAULT_RULE,)
    mode: Mode = "act"
    base_url: str | None = None
    base_urls: Mapping[str, str] = field(default_factory=dict)
    allowed_hosts: frozenset[str] = frozenset()
    detect: bool = False
    exclude: tuple[PathPattern, ...] = ()
    dress: Dress = UNDRESSED
    dresses: Mapping[str, Dress] = field(default_factory=dict)
    artwork_hosts: frozenset[str] = frozenset()
    versions: Mapping[str, str] = field(default_factory=dict)
    by_key: Mapping[str, Rule] = field(init=False, default_factory=dict)
    everyone: tuple[Rule, ...] = field(init=False, default=())
    has_links: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        # Of rules with one key, which differ in nothing that a token could say, the first.
        object.__setattr__(self, "by_key", {rule.key: rule for rule in reversed(self.rules)})
        object.__setattr__(self, "everyone", tuple(rule for rule in self.rules if rule.everyone))
        object.__setattr__(self, "has_links", any(rule.links for rule in self.rules))

    def excludes(self, *paths: str) -> bool:
        """Whether the rules leave one of these paths alone."""
        return any(pattern.fits(*paths) for pattern in self.exclude)

    def owns(self, url: str, visit: Visit) -> bool:
        """Whether a URL is of this site: of the host that was asked, or one that the rules name."""
        return is_own_url(url, visit) or without_port(host_of(url)) in self.allowed_hosts

    def base_url_of(self, host: str) -> str | None:
        """The address of the site on this host, None where the request tells it."""
        return self.base_urls.get(without_port(host), self.base_url)

    def dress_of(self, host: str) -> Dress:
        """How pages on this host look."""
        return self.dresses.get(without_port(host), self.dress)

    def named(self, key: str, visit: Visit) -> Rule | None:
        """The rule that a token names: of several with one key, the one for this place and time."""
        named = self.by_key.get(key)
        if named is None or named.covers(visit):
            return named
        same = (rule for rule in self.rules if rule.key == key and rule.covers(visit))
        return next(same, named)

    def may_redirect_everyone(self, *paths: str) -> bool:
        """Whether some rule redirects every visitor to these paths, on some host at some time."""
        return any(rule.path.fits(*paths) for rule in self.everyone)

    def rule_for_everyone(self, visit: Visit) -> Rule | None:
        """The first rule for this visit that also redirects visitors who are not escaped."""
        if not self.everyone or self.excludes(*visit.paths):
            return None
        return next((rule for rule in self.everyone if rule.covers(visit)), None)

    def anywhere(self, entries: Iterable[DestinationEntry] | None = None) -> Policy:
        """The policy that takes every host app's visitor from every path to every destination.

        It is for what shows an escape whatever the rules say. `entries` replaces the destinations.
        """
        rule = replace(DEFAULT_RULE, name="to", visitors=frozenset({"in-app", "webview"}))
        index = self.destinations if entries is None else DestinationIndex(entries)
        apps = frozenset(self.detector.apps)
        return replace(self, mode="act", rules=(rule,), exclude=(), destinations=index, apps=apps)


class Case(NamedTuple):
    """A visit to a page that a rule is for: what a decision is made from."""

    visit: Visit
    visitor: Visitor
    rule: Rule
    policy: Policy


def _prefers(visit: Visit, wanted: frozenset[str]) -> bool:
    """Whether the visitor's first language, or its main tag, is one of these."""
    first = next(iter(languages(visit.headers.get("accept-language", ""))), "")
    return first in wanted or first.partition("-")[0] in wanted
