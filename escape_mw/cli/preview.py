"""`escape-mw preview`: the page as any visitor would get it, on a phone in a desktop browser.

A designer need not own six phones.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import click
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.wrappers import Response

from ..decision.decisions import Decision, Page, Redirect
from ..decision.model import Marker, Phone, Subject, Visit, Visitor
from ..engine.respond import respond
from ..page import languages
from ..rules import Rules, RulesError, load, load_to_read
from ..web.answers import Answer, source_hash
from .options import SAMPLE_SONG, load_or_exit, rules_option
from .phone import Choice, framed, leaves, phone_page
from .serve import run_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SITE = "https://site.example/listen"
SAMPLE_SMART_LINK = "https://paperlanterns.lnk.to/harbourlights"
FIRST, RETURNED = STATES = ("first", "returned")
PREFERS = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)")
IMAGES = (".avif", ".gif", ".ico", ".jpeg", ".jpg", ".png", ".svg", ".webp")
STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
INTRO = (
    "Your rules, template and style are reloaded each time. Tap on the phone for its other states."
)


@click.command()
@rules_option()
@click.option("--to", metavar="URL", help="Your own destination, in addition to the samples.")
@click.option(
    "--static",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Folder with the site's images: artwork at /static/cover.jpg is DIR/static/cover.jpg.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535))
def preview(
    rules_file: str | None, to: str | None, static: str | None, host: str, port: int
) -> None:
    """Show the page on a phone in your browser, for any host app, language and state."""
    rules = load_or_exit(rules_file)
    if to is not None and rules.policy.destinations.find(to) is None:
        raise click.UsageError(f"--to {to!r} is not a destination in force")
    site: Any = Preview(partial(_read, rules_file), to)
    if static:
        site = Images(site, {"/": static})
    run_server(
        site, host, port, lambda actual: f"The page on http://{host}:{actual}/ (end with Ctrl-C)."
    )


def _read(path: str | None) -> Rules:
    return load_to_read(path, lambda _: secrets.token_urlsafe(32)) if path else load()


class Images(SharedDataMiddleware):
    """A folder's images; whatever else it holds, such as a secret, stays there."""

    def is_allowed(self, filename: str) -> bool:
        """Whether a file may be sent."""
        return filename.lower().endswith(IMAGES)


class Preview:
    """A WSGI application: a phone with choices beside it, and the page that they ask for.

    `read` gives the rules, each time anew; `to` is a destination beside the samples.
    """

    def __init__(self, read: Callable[[], Rules], to: str | None = None) -> None:
        self._read = read
        self._destinations = [
            *([(to, to)] if to else []),
            (SAMPLE_SONG, "A song: the music app"),
            (SAMPLE_SMART_LINK, "A smart link: the real browser"),
        ]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve the phone, or the page for what is chosen in the query."""
        try:
            made = self._made(environ)
        except RulesError as error:
            made = Response(f"{error}\n", status=500, content_type="text/plain; charset=utf-8")
        return made(environ, start_response)

    def _made(self, environ: WSGIEnvironment) -> Response:
        path, query = environ.get("PATH_INFO"), parse_qs(environ.get("QUERY_STRING", ""))
        if path == "/page":
            return self._screen({name: values[0] for name, values in query.items()})
        if path != "/":
            return Response("File not found.\n", status=404)
        return phone_page("Your page", INTRO, "/page", self._choices())

    def _choices(self) -> list[Choice]:
        apps = self._read().policy.detector.apps
        names = [(app.id, app.name) for app in apps.values()]
        tags = [(tag, languages.words(tag)["name"]) for tag in languages.available()]
        return [
            Choice("app", "Host app", [*names, ("", "an app without a name")], "tiktok"),
            Choice("platform", "Platform", [("ios", "iOS"), ("android", "Android")]),
            Choice("to", "On the way to", self._destinations),
            Choice("state", "State", [(FIRST, "First"), (RETURNED, "After a step that failed")]),
            Choice("language", "Language", tags, "en"),
            Choice("scheme", "Colours", [("light", "Light"), ("dark", "Dark")]),
            Choice("width", "Width", [("390", "390"), ("320", "320"), ("768", "768")]),
        ]

    def _screen(self, asked: Mapping[str, str]) -> Response:
        answer = page_for(self._read(), asked)
        if answer is None:
            return Response("This visitor gets the site's own page.\n")
        if location := dict(answer.headers).get("Location"):
            return leaves(location)
        answer = in_scheme(answer, "dark" if asked.get("scheme") == "dark" else "light")
        return framed(Response(answer.body, answer.status, list(answer.headers)))


def page_for(rules: Rules, asked: Mapping[str, str]) -> Answer | None:
    """The answer for what is chosen; None where this visitor would not be answered."""
    app = asked.get("app", "")
    app = app if app in rules.policy.detector.apps else ""
    platform: Phone = "android" if asked.get("platform") == "android" else "ios"
    visitor = Visitor("in-app" if app else "webview", app or None, platform)
    rules = replace(rules, policy=rules.policy.anywhere())
    to = asked.get("to", SAMPLE_SONG)
    headers = {"accept-language": asked.get("language", "en")}
    visit = Visit("GET", "/listen", "", SITE, headers=headers)

    def answered(visit: Visit) -> tuple[Decision, Answer | None]:
        return respond(visit, rules, location=to, visitor=visitor)

    decision, answer = answered(visit)
    if asked.get("state") == RETURNED and isinstance(decision, Page | Redirect):
        rule = Subject(rule=rules.policy.rules[0].key)
        tried = Marker("", decision.steps[0].technique, rule, is_verified=True)
        answer = answered(replace(visit, marker=tried))[1]
    return answer


def in_scheme(answer: Answer, scheme: str) -> Answer:
    """The same page in light or dark, whatever the browser prefers."""
    text = answer.body.decode("utf-8")
    found = STYLE.search(text)
    if found is None:
        return answer
    style = found[1].replace("color-scheme:light dark", f"color-scheme:{scheme}")
    style = PREFERS.sub(lambda asked: "all" if asked[1] == scheme else "not all", style)
    old, new = source_hash(found[1]), source_hash(style)
    body = text.replace(found[1], style, 1).encode("utf-8")
    headers = [
        (name, f"{len(body)}" if name == "Content-Length" else value.replace(old, new))
        for name, value in answer.headers
    ]
    return Answer(answer.status, tuple(headers), body)
