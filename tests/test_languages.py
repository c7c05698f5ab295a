"""The page's words: complete in every language, with the same placeholders."""

from __future__ import annotations

import re

import pytest

from escape_mw.languages import FALLBACK, available, choose, words

ENGLISH = words(FALLBACK)
OTHERS = [tag for tag in available() if tag != FALLBACK]


def placeholders(text):
    return sorted(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("tag", OTHERS)
def test_complete_and_of_one_form(tag):
    theirs = words(tag)
    assert set(theirs) - {"also"} == set(ENGLISH) - {"also"}
    assert theirs["direction"] in ("ltr", "rtl")
    for name, text in ENGLISH.items():
        assert placeholders(theirs[name]) == placeholders(text), name
        if name not in ("direction", "also"):
            assert theirs[name] != text, f"{name} is left in English"


@pytest.mark.parametrize(("accept", "tag"), [("de", "de"), ("de-AT", "de"), ("en-US,de", "en"), ("tlh", "en"), ("", "en"), ("x" * 10_000, "en")])
def test_choose(accept, tag):
    assert choose(accept) == tag
