"""What would be done about a request, and why: for people (`escape-mw explain`) and, line by line, for logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from . import catalogue
from .decide import decide
from .destinations import Directory, mend
from .engine import Engine, render
from .environ import Environ
from .model import Answer, AskSite, Decision, Page, Pass, Redirect, Visitor
from .paths import compile_path
from .policy import Rule, Rules
from .visitors import platform

SITE = "https://site.example/"
ANY = Rule(0, "to", compile_path("/**"), "redirect", visitors=frozenset({"in-app", "webview"}))
FIELDS: dict[str, type] = {
    "ua": str,
    "headers": dict,
    "method": str,
    "url": str,
    "location": str,
    "to": str,
}


class RecordError(ValueError):
    """The record is not of the form that `explain` reads; the message says where."""


class Explainer:
    """Explains requests by one set of rules.

    Without rules of the site's own, `to` is looked up in the whole catalogue, opt-in entries included.
    """

    def __init__(self, rules: Rules, *, whole_catalogue: bool = False) -> None:
        self.engine = Engine(rules)
        entries = (
            catalogue.load().destinations
            if whole_catalogue
            else rules.destinations.entries.values()
        )
        self._anywhere = replace(
            rules, mode="act", rules=(ANY,), exclude=(), destinations=Directory(entries)
        )

    def decide(self, record: Mapping[str, Any]) -> tuple[Decision, Answer | None]:
        """The decision about a record, and the answer if there is one. Raises RecordError."""
        check(record)
        environ = as_environ(record)
        visit = self.engine.visit(environ, self.engine.rules)
        if "to" in record:
            decision = decide(visit, self._anywhere, _header_text(record["to"]))
        else:
            location = record.get("location")
            decision = decide(
                visit,
                self.engine.rules,
                None if location is None else _header_text(_absolute(visit.url or SITE, location)),
            )
        if isinstance(decision, Redirect | Page) and self.engine.rules.mode != "observe":
            return decision, render(visit, decision, self.engine.rules)
        return decision, None

    def describe(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The decision as plain data, in the form of `explain --batch`. Raises RecordError."""
        return self.describe_decision(record, self.decide(record)[0])

    def describe_decision(self, record: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
        """The same for a decision that is already known."""
        headers = {name.lower(): value for name, value in record.get("headers", {}).items()}
        visitor = decision.visitor or self.engine.rules.visitors.visitor(
            record.get("ua", ""), headers
        )
        target = record.get("to", record.get("location"))
        destination = getattr(decision, "destination", None)
        if destination is None and target is not None:
            destination = self._anywhere.destinations.find(mend(_header_text(target)))
        acting = decision if isinstance(decision, Redirect | Page) else None
        return {
            "visitor": _visitor(visitor, record.get("ua", "")),
            "destination": destination
            and {
                name: getattr(destination, name)
                for name in ("service", "kind", "id", "goal", "url", "app_uri")
            },
            "decision": "pass"
            if isinstance(decision, Pass | AskSite)
            else type(decision).__name__.lower(),
            "reason": decision.reason,
            "rule": getattr(decision, "rule", None),
            "location": decision.location if isinstance(decision, Redirect) else None,
            "steps": [
                {"technique": step.technique, "trigger": step.trigger, "uri": step.uri}
                for step in acting.steps
            ]
            if acting
            else [],
        }


def check(record: object) -> None:
    """Raise RecordError unless `record` is an object with known keys of the right types."""
    if not isinstance(record, dict):
        raise RecordError("not an object")
    for name, value in record.items():
        if name not in FIELDS:
            raise RecordError(f"unknown key {name!r}; known: {', '.join(FIELDS)}")
        if not isinstance(value, FIELDS[name]):
            raise RecordError(f"{name!r} must be {'an object' if FIELDS[name] is dict else 'text'}")
    for name, value in record.get("headers", {}).items():
        if not isinstance(value, str):
            raise RecordError(f"header {name!r} must be text")


def as_environ(record: Mapping[str, Any]) -> Environ:
    """The WSGI environ that a server would build for a record. Raises RecordError for a URL that is none."""
    parts = urlsplit(_absolute(SITE, record.get("url", SITE)))
    environ = {
        "REQUEST_METHOD": record.get("method", "GET").upper(),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes((parts.path or "/").encode("utf-8", "replace")).decode(
            "latin-1"
        ),
        "QUERY_STRING": parts.query.encode("utf-8", "replace").decode("latin-1"),
        "HTTP_HOST": parts.netloc,
        "HTTP_USER_AGENT": record.get("ua", ""),
        "wsgi.url_scheme": parts.scheme,
    }
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": value
        for name, value in record.get("headers", {}).items()
    }
    return environ | headers


def _absolute(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError as error:
        raise RecordError(f"{url!r} cannot be read: {error}") from None


def _header_text(text: str) -> str:
    """Text as a WSGI server would hand it over in a header."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _visitor(visitor: Visitor, agent: str) -> dict[str, Any]:
    system = platform(agent)[0] if visitor.kind in ("browser", "bot") else visitor.platform
    return {
        "kind": visitor.kind,
        "app": visitor.app,
        "platform": system,
        "app_version": visitor.app_version,
    }
