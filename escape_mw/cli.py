"""The command line: exit codes are 0, 1 (a problem was found) and 2 (the command's words are off)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import click

from . import __version__, catalogue, demo, tables
from .events.cli import events
from .explain import Explainer, RecordError
from .lab.cli import counts, lab
from .languages import available
from .middleware import EscapeMiddleware
from .model import Answer
from .preview import Preview
from .problems import RulesError
from .report.cli import power, report
from .rules import load
from .schema import RulesFile

RULES = click.option(
    "--rules",
    "rules_file",
    type=click.Path(dir_okay=False),
    help="The rules file; without it, the default rules.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="escape-mw")
def main() -> None:
    """Hand visitors in a host app's webview over to the music app or to their real browser."""


@main.command()
@RULES
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--app",
    "spec",
    metavar="MODULE:OBJECT",
    help="The WSGI application to wrap; without it, a small demo site.",
)
def serve(rules_file: str | None, host: str, port: int, spec: str | None) -> None:
    """Serve a site, wrapped, on waitress."""
    app = demo.app if spec is None else _imported(spec)
    wrapped = _or_exit(
        lambda: EscapeMiddleware(app, rules_file or (demo.RULES if spec is None else None))
    )
    _serve(
        wrapped,
        host,
        port,
        lambda actual: (
            demo.how_to_try(host, actual)
            if spec is None
            else f"Serving {spec} on http://{host}:{actual}/ (end with Ctrl-C)."
        ),
    )


@main.command()
@RULES
@click.option(
    "--app",
    metavar="ID",
    help="A host app of 'escape-mw list apps'; without it, a webview that nobody named.",
)
@click.option("--platform", type=click.Choice(["ios", "android"]), default="ios", show_default=True)
@click.option(
    "--to",
    default="https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
    show_default=True,
    metavar="URL",
    help="The destination.",
)
@click.option(
    "--language", type=click.Choice(available()), help="One language; without it, all of them."
)
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
    rules = _or_exit(lambda: load(rules_file))
    if app is not None and app not in rules.visitors.apps:
        raise click.UsageError(
            f"--app {app!r} is no known host app; 'escape-mw list apps' shows them"
        )
    site = Preview(rules, app, platform, to, language)
    if site.page() is None:
        raise click.UsageError(f"--to {to!r} is no destination in force")
    _serve(
        site,
        host,
        port,
        lambda actual: f"The page, state by state, on http://{host}:{actual}/ (end with Ctrl-C).",
    )


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="RULES...")
def check(files: tuple[str, ...]) -> None:
    """Check rules files; print every problem as file:line:column."""
    problems = 0
    for name in files:
        try:
            rules = load(name)
        except RulesError as error:
            problems += len(error.problems)
            click.echo("\n".join(error.problems), err=True)
        else:
            click.echo(
                f"{name}: {len(rules.rules)} rules, {len(rules.destinations.entries)} destinations, {len(rules.apps)} host apps, mode {rules.mode}"
            )
    sys.exit(1 if problems else 0)


@main.command()
def schema() -> None:
    """Print the JSON Schema of the rules file, for editors."""
    click.echo(
        json.dumps(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                **RulesFile.model_json_schema(),
            },
            indent=2,
        )
    )


@main.command("list")
@click.argument("what", type=click.Choice(["apps", "destinations", "techniques"]))
@click.option(
    "--markdown",
    is_flag=True,
    help="Techniques only: the first step of each host app, as README has it.",
)
@click.option(
    "--lab",
    "database",
    metavar="DB",
    type=click.Path(dir_okay=False),
    help="Techniques only: the lab's file, for a column of own results.",
)
def list_(what: str, markdown: bool, database: str | None) -> None:
    """Show what is known of the world, with its date and confidence."""
    known = catalogue.load()
    if database is not None and (what != "techniques" or markdown):
        raise click.UsageError("--lab is for techniques, without --markdown")
    if markdown:
        if what != "techniques":
            raise click.UsageError("--markdown is for techniques")
        click.echo(tables.techniques_at_a_glance(known))
        return
    own = counts(database) if database is not None else None
    for row in (
        tables.techniques(known, own)
        if what == "techniques"
        else {"apps": tables.apps, "destinations": tables.destinations}[what](known)
    ):
        click.echo("\t".join(cell or "-" for cell in row))


main.add_command(lab)
main.add_command(events)
main.add_command(report)
main.add_command(power)


