"""Who is escaped by which rule: each key that says no, in each mode and shell.

What is not escaped is the bare site's answer, byte for byte.
"""

from __future__ import annotations

import pytest

from ..support import agents
from ..support.sites import wrapped_shells

ALBUM = "https://open.spotify.com/album/1DFixLWuPkv3KT3TnV35m3"
PAID = "/presave/x?ttclid=1"
PREVIEWED = "/presave/x?preview=1"
RULES = {
    "everyone": {"path": "/presave/**", "to": ALBUM, "everyone": True},
    "words_only: pass": {"path": "/presave/**", "to": "page", "words_only": "pass"},
    "not_apps": {"path": "/presave/**", "to": "page", "when": {"not_apps": ["tiktok"]}},
    "query": {"path": "/presave/**", "to": "page", "when": {"query": {"preview": "1"}}},
    "not_query": {"path": "/presave/**", "to": "page", "when": {"not_query": ["ttclid"]}},
    "X-Escape: pass": {"path": "/**", "to": "redirect"},
}
WHO = {
    "TikTok on iOS": agents.TIKTOK_IOS,
    "TikTok on Android": agents.TIKTOK_ANDROID,
    "Instagram on iOS": agents.INSTAGRAM_IOS,
    "Safari": agents.SAFARI,
    "a desktop": agents.CHROME_DESKTOP,
    "Facebook's preview": agents.FACEBOOK_PREVIEW,
}
APPS = {"TikTok on iOS", "TikTok on Android", "Instagram on iOS"}
# Who is escaped in `act`; all others get the site's own answer.
TABLE = [
    ("everyone", "/presave/x", APPS),
    ("words_only: pass", "/presave/x", {"TikTok on Android", "Instagram on iOS"}),
    ("not_apps", "/presave/x", {"Instagram on iOS"}),
    ("query", PREVIEWED, APPS),
    ("query", "/presave/x", set()),
    ("not_query", "/presave/x", APPS),
    ("not_query", PAID, set()),
    ("X-Escape: pass", "/exempt", set()),
    ("X-Escape: pass", "/listen", APPS),
]


def without_exemption(answer):
    status, headers, body = answer
    return status, [item for item in headers if item[0] != "x-escape"], body


@pytest.mark.parametrize("mode", ["act", "observe", "off"])
@pytest.mark.parametrize(("rule", "path", "escaped"), TABLE)
def test_who_is_escaped_by_which_rule(rule, path, escaped, mode):
    rules = {"version": 1, "mode": mode, "rules": [RULES[rule]]}
    for who, agent in WHO.items():
        with wrapped_shells(None) as bare:
            expected = {name: without_exemption(ask(path, agent)) for name, ask in bare.items()}
        with wrapped_shells(rules) as shells:
            got = {name: without_exemption(ask(path, agent)) for name, ask in shells.items()}
        if mode == "act" and who in escaped:
            assert all(b"data-marker" in body for _, _, body in got.values()), who
        elif rule == "everyone":
            assert {(status, dict(sent)["location"]) for status, sent, _ in got.values()} == {
                (302, ALBUM)
            }, who
        else:
            assert got == expected, who
