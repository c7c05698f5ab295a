"""Who asks: from a request's user agent and two headers to a `Visitor`.

The order is: plain browsers, crawlers, named host apps, browsers built on a webview, then the
shapes that only a webview has. Only explicit tokens count; an agent without one is a browser. No
heuristics. Everything here is linear in the agent's length and sees at most `MAX_AGENT` characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from .entries import AppEntry, Browsers, Crawlers
from .handoffs import PACKAGE
from .model import Platform, Visitor

if TYPE_CHECKING:
    import ua_parser

MAX_AGENT = 1024
MAX_PACKAGE = 255
MEMO = 4096

BROWSER = Visitor("browser")
BOT = Visitor("bot")

# The whole grammar of the browsers that nearly everybody uses; a webview, an app's token or a
# crawler's name breaks it. Stock Chrome says "Android 10; K" and nothing else before K
# (chromium.org, user-agent reduction); Safari says 15E148.
PLAIN = re.compile(
    r"Mozilla/5\.0 \((?:(?:Windows NT|Macintosh|X11|iPhone|iPad|iPod)[^()]*"
    r"|Linux; Android (?:10; K|[^()K]*(?<!; wv)))\) "
    r"(?:Gecko/[\d.]+ Firefox/[\d.]+"
    r"|AppleWebKit/[\d.]+ \(KHTML, like Gecko\) "
    r"(?:(?:SamsungBrowser/[\d.]+ )?Chrome/[\d.]+(?: Mobile)? Safari/[\d.]+"
    r"(?: (?:Edg|EdgA|OPR)/[\d.]+)?"
    r"|(?:Version|CriOS|FxiOS|EdgiOS)/[\d.]+(?: Mobile/15E148)? Safari/[\d.]+))",
    re.ASCII,
)
IOS = ("iphone", "ipad", "ipod")
ANDROID_MARKS = ("; wv)", "crosswalk/")
ENGINES = ("bytedancewebview/",)  # of several apps, so that they name none
# Stock Chrome never says Version. Samsung's browser said 1 to 3 before it had a name (browscap pull
# request 1824); what says 1 stays a webview without a name, for labelled agents disagree about it.
WEBVIEW_VERSION = re.compile(r"version/(?![23]\.)[\d.]+ (?:mobile )?chrome/", re.ASCII)
FULL_SYSTEM = re.compile(r"\(linux; android (?!10;)\d+; k\)", re.ASCII)
# Parentheses, which may hold further pairs, together with an "android" directly before them.
PARENTHESES = re.compile(r"(android )?\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
# What Facebook's apps say of the device stands in square brackets, by its maker and model.
BRACKETS = re.compile(r"\[[^\[\]]*\]")
FACEBOOK_DEVICE = ("fban/", "fbdv/", "fbmf/")

PLATFORMS: dict[str, Platform] = {"iOS": "ios", "Android": "android"}
DESKTOP = frozenset(
    (
        *("Windows", "Mac OS X", "Linux", "Ubuntu", "Debian", "Fedora"),
        *("Chrome OS", "FreeBSD", "OpenBSD", "NetBSD"),
    )
)

SAFARI_VERSION = re.compile(
    r"version/(?:1[2-9]|[2-9]\d)[\d.]* mobile/(?!15e148)\w+ safari/", re.ASCII
)
VERSION = re.compile(r"[/ _]?v?(\d[\d.]*)", re.ASCII)


class VisitorDetector:
    """Tells visitors apart by the catalogue's tokens; one object for the life of a set of rules.

    `apps` are the host apps in force; `crawlers` and `browsers` hold the words of programs and of
    real browsers.
    """

    def __init__(self, apps: Iterable[AppEntry], crawlers: Crawlers, browsers: Browsers) -> None:
        self.apps = {app.id: app for app in apps}
        self._tokens = tuple(
            (app.id, _lower(app.tokens), _lower(app.not_tokens)) for app in self.apps.values()
        )
        self._packages = {
            package.lower(): app.id for app in self.apps.values() for package in app.android_package
        }
        self._browser_tokens = _lower(browsers.tokens)
        self._browser_packages = frozenset(_lower(browsers.packages))
        self._crawler_words = _lower(crawlers.words)
        self._crawler_stems = _lower(crawlers.stems)
        stems = "|".join(map(re.escape, self._crawler_stems))
        self._crawler_stem = re.compile(rf"(?:{stems})(?![a-z])")
        self.detect = lru_cache(maxsize=MEMO)(self._detect)
        self.is_browser = lru_cache(maxsize=MEMO)(self._is_browser)

    def tokens(self, ids: Iterable[str]) -> list[str]:
        """The tokens of host apps, in lower case."""
        wanted = frozenset(ids)
        return sorted({one for id_, tokens, _ in self._tokens if id_ in wanted for one in tokens})

    def visitor(self, agent: str, headers: Mapping[str, str]) -> Visitor:
        """The visitor of a request with this user agent and these (lower-case) headers."""
        package = package_of(headers.get("x-requested-with", ""))
        return self.detect(agent[:MAX_AGENT], package, "WebView" in headers.get("sec-ch-ua", ""))

    def matches(self, agent: str, package: str = "") -> list[str]:
        """The host apps that this agent matches: at most one, if the catalogue is in order."""
        low, package = agent.lower(), package.lower()
        if self._is_crawler(low):
            return []
        if package in self._packages:
            return [self._packages[package]]
        return list(self._matching_apps(low))

    def _is_browser(self, agent: str) -> bool:
        """The quick look: whether the agent alone is one of a real browser."""
        return bool(PLAIN.fullmatch(agent)) or self.detect(agent, "", False) is BROWSER

    def _detect(self, agent: str, package: str, webview_brand: bool) -> Visitor:
        if not package and not webview_brand and PLAIN.fullmatch(agent):
            return BROWSER
        low, package = agent.lower(), package.lower()
        if self._is_crawler(low):
            return BOT
        if self._is_browser_package(package):
            return BROWSER
        app = self._packages.get(package) or next(self._matching_apps(low), None)
        if app:
            return self._in_app(app, agent, low)
        if any(token in low for token in self._browser_tokens):
            return BROWSER
        if package or webview_brand or _is_shaped_like_a_webview(low):
            where, version = system(agent)
            return Visitor("webview", None, where, None, version)
        return BROWSER

    def _is_crawler(self, low: str) -> bool:
        if any(word in low for word in self._crawler_words):
            return True
        if not any(stem in low for stem in self._crawler_stems):
            return False
        without = BRACKETS.sub(_unless_facebook, PARENTHESES.sub(_unless_device, low))
        return bool(self._crawler_stem.search(without))

    def _is_browser_package(self, package: str) -> bool:
        """What calls itself a browser is one, unless it is a host app's."""
        if package in self._browser_packages:
            return True
        return "browser" in package and package not in self._packages

    def _matching_apps(self, low: str) -> Iterator[str]:
        if "mozilla/" not in low:  # a native client or a prefetcher, not a page before a person
            return
        for app, tokens, not_tokens in self._tokens:
            if _has_any(low, tokens) and not _has_any(low, not_tokens):
                yield app

    def _in_app(self, app: str, agent: str, low: str) -> Visitor:
        where, version = system(agent)
        if where == "desktop" and self.apps[app].ipad_as_mac and "(macintosh;" in low:
            where, version = "ios", None  # the Mac's version says nothing of the iPad's
        return Visitor("in-app", app, where, self._version(app, agent, low), version)

    def _version(self, app: str, agent: str, low: str) -> str | None:
        entry = self.apps[app]
        for token in _lower(entry.version_after or entry.tokens):
            at = low.find(token)
            if at >= 0 and (found := VERSION.match(agent, at + len(token))):
                return found[1].rstrip(".")
        return None


