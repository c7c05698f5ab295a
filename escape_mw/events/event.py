"""What is recorded of a visit: one `Event` for each of its steps, in fixed words, and nothing about the visitor.

Never a cookie, an address, a user agent, a URL or a referrer: an event has no field that could hold one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# In the order of a visit. `left` is weak: the page was hidden within its time, and nobody can say why. `arrived` is
# proof: the marker came back from a visitor in no webview.
STAGES = (
    "eligible",
    "shown",
    "attempt",
    "tapped",
    "left",
    "copied",
    "continued",
    "arrived",
    "outcome",
)
# Only ever counted: what came twice, what nobody signed, what came too fast, what no sink could take any more.
COUNTED = ("repeat", "forged", "capped", "dropped")
ARMS = ("escape", "holdout")


class Event(NamedTuple):
    """One step of a visit.

    `time` is in seconds since 1970, `visit` a random id ("" where only the number counts), `name` one of `STAGES` or
    `COUNTED`, `outcome` the site's own word for what it wanted. `app_version` is the host app's major version.
    `experiment` and `arm` are "" outside of one; `rules` is the version of the rules; `number` is above 1 only without
    a visit.
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
    rules: str = ""
    number: int = 1

    @property
    def stage_key(self) -> str:
        """What may happen once in a visit; a second time is a repeat, and changes nothing."""
        match self.name:
            case "shown" | "attempt" | "tapped" | "left":
                return f"{self.name} {self.technique}"
            case "outcome":
                return f"outcome {self.outcome}"
            case name:
                return name

    def as_dict(self) -> dict[str, Any]:
        """The fields that say something."""
        return {
            name: value
            for name, value in self._asdict().items()
            if value not in ("", None) and (name, value) != ("number", 1)
        }
