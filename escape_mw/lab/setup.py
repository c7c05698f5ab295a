"""The lab, switched on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..decision.destinations import DestinationIndex
from ..decision.model import Destination
from ..decision.policy import Rule
from ..decision.targets import FixedUrl
from ..web.paths import names_in
from .marks import LabTokens
from .store import LabStore

SAMPLE = Destination(
    service="spotify",
    name="Spotify",
    kind="track",
    id="4uLU6hMCjMI75M1A2tKUQC",
    url="https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
    goal="app",
    app_uri="spotify:track:4uLU6hMCjMI75M1A2tKUQC",
    android_package="com.spotify.music",
)


@dataclass(frozen=True, slots=True)
class LabSetup:
    """How it signs, where it writes, and the song that its buttons open."""

    tokens: LabTokens
    store: LabStore
    song: Destination


def song_of(rules: Iterable[Rule], index: DestinationIndex) -> Destination:
    """What the buttons to the music app open: the first song that the rules name, or a sample."""
    templates = (rule.to.template for rule in rules if isinstance(rule.to, FixedUrl))
    named = (index.find(url) for url in templates if not names_in(url))
    return next((found for found in named if found and found.goal == "app"), SAMPLE)
