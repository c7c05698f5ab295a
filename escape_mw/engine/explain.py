"""What would happen to a request, and why: for people, and as plain data for logs."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from .. import catalogue
from ..decision.decisions import AskSite, Decision, Page, Pass, Redirect
from ..decision.model import Visitor
from ..decision.visitors import platform
from ..decision.visits import visit_of
from ..rules import Rules, moment_of
from ..web.answers import Answer
from ..web.request import Environ, from_environ
from ..web.urls import normalise_location
from .respond import answer_to_everyone, respond

SITE = "https://site.example/"
RECORD_KEYS: dict[str, type] = {
    "ua": str,
    "headers": dict,
    "method": str,
    "url": str,
    "location": str,
    "to": str,
    "app": str,
    "platform": str,
    "at": str,
}
DESTINATION_KEYS = ("service", "kind", "id", "goal", "url", "app_uri")


class RecordError(ValueError):
    """The record does not have the form that `explain` reads; the message says where."""


class Explainer:
    """Explains requests by one set of rules.

    A record's `app`, with its `platform`, stands in place of an agent, its `at` in place of now.
    Its `to` skips the rules: the question is what would happen on the way there. With
    `whole_catalogue` it is looked up among all destinations, opt-in entries included.
    """

    def __init__(self, rules: Rules, *, whole_catalogue: bool = False) -> None:
        self.rules = rules
        entries = catalogue.load().destinations if whole_catalogue else None
        host = min(rules.policy.allowed_hosts, default="")
        self._site = rules.policy.base_url or (f"https://{host}/" if host else SITE)
        self._anywhere = replace(rules, policy=rules.policy.anywhere(entries))

    def decide(self, record: Mapping[str, Any]) -> tuple[Decision, Answer | None]:
        """The decision about a record, and the answer if there is one. Raises RecordError."""
        check(record)
        policy = self.rules.policy
        request = from_environ(as_environ(record, self._site))
        is_measured = self.rules.events is not None
        visit = visit_of(request, policy, _moment(record), measured=is_measured)
        own_id = _id_of(record)
        visit = replace(visit, id=visit.id and own_id, seed=own_id)
        visitor = self._named(record) if "app" in record or "platform" in record else None
        if "to" in record:
            to = _header_text(record["to"])
            return respond(visit, self._anywhere, location=to, visitor=visitor)
        location = _location(record, visit.url)
        decision, answer = respond(visit, self.rules, location=location, visitor=visitor)
        return decision, answer or answer_to_everyone(visit, decision, policy)

    def _named(self, record: Mapping[str, Any]) -> Visitor:
        """The visitor that a record names by a host app and a platform. Raises RecordError."""
        app, platform = record.get("app"), record.get("platform")
        known = self.rules.policy.detector.apps.get(app or "")
        if known is None:
            raise RecordError(f"app {app!r} is not a known host app: 'escape-mw list apps'")
        if platform not in known.platforms:
            allowed = " or ".join(known.platforms)
            raise RecordError(f"platform {platform!r} is not one of {known.name}: {allowed}")
        return Visitor("in-app", app, platform)

    def describe(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The decision as plain data, in the form of `explain --batch`. Raises RecordError."""
        return self.describe_decision(record, self.decide(record)[0])

    def describe_decision(self, record: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
        """The same for a decision that is already known."""
        acting = decision if isinstance(decision, Redirect | Page) else None
        is_pass = isinstance(decision, Pass | AskSite)
        return {
            "visitor": self._visitor(record, decision),
            "destination": self._destination(record, decision),
            "decision": "pass" if is_pass else type(decision).__name__.lower(),
            "reason": decision.reason,
            "rule": getattr(decision, "rule", None),
            "location": decision.location if isinstance(decision, Redirect) else None,
            "steps": [
                {"technique": step.technique, "trigger": step.trigger, "uri": step.uri}
                for step in (acting.steps if acting else ())
            ],
        }

    def _visitor(self, record: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
        agent = record.get("ua", "")
        headers = {name.lower(): value for name, value in record.get("headers", {}).items()}
        detector = self.rules.policy.detector
        visitor: Visitor = decision.visitor or detector.visitor(agent, headers)
        is_outside = visitor.kind in ("browser", "bot")
        return {
            "kind": visitor.kind,
            "app": visitor.app,
            "platform": platform(agent) if is_outside else visitor.platform,
            "app_version": visitor.app_version,
        }

    def _destination(self, record: Mapping[str, Any], decision: Decision) -> dict[str, Any] | None:
        destination = getattr(decision, "destination", None)
        target = record.get("to", record.get("location"))
        if destination is None and target is not None:
            url = normalise_location(_header_text(target))
            destination = self._anywhere.policy.destinations.find(url)
        if destination is None:
            return None
        return {name: getattr(destination, name) for name in DESTINATION_KEYS}


def check(record: object) -> None:
    """Raise RecordError unless `record` is an object with known keys of the right types."""
    if not isinstance(record, dict):
        raise RecordError("not an object")
    for name, value in record.items():
        if name not in RECORD_KEYS:
            raise RecordError(f"unknown key {name!r}; known: {', '.join(RECORD_KEYS)}")
        if not isinstance(value, RECORD_KEYS[name]):
            wanted = "an object" if RECORD_KEYS[name] is dict else "text"
            raise RecordError(f"{name!r} must be {wanted}")
    for name, value in record.get("headers", {}).items():
        if not isinstance(value, str):
            raise RecordError(f"header {name!r} must be text")


def as_environ(record: Mapping[str, Any], site: str = SITE) -> Environ:
    """The WSGI environ that a server would build for a record; `site` is what its paths are of.

    Raises RecordError for a URL that cannot be read.
    """
    parts = urlsplit(_absolute(site, record.get("url", site)))
    path = unquote_to_bytes((parts.path or "/").encode("utf-8", "replace"))
    environ = {
        "REQUEST_METHOD": record.get("method", "GET").upper(),
        "SCRIPT_NAME": "",
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": parts.query.encode("utf-8", "replace").decode("latin-1"),
        "HTTP_HOST": parts.netloc,
        "HTTP_USER_AGENT": record.get("ua", ""),
        "wsgi.url_scheme": parts.scheme,
    }
    for name, value in record.get("headers", {}).items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return environ


def _moment(record: Mapping[str, Any]) -> int:
    """When a record's request comes, in seconds since 1970. Raises RecordError."""
    return moment_of(record["at"], RecordError) if "at" in record else int(time.time())


def _id_of(record: Mapping[str, Any]) -> str:
    """An id that is a record's own, so that what is drawn for it is the same every time."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:12]


def _location(record: Mapping[str, Any], url: str | None) -> str | None:
    location = record.get("location")
    return None if location is None else _header_text(_absolute(url or SITE, location))


def _absolute(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError as error:
        raise RecordError(f"{url!r} cannot be read: {error}") from None


def _header_text(text: str) -> str:
    """Text as a WSGI server would hand it over in a header."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")
