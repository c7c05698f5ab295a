"""Who asks: from a request's user agent and two headers to a `Visitor`.

The order is: the plain browsers, crawlers, named host apps, browsers built on a webview, then the shapes that only a
webview has. Act only on explicit marks, never on "looks like": an agent without any mark is a browser.
Everything here is linear in the agent's length and sees at most `MAX_AGENT` characters of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache

import ua_parser

from .entries import AppEntry, Browsers, Crawlers
from .model import Platform, Visitor

MAX_AGENT = 1024
MAX_PACKAGE = 255
MEMO = 4096

BROWSER = Visitor("browser")
BOT = Visitor("bot")

# The whole grammar of the browsers that nearly everybody uses; a webview, an app's token or a crawler's name breaks it.
# Stock Chrome says "Android 10; K" and nothing else before K (chromium.org, user-agent reduction); Safari says 15E148.
PLAIN = re.compile(
    r"Mozilla/5\.0 \((?:(?:Windows NT|Macintosh|X11|iPhone|iPad|iPod)[^()]*"
    r"|Linux; Android (?:10; K|[^()K]*(?<!; wv)))\) "
    r"(?:Gecko/[\d.]+ Firefox/[\d.]+"
    r"|AppleWebKit/[\d.]+ \(KHTML, like Gecko\) "
    r"(?:(?:SamsungBrowser/[\d.]+ )?Chrome/[\d.]+(?: Mobile)? Safari/[\d.]+(?: (?:Edg|EdgA|OPR)/[\d.]+)?"
    r"|(?:Version|CriOS|FxiOS|EdgiOS)/[\d.]+(?: Mobile/15E148)? Safari/[\d.]+))",
    re.ASCII,
)
PACKAGE = re.compile(r"[A-Za-z]\w*(?:\.\w+)+", re.ASCII)
IOS = ("iphone", "ipad", "ipod")
ANDROID_MARKS = ("; wv)", "crosswalk/")
WEBVIEW_VERSION = re.compile(
    r"version/[\d.]+ (?:mobile )?chrome/", re.ASCII
)  # stock Chrome never says Version
FULL_SYSTEM = re.compile(r"\(linux; android (?!10;)\d+; k\)", re.ASCII)

SAFARI_VERSION = re.compile(
    r"version/(?:1[2-9]|[2-9]\d)[\d.]* mobile/(?!15e148)\w+ safari/", re.ASCII
)
VERSION = re.compile(r"[/ _]?v?(\d[\d.]*)", re.ASCII)


class Recogniser:
    """Tells visitors apart by the marks of the catalogue; one object for the life of a set of rules.

    `apps` are the host apps in force; `crawlers` and `browsers` the words of programs and real browsers.
    """

    def __init__(self, apps: Iterable[AppEntry], crawlers: Crawlers, browsers: Browsers) -> None:
        self.apps = {app.id: app for app in apps}
        self._tokens = tuple(
            (app.id, _lower(app.tokens), _lower(app.not_tokens)) for app in self.apps.values()
        )
        self._packages = {
            package: app.id for app in self.apps.values() for package in app.android_package
        }
        self._browser_tokens = _lower(browsers.tokens)
        self._browser_packages = frozenset(browsers.packages)
        self._crawler_words = _lower(crawlers.words)
        self._crawler_stems = _lower(crawlers.stems)
        self._crawler_stem = re.compile(
            rf"(?:{'|'.join(map(re.escape, self._crawler_stems))})(?![a-z])"
        )
        self._people = _lower(crawlers.people)
        self.recognise = lru_cache(maxsize=MEMO)(self._recognise)
        self.is_browser = lru_cache(maxsize=MEMO)(self._is_browser)
        _parser()  # its matcher takes a while to build

    def visitor(self, agent: str, headers: Mapping[str, str]) -> Visitor:
        """Recognise the visitor of a request with this user agent and these (lower-case) headers."""
        return self.recognise(
            agent[:MAX_AGENT],
            package(headers.get("x-requested-with", "")),
            "WebView" in headers.get("sec-ch-ua", ""),
        )

    def _is_browser(self, agent: str) -> bool:
        """The quick look: whether the agent alone is one of a real browser."""
        return bool(PLAIN.fullmatch(agent)) or self.recognise(agent, "", False) is BROWSER

    def _recognise(self, agent: str, package: str, webview_brand: bool) -> Visitor:
        if not package and not webview_brand and PLAIN.fullmatch(agent):
            return BROWSER
        low = agent.lower()
        if self._is_crawler(low):
            return BOT
        if package in self._browser_packages:
            return BROWSER
        app = self._packages.get(package) or next(self._claimants(low), None)
        if app:
            return _visitor(agent, app, self._version(app, agent, low))
        if any(token in low for token in self._browser_tokens):
            return BROWSER
        return (
            _visitor(agent) if package or webview_brand or _shaped_like_a_webview(low) else BROWSER
        )

    def _is_crawler(self, low: str) -> bool:
        if any(word in low for word in self._crawler_words):
            return True
        if not any(stem in low for stem in self._crawler_stems):
            return False
        for device in self._people:
            low = low.replace(device, "")
        return bool(self._crawler_stem.search(low))

    def claims(self, agent: str, package: str = "") -> list[str]:
        """Every host app that lays claim to this agent: one at most, if the catalogue is in order."""
        low = agent.lower()
        if self._is_crawler(low):
            return []
        return (
            [self._packages[package]] if package in self._packages else list(self._claimants(low))
        )

    def _claimants(self, low: str) -> Iterator[str]:
        if "mozilla/" not in low:  # a native client or a prefetcher, no page before a person
            return
        for app, tokens, not_tokens in self._tokens:
            if any(token in low for token in tokens) and not any(
                token in low for token in not_tokens
            ):
                yield app

    def _version(self, app: str, agent: str, low: str) -> str | None:
        entry = self.apps[app]
        for mark in _lower(entry.version_after or entry.tokens):
            at = low.find(mark)
            if at >= 0 and (found := VERSION.match(agent, at + len(mark))):
                return found[1].rstrip(".")
        return None


def package(requested_with: str) -> str:
    """The embedding app's package name in an X-Requested-With value, or "" (it also says XMLHttpRequest)."""
    return (
        requested_with
        if len(requested_with) <= MAX_PACKAGE and PACKAGE.fullmatch(requested_with)
        else ""
    )


