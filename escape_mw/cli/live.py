"""What a real site gives to whom, asked over HTTP: `escape-mw check --url`."""

from __future__ import annotations

import re
from email.message import Message
from http.client import HTTPException
from typing import IO, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin
from urllib.request import HTTPRedirectHandler, Request, build_opener

import click

from ..web.urls import host_of
from .agents import GOOGLEBOT, INSTAGRAM_ANDROID, SAFARI, TIKTOK_IOS

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
        is_ours = self.header("cdn-cache-control") == "no-store" or 'data-marker="' in self.body
        return self.status == 200 and is_ours

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
            return f"escape: {', '.join(dict.fromkeys([*STEP.findall(self.body), 'menu']))}"
        if self.refused_by:
            return self.refused_by
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


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Follow nothing: each redirect is looked at."""


def _ask(url: str, agent: str) -> Reply:
    """The answer that a visitor gets, its redirects within the site followed."""
    for _ in range(MAX_HOPS):
        reply = _get(url, agent)
        location = reply.header("location", keep_case=True)
        onward = urljoin(url, location)
        if not location or host_of(onward) != host_of(url):
            return reply
        url = onward
    raise click.ClickException(f"{url}: more than {MAX_HOPS} redirects within the site")


def _get(url: str, agent: str) -> Reply:
    if not url.startswith(("http://", "https://")):
        raise click.ClickException(f"{url}: write it with https:// or http://")
    headers = {"User-Agent": agent, "Accept": ACCEPT}
    request = Request(url, headers=headers)  # noqa: S310 - a web address, see above
    try:
        with build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as answer:
            return Reply(url, answer.status, answer.headers, _text(answer))
    except HTTPError as error:
        with error:
            return Reply(url, error.code, error.headers, _text(error))
    except URLError as error:
        raise click.ClickException(f"{url}: {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise click.ClickException(f"{url}: {type(error).__name__}: {error}") from None


def _text(answer: IO[bytes]) -> str:
    return answer.read(MAX_BODY).decode("utf-8", "replace")