@main.command()
@RULES
@click.option("--ua", default="", metavar="AGENT", help="The visitor's user agent.")
@click.option("--url", help="The requested URL or path on the site.")
@click.option("--location", help="Where the site's own redirect at that URL leads.")
@click.option("--to", help="Skip the rules: what would be done for this destination?")
@click.option(
    "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A further request header."
)
@click.option("--method", default="GET", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--batch", is_flag=True, help="Read JSON Lines from standard input and write one line for each."
)
def explain(
    rules_file: str | None,
    batch: bool,
    as_json: bool,
    headers: tuple[str, ...],
    **given: str | None,
) -> None:
    """Tell what would be done about a request, and why."""
    explainer = Explainer(_or_exit(lambda: load(rules_file)), whole_catalogue=rules_file is None)
    if batch:
        if as_json or headers or any(value for name, value in given.items() if name != "method"):
            raise click.UsageError("--batch reads everything from standard input")
        sys.exit(_batch(explainer))
    if given["to"] is not None and (given["url"] or given["location"]):
        raise click.UsageError("--to skips the rules: give it without --url and --location")
    record: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    record["headers"] = dict(_header(line) for line in headers)
    try:
        decision, answer = explainer.decide(record)
    except RecordError as error:
        raise click.UsageError(str(error)) from None
    told = explainer.describe_decision(record, decision)
    click.echo(
        json.dumps(told | {"response": _response(answer)}, indent=2, ensure_ascii=False)
        if as_json
        else _prose(told, answer)
    )


def _serve(app: Any, host: str, port: int, words: Callable[[int], str]) -> None:
    """Serve on waitress until the end; `words` say where."""
    try:
        from waitress.server import create_server  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise click.UsageError(
            "waitress is missing; install it with: python -m pip install 'escape-mw[serve]'"
        ) from None
    try:
        server = create_server(app, host=host, port=port)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"cannot serve on {host}:{port}: {error}") from None
    click.echo(words(getattr(server, "effective_port", port)))
    sys.stdout.flush()
    server.run()


def _batch(explainer: Explainer) -> int:
    """Answer every line with a line; the exit code is 1 if one of them was no record."""
    failed = 0
    for line in sys.stdin.buffer:
        try:
            told = explainer.describe(json.loads(line))
        except (ValueError, RecursionError) as error:
            failed = 1
            told = {"error": str(error) or "not JSON"}
        sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    return failed


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise click.UsageError(f"--header {line!r} is not 'Name: value'")
    return name.strip(), value.strip()


def _response(answer: Answer | None) -> dict[str, Any] | None:
    return (
        None
        if answer is None
        else {
            "status": answer.status,
            "headers": [list(item) for item in answer.headers],
            "body": answer.body.decode("utf-8"),
        }
    )


def _prose(told: dict[str, Any], answer: Answer | None) -> str:
    visitor, destination = told["visitor"], told["destination"]
    lines = [
        f"visitor      {' '.join(filter(None, (visitor['app'], visitor['app_version']))) or 'no host app'} on {visitor['platform']} ({visitor['kind']})",
        f"destination  {_destination(destination) if destination else 'none'}",
        f"rule         {told['rule'] or 'none'}",
        f"decision     {told['decision']} ({told['reason']})",
    ]
    for number, step in enumerate(told["steps"], 1):
        lines.append(
            f"step {number}       {step['technique']} ({step['trigger']}) {step['uri'] or ''}".rstrip()
        )
    if answer is None:
        hint = (
            "; --location says where its redirect leads" if told["reason"] == "no-redirect" else ""
        )
        return "\n".join([*lines, f"response     the site's own{hint}"])
    headers = [f"             {name}: {value}" for name, value in answer.headers]
    return "\n".join(
        [*lines, f"response     {answer.status}", *headers, "", answer.body.decode("utf-8")]
    ).rstrip()


def _destination(destination: dict[str, Any]) -> str:
    identity = f" {destination['id']}" if destination["id"] else ""
    return f"{destination['service']} {destination['kind']}{identity}, goal {destination['goal']}: {destination['url']}"


def _imported(spec: str) -> Any:
    module, _, name = spec.partition(":")
    sys.path.insert(0, "")
    try:
        found = __import__(module, fromlist=["_"])
        for part in (name or "app").split("."):
            found = getattr(found, part)
    except Exception as error:
        raise click.UsageError(f"--app {spec!r}: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise click.UsageError(f"--app {spec!r} is no WSGI application: it cannot be called")
    return found


def _or_exit(make: Any) -> Any:
    """What `make` makes; problems of the rules end the command."""
    try:
        return make()
    except RulesError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
