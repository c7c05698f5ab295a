"""The rules file, or a mapping of the same form, to `Rules`; or `RulesError` with every problem at its place."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from . import catalogue
from .destinations import Directory, gate
from .document import Path, Place, Problem, read
from .entries import AppEntry, DestinationEntry
from .handoffs import TECHNIQUES
from .lab.marks import LabMarks, derived_token
from .lab.store import LabStore
from .ladder import Ladders
from .languages import available
from .markers import Markers
from .model import Destination
from .page import Interstitial, TemplateError
from .paths import compile_path, fill, names_in
from .policy import LabSetup, Rule, Rules
from .problems import RulesError, from_validation, report
from .schema import QueryParameter, RuleForm, RulesFile, TechniqueOverride
from .visitors import Recogniser

MODES = ("act", "observe", "off")
MODE_VARIABLE = "ESCAPE_MW"
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
FROM_ENVIRONMENT = ("secret", "base_url")
SAMPLE_SONG = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
FIXED_HOST = re.compile(r"https?://[^/?#{}]*(?=[/?#]|\Z)")

Source = str | os.PathLike[str] | Mapping[str, Any] | Rules | None


def load(source: Source = None) -> Rules:
    """Read rules from a YAML file's path, from a mapping of the same form, or take the default (None).

    Raises RulesError, with every problem, and nothing else: also for a file that cannot be read.
    """
    if isinstance(source, Rules):
        return source
    if source is None or isinstance(source, Mapping):
        return _load(dict(source or {"version": 1}), {}, [], "rules", FilePath())
    name = os.fspath(source)
    document = read(_text(name))
    return _load(document.value, document.places, document.problems, name, FilePath(name).parent)


def _text(name: str) -> str:
    try:
        return FilePath(name).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RulesError([f"{name}: not UTF-8 (byte {error.start}); save the file as UTF-8"]) from None
    except (OSError, ValueError) as error:
        raise RulesError([f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}"]) from None


def _load(value: Any, places: Mapping[Path, Place], problems: list[Problem], name: str, folder: FilePath) -> Rules:
    """Check in three passes, each of which tells everything it finds: the text, the form, the meaning."""
    rules = None
    if isinstance(value, dict):
        value = _expanded(value, problems)
        form = _validated(value, problems)
        if form is not None and not problems:
            rules = _compiled(form, folder, problems)
    elif not problems:
        problems = [Problem((), Place(1, 1) if places else None, "the rules are a mapping that begins with 'version: 1'")]
    if rules is None or problems:
        raise report(problems, places, name)
    return rules


def _expanded(value: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Put in what a deployment keeps in its environment, written `secret: ${NAME}`."""
    found: dict[str, Any] = {}
    for key in FROM_ENVIRONMENT:
        text = value.get(key)
        if not isinstance(text, str) or "$" not in text:
            continue
        match = VARIABLE.fullmatch(text)
        found[key] = os.environ.get(match[1]) if match else None
        if match is None:
            problems.append(Problem((key,), None, "an environment variable is written ${NAME}, and nothing else stands beside it"))
        elif found[key] is None:
            problems.append(Problem((key,), None, f"the environment variable {match[1]} is not set"))
    mode = os.environ.get(MODE_VARIABLE, "")
    if mode.lower() in MODES:
        found["mode"] = mode.lower()
    elif mode:
        problems.append(Problem(("mode",), None, f"the environment variable {MODE_VARIABLE} is {mode!r}; allowed: {', '.join(MODES)}"))
    return value | found


def _validated(value: dict[str, Any], problems: list[Problem]) -> RulesFile | None:
    shipped = catalogue.load()
    known = {
        "app": {app.id for app in shipped.apps} | _added(value, "apps"),
        "destination": {entry.id for entry in shipped.destinations} | _added(value, "destinations"),
        "technique": set(TECHNIQUES),
        "language": {"auto", *available()},
    }
    try:
        return RulesFile.model_validate(value, context=known)
    except ValidationError as error:
        problems += from_validation(error, RulesFile)
        return None


def _added(value: dict[str, Any], section: str) -> set[str]:
    """The ids that the rules add themselves, as far as they can be made out before anything is checked."""
    part = value.get(section)
    rows = part.get("add") if isinstance(part, dict) else None
    return {row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)} if isinstance(rows, list) else set()


def _compiled(form: RulesFile, folder: FilePath, problems: list[Problem]) -> Rules:
    shipped = catalogue.load()
    apps = {app.id: app for app in (*shipped.apps, *form.apps.add)}
    entries = {entry.id: entry for entry in (*shipped.destinations, *(added.entry() for added in form.destinations.add))}
    destinations = Directory(_in_force(entries, form))
    rules = tuple(_rule(number, rule) for number, rule in enumerate(form.rules))
    for rule in rules:
        problems += _target_problems(rule, form.rules[rule.number].path, destinations)
    for number, override in enumerate(form.techniques):
        problems += _override_problems(number, override)
    page = _page(form, apps, folder, problems)
    return Rules(
        mode=form.mode,
        rules=rules,
        visitors=Recogniser(apps.values(), shipped.crawlers, shipped.browsers),
        destinations=destinations,
        ladders=Ladders(apps, shipped.techniques, form.techniques),
        markers=Markers(form.marker, form.secret),
        apps=_chosen(apps, form),
        page=page,
        files=(page.template,) if page.template else (),
        base_url=form.base_url,
        allowed_hosts=frozenset(form.allowed_hosts),
        vary=form.vary,
        exclude=tuple(map(compile_path, form.exclude)),
        lab=_lab(form, folder, _song(rules, destinations), problems),
    )


