"""The prefilter as edge servers run it, in Python, and requests to try it with."""

from __future__ import annotations

import random
import re
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from escape_mw.engine.passthrough import Passthrough
from escape_mw.web.request import from_environ

from ..catalogue.sources import sources
from ..support import agents


class Asked(NamedTuple):
    """One request as it goes over the wire."""

    method: str
    host: str
    target: str
    headers: dict[str, str]

    @property
    def environ(self):
        path, _, query = self.target.partition("?")
        return {
            "REQUEST_METHOD": self.method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "wsgi.url_scheme": "https",
            "HTTP_HOST": self.host,
            **{f"HTTP_{k.upper().replace('-', '_')}": v for k, v in self.headers.items()},
        }


class Matcher:
    """What a prefilter sends to the gate."""

    def __init__(self, prefilter):
        self.prefilter = prefilter
        self.agents = [
            re.compile(line.regex, re.ASCII | re.IGNORECASE) for line in prefilter.agents
        ]
        self.package = re.compile(prefilter.any_package, re.ASCII)
        self.marker = re.compile(prefilter.marker)

    def asks(self, asked):
        place = asked.host.partition(":")[0].lower() + asked.target
        if self.marker.search(asked.target) or asked.target.startswith("/_escape/"):
            return True
        return decided(self.prefilter.everyone, place) or (
            self.visitor(asked.headers)
            and asked.method in ("GET", "HEAD", "POST")
            and not asked.headers.get("Upgrade")
            and asked.headers.get("Sec-Fetch-Dest", "document") in ("document", "")
            and decided(self.prefilter.places, place)
        )

    def visitor(self, headers):
        package, rules = headers.get("X-Requested-With", ""), self.prefilter
        return (
            any(agent.search(headers.get("User-Agent", "")) for agent in self.agents)
            or package.lower() in rules.packages
            or bool(rules.any_package and self.package.search(package))
            or bool(rules.brand and rules.brand in headers.get("Sec-CH-UA", ""))
        )


def decided(lines, place):
    first = next((line for line in lines if re.search(line.regex, place, re.ASCII)), None)
    return first is not None and first.asks


def acts(engine, asked):
    """Whether the engine would do anything about a request: answer it, change it, or watch it."""
    environ = asked.environ
    get = environ.get
    if engine.is_plain(
        "",
        environ["PATH_INFO"],
        get("HTTP_USER_AGENT", ""),
        environ["QUERY_STRING"],
        get("HTTP_X_REQUESTED_WITH"),
        get("HTTP_SEC_CH_UA", ""),
    ):
        return False
    answer = engine.answer(partial(from_environ, environ))
    if isinstance(answer, Passthrough):
        return bool(answer.changes or answer.visit or answer.cookie or answer.tag)
    return answer is not None


# --- requests -------------------------------------------------------------------------------------

PATHS = [
    "/presave/x",
    "/presave",
    "/pre-save.html",
    "/listen/a",
    "/listen/caf%C3%A9",
    "/listen/%C3%BC/",
    "/listen/ü",
    "/go/song",
    "/presavex",
    "/about",
    "/",
    "/a/./b",
    "/a//b",
    "/a/x/b",
    "/out",
    "/exclude/presave",
    "/blog/2026/x.html",
    "/_escape/e",
    "/_escape/outcome/pre-save",
]
MARKERS = ["_esc=2~stay~.6b0b61aa.x", "_esc=2~intent-app~v~r~tiktok~android.6b0b61aa.x", "_esc="]
QUERIES = ["", "", "", "a=1", "next=/presave/x", "a=%5Fesc=1", "x_esc=1", *MARKERS, "a=b&_esc=1&c"]
HOSTS = ["label.example", "Label.Example:8443", "www.label.example", "other.example", ""]
ACCEPTS = ["text/html", "*/*", "image/png"]
METHODS = ["GET"] * 8 + ["HEAD", "POST", "PUT", "OPTIONS"]
MORE = [
    {},
    {},
    {},
    {"Sec-Fetch-Dest": "document"},
    {"Sec-Fetch-Dest": "iframe"},
    {"Sec-Fetch-Dest": "empty"},
    {"Upgrade": "websocket", "Connection": "Upgrade"},
    {"X-Requested-With": "XMLHttpRequest"},
    {"X-Requested-With": "com.example.unknown"},
    {"X-Requested-With": "com.android.browser"},
    {"Sec-CH-UA": '"Android WebView";v="133"'},
    {"Referer": "https://label.example/presave/x"},
    {"Cookie": "escape_stay=2~.6b0b61aa.x"},
]
OWN = [value for name, value in vars(agents).items() if name.isupper() and isinstance(value, str)]


def examples():
    """Every agent that the catalogue has an example of, and its package."""
    apps = sources().apps
    known = [pair for app in apps for pair in app.requests]
    others = [(agent, "") for app in apps for agent in app.not_examples]
    packages = [(agents.CHROME_ANDROID, one) for app in apps for one in app.android_package]
    return [*known, *others, *packages, *((agent, "") for agent in OWN)]


def mutated(text, chance, tokens):
    """An agent in which something is cut, folded, doubled, added, or pushed out of sight."""
    start, end = sorted(chance.randrange(len(text) + 1) for _ in "ab")
    return chance.choice(
        [
            text,
            text[:start] + text[end:],
            text[:start] + text[start:end].swapcase() + text[end:],
            f"{text} {chance.choice(tokens)}",
            text[:start] + chance.choice(tokens).upper() + text[start:],
            text.upper(),
            text.replace(" ", "  ", 1),
            text.replace("Safari/", "", 1),
            text.replace("15E148", chance.choice(["15E149", "1", "22G86", "15e148"])),
            "x" * chance.choice([700, 900, 1000, 1100]) + text,
            text[:start] + " " * chance.choice([300, 900]) + text[start:],
            text[:start] + chance.choice("\xe9\xff\xb5;()/") + text[start:],
        ]
    )


def bent(target, chance):
    """A path that is written in another way."""
    at = chance.randrange(1, len(target) + 1)
    return chance.choice(
        [
            *[target] * 6,
            target + "/",
            target[:at] + "/" + target[at:],
            target[:at] + "%2F" + target[at:],
            target[: at - 1]
            + "".join(f"%{byte:02x}" for byte in target[at - 1].encode())
            + target[at:],
            target[:at] + "/../x",
            target[:at] + "%FF" + target[at:],
            target + "/" + chance.choice(["a;b", "a|b", "%zz", "%E2%9C%93", "x.css"]),
        ]
    )


def requests(number, seed=1):
    """That many requests, the same ones each time."""
    chance = random.Random(seed)
    known, apps = examples(), sources().apps
    tokens = [token for app in apps for token in app.tokens]
    for _ in range(number):
        agent, package = chance.choice(known)
        headers = {"User-Agent": mutated(agent, chance, tokens)}
        headers |= {"Accept": chance.choice(ACCEPTS), **chance.choice(MORE)}
        if package:
            headers["X-Requested-With"] = chance.choice([package, package.upper()])
        query, path = chance.choice(QUERIES), chance.choice(PATHS)
        if not path.startswith("/_escape/"):  # only our own pages ask for these, and as they are
            path = bent(path, chance)
        target = path + (f"?{query}" if query else "")
        yield Asked(chance.choice(METHODS), chance.choice(HOSTS), target, headers)
