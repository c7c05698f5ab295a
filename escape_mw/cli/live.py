"""What a real site gives to whom, asked over HTTP: `escape-mw check --url`."""

from __future__ import annotations

import re
from email.message import Message
from http.client import HTTPException
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

import click
from werkzeug.urls import iri_to_uri

from ..web.addresses import LINKS
from ..web.urls import host_of
from .agents import GOOGLEBOT, INSTAGRAM_ANDROID, SAFARI, TIKTOK_IOS
from .terminal import printable

HANDLERS = (ProxyHandler, HTTPHandler, HTTPSHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor)
TIMEOUT = 10  # seconds
MAX_BODY = 1_000_000  # bytes
MAX_HOPS = 5  # redirects within the site
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
# In this order: a cache that keeps the browser's answer shows in the next one, and one that keeps
# an escape in the last one.
AGENTS = {
    "Safari on iOS": SAFARI,
    "TikTok on iOS": TIKTOK_IOS,
    "Instagram on Android": INSTAGRAM_ANDROID,
    "Googlebot": GOOGLEBOT,
}
# Our own bare redirect carries a marker, or opens an app by its scheme.
ESCAPED = re.compile(r"[?&]\w+=\d+~[a-z-]+~|^(?!https?:)[a-z][a-z0-9+.-]*:")
TAG = re.compile(rf'<script [^>]*src="[^"]*{LINKS}(?:-[0-9a-f]+)?\.js"')
STEP = re.compile(r'data-technique="([a-z-]+)"')
# How a bot rule says that a browser has to prove itself (Cloudflare's and AWS WAF's docs).
CHALLENGES = {"cf-mitigated": "Cloudflare", "x-amzn-waf-action": "AWS WAF"}
HITS = ("cf-cache-status", "x-cache", "x-cache-status", "x-proxy-cache")


class Reply(NamedTuple):
    """What one visitor got at the end of the site's own redirects."""

    url: str
    status: int
    headers: Message
    body: str

    @property
    def is_escape(self) -> bool:
        """Whether this package has answered, and not the site."""
        if self.status == 200:
            is_locked = "default-src 'none'" in self.header("content-security-policy")
            is_bare = is_locked and self.header("cdn-cache-control") == "no-store"
            return 'data-marker="' in self.body or is_bare
        return bool(self.onward and ESCAPED.search(self.onward))

    @property
    def has_tag(self) -> bool:
        """Whether the site's own page has the script's tag, so that its links are caught."""
        return self.status == 200 and bool(TAG.search(self.body))

    @property
    def onward(self) -> str | None:
        """Where a redirect leads, None for no redirect, or one that nobody can follow."""
        location = self.header("location", keep_case=True)
        if self.status not in (301, 302, 303, 307, 308) or not location:
            return None
        try:
            return urljoin(self.url, location.encode("latin-1").decode("utf-8", "replace"))
        except ValueError:
            return None

    @property
    def refused_by(self) -> str:
        """Who has refused the visitor, or asked to prove that it is a person; "" for nobody."""
        names = [name for key, name in CHALLENGES.items() if self.header(key)]
        if names:
            return f"a challenge page of {names[0]}"
        return "a bot rule, a firewall or a login" if self.status in (401, 403, 429, 503) else ""

    @property
    def from_cache(self) -> str:
        """What says that a cache has answered, "" for nothing."""
        hits = [f"{name}: {self.header(name)}" for name in HITS if "hit" in self.header(name)]
        return (
            f"Age: {self.header('age')}" if self.header("age") not in ("", "0") else "".join(hits)
        )

    @property
    def gets(self) -> str:
        """What the visitor gets, in a few words."""
        if self.is_escape:
            steps = [*STEP.findall(self.body), "menu"] if self.status == 200 else ["a redirect"]
            return f"escape: {', '.join(dict.fromkeys(steps))}"
        if self.refused_by:
            return self.refused_by
        if self.has_tag:
            return "the site's own page, its links caught"
        if self.status >= 400:
            return "an error"
        location = self.header("location", keep_case=True)
        return f"redirect to {location}" if location else "the site's own page"

    @property
    def kept(self) -> str:
        """What its headers say to caches."""
        names = ("Cache-Control", "Age", "Vary")
        said = [f"{name}: {self.header(name)}" for name in names if self.header(name)]
        return "; ".join(said) or "-"

    def header(self, name: str, *, keep_case: bool = False) -> str:
        """A header's value in lower case, "" where it was not sent."""
        value = ", ".join(self.headers.get_all(name) or [])
        return value if keep_case else value.lower()


def meet(url: str) -> dict[str, Reply]:
    """What each visitor gets at a URL, in the order of AGENTS. Raises click.ClickException."""
    return {name: _ask(url, agent) for name, agent in AGENTS.items()}


def _ask(url: str, agent: str) -> Reply:
    """The answer that a visitor gets, its redirects within the site followed."""
    for _ in range(1 + MAX_HOPS):
        reply = _get(url, agent)
        onward = reply.onward
        if onward is None or host_of(onward) != host_of(url):
            return reply
        url = onward
    raise _failed(url, f"more than {MAX_HOPS} redirects within the site")


def _get(url: str, agent: str) -> Reply:
    if not url.startswith(("http://", "https://")):
        raise _failed(url, "write it with https:// or http://")
    if "@" in url.split("/", 3)[2]:
        raise click.ClickException("an address with a user's name is not asked")
    try:
        headers = {"User-Agent": agent, "Accept": ACCEPT}
        request = Request(iri_to_uri(url), headers=headers)  # noqa: S310 - a web address, see above
        return _reply(url, request)
    except URLError as error:
        raise _failed(url, error.reason) from None
    except (OSError, HTTPException, ValueError) as error:
        raise _failed(url, f"{type(error).__name__}: {error}") from None


def _reply(url: str, request: Request) -> Reply:
    try:
        answer = _opener().open(request, timeout=TIMEOUT)
    except HTTPError as error:  # every status but 2xx
        answer = error
    with answer:
        text = answer.read(MAX_BODY).decode("utf-8", "replace")
        return Reply(url, answer.status, answer.headers, text)


def _opener() -> OpenerDirector:
    """What opens a URL and follows nothing: each redirect is looked at."""
    opener = OpenerDirector()
    for handler in HANDLERS:
        opener.add_handler(handler())
    return opener


def _failed(url: str, reason: object) -> click.ClickException:
    return click.ClickException(printable(f"{url}: {reason}"))
