"""What is recorded: an `Event` for each stage of a visit; a `Tally` of what is only counted.

Nothing about the visitor is recorded. An event has no field that could hold a cookie, an address, a
user agent, a URL or a referrer; `by` holds the one part of an address that the rules name.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

# The stages of a visit, in order. `left` is weak evidence: the page was hidden within its time, for
# an unknown reason; with `returned`, visible again within 20 seconds, it is none. `arrived` is
# proof: the marker came back from a browser on the visit's own kind of phone; from any other it is
# `arrived-elsewhere`, which counts for nothing.
STAGES = (
    "eligible",
    "shown",
    "attempt",
    "tapped",
    "left",
    "returned",
    "copied",
    "continued",
    "arrived",
    "arrived-elsewhere",
    "outcome",
)
# Only counted: a stage that came twice, a token with a wrong signature, a beacon above the rate
# limit, an event that a full queue had no space for.
COUNTED = ("repeat", "forged", "capped", "dropped")
ARMS = ("escape", "holdout")
WORD_LENGTH = 64  # characters of the site's own words: of a rule's name, and of an outcome
# Controls, halves of surrogate pairs, and what turns the direction of all that follows (UAX 9).
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def storable(word: str) -> str:
    """The site's own word as every sink can take it, and every terminal show it.

    A word that a database refuses would block its batch, and one that Prometheus cannot encode all
    its metrics.
    """
    return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", word[:WORD_LENGTH])


class Event(NamedTuple):
    """One stage of a visit.

    - `time`: seconds since 1970.
    - `visit`: a keyed hash of the visit's random id.
    - `name`: one of `STAGES`.
    - `app`, `app_version`: the host app's id and its major version.
    - `service`, `kind`, `goal`: the destination.
    - `technique`, `trigger`: of the step (a technique's turn) that the stage belongs to.
    - `outcome`: the site's own word for what it wanted, as `storable` makes it.
    - `experiment`, `arm`: said at the visit's first request; "" later, and outside an experiment.
    - `rule_version`: a hash of what the rule says, and of the steps it leads to.
    - `first`, `handover`, `planned`, `by`, `hints`: of `eligible` only. The technique that was
      shown first; what was handed over, the site's "own" page or the "destination"; the planned
      visits of the experiment, 0 without a plan; the site's own word for the visit
      (`EventOptions.by`); whether Android's browser sent client hints, "yes" or "no".
    - `day`: the day on which the visit began, counted from 1970 (UTC); 0 for that of `time`.
    """

    time: int
    visit: str
    name: str
    rule: str = ""
    app: str = ""
    app_version: str = ""
    platform: str = ""
    service: str = ""
    kind: str = ""
    goal: str = ""
    technique: str = ""
    trigger: str = ""
    outcome: str = ""
    experiment: str = ""
    arm: str = ""
    rule_version: str = ""
    first: str = ""
    handover: str = ""
    planned: int = 0
    by: str = ""
    hints: str = ""
    day: int = 0

    @property
    def stage_key(self) -> str:
        """The stage's key within its visit; a second event with the same key is a repeat."""
        match self.name:
            case "shown" | "attempt" | "tapped" | "left" | "returned":
                return f"{self.name} {self.technique}"
            case "outcome":
                return f"outcome {self.outcome}"
            case name:
                return name

    def as_dict(self) -> dict[str, Any]:
        """The fields that are set, by name: as the log and the JSON export write them."""
        return {name: value for name, value in self._asdict().items() if value not in ("", 0)}


class Tally(NamedTuple):
    """How often something happened that belongs to no visit.

    - `name`: one of `COUNTED`; "eligible" for visitors who asked for privacy.
    - `rule`, `app`, `platform`: as of an event, where they are known.
    - `time`: when it was delivered, in seconds since 1970.
    - `number`: how often.
    """

    name: str
    rule: str = ""
    app: str = ""
    platform: str = ""
    time: int = 0
    number: int = 1

    def as_dict(self) -> dict[str, Any]:
        """As that of an event."""
        return {name: value for name, value in self._asdict().items() if value not in ("", 0)}


Record = Event | Tally
