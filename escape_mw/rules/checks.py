"""What a form alone cannot say: whether targets, overrides and experiments mean anything."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..decision.destinations import DestinationIndex
from ..decision.dress import Dress, is_artwork
from ..decision.handoffs import MENU
from ..decision.policy import Policy, Rule
from ..decision.targets import FixedUrl
from ..web.paths import fill, names_in
from ..web.urls import host_of, strict_split
from .errors import Path, Problem
from .fields import SECRET_HINT
from .moments import shown
from .rule_form import ExperimentForm
from .schema import RulesFile, TechniqueOverrideForm
from .wording import suggestion

FIXED_HOST = re.compile(r"https?://[^/?#{}]*(?=[/?#]|\Z)")
NOT_STRICT = (
    "is not a URL that all browsers parse the same way:"
    " a lower-case host, no user, no odd port, the rest percent-encoded ASCII"
)
NOT_IN_FORCE = (
    "is not a destination in force;"
    " add it under destinations.add, or look at destinations.only, also and disable"
)


def target_problems(rule: Rule, index: DestinationIndex) -> Iterator[Problem]:
    """A `to:` URL must lead to a destination in force.

    A capture may only stand where it cannot change the host.
    """
    path: Path = ("rules", rule.number, "to")
    if not isinstance(rule.to, FixedUrl):
        if rule.everyone:
            message = "needs a 'to' that is a URL: only the site knows where this rule leads"
            yield Problem((*path[:-1], "everyone"), None, message)
        return
    template = rule.to.template
    captures = rule.path.names
    unknown = [name for name in names_in(template) if name not in captures]
    if not FIXED_HOST.match(template):
        message = "is not redirect, page, or an https URL whose host holds no {capture}"
        hint = suggestion(template, ("redirect", "page"))
        yield Problem(path, None, f"{template!r} {message}{hint}")
    elif unknown:
        yield Problem(
            path, None, f"{{{unknown[0]}}} is not a {{capture}} of the path {rule.path.source!r}"
        )
    elif strict_split(url := fill(template, dict.fromkeys(captures, "0" * 22))) is None:
        yield Problem(path, None, f"{template!r} {NOT_STRICT}")
    elif not (index.knows(_host(url)) if names_in(template) else index.find(url)):
        yield Problem(path, None, f"{_host(url)} with this path {NOT_IN_FORCE}")


def date_problems(rule: Rule) -> Iterator[Problem]:
    """A rule ends after it has begun."""
    if rule.since is not None and rule.until is not None and rule.until <= rule.since:
        path: Path = ("rules", rule.number, "when", "until")
        yield Problem(path, None, f"is not after 'from', {shown(rule.since)}")


def dress_problems(path: Path, dress: Dress, policy: Policy) -> Iterator[Problem]:
    """Captures are the rule's own, and artwork of another host is of one that is let in."""
    if path[0] == "rules":
        captures = policy.rules[int(path[1])].path.names
        for name in ("title", "artist", "artwork", "logo"):
            for capture in set(_placeholders(getattr(dress, name))).difference(captures):
                message = f"{{{capture}}} is not a {{capture}} of the rule's path"
                yield Problem((*path, name), None, message)
    for name, image in (("artwork", dress.artwork), ("logo", dress.logo)):
        if image and not is_artwork(image, policy.artwork_hosts):
            message = (
                f"{image!r} is of no host under page.artwork_hosts, such as https://cdn.example"
            )
            yield Problem((*path, name), None, message)


def _placeholders(text: str | None) -> list[str]:
    return names_in(text) if text and not text.startswith("data:") else []


def override_problems(number: int, override: TechniqueOverrideForm) -> Iterator[Problem]:
    """An override gives other steps, or switches one technique off."""
    path: Path = ("techniques", number)
    has_steps = override.steps is not None
    if has_steps == (override.technique is not None) or (
        has_steps and override.enabled is not None
    ):
        message = "give either 'steps', or 'technique' with 'enabled: false'"
        yield Problem(path, None, message)
    elif override.technique == MENU:
        message = "the menu in words ends every ladder and cannot be switched off"
        yield Problem((*path, "technique"), None, message)
    elif override.technique is not None and override.enabled is None:
        yield Problem(path, None, "say 'enabled: false' to switch the technique off")


def secret_problems(form: RulesFile) -> Iterator[Problem]:
    """What has to agree in every process needs the secret that they share."""
    if form.secret is None:
        for path, message in _needs_secret(form):
            yield Problem(path, None, f"{message}; {SECRET_HINT}")


def _needs_secret(form: RulesFile) -> Iterator[tuple[Path, str]]:
    """The keys that need a secret, and what would go wrong without one."""
    if form.events:
        yield (
            ("events",),
            "events need a 'secret': without it, arrivals that another worker process sees"
            " would not count, and the figures would be wrong",
        )
    if form.lab:
        yield (
            ("lab",),
            "the lab needs a 'secret': without it, a link of the lab would not work in every"
            " worker process, or everybody who has the link could sign results",
        )
    for number, rule in enumerate(form.rules):
        if rule.experiment:
            yield (
                ("rules", number, "experiment"),
                "an experiment needs a 'secret': without it, every worker process"
                " would assign another arm to the same visit",
            )


def experiment_problems(form: RulesFile) -> Iterator[Problem]:
    """An experiment needs events to be read from, one set of numbers, and outcomes in both arms.

    By a rule whose 'to' is a URL, an escaped visit never comes back to the site: only a held-out
    one could have an outcome, and the report would say that escapes do worse, for certain.
    """
    known: dict[str, ExperimentForm] = {}
    for number, rule in enumerate(form.rules):
        path: Path = ("rules", number, "experiment")
        experiment = rule.experiment
        if experiment is None:
            continue
        if rule.to not in ("redirect", "page"):
            message = (
                "a visit that is led to a URL of the rules does not come back to the site, so only"
                " held-out visits could have an outcome; use 'to: redirect' or 'to: page'"
            )
            yield Problem(path, None, message)
        if form.events is None:
            message = "an experiment needs 'events:', or nothing would be measured"
            yield Problem(path, None, message)
        if known.setdefault(experiment.name, experiment) != experiment:
            message = "stands in another rule with other numbers; give this one another name"
            yield Problem(path, None, f"the experiment {experiment.name} {message}")


def _host(url: str) -> str:
    return host_of(url).partition(":")[0]
