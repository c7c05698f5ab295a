"""From the checked form of the rules to `Rules`: what the words mean, and whether they can."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from itertools import chain
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel

from .. import catalogue
from ..decision.dress import Dress
from ..decision.entries import AppEntry, DestinationEntry
from ..decision.experiment import Experiment
from ..decision.policy import Policy, Rule, hosts_of, short_hash, site_of
from ..decision.targets import FixedUrl, SitePage, SiteRedirect, Target
from ..events.options import EventOptions
from ..events.sinks import resolve_sqlite_path, unmet_requirements
from ..lab.answers import routes
from ..lab.marks import LabTokens
from ..lab.setup import LabSetup, song_of
from ..lab.store import LabStore
from ..page.interstitial import Interstitial, TemplateError
from ..web.urls import host_of, without_port
from .checks import (
    date_problems,
    dress_problems,
    experiment_problems,
    override_problems,
    secret_problems,
    target_problems,
)
from .errors import Path, Problem
from .rule_form import ExperimentForm, RuleForm
from .rules import Rules, in_force, make_policy
from .schema import RulesFile


def build(form: RulesFile, folder: FilePath, problems: list[Problem]) -> Rules:
    """The rules as they are used.

    What cannot be is added to `problems`; `folder` is where the file's own paths begin.
    """
    policy = _policy(form, folder)
    dresses = [*_dresses(form, folder)]
    problems += _problems(form, policy, dresses)
    lab = _lab(form, folder, policy)
    return Rules(
        policy=policy,
        page=_page(policy, dresses, problems),
        routes=routes(lab, policy) if lab else (),
        events=_events(form, folder, problems),
        lab=lab,
        files=tuple({file for _, worn in dresses for file in (worn.template, worn.style) if file}),
        is_named=form.site is not None,
    )


def _problems(
    form: RulesFile, policy: Policy, dresses: Iterable[tuple[Path, Dress]]
) -> Iterator[Problem]:
    """What the form alone cannot know to be wrong."""
    for rule in policy.rules:
        yield from target_problems(rule, policy.destinations)
        yield from date_problems(rule)
    for number, override in enumerate(form.techniques):
        yield from override_problems(number, override)
    yield from secret_problems(form)
    yield from experiment_problems(form)
    for path, dress in dresses:
        yield from dress_problems(path, dress, policy)


def _policy(form: RulesFile, folder: FilePath) -> Policy:
    shipped = catalogue.load()
    added = [app.entry() for app in form.apps.add]
    apps = {app.id: app for app in (*shipped.apps, *added)}
    rules = tuple(
        _rule(number, rule, form.secret, folder) for number, rule in enumerate(form.rules)
    )
    own_hosts = _own_hosts(form)
    site = form.site or site_of(rules, form.base_url, own_hosts)
    overrides = [override.override() for override in form.techniques]
    dress = form.page.dress(folder)
    return make_policy(
        rules,
        site=site,
        secret=form.secret,
        marker=form.marker,
        known=apps,
        destinations=_in_force(shipped.destinations, form),
        overrides=overrides,
        apps=_chosen(apps, form),
        mode=form.mode,
        base_url=form.base_url,
        base_urls={name: host.base_url for name, host in form.hosts.items() if host.base_url},
        allowed_hosts=own_hosts,
        detect=form.detect,
        exclude=tuple(form.exclude),
        dress=dress,
        dresses={name: host.page.dress(folder).over(dress) for name, host in form.hosts.items()},
        artwork_hosts=frozenset(form.page.artwork_hosts),
    )


def _own_hosts(form: RulesFile) -> frozenset[str]:
    """The hosts of the site, none for any: those that are listed, and those of their addresses."""
    if not form.hosts:
        return frozenset(form.allowed_hosts)
    urls = [form.base_url, *(host.base_url for host in form.hosts.values())]
    return frozenset(
        [*form.allowed_hosts, *form.hosts, *(without_port(host_of(url)) for url in urls if url)]
    )


def _in_force(shipped: Iterable[DestinationEntry], form: RulesFile) -> Iterator[DestinationEntry]:
    """The destinations that count: all but the opt-in ones, or those named, and those added."""
    chosen = form.destinations
    added = [one.entry() for one in chosen.add]
    only, disabled = frozenset(chosen.only or ()), frozenset(chosen.disable)
    named = {*chosen.also, *(entry.id for entry in added)}
    for name, entry in {entry.id: entry for entry in (*shipped, *added)}.items():
        wanted = name in only if chosen.only is not None else not entry.opt_in
        if (wanted or name in named) and name not in disabled:
            yield entry


def _chosen(apps: Mapping[str, AppEntry], form: RulesFile) -> frozenset[str]:
    """The host apps that count, by the same logic."""
    chosen = form.apps
    wanted = frozenset(in_force(apps.values()) if chosen.only is None else chosen.only)
    return (wanted | {*chosen.also, *(app.id for app in chosen.add)}) - set(chosen.disable)


def _rule(number: int, form: RuleForm, secret: str | None, folder: FilePath) -> Rule:
    when = form.when
    sets = dict.fromkeys(("apps", "platforms", "visitors", "not_apps", "not_query"), frozenset)
    return Rule(
        **_copied(form, Rule)
        | _copied(when, Rule, **sets, query=lambda wanted: tuple(wanted.items()))
        | {
            "number": number,
            "name": form.name or f"rule {number + 1}",
            "to": _target(form),
            "languages": None if when.languages is None else _set(map(str.lower, when.languages)),
            "hosts": hosts_of(when.hosts) if when.hosts else None,
            "words_pass": form.words_only == "pass",
            "dress": form.page.dress(folder) if form.page else None,
            "experiment": _experiment(form.experiment, secret),
            "content": short_hash(form.model_dump_json()),
        }
    )


def _copied(form: BaseModel, value: type[Any], **convert: Callable[[Any], Any]) -> dict[str, Any]:
    """What a form and the value made from it name alike: as it stands, or converted."""
    names = [one.name for one in fields(value) if one.init and one.name in type(form).model_fields]
    given = {name: getattr(form, name) for name in names}
    return {
        name: convert[name](item) if name in convert and item is not None else item
        for name, item in given.items()
    }


def _experiment(form: ExperimentForm | None, secret: str | None) -> Experiment | None:
    if form is None:
        return None
    return Experiment(form.name, form.holdout, secret or "", form.planned or 0)


def _target(form: RuleForm) -> Target:
    if form.to == "redirect":
        return SiteRedirect()
    return SitePage() if form.to == "page" else FixedUrl(form.to)


def _set(items: Iterable[str] | None) -> frozenset[str] | None:
    return None if items is None else frozenset(items)


def _page(
    policy: Policy, dresses: Iterable[tuple[Path, Dress]], problems: list[Problem]
) -> Interstitial:
    """The page, with the templates and styles that the dresses name."""
    page = Interstitial(policy.detector.apps, policy.markers.name)
    found: dict[str, Problem] = {}  # by what it says, which is said once
    for path, dress in chain(dresses, _worn(policy)):
        for key, add in (("template", page.add_template), ("style", page.add_style)):
            try:
                add(dress)
            except TemplateError as error:
                found.setdefault(str(error), Problem((*path, key), None, str(error)))
    problems += found.values()
    return page


def _dresses(form: RulesFile, folder: FilePath) -> Iterator[tuple[Path, Dress]]:
    """Every dress as the rules file has it, and where it stands."""
    yield ("page",), form.page.dress(folder)
    for name, host in form.hosts.items():
        yield ("hosts", name, "page"), host.page.dress(folder)
    for number, rule in enumerate(form.rules):
        if rule.page is not None:
            yield ("rules", number, "page"), rule.page.dress(folder)


def _worn(policy: Policy) -> Iterator[tuple[Path, Dress]]:
    """Every dress of a rule over what it is worn over."""
    for number, rule in enumerate(policy.rules):
        if rule.dress:
            for site in (policy.dress, *policy.dresses.values()):
                yield ("rules", number, "page"), rule.dress.over(site)


def _lab(form: RulesFile, folder: FilePath, policy: Policy) -> LabSetup | None:
    """The lab, if it is on; nothing is opened or written before its first result."""
    if form.lab is None or form.secret is None:  # `secret_problems` reports a missing secret
        return None
    return LabSetup(
        tokens=LabTokens(form.secret),
        store=LabStore(folder / form.lab.file),
        song=song_of(policy.rules, policy.destinations),
    )


def _events(form: RulesFile, folder: FilePath, problems: list[Problem]) -> EventOptions | None:
    """What is measured, each sink checked for what it needs; nothing is opened before an event."""
    if form.events is None:
        return None
    options = EventOptions(**_copied(form.events, EventOptions, outcomes=tuple, by=tuple))
    if options.database:
        options = replace(options, database=resolve_sqlite_path(options.database, folder))
    for key, message in unmet_requirements(options):
        problems.append(Problem(("events", key), None, message))
    return options
