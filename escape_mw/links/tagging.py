"""The tag, and which responses of the site's take it: whole HTML pages whose policy allows it.

Nothing is added to a Content-Security-Policy: a nonce that is there is used again, `'self'` allows
the script. A policy that has no place for it leaves the page as it is (W3C CSP3, 6.7.1).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from ..decision.decisions import Tag
from ..web.answers import Header

HTML, XHTML = "text/html", "application/xhtml+xml"
CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s;\"']+)", re.IGNORECASE)
NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_-]+={0,2})'")
SCRIPT_DIRECTIVES = ("script-src-elem", "script-src", "default-src")
OPEN_SOURCES = frozenset(("'self'", "*"))
# Headers that are wrong once the page contains the tag.
STALE = frozenset(
    [
        *("content-length", "etag", "last-modified", "accept-ranges", "expires", "content-md5"),
        *("digest", "content-digest", "repr-digest"),
    ]
)
# What is one visitor's, such as a page with a tag. `no-store` would cost the back-forward cache
# (Chromium, measured 2026-11).
PRIVATE = (
    ("Cache-Control", "private, no-cache"),
    ("CDN-Cache-Control", "no-store"),
    ("Surrogate-Control", "no-store"),
)


class Place(NamedTuple):
    """A response that takes the tag: the nonce that it needs, "" for none, and if it is XML."""

    nonce: str
    is_xml: bool


def is_page(status: str, headers: Iterable[Header]) -> bool:
    """Whether a response is a page, or says that the browser's copy of one is fresh.

    That is asked before anything else, so that it does not depend on who gets a tag.
    """
    if status.startswith("304"):
        return True
    return status.startswith("200") and _kind(_joined(headers)) in (HTML, XHTML)


def _kind(values: dict[str, str]) -> str:
    return values.get("content-type", "").partition(";")[0].strip().lower()


def place_in(
    headers: Iterable[Header], nonce: str = "", own: frozenset[str] = frozenset()
) -> Place | None:
    """The place for a tag in a page; None where there is none.

    `nonce` is one that the site will allow in a policy which is not among the headers yet, `own`
    are the sources that a policy may call the site by, besides 'self'. Raises PolicyError where the
    site's policy is in the way.
    """
    values = _joined(headers)
    nonce = _nonce(values.get("content-security-policy", ""), nonce, OPEN_SOURCES | own)
    if _kind(values) not in (HTML, XHTML) or not _is_ascii_superset(values["content-type"]):
        return None
    if values.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return None
    if values.get("content-disposition", "").strip().lower().startswith("attachment"):
        return None
    if "no-transform" in values.get("cache-control", "").lower():
        return None
    return Place(nonce, _kind(values) == XHTML)


class PolicyError(Exception):
    """The site's Content-Security-Policy has no place for the script."""


def _joined(headers: Iterable[Header]) -> dict[str, str]:
    """Each header once: what comes several times is one list (RFC 9110, 5.3)."""
    values: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        values[key] = f"{values[key]},{value}" if key in values else value
    return values


def _is_ascii_superset(content_type: str) -> bool:
    """Whether a page's charset, or the lack of one, leaves tags as the bytes that they are."""
    found = CHARSET.search(content_type)
    try:
        return found is None or codecs.encode("<head>", found[1]) == b"<head>"
    except (LookupError, ValueError):
        return False


def _nonce(policies: str, own: str, allowed: frozenset[str]) -> str:
    """The nonce that lets the script in by every policy, "" where none asks for one."""
    wanted = (_needed(one, allowed) for one in policies.split(","))
    needed = [nonces for nonces in wanted if nonces is not None]
    if not needed:
        return own
    common = set.intersection(*needed)
    if not common:
        raise PolicyError
    return own if own in common else min(common)


def _needed(policy: str, allowed: frozenset[str]) -> set[str] | None:
    """The nonces by which one policy lets a script of the site in; None where it needs none."""
    directives: dict[str, list[str]] = {}
    for part in policy.split(";"):
        name, *values = part.split() or [""]
        directives.setdefault(name.lower(), values)
    if "sandbox" in directives and "allow-scripts" not in directives["sandbox"]:
        return set()
    sources = next((directives[name] for name in SCRIPT_DIRECTIVES if name in directives), None)
    if sources is None:
        return None
    low = {source.lower() for source in sources}
    if "'strict-dynamic'" not in low and not allowed.isdisjoint(low):
        return None
    return {found[1] for source in sources if (found := NONCE.fullmatch(source))}


def script_tag(decision: Tag, script: str, nonce: str = "") -> bytes:
    """The script's tag, as HTML and XML; `script` is the path of the script below the host."""
    attributes = [("async", ""), ("src", script), ("data-visit", decision.token)]
    if decision.after:
        attributes.append(("data-after", decision.after))
    attributes.append(("data-settle", str(decision.settle_ms)))
    if nonce:
        attributes.append(("nonce", nonce))
    text = " ".join(f'{name}="{escape(value)}"' for name, value in attributes)
    return f"<script {text}></script>".encode("ascii")


def with_tag(headers: Iterable[Header]) -> list[Header]:
    """The headers of a response that has a tag in it: it is another page now, for one visitor."""
    return for_one_visitor([item for item in headers if item[0].lower() not in STALE])


def for_one_visitor(headers: list[Header]) -> list[Header]:
    """The headers of a response that no shared cache may keep."""
    values = _joined(headers)
    private = list(PRIVATE)
    if "no-store" in values.get("cache-control", "").lower():
        private[0] = ("Cache-Control", values["cache-control"])
    names = {name.lower() for name, _ in private}
    return [*(item for item in headers if item[0].lower() not in names), *private]
