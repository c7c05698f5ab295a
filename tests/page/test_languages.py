"""The page's words: complete in every language, with the same placeholders, in its own script."""

from __future__ import annotations

import re
import unicodedata

import pytest

from escape_mw.page.languages import FALLBACK, available, choose, words

ENGLISH = words(FALLBACK)
OTHERS = [tag for tag in available() if tag != FALLBACK]
FORMS = ("direction", "also")
SCRIPTS = {
    "ru": "CYRILLIC",
    "uk": "CYRILLIC",
    "ar": "ARABIC",
    "he": "HEBREW",
    "hi": "DEVANAGARI",
    "th": "THAI",
    "ja": ("HIRAGANA", "KATAKANA", "CJK"),
    "ko": "HANGUL",
    "zh-Hans": "CJK",
    "zh-Hant": "CJK",
}
BUTTONS = (
    "open_service",
    "open_browser",
    "open_safari",
    "open_chrome",
    "copy_link",
    "copied",
    "stay",
)


def placeholders(text):
    return sorted(re.findall(r"\{(\w+)\}", text))


def letters(text):
    """The letters of a text, but for placeholders and names."""
    return [char for char in re.sub(r"\{\w+\}|Safari|Chrome", "", text) if char.isalpha()]


def test_at_least_twenty_languages():
    wanted = {
        "en",
        "es",
        "pt-BR",
        "fr",
        "de",
        "it",
        "nl",
        "pl",
        "tr",
        "ru",
        "uk",
        "ar",
        "he",
        "hi",
        "id",
        "vi",
        "th",
        "ja",
        "ko",
        "zh-Hans",
        "zh-Hant",
    }
    assert wanted <= set(available())


@pytest.mark.parametrize("tag", OTHERS)
def test_complete_and_of_one_form(tag):
    theirs = words(tag)
    assert set(theirs) - {"also"} == set(ENGLISH) - {"also"}
    for name, text in ENGLISH.items():
        if name in FORMS:
            continue
        assert placeholders(theirs[name]) == placeholders(text), name
        assert theirs[name] != text, f"{name} is left in English"
        assert theirs[name] == unicodedata.normalize("NFC", theirs[name])
        assert theirs[name] == theirs[name].strip()
        assert len(theirs[name]) <= (36 if name in BUTTONS else 120), name


@pytest.mark.parametrize("tag", SCRIPTS)
def test_written_in_its_own_script(tag):
    for name, text in words(tag).items():
        if name in FORMS:
            continue
        own = [char for char in letters(text) if unicodedata.name(char).startswith(SCRIPTS[tag])]
        assert len(own) >= 0.9 * len(letters(text)), (name, text)


@pytest.mark.parametrize("tag", available())
def test_direction(tag):
    assert words(tag)["direction"] == ("rtl" if tag in ("ar", "he") else "ltr")


def test_simplified_and_traditional_differ():
    simplified, traditional = (
        "".join(words(tag)[name] for name in ENGLISH if name not in FORMS)
        for tag in ("zh-Hans", "zh-Hant")
    )
    assert set("这浏览器链开") & set(simplified)
    assert not set("这览链开") & set(traditional)


CHOICES = [
    ("de", "de"),
    ("de-AT", "de"),
    ("en-US,de", "en"),
    ("zh-TW", "zh-Hant"),
    ("zh-Hant-HK", "zh-Hant"),
    ("zh-CN", "zh-Hans"),
    ("zh", "zh-Hans"),
    ("pt", "pt-BR"),
    ("pt-PT", "pt-BR"),
    ("iw", "he"),
    ("tlh", "en"),
    ("tlh, fr;q=0.3, de;q=0.8", "de"),
    ("fr;q=0, de", "de"),
    ("*", "en"),
    ("", "en"),
    ("x" * 10_000, "en"),
]


@pytest.mark.parametrize(("accept", "tag"), CHOICES)
def test_choose(accept, tag):
    assert choose(accept) == tag
