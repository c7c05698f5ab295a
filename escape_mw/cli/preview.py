"""`escape-mw preview`: the page as a visitor of some host app would get it, on a local port.

A designer need not own six phones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import click
import jinja2

from ..decision.model import Decision, Marker, Page, Platform, Redirect, Subject, Visit, Visitor
from ..engine.respond import respond
from ..page.languages import available
from ..rules import Rules
from ..web.answers import HTML, Answer
from ..web.request import Environ
from ..wsgi import send
from .options import SAMPLE_SONG, load_or_exit, rules_option
from .serve import run_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

SITE = "https://site.example/listen"
FIRST, RETURNED = STATES = ("first", "after a failed step")
INDEX = jinja2.Template(
    """<!doctype html><html lang="en"><meta charset="utf-8">\
<meta name="viewport" content="width=device-width"><title>Preview</title>
<style>:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}</style>
<h1>{{ name }} on {{ platform }}</h1>\
<p>What a visitor on the way to <code>{{ to }}</code> sees.</p>
<table>
{% for tag in languages %}
<tr><th>{{ tag }}</th>
{% for state in states %}\
<td><a href="/page?{{ {"state": state, "language": tag}|urlencode }}">{{ state }}</a></td>\
{% endfor %}
</tr>
{% endfor %}
</table>""",
    autoescape=True,
)


@click.command()
@rules_option
@click.option(
    "--app",
    metavar="ID",
    help="Host app (see 'escape-mw list apps'). Default: an unidentified webview.",
)
@click.option("--platform", type=click.Choice(["ios", "android"]), default="ios", show_default=True)
@click.option(
    "--to", default=SAMPLE_SONG, show_default=True, metavar="URL", help="The destination."
)
@click.option("--language", type=click.Choice(available()), help="One language. Default: all.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535))
def preview(
    rules_file: str | None,
    app: str | None,
    platform: Any,
    to: str,
    language: str | None,
    host: str,
    port: int,
) -> None:
    """Serve the page as a visitor in this host app would get it, in each of its states."""
    rules = load_or_exit(rules_file)
    if app is not None and app not in rules.policy.visitors.apps:
        raise click.UsageError(
            f"--app {app!r} is not a known host app; 'escape-mw list apps' shows them"
        )
    site = Preview(rules, app, platform, to, language)
    if site.page() is None:
        raise click.UsageError(f"--to {to!r} is not a destination in force")
    run_server(
        site,
        host,
        port,
        lambda actual: f"The page, state by state, on http://{host}:{actual}/ (end with Ctrl-C).",
    )


class Preview:
    """A WSGI application: an index of states and languages, and the page in each of them.

    `app` is a host app's id, or None for an unnamed webview; `to` the destination; `language` is
    the only one that is shown, None for all.
    """

    def __init__(
        self,
        rules: Rules,
        app: str | None,
        platform: Platform,
        to: str,
        language: str | None = None,
    ) -> None:
        apps = rules.policy.visitors.apps
        self._rules = replace(rules, policy=rules.policy.anywhere())
        self._visitor = Visitor("in-app" if app else "webview", app, platform)
        self._name = apps[app].name if app else "An unnamed webview"
        self._to = to
        self._languages = [language] if language else list(available())

    def page(self, state: str = "first", language: str = "en") -> Answer | None:
        """The answer in one state and language; None where this visitor would not be answered."""
        headers = {"accept-language": language}
        visit = Visit("GET", "/listen", "", SITE, headers=headers)
        decision, answer = self._respond(visit)
        if state == RETURNED and isinstance(decision, Page | Redirect):
            rule = Subject(rule=self._rules.policy.rules[0].key)
            tried = Marker("", decision.steps[0].technique, rule, is_verified=True)
            decision, answer = self._respond(replace(visit, marker=tried))
        return answer

    def _respond(self, visit: Visit) -> tuple[Decision, Answer | None]:
        return respond(visit, self._rules, location=self._to, visitor=self._visitor)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve the index, and the page in the state and language of the query."""
        query = parse_qs(environ.get("QUERY_STRING", ""))
        asked = {name: values[0] for name, values in query.items()}
        answer = None
        if environ.get("PATH_INFO") == "/page" and asked.get("state") in STATES:
            answer = self.page(asked["state"], asked.get("language", self._languages[0]))
        return send(answer or self._index(), environ, start_response)

    def _index(self) -> Answer:
        text = INDEX.render(
            name=self._name,
            platform=self._visitor.platform,
            to=self._to,
            languages=self._languages,
            states=STATES,
        )
        body = text.encode("utf-8")
        return Answer("200 OK", (HTML, ("Content-Length", str(len(body)))), body)
