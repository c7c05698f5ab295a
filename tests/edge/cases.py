"""Rules that a prefilter is made from: each sort of path, host, visitor and exclusion."""

from __future__ import annotations

import pytest

from ..support.examples import SECRET

PAGE = "/presave/**"
SONG = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
WEBVIEW = {"visitors": ["in-app", "webview"]}
SITES = {
    "the default rules": [],
    "several paths": [
        {"path": PAGE, "to": "page"},
        {"path": "/pre-save.html", "to": "page"},
        {"path": "/listen/{slug}", "to": SONG},
        {"path": "/a/*/b", "to": "page"},
        {"path": "/a/{one}/b", "to": "page"},
        {"path": "/go/**", "to": "redirect"},
    ],
    "webviews": [{"path": "/**", "to": "redirect", "when": WEBVIEW}],
    "webviews, to a page": [{"path": PAGE, "to": "page", "when": WEBVIEW}],
    "hosts": [
        {"path": PAGE, "to": "page", "when": {"hosts": ["label.example"]}},
        {"path": "/go/*", "to": "page", "when": {"hosts": ["*.label.example"]}},
    ],
    "one app, and all but one": [
        {"path": PAGE, "to": "page", "when": {"apps": ["tiktok"]}},
        {"path": "/go/**", "to": "page", "when": {"not_apps": ["tiktok"]}},
    ],
    "everyone": [{"path": "/out", "to": SONG, "everyone": True}, {"path": PAGE, "to": "page"}],
    "links": [{"path": "/**", "to": "redirect", "links": True}],
    "paths beyond ASCII": [{"path": "/listen/ü", "to": "page"}],
}
EXCLUDED = {"exclude": ["/exclude/**", "/presave/x/*", "/listen/*"]}


def policy_of(name, **more):
    rules = {"rules": SITES[name]} if SITES[name] else {}
    return {"version": 1, "secret": SECRET, **rules, **more}


CASES = [
    *(pytest.param(policy_of(name), id=name) for name in SITES),
    pytest.param(policy_of("several paths", **EXCLUDED), id="excluded paths"),
    pytest.param(policy_of("everyone", **EXCLUDED), id="excluded paths, for everyone"),
    pytest.param(policy_of("webviews", marker="_out"), id="another marker"),
    pytest.param(policy_of("the default rules", apps={"also": ["google-news"]}), id="one app more"),
    pytest.param(
        policy_of("the default rules", apps={"only": ["line-liff"]}), id="an app without a package"
    ),
    pytest.param(policy_of("webviews", mode="observe"), id="rules that observe"),
    pytest.param(policy_of("several paths", events={"log": True}), id="events"),
]