@cache
def _parser() -> ua_parser.Parser:
    """One parser for the process, of operating systems alone.

    ua-parser's global one knows browsers and devices too, which takes nine times as long to build (93 against 10 ms,
    measured), and its release 1.0.0 builds it anew at every call.
    """
    _, systems, _ = ua_parser.load_lazy_builtins()
    return ua_parser.Parser.from_matchers(([], systems, []))


def platform(agent: str) -> tuple[Platform, str | None]:
    """The system an agent speaks of, and its version as far as the agent tells (browsers freeze it)."""
    agent = (
        agent[:MAX_AGENT].encode("ascii", "replace").decode("ascii")
    )  # the Rust matcher refuses lone surrogates
    found = _parser().parse_os(agent)
    family = found.family if found else ""
    version = (
        ".".join(part for part in (found.major, found.minor, found.patch) if part) if found else ""
    )
    if family in PLATFORMS:
        return PLATFORMS[family], version or None
    low = (
        agent.lower()
    )  # ua-parser minds case; and an iPad that asks for desktop pages calls itself a Mac
    if any(word in low for word in IOS):
        return "ios", None
    return (
        "android"
        if "android" in low and family == "Linux"
        else "desktop"
        if family in DESKTOP
        else "other"
    ), version or None


PLATFORMS: dict[str, Platform] = {"iOS": "ios", "Android": "android"}
DESKTOP = frozenset(
    {
        "Windows",
        "Mac OS X",
        "Linux",
        "Ubuntu",
        "Debian",
        "Fedora",
        "Chrome OS",
        "FreeBSD",
        "OpenBSD",
        "NetBSD",
    }
)


def _shaped_like_a_webview(low: str) -> bool:
    if any(word in low for word in IOS):
        return ("mobile/" in low and "safari/" not in low) or bool(SAFARI_VERSION.search(low))
    if "android" in low:
        return any(mark in low for mark in ANDROID_MARKS) or bool(
            WEBVIEW_VERSION.search(low) or FULL_SYSTEM.search(low)
        )
    return False


def _visitor(agent: str, app: str | None = None, version: str | None = None) -> Visitor:
    system, os_version = platform(agent)
    return Visitor("in-app" if app else "webview", app, system, version, os_version)


def _lower(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.lower() for word in words)
