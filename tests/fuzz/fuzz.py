"""Coverage-guided fuzzing of user agents, URLs and queries.

Run it with `python tests/fuzz/fuzz.py [libFuzzer's words] [CORPUS]`.

Needs atheris. A fault is any exception, any redirect or hand-off to a host that no rule names, or a
verdict that depends on what stands behind the first 1,024 characters of an agent. With
ESCAPE_MW_PLANTED=1 a fault is planted, to see that it is found.
"""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

import atheris

with atheris.instrument_imports(include=["escape_mw"]):
    from escape_mw import Answer, load
    from escape_mw.decision.visitors import MAX_AGENT
    from escape_mw.engine.engine import Engine
    from escape_mw.web.request import from_environ
    from escape_mw.web.urls import normalise_location, strict_split

RULES = load(
    {
        "version": 1,
        "rules": [
            {"path": "/t/{id}", "to": "https://open.spotify.com/track/{id}"},
            {"path": "/**", "to": "page"},
        ],
    }
)
POLICY = RULES.policy
ENGINE = Engine(RULES)
LINKS = Engine({"version": 1, "rules": [{"path": "/**", "links": True}]})
PLANTED = os.environ.get("ESCAPE_MW_PLANTED") == "1"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148 musical_ly_41.9.0 "
)


def check_agent(text: str) -> None:
    detect = POLICY.detector.visitor
    assert detect(text, {}) == detect(text[:MAX_AGENT], {})
    assert detect(text, {"x-requested-with": text, "sec-ch-ua": text}).kind in (
        "in-app",
        "webview",
        "bot",
        "browser",
    )


def check_url(text: str) -> None:
    found = POLICY.destinations.find(normalise_location(text))
    if found is not None:
        assert strict_split(found.url) is not None
        assert found.url.isascii()
        assert POLICY.destinations.knows(urlsplit(found.url).hostname or "")
        assert not (PLANTED and "?@" in found.url), "the planted fault"


def check_request(text: str) -> None:
    query, _, path = text.partition("\n")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/" + path,
        "QUERY_STRING": query,
        "HTTP_HOST": "site.example",
        "HTTP_USER_AGENT": IPHONE + text,
        "wsgi.url_scheme": "https",
    }
    answer = ENGINE.answer(lambda: from_environ(environ))
    if isinstance(answer, Answer):
        assert all("\r" not in value and "\n" not in value for _, value in answer.headers)


def check_tap(text: str) -> None:
    """A tap on a plain link never leads to a host that no rule lists, nor runs anything."""
    query, _, page = text.partition("\n")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/_escape/go",
        "QUERY_STRING": f"u={query}",
        "HTTP_HOST": "site.example",
        "HTTP_USER_AGENT": IPHONE,
        "HTTP_ACCEPT": "text/html",
        "HTTP_REFERER": f"https://site.example/{page}",
        "wsgi.url_scheme": "https",
    }
    answer = LINKS.answer(lambda: from_environ(environ))
    assert isinstance(answer, Answer)
    location = dict(answer.headers).get("Location", "/")
    if location.startswith(("http:", "https:")):
        assert POLICY.destinations.knows(urlsplit(location).hostname or "")
    else:
        assert not location.startswith(("//", "/\\", "javascript:", "data:", "vbscript:"))


def run(data: bytes) -> None:
    if not data:
        return
    text = data[1:].decode("latin-1")
    (check_agent, check_url, check_request, check_tap)[data[0] % 4](text)


if __name__ == "__main__":
    import logging

    def fault(*_: object) -> None:
        raise sys.exc_info()[1] or RuntimeError

    logging.getLogger("escape_mw").exception = fault  # type: ignore[method-assign]  # what fails open must be seen here
    atheris.Setup(sys.argv, run)
    atheris.Fuzz()
