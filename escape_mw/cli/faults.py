"""What is wrong with what a site gives to whom: the sentences of `escape-mw check --url`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ..decision.decisions import AskSite, Page, Redirect
from ..engine.explain import Explainer
from ..rules import Rules
from ..web.urls import host_of, quoted, without_port
from .live import AGENTS, Reply

HELPED = ("TikTok on iOS", "Instagram on Android")
CANONICAL = re.compile(r'<link rel="canonical" href="([^"]*)"')
FRESH = re.compile(r"(?:s-maxage|max-age)=0*[1-9]")


class Finding(NamedTuple):
    """A sentence about the site; `is_fault` if somebody is worse off."""

    text: str
    is_fault: bool = True


def findings(replies: dict[str, Reply], rules: Rules | None) -> Iterator[Finding]:
    """What is wrong; `rules` are those that the site is meant to run with, None if not known."""
    browser = replies["Safari on iOS"]
    yield from _refusals(replies)
    if browser.status >= 400 and not browser.refused_by:
        yield Finding(
            f"visitors who are not escaped get {browser.status}; for a rule whose 'to' is a URL,"
            " 'everyone: true' redirects them to it"
        )
    for name in ("Safari on iOS", "Googlebot"):
        if replies[name].is_escape:
            why = replies[name].from_cache or "no cache may keep one, whatever 'no-store' says"
            yield Finding(f"{name} gets an escape that was made for a host app ({why})")
    if browser.onward and _bare_host(browser.onward) == _bare_host(browser.url):
        yield Finding(f"the site redirects to {browser.onward}: check that address")
        return
    yield from _missing(replies, rules)
    yield from _plain_http(replies)
    yield from _elsewhere(replies)
    yield from _keeping(browser)


def _bare_host(url: str) -> str:
    return without_port(host_of(url)).removeprefix("www.")


def _refusals(replies: dict[str, Reply]) -> Iterator[Finding]:
    for name, reply in replies.items():
        if reply.refused_by:
            yield Finding(f"{name} is refused with {reply.status}: {reply.refused_by}")


def _missing(replies: dict[str, Reply], rules: Rules | None) -> Iterator[Finding]:
    """Who gets no escape and should: by the rules, or, without them, if nobody gets one."""
    reached = [name for name in HELPED if not replies[name].refused_by]
    helped = {name for name in reached if replies[name].is_escape or replies[name].has_tag}
    missed = [name for name in reached if name not in helped]
    if rules is None and len(missed) < len(reached):
        return
    for name in missed:
        reason, is_drawn = _reason_to_pass(name, replies, rules) if rules else ("", False)
        if (cache := replies[name].from_cache) and (is_drawn or not reason):
            yield Finding(f"{name} gets no escape: a cache has answered ({cache})")
        elif reason:
            yield Finding(f"{name} is left to the site by the rules: {reason}", is_fault=False)
        else:
            yield Finding(
                f"{name} gets no escape: no rule is for this page, the mode is not 'act', or the"
                " middleware is not in front of it"
            )


def _reason_to_pass(name: str, replies: dict[str, Reply], rules: Rules) -> tuple[str, bool]:
    """Why the rules leave a visitor to the site, "" where they do not, and whether by a draw."""
    record = {"ua": AGENTS[name], "url": replies[name].url}
    location = replies["Safari on iOS"].header("location", keep_case=True)
    if location:
        record["location"] = location
    decision, answer = Explainer(rules).decide(record)
    named = getattr(decision, "rule", None)
    if any(one.name == named and (one.share < 100 or one.experiment) for one in rules.policy.rules):
        return "its rule has a share or an experiment, which lets some visits through", True
    if answer:
        return "", False
    if isinstance(decision, AskSite) and decision.links:
        return "its page has no place for the tag, by its policy, its encoding or its form", False
    if isinstance(decision, Page | Redirect):
        return f"the mode is {rules.policy.mode!r}", False
    return decision.reason, False


def _plain_http(replies: dict[str, Reply]) -> Iterator[Finding]:
    for name, reply in replies.items():
        host = host_of(reply.url)
        own = (f"http://{host}", quoted(f"http://{host}"), f"intent://{host}", "scheme=http;")
        is_plain = own[0] in reply.body or own[1] in reply.body
        is_plain = is_plain or (own[2] in reply.body and own[3] in reply.body)
        if reply.is_escape and reply.url.startswith("https:") and is_plain:
            yield Finding(
                f"{name} is handed over to http://{host}: set 'base_url', or use ProxyFix"
            )
            return


def _elsewhere(replies: dict[str, Reply]) -> Iterator[Finding]:
    """A page whose own address is not the one that was asked: nobody arrives there."""
    for reply in replies.values():
        found = CANONICAL.search(reply.body) if reply.is_escape else None
        address = html.unescape(found[1]) if found else reply.url
        given, asked = urlsplit(address), urlsplit(reply.url)
        if unquote(given.path) != unquote(asked.path):
            yield Finding(
                f"the page hands over {address}, which is another path: behind a proxy that takes"
                " a prefix away, forward X-Forwarded-Prefix and use ProxyFix with x_prefix=1"
            )
            return
        if given.netloc != asked.netloc:
            yield Finding(f"the page hands over {address}", is_fault=False)
            return


def _keeping(browser: Reply) -> Iterator[Finding]:
    control, vary = browser.header("cache-control"), browser.header("vary")
    is_kept = FRESH.search(control) and not re.search("private|no-store|no-cache", control)
    if is_kept and not re.search(r"user-agent|\*", vary) and not browser.is_escape:
        yield Finding(
            f"a shared cache may keep the site's answer ({control}) and give it to TikTok: let it"
            " leave this page alone, or ask the gate (docs/edge.md)",
            is_fault=False,
        )
