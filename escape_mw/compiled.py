"""From the checked form of the rules to `Rules`: what the words mean, and whether they can."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from urllib.parse import urlsplit

from . import catalogue
from .destinations import Directory, gate
from .document import Path, Problem
from .entries import AppEntry, DestinationEntry
from .events.sinks import resolve_sqlite_path, unmet_requirements
from .experiment import Experiment
from .lab.marks import LabMarks, derived_token
from .lab.store import LabStore
from .ladder import Ladders
from .markers import Markers
from .model import Destination
from .page import Interstitial, TemplateError
from .paths import compile_path, fill, names_in
from .policy import LabSetup, Rule, Rules
from .schema import (
    EventOptions,
    ExperimentForm,
    QueryParameter,
    RuleForm,
    RulesFile,
    TechniqueOverride,
)
from .visitors import Recogniser

SAMPLE_SONG = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
FIXED_HOST = re.compile(r"https?://[^/?#{}]*(?=[/?#]|\Z)")


def compiled(form: RulesFile, folder: FilePath, problems: list[Problem]) -> Rules:
    """The rules as they are used. What cannot be is added to `problems`; `folder` is where the file's own paths begin."""
    shipped = catalogue.load()
    apps = {app.id: app for app in (*shipped.apps, *form.apps.add)}
    entries = {
        entry.id: entry
        for entry in (*shipped.destinations, *(added.entry() for added in form.destinations.add))
    }
    destinations = Directory(_in_force(entries, form))
    rules = tuple(_rule(number, rule, form.secret) for number, rule in enumerate(form.rules))
    for rule in rules:
        problems += _target_problems(rule, form.rules[rule.number].path, destinations)
    for number, override in enumerate(form.techniques):
        problems += _override_problems(number, override)
    problems += _experiment_problems(form)
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
        events=_events(form, folder, problems),
        version=_version(form),
    )


def _in_force(
    entries: Mapping[str, DestinationEntry], form: RulesFile
) -> Iterator[DestinationEntry]:
    """The destinations that count: all but the opt-in ones, or only those named; and what the rules add themselves."""
    chosen = form.destinations
    only, disabled = frozenset(chosen.only or ()), frozenset(chosen.disable)
    named = {*chosen.also, *(entry.id for entry in chosen.add)}
    for name, entry in entries.items():
        wanted = name in only if chosen.only is not None else not entry.opt_in
        if (wanted or name in named) and name not in disabled:
            yield entry


def _chosen(apps: Iterable[str], form: RulesFile) -> frozenset[str]:
    """The host apps that count, by the same logic."""
    chosen = form.apps
    return (
        frozenset(apps if chosen.only is None else chosen.only) | {app.id for app in chosen.add}
    ) - set(chosen.disable)


def _rule(number: int, form: RuleForm, secret: str | None) -> Rule:
    to, when, trial = form.to, form.when, form.experiment
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
        experiment=Experiment(trial.name, trial.holdout, secret or "", trial.seed, trial.per)
        if trial
        else None,
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
        yield Problem(
            path,
            None,
            f"{rule.target!r} is not redirect, page, {{query: NAME}} or an https URL whose host holds no {{capture}}",
        )
    elif unknown:
        yield Problem(path, None, f"{{{unknown[0]}}} is no {{capture}} of the path {pattern!r}")
    elif gate(url := fill(rule.target, dict.fromkeys(rule.path.groupindex, "0" * 22))) is None:
        told = "is no URL that every browser reads alike: a lower-case host, no user, no odd port, the rest percent-encoded ASCII"
        yield Problem(path, None, f"{rule.target!r} {told}")
    elif not (
        destinations.knows(urlsplit(url).hostname or "")
        if names_in(rule.target)
        else destinations.find(url)
    ):
        told = "is no destination in force; add it under destinations.add, or look at destinations.only, also and disable"
        yield Problem(path, None, f"{urlsplit(url).hostname} with this path {told}")


def _override_problems(number: int, override: TechniqueOverride) -> Iterator[Problem]:
    path: Path = ("techniques", number)
    if (override.steps is None) == (override.technique is None) or (
        override.steps is not None and override.enabled is not None
    ):
        yield Problem(path, None, "give either 'steps', or 'technique' with 'enabled: false'")
    elif override.technique == "menu":
        yield Problem(
            (*path, "technique"),
            None,
            "the menu in words ends every ladder and cannot be switched off",
        )
    elif override.technique is not None and override.enabled is None:
        yield Problem(path, None, "say 'enabled: false' to switch the technique off")


def _experiment_problems(form: RulesFile) -> Iterator[Problem]:
    """An experiment draws its arms with the secret, is read from events, and has one set of numbers."""
    known: dict[str, ExperimentForm] = {}
    for number, trial in enumerate(rule.experiment for rule in form.rules):
        path: Path = ("rules", number, "experiment")
        if trial is None:
            continue
        if form.secret is None:
            yield Problem(
                path,
                None,
                "an experiment needs a 'secret', so that every process draws the same arms",
            )
        if form.events is None:
            yield Problem(path, None, "an experiment needs 'events:', or nothing would be measured")
        if known.setdefault(trial.name, trial) != trial:
            yield Problem(
                path,
                None,
                f"the experiment {trial.name} stands in another rule with other numbers; give this one another name",
            )


def _page(
    form: RulesFile, apps: dict[str, AppEntry], folder: FilePath, problems: list[Problem]
) -> Interstitial:
    template = str(folder / form.page.template) if form.page.template else None
    try:
        return Interstitial(form.page, apps, form.marker, template)
    except TemplateError as error:
        problems.append(Problem(("page", "template"), None, str(error)))
        return Interstitial(form.page, apps, form.marker)


def _lab(
    form: RulesFile, folder: FilePath, song: Destination | None, problems: list[Problem]
) -> LabSetup | None:
    """The lab, if it is on; nothing is opened or written before its first result."""
    if form.lab is None or song is None:
        return None
    token = form.lab.token or (derived_token(form.secret) if form.secret else None)
    if token is None:
        problems.append(
            Problem(
                ("lab",),
                None,
                "say 'lab: {token: ...}', or give a 'secret' that a token can be made from",
            )
        )
        return None
    return LabSetup(token, LabMarks(form.secret or token), LabStore(folder / form.lab.file), song)


def _song(rules: Iterable[Rule], destinations: Directory) -> Destination | None:
    """What the lab's buttons to the music app open: the first song that the rules name, or a sample."""
    named = (
        destinations.find(rule.target)
        for rule in rules
        if rule.form == "url" and not names_in(rule.target)
    )
    spotify = Directory(entry for entry in catalogue.load().destinations if entry.id == "spotify")
    return next((found for found in named if found and found.goal == "app"), None) or spotify.find(
        SAMPLE_SONG
    )


def _events(form: RulesFile, folder: FilePath, problems: list[Problem]) -> EventOptions | None:
    """What is measured, each sink tried for what it needs; nothing is opened or written before the first event."""
    if form.events is None:
        return None
    options = (
        form.events.model_copy(
            update={"database": resolve_sqlite_path(form.events.database, folder)}
        )
        if form.events.database
        else form.events
    )
    for key, told in unmet_requirements(options):
        problems.append(Problem(("events", key), None, told))
    return options


def _version(form: RulesFile) -> str:
    """Eight digits that change with whatever the rules say of visits, and tell nothing of their secret."""
    said = form.model_dump_json(exclude={"secret": True, "lab": True, "events": True})
    return hashlib.sha256(said.encode()).hexdigest()[:8]