def package_of(requested_with: str) -> str:
    """The embedding app's package in an X-Requested-With value, else ""; scripts send others."""
    fits = len(requested_with) <= MAX_PACKAGE and PACKAGE.fullmatch(requested_with)
    return requested_with if fits else ""


def platform(agent: str) -> Platform:
    """The system that an agent names."""
    return system(agent)[0]


def system(agent: str) -> tuple[Platform, int | None]:
    """The system that an agent names, and its major version, None where it says none."""
    # The Rust matcher refuses lone surrogates.
    agent = agent[:MAX_AGENT].encode("ascii", "replace").decode("ascii")
    found = _parser().parse_os(agent)
    family = found.family if found else ""
    if found and family in PLATFORMS:
        version = found.major or ""
        return PLATFORMS[family], int(version) if version.isdecimal() else None
    low = agent.lower()  # ua-parser minds case, and takes an iPad with desktop pages for a Mac
    if any(word in low for word in IOS):
        return "ios", None
    if "android" in low and family == "Linux":
        return "android", None
    return "desktop" if family in DESKTOP else "other", None


@cache
def _parser() -> ua_parser.Parser:
    """One parser for the process, of operating systems alone.

    ua-parser's global one knows browsers and devices too, which takes nine times as long to build
    (93 against 10 ms, measured), and its release 1.0.0 builds it anew at every call. With its
    import it takes 40 ms, which the first visitor in a webview waits for, and no other.
    """
    import ua_parser  # noqa: PLC0415 - slow to import

    _, systems, _ = ua_parser.load_lazy_builtins()
    return ua_parser.Parser.from_matchers(([], systems, []))


def _is_shaped_like_a_webview(low: str) -> bool:
    if any(engine in low for engine in ENGINES):
        return True
    if any(word in low for word in IOS):
        return ("mobile/" in low and "safari/" not in low) or bool(SAFARI_VERSION.search(low))
    if "android" not in low:
        return False
    if any(mark in low for mark in ANDROID_MARKS):
        return True
    return bool(WEBVIEW_VERSION.search(low) or FULL_SYSTEM.search(low))


def _unless_device(found: re.Match[str]) -> str:
    """A blank in place of an Android device, whose name may look like a crawler's (FOSSiBOT)."""
    before, inside = found.groups()
    is_device = before or ("android" in inside and "compatible" not in inside)
    return " " if is_device else found[0]


def _unless_facebook(found: re.Match[str]) -> str:
    return " " if _has_any(found[0], FACEBOOK_DEVICE) else found[0]


def _has_any(text: str, tokens: Sequence[str]) -> bool:
    return any(token in text for token in tokens)


def _lower(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.lower() for word in words)
