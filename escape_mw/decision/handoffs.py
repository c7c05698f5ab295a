"""The techniques: one row each, with all that any other module asks about a way out.

Each makes its URI by a pure function from what is handed over. None takes the step out of the
ladder: a dead tap is worse than no button. URLs have passed `strict_split`, so they are printable
ASCII with a plain host; what a technique cannot carry beyond that is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from ..web.urls import DOT_SEGMENT, quoted
from .model import GOALS, PHONES, Goal, Phone

PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+", re.ASCII)
APOSTROPHE = "'"  # browsers quote it in a query, and only there
LINE_PARAMETER = "openExternalBrowser=1"
CHROME = "com.android.chrome"
MENU = "menu"


class Handoff(NamedTuple):
    """What one step hands over: `url`, this site's page as `fallback`, the music app's facts.

    `host_app` is the app whose webview it leaves. `is_one_time` says that the page's address must
    not be loaded once more in here: what would fall back on it stays on the page that stands.
    """

    url: str
    fallback: str
    host_app: str | None = None
    android_package: str | None = None
    app_uri: str | None = None
    is_one_time: bool = False


def intent(handoff: Handoff, package: str | None = None) -> str | None:
    """Android's intent: to the default browser, or to the app that owns the link.

    The host form with a scheme is the only portable one (intent:https://... fails in Telegram). The
    data part holds no fragment, because host apps split at the first "#Intent;". Source: AOSP
    Intent.parseUri.
    """
    scheme, _, data = handoff.url.partition(":")
    path, mark, query = data.partition("?")
    if "#" in data or DOT_SEGMENT.search(path):
        return None
    return (
        f"intent:{path}{mark}{query.replace(APOSTROPHE, '%27')}#Intent;scheme={scheme};"
        "action=android.intent.action.VIEW;category=android.intent.category.BROWSABLE;"
        + (f"package={package};" if package else "")
        + ("" if handoff.is_one_time else f"S.browser_fallback_url={quoted(handoff.fallback)};")
        + "end"
    )


def intent_app(handoff: Handoff) -> str | None:
    """The same with the music app's package: one template for every service, no path mapping."""
    package = handoff.android_package
    return intent(handoff, package) if package and PACKAGE.fullmatch(package) else None


def intent_chrome(handoff: Handoff) -> str | None:
    """The same to Chrome by its name, which raises no question in some host apps."""
    return intent(handoff, CHROME)


def app_scheme(handoff: Handoff) -> str | None:
    """The music app's own URI, where the catalogue can make one from the URL."""
    return handoff.app_uri


def x_safari(handoff: Handoff) -> str | None:
    """Safari, and only Safari, on iOS 17 and later; https alone."""
    return f"x-safari-{handoff.url}" if handoff.url.startswith("https:") else None


def chrome_ios(handoff: Handoff) -> str | None:
    """Chrome on iOS: googlechrome for http, googlechromes for https.

    developer.chrome.com, "Opening links in Chrome for iOS".
    """
    return "googlechrome" + handoff.url.removeprefix("http")


def extbrowser(handoff: Handoff) -> str | None:
    """Instagram's own opener, which asks the visitor first; Threads has its twin."""
    scheme = "barcelona" if handoff.host_app == "threads" else "instagram"
    return f"{scheme}://extbrowser/?url={quoted(handoff.url)}"


def kakao_external(handoff: Handoff) -> str | None:
    """KakaoTalk's own opener."""
    return f"kakaotalk://web/openExternal?url={quoted(handoff.url)}"


def line_external(handoff: Handoff) -> str | None:
    """LINE opens any URL with this parameter outside (developers.line.biz, LINE URL scheme).

    It goes on our own page, whatever the goal: the destination stays as it is.
    """
    path, mark, query = handoff.fallback.partition("?")
    if LINE_PARAMETER in query.split("&"):
        return handoff.fallback
    return f"{path}?{query}{'&' if mark else ''}{LINE_PARAMETER}"


def https_link(handoff: Handoff) -> str | None:
    """A plain link to the destination, which may fire as a universal link."""
    return handoff.url


def menu(handoff: Handoff) -> None:
    """The host app's own menu, in words."""


class Technique(NamedTuple):
    """One way out of a webview.

    `make` gives its URI, None where it cannot be made. `title` names it for people who try it, and
    `label` is the key of its button's words. `opens` is what the tap does: follow the link, set the
    page's location by script, or open a window. `arrives` are the goals for which the handed-over
    page is opened where this site can see it; the music app never comes back. `phones` are the
    platforms that know it, `apps` the host apps whose own it is (none: any), `since_ios` the first
    version of iOS that does.
    """

    make: Callable[[Handoff], str | None]
    title: str
    phones: tuple[Phone, ...]
    label: str = "open_browser"
    opens: Literal["link", "location", "window"] = "link"
    arrives: tuple[Goal, ...] = GOALS
    apps: tuple[str, ...] = ()
    since_ios: int = 0

    def is_of(self, app: str, platform: str) -> bool:
        """Whether a host app on a platform may know it."""
        return platform in self.phones and (not self.apps or app in self.apps)


IOS: tuple[Phone, ...] = ("ios",)
ANDROID: tuple[Phone, ...] = ("android",)

TECHNIQUES: dict[str, Technique] = {
    "intent": Technique(intent, "Android's intent, to the default browser", ANDROID),
    "intent-chrome": Technique(intent_chrome, "Android's intent, to Chrome", ANDROID),
    "intent-app": Technique(
        intent_app, "Android's intent, to the music app", ANDROID, "open_service", arrives=()
    ),
    "app-scheme": Technique(
        app_scheme, "The music app's own scheme", IOS, "open_service", arrives=()
    ),
    "x-safari": Technique(x_safari, "Safari, by a plain link", IOS, "open_safari", since_ios=17),
    "x-safari-location": Technique(
        x_safari, "Safari, by a script", IOS, "open_safari", "location", since_ios=17
    ),
    "x-safari-window": Technique(
        x_safari, "Safari, by a new window", IOS, "open_safari", "window", since_ios=17
    ),
    "chrome-ios": Technique(chrome_ios, "Chrome's own scheme", IOS, "open_chrome"),
    "extbrowser": Technique(
        extbrowser, "The host app's own opener", PHONES, apps=("instagram", "threads")
    ),
    "kakao-external": Technique(
        kakao_external, "KakaoTalk's own opener", PHONES, apps=("kakaotalk",)
    ),
    "line-external": Technique(line_external, "LINE's own parameter", PHONES, apps=("line",)),
    "https-link": Technique(https_link, "A plain link", IOS, "open_service", arrives=("browser",)),
    MENU: Technique(menu, "The host app's own menu", PHONES, arrives=()),
}
