"""Configurations of edge servers, as text: for nginx, and for Cloudflare Workers."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

import jinja2

from ..decision.policy import Policy
from .prefilter import plain, prefilter_of
from .site import UNIX

HTTP_SERVER = re.compile(r"http://([\w.-]+|\[[\da-f:.]+\])(?::([1-9]\d*))?/?", re.ASCII | re.I)
GATE_URL = re.compile(r"https?://[^/?#@\s]+/?")
UNIX_SERVER = re.compile(r"unix:[^\s;{}\"']+")
STAMP = re.compile(r"Stamp ([0-9a-f]{8})\b")
TEMPLATES = jinja2.Environment(  # noqa: S701 - no HTML; each value is quoted for its language
    loader=jinja2.PackageLoader(__package__),
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


class Places(NamedTuple):
    """Where an edge server finds the gates and the site, as its operator writes them."""

    gates: tuple[str, ...]
    site: str


def nginx(policy: Policy, places: Places, command: str, part: str = "") -> str:
    """A configuration of nginx: whole, or a `part` to include, "http" or "server".

    With a part, the site is the server that includes it, and listens on a unix socket for the gate.
    Raises ValueError for an address that nginx cannot use so.
    """
    if part and not places.site.startswith(UNIX):
        raise ValueError(f"{places.site!r}: write unix:PATH, where this nginx listens for the gate")
    gates, site = tuple(map(_server, places.gates)), _server(places.site)
    name = f"nginx-{part}.conf" if part else "nginx.conf"
    return _written(name, policy, command, gates=gates, site=site, inside=bool(part))


def worker(policy: Policy, places: Places, command: str, part: str = "") -> str:
    """A module for Cloudflare Workers; the `part` "wrangler" is the file that deploys it.

    Raises ValueError where the gate is not the URL of one server.
    """
    if len(places.gates) > 1:
        raise ValueError("a Worker asks one gate; put several behind one address")
    if not GATE_URL.fullmatch(places.gates[0]):
        raise ValueError("a Worker reaches a gate by a URL: https://gate.label.example")
    name = "wrangler.toml" if part else "worker.js"
    site = urlsplit(places.site).hostname or places.site
    names = sorted(policy.allowed_hosts) or [site]
    return _written(name, policy, command, gates=places.gates, site=site, names=names)


def stamp_in(text: str) -> str | None:
    """The stamp of a configuration, None where it bears none."""
    found = STAMP.search(text)
    return found[1] if found else None


def _written(name: str, policy: Policy, command: str, **values: object) -> str:
    prefilter = prefilter_of(policy)
    facts = {"names": sorted(policy.allowed_hosts) or ["_"], **prefilter._asdict(), **values}
    text = TEMPLATES.get_template(name).render(
        command=_line(command), stamp=prefilter.stamp, **facts
    )
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"(?m)[ ]+$", "", text)).rstrip("\n") + "\n"


def _server(address: str) -> str:
    """An address as nginx's `server` takes it."""
    if UNIX_SERVER.fullmatch(address):
        return address
    found = HTTP_SERVER.fullmatch(address)
    if found is None:
        raise ValueError(f"{address!r}: write http://HOST:PORT or unix:PATH")
    return f"{found[1]}:{found[2] or 80}"


def _line(text: str) -> str:
    """Text for a comment, which ends with its line."""
    return "".join(char if char.isprintable() else " " for char in text)


def _quoted(text: str) -> str:
    """A parameter of nginx's, in whose quotes a backslash before a few characters is taken away."""
    return '"' + re.sub(r'\\(?=[\\"\'trn])|"', r"\\\g<0>", text) + '"'


def _literal(regex: str) -> str:
    """A regular expression of JavaScript's."""
    escaped = re.sub(r"\\.|/", lambda found: r"\/" if found[0] == "/" else found[0], regex)
    return f"/{escaped}/"


TEMPLATES.globals["plain"] = plain
TEMPLATES.filters |= {"plain": plain, "quoted": _quoted, "literal": _literal}
