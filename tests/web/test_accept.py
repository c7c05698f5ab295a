"""What a browser says it accepts, of which only the beginning is read."""

from __future__ import annotations

import pytest

from escape_mw.web.accept import languages, takes_gzip

LANGUAGES = [
    pytest.param("de-AT, en;q=0.5", ("de-at", "en"), id="in the visitor's order"),
    pytest.param("en;q=0.5, de", ("de", "en"), id="by their weights"),
    pytest.param("de;q=0, en", ("en",), id="none that is refused"),
    pytest.param("", (), id="no header"),
    pytest.param(" " * 198 + "de", ("de",), id="up to the 200th character"),
    pytest.param(" " * 199 + "de", ("d",), id="and no further"),
]


@pytest.mark.parametrize(("header", "expected"), LANGUAGES)
def test_languages(header, expected):
    assert languages(header) == expected


GZIP = [
    pytest.param("gzip, br", True, id="named"),
    pytest.param("gzip;q=0", False, id="refused"),
    pytest.param(" " * 196 + "gzip", True, id="up to the 200th character"),
    pytest.param(" " * 197 + "gzip", False, id="and no further"),
]


@pytest.mark.parametrize(("header", "expected"), GZIP)
def test_takes_gzip(header, expected):
    assert takes_gzip(header) is expected
