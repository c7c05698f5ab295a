"""What both engines tell alike."""

from __future__ import annotations

import base64
import json
from typing import NamedTuple

HERE = ("http://127.0.0.1:", "about:", "data:", "blob:")
WRAPPED = "Wrapped/"
HURRY = 10
# Runs in every page before its own scripts: notes what the policy refuses, and makes the page's
# clock run HURRY times as fast, so that what takes two seconds for a visitor takes a fifth of one
# here. The page itself is as it was sent.
WATCH = f"""
window.refused = [];
document.addEventListener("securitypolicyviolation", \
event => refused.push(event.effectiveDirective));
window.restored = false;
window.addEventListener("pageshow", event => {{ restored = event.persisted }});
(function (timeout, now) {{
  const start = now();
  Date.now = () => start + (now() - start) * {HURRY};
  window.setTimeout = (what, wait, ...words) => timeout(what, wait / {HURRY}, ...words);
}})(setTimeout.bind(window), Date.now);
"""
CENTRE = """
const element = document.querySelector(SELECTOR);
element.scrollIntoView({block: "center"});
const box = element.getBoundingClientRect();
return [box.x + box.width / 2, box.y + box.height / 2];
"""
UNTIL = """
return await new Promise(done => {
  const end = performance.now() + SECONDS * 1000;
  (function look() {
    if (CONDITION) done(true);
    else if (performance.now() > end) done(false);
    else setTimeout(look, 10);
  })();
})
"""


class Attempt(NamedTuple):
    """A navigation away from this machine.

    The exact URI, and whether the visitor's own gesture carried it.
    """

    uri: str
    gesture: bool


class TimedOutError(AssertionError):
    """What was waited for did not happen."""


class ScriptError(AssertionError):
    """A script of the test's failed in the page."""


def is_here(uri: str) -> bool:
    """Whether this is a page of the test's own site, and no hand-off."""
    return uri.startswith(HERE)


def until(condition: str, seconds: float) -> str:
    """The body of an asynchronous function that tells whether a condition came true in time."""
    return UNTIL.replace("CONDITION", condition).replace("SECONDS", json.dumps(seconds))


def wrap(agent: str) -> str:
    """A user agent as one word that every engine sends."""
    return WRAPPED + base64.urlsafe_b64encode(agent.encode()).decode().rstrip("=")


def unwrap(agent: str) -> str:
    """The user agent in that word, or the word itself."""
    word = agent.removeprefix(WRAPPED)
    return (
        base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode() if word != agent else agent
    )
