"""Where to: from a URL to a `Destination`, if it is one that the rules name.

A URL is judged in two steps: the gate lets through only what every browser reads alike, then the host must be listed.
What is accepted is handed on byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from .entries import DestinationEntry, Shape
from .handoffs import DOT_SEGMENT
from .model import Destination

MAX_URL = 2048

# A subset of RFC 3986 on which urllib and the WHATWG parsers of the browsers agree; \Z, because $ allows a newline.
LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
HOST = rf"{LABEL}(?:\.{LABEL})*"
REST = r"[!#$&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~%]*"
GATE = re.compile(rf"(https?)://({HOST})(:443|:80)?(?:(?=[/?#]){REST})?\Z", re.ASCII)
SAFE_AFTER_HOST = "!#$&'()*+,-./:;=?@[]_~%"
HEAD = re.compile(r"\s*(https?://[^/?#\\]*)", re.IGNORECASE | re.ASCII)


class Place(NamedTuple):
    """What a listed host says of a path that no shape knows: `kind` other, a link's kind, or None (no destination).

    `root` is whether that holds for the bare host too: a link service's own front page is no link, but what stands at
    the root of somebody's subdomain is theirs.
    """

    entry: DestinationEntry
    kind: str | None
    root: bool


def gate(url: str) -> SplitResult | None:
    """Split a URL that every browser reads alike; None for any other.

    Only http and https, an ASCII host of plain labels that is no address, the scheme's own port, printable ASCII
    without blanks, quotes, brackets of markup and backslashes, no dot segments, and at most `MAX_URL` characters.
    """
    if len(url) > MAX_URL or not (match := GATE.match(url)):
        return None
    scheme, host, port = match.groups()
    parts = urlsplit(url)
    if (
        parts.scheme != scheme
        or parts.netloc != host + (port or "")
        or host.rpartition(".")[2].isdigit()
    ):
        return None
    if (port and port != {"http": ":80", "https": ":443"}[scheme]) or DOT_SEGMENT.search(
        parts.path
    ):
        return None
    return parts


def mend(url: str) -> str:
    """What a browser would make of a redirect's Location before it goes there: ASCII, the host in lower case.

    `url` is a header's value as WSGI gives it (latin-1). Anything that cannot be mended safely is left for the gate.
    """
    match = HEAD.match(url)
    if not match or "\\" in url or len(url) > MAX_URL:
        return url
    rest = url[match.end() :].rstrip(" \t")
    if any(not " " <= char <= "\xff" for char in rest):
        return url
    return match[1].lower() + quote(rest, safe=SAFE_AFTER_HOST, encoding="latin-1")


class Directory:
    """Looks destinations up by host, then by the shapes of their paths; one object for the life of a set of rules."""

    def __init__(self, entries: Iterable[DestinationEntry]) -> None:
        self.entries = {entry.id: entry for entry in entries}
        self._hosts: dict[str, list[Place]] = {}
        self._wild: dict[str, list[Place]] = {}
        self._closed = frozenset(
            host for entry in self.entries.values() for host in entry.not_hosts
        )
        for entry in self.entries.values():
            for host, kind in entry.places():
                wild = host.startswith("*.")
                table, key = (self._wild, host[2:]) if wild else (self._hosts, host)
                table.setdefault(key, []).append(Place(entry, kind, root=wild or kind == "other"))

    def find(self, url: str) -> Destination | None:
        """The destination that a URL leads to, None if its host or path is none of the rules'."""
        parts = gate(url)
        if parts is None or not parts.hostname:
            return None
        return next(iter(self._found(url, parts, parts.hostname)), None)

    def knows(self, host: str) -> bool:
        """Whether a host is listed, whatever its paths."""
        return bool(self._places(host))

    def claims(self, url: str) -> list[str]:
        """Every entry that lays claim to this URL: one at most, if the catalogue is in order."""
        parts = gate(url)
        return (
            [found.service for found in self._found(url, parts, parts.hostname)]
            if parts and parts.hostname
            else []
        )

    def _found(self, url: str, parts: SplitResult, host: str) -> list[Destination]:
        return [
            found
            for place in self._places(host)
            if (found := _destination(place, url, parts, host))
        ]

    def _places(self, host: str) -> list[Place]:
        if host in self._hosts or host in self._closed:
            return self._hosts.get(host, [])
        parent = host.partition(".")[2]
        while parent:
            if parent in self._wild:
                return self._wild[parent]
            parent = parent.partition(".")[2]
        return []


def _destination(place: Place, url: str, parts: SplitResult, host: str) -> Destination | None:
    entry, kind, root = place
    path, query = _route(entry, parts)
    names = {
        "label": host.partition(".")[0],
        "path_query": parts.path + (f"?{parts.query}" if parts.query else ""),
    }
    for shape in entry.paths:
        if (not shape.hosts or host in shape.hosts) and (
            found := _match(entry, shape, path, query)
        ) is not None:
            return _made(entry, shape, url, names | found)
    if kind is None or (not root and path in ("", "/")):
        return None
    return Destination(
        entry.id,
        entry.name,
        kind,
        _last_segment(path) if kind == "shortlink" else None,
        url,
        entry.goal,
        None,
        entry.android_package,
    )


def _made(entry: DestinationEntry, shape: Shape, url: str, names: Mapping[str, str]) -> Destination:
    kind = shape.kind if isinstance(shape.kind, str) else shape.kind[names["type"]]
    identity = shape.id or ("{id}" if "id" in names else None)
    return Destination(
        service=entry.id,
        name=entry.name,
        kind=kind,
        id=identity.format_map(names) if identity else None,
        url=url,
        goal=shape.goal or entry.goal,
        app_uri=shape.app_uri.format_map(names) if shape.app_uri else None,
        android_package=entry.android_package,
    )


def _route(entry: DestinationEntry, parts: SplitResult) -> tuple[str, str]:
    """Path and query as the service reads them: some keep theirs behind the "#"."""
    if entry.hash_routes and parts.fragment.startswith(("/", "!/")):
        path, _, query = parts.fragment.lstrip("!").partition("?")
        return path, query
    return parts.path, parts.query


def _match(entry: DestinationEntry, shape: Shape, path: str, query: str) -> dict[str, str] | None:
    match = _compiled(entry.prefix + shape.path).fullmatch(path)
    if not match:
        return None
    names = {name: value for name, value in match.groupdict().items() if value}
    if shape.query or shape.any_query:
        values = dict(reversed(parse_qsl(query, keep_blank_values=True)))
        if shape.any_query and not any(values.get(name) for name in shape.any_query):
            return None
        for name, pattern in shape.query.items():
            if not (found := _compiled(pattern).fullmatch(values.get(name, ""))):
                return None
            names |= {
                group: quote(value, safe=":") for group, value in found.groupdict().items() if value
            }
    return names


def _last_segment(path: str) -> str | None:
    return path.rstrip("/").rpartition("/")[2] or None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)
