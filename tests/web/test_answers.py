"""An answer that exists can be sent; and what a policy allows."""

from __future__ import annotations

import base64
import hashlib

import pytest

from escape_mw import Answer
from escape_mw.web.answers import csp, source_hash

REFUSED = [
    pytest.param("a\r\nSet-Cookie: b=1", id="a second header"),
    pytest.param("a\n", id="a newline at the end"),
    pytest.param("a\0", id="a NUL"),
    pytest.param("ü", id="not ASCII"),
    pytest.param("a\x7f", id="DEL"),
]


@pytest.mark.parametrize("value", REFUSED)
def test_an_answer_with_such_a_header_cannot_be_made(value):
    """What is said of it goes to the log, so the value is not in it."""
    with pytest.raises(ValueError, match="the header Location") as said:
        Answer("302 Found", (("Vary", "Accept"), ("Location", f"s3cret{value}")), b"")
    assert "s3cret" not in str(said.value)


def test_a_tab_and_printable_ascii_may_stand_in_a_header():
    assert Answer("200 OK", (("X", "\t !~"),), b"").headers == (("X", "\t !~"),)


def test_a_policy_names_one_script_and_one_style_by_their_hashes():
    digest = base64.b64encode(hashlib.sha256(b"a").digest()).decode()
    assert source_hash("a") == f"'sha256-{digest}'"
    policy = csp("default-src 'none'", script="a", style="b", more="; img-src 'self'")
    assert policy == (
        f"default-src 'none'; script-src {source_hash('a')}; style-src {source_hash('b')};"
        " img-src 'self'"
    )
