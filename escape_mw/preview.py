"""The page as a visitor of some host app would get it, on a local port: so that a designer need not own six phones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import jinja2

from .decide import decide
from .engine import render
from .environ import Environ
from .languages import available
from .middleware import send
from .model import Answer, Marker, Page, Platform, Redirect, Visit, Visitor
from .paths import compile_path
from .policy import Rule, Rules
from .visitors import Recogniser

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

SITE = "https://site.example/listen"
STATES = {"first": None, "after a failed step": 0, "words only": 98}
RULE = Rule(
    0, "preview", compile_path("/**"), "redirect", visitors=frozenset({"in-app", "webview"})
)
INDEX = jinja2.Template(
    """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Preview</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}</style>
<h1>{{ name }} on {{ platform }}</h1><p>What a visitor on the way to <code>{{ to }}</code> meets.</p>
<table>
{% for tag in languages %}
<tr><th>{{ tag }}</th>
{% for state in states %}<td><a href="/page?{{ {"state": state, "language": tag}|urlencode }}">{{ state }}</a></td>{% endfor %}
</tr>
{% endfor %}
</table>""",
    autoescape=True,
)


class FixedVisitor(Recogniser):
    """A recogniser that sees the same visitor in everybody."""

    def __init__(self, visitor: Visitor, apps: Recogniser) -> None:
        self.apps = apps.apps
        self._visitor = visitor

    def visitor(self, *_: object) -> Visitor:
        """The visitor of the preview."""
        return self._visitor


class Preview:
    """A WSGI application: an index of states and languages, and the page in each of them.

    `app` is a host app's id, or None for an unnamed webview; `to` the destination; `language` puts one first.
    """

    def __init__(
        self,
        rules: Rules,
        app: str | None,
        platform: Platform,
        to: str,
        language: str | None = None,
    ) -> None:
        visitor = Visitor("in-app" if app else "webview", app, platform)
        self._rules = replace(
            rules,
            mode="act",
            rules=(RULE,),
            exclude=(),
            visitors=FixedVisitor(visitor, rules.visitors),
            apps=frozenset(rules.visitors.apps),
        )
        self._name = rules.visitors.apps[app].name if app else "An unnamed webview"
        self._platform = platform
        self._to = to
        self._languages = [language] if language else list(available())

    def page(self, state: str = "first", language: str = "en") -> Answer | None:
        """The answer in one state and language; None where this visitor would not be answered."""
        step = STATES[state]
        marker = None if step is None else Marker("", step, visit="preview", trusted=True)
        visit = Visit(
            "GET", "/listen", "", SITE, headers={"accept-language": language}, marker=marker
        )
        decision = decide(visit, self._rules, self._to)
        return (
            render(visit, decision, self._rules) if isinstance(decision, Page | Redirect) else None
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve the index, and the page in the state and language of the query."""
        asked = {
            name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()
        }
        answer = None
        if environ.get("PATH_INFO") == "/page" and asked.get("state") in STATES:
            answer = self.page(asked["state"], asked.get("language", self._languages[0]))
        return send(answer or self._index(), environ, start_response)

    def _index(self) -> Answer:
        text = INDEX.render(
            name=self._name,
            platform=self._platform,
            to=self._to,
            languages=self._languages,
            states=STATES,
        )
        return Answer("200 OK", tuple(_headers(text.encode())), text.encode())


def _headers(body: bytes) -> Iterator[tuple[str, str]]:
    yield "Content-Type", "text/html; charset=utf-8"
    yield "Content-Length", str(len(body))
