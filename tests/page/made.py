"""Pages made without a request: a decision, and its answer."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

from escape_mw import Destination, Page, Step, Visitor

TIKTOK = Visitor("in-app", "tiktok", "ios", "41.9.0")
SPOTIFY = Destination(
    service="spotify",
    name="Spotify",
    kind="track",
    id="1",
    url="https://open.spotify.com/track/1?a=1&b=2",
    goal="app",
    app_uri="spotify:track:1",
    android_package="com.spotify.music",
    call="play",
)
STEPS = (
    Step("app-scheme", "tap", "spotify:track:1", 2000, "inferred"),
    Step(
        "intent", "auto", "intent://open.spotify.com/track/1?a=1&b=2#Intent;end", 2000, "inferred"
    ),
    Step("x-safari-window", "tap", "x-safari-https://site.example/", 2000, "observed"),
    Step("extbrowser", "tap", "instagram://extbrowser/?url=x", 8000, "observed", asks=True),
    Step("menu", "written", None, 2000, "observed"),
)


def decision(steps=STEPS, visitor=TIKTOK, destination=SPOTIFY, retry=False):
    return Page(
        reason="escape",
        visitor=visitor,
        destination=destination,
        rule="rule 1",
        steps=steps,
        stay=destination.url,
        link=destination.url,
        token="visit.a.b",
        retry=retry,
    )


def page_of(rules, page, *accept):
    """The answer in the site's own dress."""
    return rules.page.answer(replace(page, dress=rules.policy.dress), *accept)


def hashes(text, element):
    content = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)[1]
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
