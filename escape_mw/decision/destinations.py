"""Where to: from a URL to a `Destination`, if it is one that the rules name.

A URL is judged in two steps: `strict_split` lets through only what all browsers parse the same way,
then the host must be listed. What is accepted is handed on byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, quote

from ..web.urls import first_values, strict_split
from .entries import DestinationEntry, PathShape
from .model import Destination


class Listing(NamedTuple):
    """A host as an entry lists it: `kind` is what a path is that no shape knows.

    That is "other", a link's kind, or None where it is not a destination. `root` says whether that
    holds for the bare host too: a link service's own front page is not a link, but what stands at
    the root of somebody's subdomain is theirs.
    """

    entry: DestinationEntry
    kind: str | None
    root: bool


class DestinationIndex:
    """Finds destinations by host, then by path; one object for the life of a set of rules."""

    def __init__(self, entries: Iterable[DestinationEntry]) -> None:
        self.entries = {entry.id: entry for entry in entries}
        self._hosts: dict[str, list[Listing]] = {}
        self._wild: dict[str, list[Listing]] = {}
        self._closed = frozenset(
            host for entry in self.entries.values() for host in entry.not_hosts
        )
        for entry in self.entries.values():
            for host, kind in entry.listings():
                wild = host.startswith("*.")
                table, key = (self._wild, host[2:]) if wild else (self._hosts, host)
                table.setdefault(key, []).append(Listing(entry, kind, root=wild or kind == "other"))

    def find(self, url: str) -> Destination | None:
        """The destination that a URL leads to, None if its host or path is none of the rules'."""
        parts = strict_split(url)
        if parts is None or not parts.hostname:
            return None
        return next(iter(self._found(url, parts, parts.hostname)), None)

    def knows(self, host: str) -> bool:
        """Whether a host is listed, whatever its paths."""
        return bool(self._listings(host))

    def hosts(self) -> list[str]:
        """The hosts that are listed: `*.` for all below one, `!` for one that is not of these."""
        wild = (f"*.{host}" for host in self._wild)
        closed = (f"!{host}" for host in self._closed - self._hosts.keys())
        named = (host for host in self._hosts if not self._is_below_another(host))
        return sorted([*named, *wild, *closed])

    def _is_below_another(self, host: str) -> bool:
        labels = host.split(".")
        return any(".".join(labels[at:]) in self._wild for at in range(1, len(labels)))

    def matches(self, url: str) -> list[str]:
        """The entries that this URL matches: at most one, if the catalogue is in order."""
        parts = strict_split(url)
        if parts is None or not parts.hostname:
            return []
        return [found.service for found in self._found(url, parts, parts.hostname)]

    def _found(self, url: str, parts: SplitResult, host: str) -> list[Destination]:
        found = (_destination(listing, url, parts, host) for listing in self._listings(host))
        return [destination for destination in found if destination]

    def _listings(self, host: str) -> list[Listing]:
        if host in self._hosts or host in self._closed:
            return self._hosts.get(host, [])
        parent = host.partition(".")[2]
        while parent:
            if parent in self._wild:
                return self._wild[parent]
            parent = parent.partition(".")[2]
        return []


def _destination(listing: Listing, url: str, parts: SplitResult, host: str) -> Destination | None:
    entry, kind, root = listing
    path, query = _route(entry, parts)
    path_query = parts.path + (f"?{parts.query}" if parts.query else "")
    names = {"label": host.partition(".")[0], "path_query": path_query}
    for shape in entry.paths:
        if shape.hosts and host not in shape.hosts:
            continue
        if (captures := _match(entry, shape, path, query)) is not None:
            return _shaped(entry, shape, url, names | captures)
    if kind is None or (not root and path in ("", "/")):
        return None
    identity = _last_segment(path) if kind == "shortlink" else None
    package = entry.android_package
    named = (entry.id, entry.name, kind, identity, url)
    return Destination(*named, entry.goal, None, package, entry.call, entry.colour)


def _shaped(
    entry: DestinationEntry, shape: PathShape, url: str, names: Mapping[str, str]
) -> Destination:
    identity = shape.id or ("{id}" if "id" in names else None)
    return Destination(
        service=entry.id,
        name=entry.name,
        kind=shape.kind if isinstance(shape.kind, str) else shape.kind[names["type"]],
        id=identity.format_map(names) if identity else None,
        url=url,
        goal=shape.goal or entry.goal,
        app_uri=shape.app_uri.format_map(names) if shape.app_uri else None,
        android_package=entry.android_package,
        call=entry.call,
        colour=entry.colour,
    )


def _route(entry: DestinationEntry, parts: SplitResult) -> tuple[str, str]:
    """Path and query as the service reads them: some keep theirs behind the "#"."""
    if not entry.hash_routes or not _is_route(entry, parts):
        return parts.path, parts.query
    path, _, query = parts.fragment.removeprefix("!").partition("?")
    return path if path.startswith("/") else f"/{path}", query


def _is_route(entry: DestinationEntry, parts: SplitResult) -> bool:
    """Whether the fragment is a path; one without a slash before it, only on a bare page."""
    if parts.fragment.startswith(("/", "!/")):
        return True
    is_bare = _compiled(entry.prefix).fullmatch(parts.path.rstrip("/"))
    return "/" in parts.fragment and bool(is_bare)


def _match(
    entry: DestinationEntry, shape: PathShape, path: str, query: str
) -> dict[str, str] | None:
    match = _compiled(entry.prefix + shape.path).fullmatch(path)
    if not match:
        return None
    names = {name: value for name, value in match.groupdict().items() if value}
    if shape.query or shape.any_query:
        values = first_values(query, keep_blank=True)
        if shape.any_query and not any(values.get(name) for name in shape.any_query):
            return None
        for name, pattern in shape.query.items():
            if not (found := _compiled(pattern).fullmatch(values.get(name, ""))):
                return None
            groups = found.groupdict()
            names |= {group: quote(value, safe=":") for group, value in groups.items() if value}
    return names


def _last_segment(path: str) -> str | None:
    return path.rstrip("/").rpartition("/")[2] or None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)
