"""What is said once to a site's operator: what is in force, and what looks wrong."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from functools import cache

from .. import catalogue
from ..decision.model import Visit
from ..decision.policy import Policy
from ..web.logs import logger

OLD = timedelta(days=183)
WARNED_OF: set[str] = set()  # hosts and keys, of this process
MAX_WARNED_OF = 100  # anybody can send a Host
LOCAL = ("localhost", "127.", "10.", "192.168.")


def announce(policy: Policy) -> None:
    """One line at the start; and a warning, once a process, where the facts have grown old."""
    dated = catalogue.load().dated
    if logger.isEnabledFor(logging.INFO):
        fields = {"version": _version(), "rules": len(policy.rules), "mode": policy.mode}
        logger.info(
            "started: version=%s rules=%d mode=%s facts=%s",
            *fields.values(),
            dated,
            extra={**fields, "facts": dated},
        )
    warn_of_old_facts(dated, date.today())


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow to import

    try:
        return version("escape-mw")
    except PackageNotFoundError:  # a copy of the source, not installed
        return "unknown"


@cache
def warn_of_old_facts(dated: str, today: date) -> None:
    """Host apps change every few months, and so do the ways out of them."""
    if today - date.fromisoformat(dated) > OLD:
        logger.warning(
            "the facts about host apps are of %s, over six months old:"
            " look for a newer release of escape-mw",
            dated,
        )


def warn_of_words(ignored: tuple[str, ...]) -> None:
    """Once a process, for the same keys of the application's own words."""
    names = ", ".join(ignored)
    if names in WARNED_OF or len(WARNED_OF) >= MAX_WARNED_OF:
        return
    WARNED_OF.add(names)
    logger.warning(
        "escape_mw.page: %.200r cannot be taken; it is a mapping with title, artist, artwork and"
        " accent, each text as in the rules file, artwork of another host under page.artwork_hosts",
        names,
    )


@cache
def warn_of_policy() -> None:
    """Once a process: which page it was may differ, the policy seldom does."""
    logger.warning(
        "links: the site's Content-Security-Policy allows no script of the site itself; such pages"
        " are left alone"
    )


def warn_of_plain_http(visit: Visit, policy: Policy) -> None:
    """Once a process and host."""
    if policy.base_url_of(visit.host) is not None or not (visit.url or "").startswith("http:"):
        return
    if visit.host in WARNED_OF or visit.host.startswith(LOCAL) or len(WARNED_OF) >= MAX_WARNED_OF:
        return
    WARNED_OF.add(visit.host)
    logger.warning(
        "%r appears to be served over plain http;"
        " behind a TLS-terminating proxy, set base_url or use ProxyFix",
        visit.host,
    )
