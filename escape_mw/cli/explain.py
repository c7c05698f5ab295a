"""`escape-mw explain`: what would happen to a request, and why."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from ..engine.explain import Explainer, RecordError
from ..web.answers import Answer
from .options import load_or_exit, rules_option
from .terminal import say


@click.command()
@rules_option()
@click.option("--ua", default="", metavar="AGENT", help="The visitor's user agent.")
@click.option("--app", metavar="ID", help="A host app, instead of --ua; needs --platform.")
@click.option("--platform", type=click.Choice(["ios", "android"]))
@click.option("--url", help="The requested URL or path on the site.")
@click.option("--location", help="Where the site's own redirect at that URL leads.")
@click.option("--to", help="Ignore the rules, and explain a visit to this destination.")
@click.option("--at", metavar="'2026-12-04 Europe/London'", help="Date and time. Default: now.")
@click.option(
    "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A further request header."
)
@click.option("--method", default="GET", show_default=True)
@click.option("--body", is_flag=True, help="Print the response's headers and body too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--batch",
    is_flag=True,
    help="Read JSON Lines from standard input and write one line for each.",
)
def explain(
    rules_file: str | None,
    batch: bool,
    as_json: bool,
    body: bool,
    headers: tuple[str, ...],
    **given: str | None,
) -> None:
    """Explain what would happen to a request, and why."""
    explainer = Explainer(load_or_exit(rules_file), whole_catalogue=rules_file is None)
    if batch:
        if as_json or headers or any(value for name, value in given.items() if name != "method"):
            raise click.UsageError("--batch reads everything from standard input")
        sys.exit(_batch(explainer))
    if given["to"] is not None and (given["url"] or given["location"]):
        raise click.UsageError("--to skips the rules: give it without --url and --location")
    if (given["app"] is None) != (given["platform"] is None):
        raise click.UsageError("--app and --platform go together: ios or android")
    record: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    record["headers"] = dict(_header(line) for line in headers)
    try:
        decision, answer = explainer.decide(record)
    except RecordError as error:
        raise click.UsageError(str(error)) from None
    data = explainer.describe_decision(record, decision)
    if as_json:
        whole = data | {"response": _response(answer)}
        click.echo(json.dumps(whole, indent=2))
    else:
        for line in _prose(
            data, answer, whole=body, links=getattr(decision, "links", False)
        ).splitlines():
            say(line, fg="green" if answer and line.startswith("decision ") else None)


def _batch(explainer: Explainer) -> int:
    """Answer every line with a line; the exit code is 1 if one of them could not be read."""
    failed = 0
    for line in sys.stdin.buffer:
        try:
            data = explainer.describe(json.loads(line))
        except (ValueError, RecursionError) as error:
            failed = 1
            data = {"error": str(error) or "not JSON"}
        sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()
    return failed


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise click.UsageError(f"--header {line!r} is not 'Name: value'")
    return name.strip(), value.strip()


def _response(answer: Answer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    headers = [list(item) for item in answer.headers]
    return {"status": answer.status, "headers": headers, "body": answer.body.decode("utf-8")}


def _prose(
    data: dict[str, Any], answer: Answer | None, *, whole: bool = False, links: bool = False
) -> str:
    visitor, destination = data["visitor"], data["destination"]
    app = " ".join(filter(None, (visitor["app"], visitor["app_version"]))) or "no host app"
    lines = [
        f"visitor      {app} on {visitor['platform']} ({visitor['kind']})",
        f"destination  {_destination(destination) if destination else 'none'}",
        f"rule         {data['rule'] or 'none'}",
        f"decision     {_decision(data)}",
    ]
    for number, step in enumerate(data["steps"], 1):
        uri = step["uri"] or ""
        lines.append(f"step {number}       {step['technique']} ({step['trigger']}) {uri}".rstrip())
    if answer is None:
        own = "the site's own; a page gets the tag for its links" if links else "the site's own"
        return "\n".join([*lines, f"response     {own}"])
    where = dict(answer.headers).get("Location")
    what = f"to {where}" if where else f"{len(answer.body):,} bytes (--body prints them)"
    if not whole:
        return "\n".join([*lines, f"response     {answer.status}, {what}"])
    headers = [f"             {name}: {value}" for name, value in answer.headers]
    body = answer.body.decode("utf-8")
    return "\n".join([*lines, f"response     {answer.status}", *headers, "", body]).rstrip()


def _decision(data: dict[str, Any]) -> str:
    if data["reason"] == "no-redirect":
        return "up to the site's own redirect; --location says where it leads (no-redirect)"
    return f"{data['decision']} ({data['reason']})"


def _destination(destination: dict[str, Any]) -> str:
    identity = f" {destination['id']}" if destination["id"] else ""
    what = f"{destination['service']} {destination['kind']}{identity}"
    return f"{what}, goal {destination['goal']}: {destination['url']}"