def _in_force(entries: Mapping[str, DestinationEntry], form: RulesFile) -> Iterator[DestinationEntry]:
    """The destinations that count: all but the opt-in ones, or only those named; and what the rules add themselves."""
    chosen = form.destinations
    named = {*chosen.also, *(entry.id for entry in chosen.add)}
    for name, entry in entries.items():
        wanted = name in chosen.only if chosen.only is not None else not entry.opt_in
        if (wanted or name in named) and name not in chosen.disable:
            yield entry


def _chosen(apps: Iterable[str], form: RulesFile) -> frozenset[str]:
    """The host apps that count, by the same logic."""
    chosen = form.apps
    return (frozenset(apps if chosen.only is None else chosen.only) | {app.id for app in chosen.add}) - set(chosen.disable)


def _rule(number: int, form: RuleForm) -> Rule:
    to, when = form.to, form.when
    by_query = isinstance(to, QueryParameter)
    return Rule(
        number=number,
        name=form.name or f"rule {number + 1}",
        path=compile_path(form.path),
        form="query" if by_query else to if to in ("redirect", "page") else "url",  # type: ignore[arg-type]
        target=to.query if isinstance(to, QueryParameter) else to,
        apps=_set(when.apps),
        platforms=_set(when.platforms),
        visitors=frozenset(when.visitors),
        languages=_set(when.languages and map(str.lower, when.languages)),
        share=form.share,
        direct=form.direct,
    )


def _set(items: Iterable[str] | None) -> frozenset[str] | None:
    return None if items is None else frozenset(items)


def _target_problems(rule: Rule, pattern: str, destinations: Directory) -> Iterator[Problem]:
    """A `to:` URL must lead to a destination in force; a capture may only stand where it cannot change the host."""
    if rule.form != "url":
        return
    path: Path = ("rules", rule.number, "to")
    unknown = [name for name in names_in(rule.target) if name not in rule.path.groupindex]
    if not FIXED_HOST.match(rule.target):
        yield Problem(path, None, f"{rule.target!r} is not redirect, page, {{query: NAME}} or an https URL whose host holds no {{capture}}")
    elif unknown:
        yield Problem(path, None, f"{{{unknown[0]}}} is no {{capture}} of the path {pattern!r}")
    elif gate(url := fill(rule.target, dict.fromkeys(rule.path.groupindex, "0" * 22))) is None:
        told = "is no URL that every browser reads alike: a lower-case host, no user, no odd port, the rest percent-encoded ASCII"
        yield Problem(path, None, f"{rule.target!r} {told}")
    elif not (destinations.knows(urlsplit(url).hostname or "") if names_in(rule.target) else destinations.find(url)):
        told = "is no destination in force; add it under destinations.add, or look at destinations.only, also and disable"
        yield Problem(path, None, f"{urlsplit(url).hostname} with this path {told}")


def _override_problems(number: int, override: TechniqueOverride) -> Iterator[Problem]:
    path: Path = ("techniques", number)
    if (override.steps is None) == (override.technique is None) or (override.steps is not None and override.enabled is not None):
        yield Problem(path, None, "give either 'steps', or 'technique' with 'enabled: false'")
    elif override.technique == "menu":
        yield Problem((*path, "technique"), None, "the menu in words ends every ladder and cannot be switched off")
    elif override.technique is not None and override.enabled is None:
        yield Problem(path, None, "say 'enabled: false' to switch the technique off")


def _page(form: RulesFile, apps: dict[str, AppEntry], folder: FilePath, problems: list[Problem]) -> Interstitial:
    template = str(folder / form.page.template) if form.page.template else None
    try:
        return Interstitial(form.page, apps, form.marker, template)
    except TemplateError as error:
        problems.append(Problem(("page", "template"), None, str(error)))
        return Interstitial(form.page, apps, form.marker)


def _lab(form: RulesFile, folder: FilePath, song: Destination | None, problems: list[Problem]) -> LabSetup | None:
    """The lab, if it is on; nothing is opened or written before its first result."""
    if form.lab is None or song is None:
        return None
    token = form.lab.token or (derived_token(form.secret) if form.secret else None)
    if token is None:
        problems.append(Problem(("lab",), None, "say 'lab: {token: ...}', or give a 'secret' that a token can be made from"))
        return None
    return LabSetup(token, LabMarks(form.secret or token), LabStore(folder / form.lab.file), song)


def _song(rules: Iterable[Rule], destinations: Directory) -> Destination | None:
    """What the lab's buttons to the music app open: the first song that the rules name, or a sample."""
    named = (destinations.find(rule.target) for rule in rules if rule.form == "url" and not names_in(rule.target))
    spotify = Directory(entry for entry in catalogue.load().destinations if entry.id == "spotify")
    return next((found for found in named if found and found.goal == "app"), None) or spotify.find(SAMPLE_SONG)
