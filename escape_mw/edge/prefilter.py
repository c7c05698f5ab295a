"""Which requests an edge server sends to the gate: a few regular expressions, made from the rules.

Whatever the engine would act on is among them; an ordinary browser's request is not. They are
written in what Python, PCRE and JavaScript share, so that each edge server runs the same ones:

1. `marker`, or a path below /_escape/: every visitor, by any method
2. `everyone`: every visitor
3. `places`, by GET, HEAD or POST, without Upgrade and with no Sec-Fetch-Dest but "document", of
   visitors whom `agents`, `packages` or `brand` tell

`everyone` and `places` are searched in the host and the raw target, "label.example/listen?a=b"; the
first line that fits decides. The rules' mode, dates, languages and platforms are left to the gate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..decision.handoffs import PACKAGE
from ..decision.policy import Hosts, Policy, Rule, short_hash
from ..decision.visitors import (
    ANDROID_MARKS,
    ENGINES,
    FULL_SYSTEM,
    MAX_AGENT,
    SAFARI_VERSION,
    WEBVIEW_VERSION,
)
from ..web.paths import PathPattern

TOKENS_IN_LINE = 80  # nginx takes 4,096 characters
CONTROL = re.compile(r"\\?([\x00-\x1f\x7f])")
END = r"(?:\?|$)"
# A path whose bytes may be read in more than one way is left to the gate: escaped ASCII, which may
# be a slash, doubled slashes, dot segments.
IN_DOUBT = r"^[^?]*(?:%[0-7]|#|//|/\.)"
IN_DOUBT_BEYOND_ASCII = r"^[^?]*(?:%|#|//|/\.)"
# What the engine cuts off may be what would make an agent a browser's. Three bytes of UTF-8 are one
# character where an edge server decodes headers.
LONG_AGENT = rf"^.{{{MAX_AGENT // 3}}}"
IOS_WITHOUT_SAFARI = r"^(?=.*(?:iphone|ipad|ipod))(?=.*mobile/)(?!.*safari/)"


class Line(NamedTuple):
    """One regular expression, with what it is for. `asks` is whether it sends to the gate."""

    note: str
    regex: str
    asks: bool = True


class Prefilter(NamedTuple):
    """The regular expressions, see above.

    `agents` ignore case; `packages` are values of X-Requested-With in lower case, `any_package`
    fits those of all apps, "" where they do not count; `brand` stands in Sec-CH-UA, "" for none.
    """

    marker: str
    agents: tuple[Line, ...]
    packages: tuple[str, ...]
    any_package: str
    brand: str
    everyone: tuple[Line, ...]
    places: tuple[Line, ...]

    @property
    def stamp(self) -> str:
        """What tells this prefilter from others; an edit that it does not depend on keeps it."""
        return short_hash(repr(self))


def prefilter_of(policy: Policy) -> Prefilter:
    """The prefilter of a policy."""
    rules = policy.rules
    wants_webview = any("webview" in rule.visitors for rule in rules)
    apps = sorted(_apps(policy))
    packages = {one.lower() for app in apps for one in policy.detector.apps[app].android_package}
    aside = (_in_doubt(policy), *(_excluded(pattern) for pattern in policy.exclude))
    places = (*aside, *map(_place, rules))
    return Prefilter(
        marker=f"[?&]{plain(policy.markers.name)}=",
        agents=(
            *_agents(policy.detector.tokens(apps)),
            *(_shapes() if wants_webview else ()),
        ),
        packages=tuple(sorted(packages)),
        any_package=f"^{PACKAGE.pattern}$" if wants_webview else "",
        brand="WebView" if wants_webview else "",
        everyone=(*aside, *map(_place, policy.everyone)) if policy.everyone else (),
        places=places,
    )


def _apps(policy: Policy) -> set[str]:
    """The host apps that some rule is for."""
    wanted = (policy.apps if rule.apps is None else rule.apps for rule in policy.rules)
    return set().union(*wanted) & policy.apps


def _agents(tokens: list[str]) -> Iterator[Line]:
    """Lines of tokens, without those that hold another."""
    needed = [one for one in tokens if not any(it in one and it != one for it in tokens)]
    for start in range(0, len(needed), TOKENS_IN_LINE):
        part = needed[start : start + TOKENS_IN_LINE]
        yield _line("host apps", "|".join(map(plain, part)))


def _shapes() -> Iterator[Line]:
    """What only a webview says, for rules with `visitors: [webview]`."""
    yield Line("webviews", "|".join(map(plain, (*ENGINES, *ANDROID_MARKS))))
    yield Line("webviews of Android", WEBVIEW_VERSION.pattern)
    yield Line("webviews of Android, newer", FULL_SYSTEM.pattern)
    yield Line("webviews of iOS", IOS_WITHOUT_SAFARI)
    yield Line("webviews of iOS that say Safari", SAFARI_VERSION.pattern)
    yield Line("too long to judge here", LONG_AGENT)


def _in_doubt(policy: Policy) -> Line:
    patterns = (*policy.exclude, *(rule.path for rule in policy.rules))
    is_ascii = all(pattern.source.isascii() for pattern in patterns)
    regex = IN_DOUBT if is_ascii else IN_DOUBT_BEYOND_ASCII
    return Line("a path that the gate reads better", regex)


def _excluded(pattern: PathPattern) -> Line:
    return _line(f"exclude {pattern.source}", _over(None, pattern), asks=False)


def _place(rule: Rule) -> Line:
    return _line(f"{rule.name}: {rule.path.source}", _over(rule.hosts, rule.path))


def _line(note: str, regex: str, *, asks: bool = True) -> Line:
    """A line of what the rules say; control characters would end it in a configuration."""
    printable = "".join(char if char.isprintable() else " " for char in note)
    escaped = CONTROL.sub(lambda found: f"\\x{ord(found[1]):02x}", regex)
    return Line(printable, escaped, asks)


def _over(hosts: Hosts | None, pattern: PathPattern) -> str:
    return f"^{_host(hosts)}{pattern.over_target}{END}"


def _host(hosts: Hosts | None) -> str:
    if hosts is None:
        return "[^/]*"
    endings = (f"[^/]*{plain(ending)}" for ending in hosts.endings)
    return f"(?:{'|'.join([*map(plain, sorted(hosts.names)), *endings])})"


def plain(text: str) -> str:
    """The text as a regular expression, escaped no more than each engine needs."""
    return re.sub(r"[.^$*+?()\[\]{}|\\]", r"\\\g<0>", text)
