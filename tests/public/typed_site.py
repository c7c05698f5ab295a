"""A site's own code with types, as `mypy --strict` and `pyright` read it: nothing here is run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from escape_mw import (
    Answer,
    AskSite,
    Decision,
    EscapeMiddleware,
    Event,
    Observer,
    Page,
    Pass,
    Reason,
    Redirect,
    Rules,
    RulesError,
    Sink,
    Tag,
    Tally,
    Visit,
    load,
    record,
)
from escape_mw.testing import as_visitor, assert_escapes, assert_passes, visitor

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

REFUSED: set[Reason] = {"no-destination", "address"}


def site(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    token: str | None = environ.get("escape_mw.visit")
    return [b"recorded" if token and record("presave", token) else b""]


def count(visit: Visit, decision: Decision) -> None:
    match decision:
        case Page() | Redirect():
            steps: list[str] = [step.technique for step in decision.steps]
            print(visit.method, decision.visitor.app, steps)
        case Pass(reason=reason):
            refused: Reason = reason
            print(refused in REFUSED)
        case AskSite() | Tag():
            print(decision.rule)


def keep(events: list[Event | Tally]) -> None:
    for event in events:
        if isinstance(event, Event):
            print(event.visit, event.stage_key)
        else:
            print(event.name, event.number)


def keep_any(events: Iterable[Event | Tally]) -> int:
    return sum(1 for _ in events)


def rules_of(path: str) -> Rules | None:
    try:
        return load(path)
    except RulesError as error:
        print(*error.problems, sep="\n")
        return None


def test_listen() -> None:
    headers: dict[str, str] = visitor("tiktok", "ios")
    print(headers)
    assert_escapes(as_visitor(app, "tiktok").get("/listen"), to="spotify", by="app-scheme")
    assert_passes(as_visitor(app, "safari").get("/listen"))


observers: list[Observer] = [count]
sinks: list[Sink] = [keep, keep_any]
app = EscapeMiddleware(site, rules_of("escape.yaml"), observers=observers, sinks=sinks)
answer = Answer("204 No Content", (), b"")
