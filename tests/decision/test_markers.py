"""The marker in our own URLs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from escape_mw.decision.markers import MAX_AGE, MarkerSigner
from escape_mw.decision.model import Marker
from escape_mw.decision.signing import LEEWAY

MARKERS = MarkerSigner(secret="a secret for tests only", new_visit=lambda: "visit")
TOKEN = MARKERS.token()
OTHER = MarkerSigner(secret="another secret for tests", new_visit=lambda: "visit").token()
OLD = "visit.a0nSAA.long-ago"

TAKEN = [
    pytest.param("", None, "", id="no query"),
    pytest.param("a=1&b=2", None, "a=1&b=2", id="no marker"),
    pytest.param("_esc=stay", Marker("stay", None), "", id="continue here"),
    pytest.param(
        f"_esc=stay-{TOKEN}",
        Marker(f"stay-{TOKEN}", None, id="visit", trusted=True),
        "",
        id="continue here, in a visit that is measured",
    ),
    pytest.param(
        f"_esc=stay-{OTHER}",
        Marker(f"stay-{OTHER}", None),
        "",
        id="continue here, in a visit of somebody else's",
    ),
    pytest.param(
        f"_esc=stay-{OLD}",
        Marker(f"stay-{OLD}", None),
        "",
        id="continue here, kept for long: it still stays",
    ),
    pytest.param("_esc=stay-", None, "_esc=stay-", id="continue here, and something that is none"),
    pytest.param(
        "a=1&_esc=stay&b=%2F",
        Marker("stay", None),
        "a=1&b=%2F",
        id="in the middle: the rest stays byte for byte",
    ),
    pytest.param(
        f"_esc=1.2-{TOKEN}",
        Marker(f"1.2-{TOKEN}", 1, 2, "visit", trusted=True),
        "",
        id="a step, signed",
    ),
    pytest.param(
        f"_esc=1.2-{OTHER}",
        Marker(f"1.2-{OTHER}", 1, 2),
        "",
        id="another process's secret: the step counts, the visit does not",
    ),
    pytest.param(
        f"_esc=1.2-{OLD}", None, "", id="a link that somebody kept: taken out and forgotten"
    ),
    pytest.param(
        f"_esc=stay&a&_esc=1.2-{TOKEN}",
        Marker("stay", None),
        "a",
        id="two markers: the first counts, both go",
    ),
    pytest.param("_esc=1.2-a.AAAAAAAA.b", None, "", id="a time long past"),
    pytest.param("_esc=1.2-a.zzzzzzzz.b", None, "", id="a time to come"),
    pytest.param(
        "_esc=1.2-a.zzzzzzzzzzzzzzzz.b",
        None,
        "_esc=1.2-a.zzzzzzzzzzzzzzzz.b",
        id="a time that is none (found by fuzzing)",
    ),
    pytest.param("_esc=1.2-a.A.b", None, "", id="a time that cannot be decoded"),
    pytest.param("_esc=1.2-forged", None, "_esc=1.2-forged", id="a token that is none"),
    pytest.param(
        f"a&_esc=0.0-{TOKEN}&openExternalBrowser=1",
        Marker(f"0.0-{TOKEN}", 0, 0, "visit", trusted=True),
        "a",
        id="LINE's parameter goes with it",
    ),
    pytest.param(
        "openExternalBrowser=1",
        None,
        "openExternalBrowser=1",
        id="LINE's parameter alone is the site's",
    ),
    pytest.param("_esc=hello", None, "_esc=hello", id="a value of somebody else's"),
    pytest.param("_esc=", None, "_esc=", id="no value"),
    pytest.param("_esc=1.2-", None, "_esc=1.2-", id="no token"),
    pytest.param("_esc=٣.2-x", None, "_esc=٣.2-x", id="digits of another script"),
    pytest.param("_esc=999.2-x", None, "_esc=999.2-x", id="a step that no ladder has"),
    pytest.param("x_esc=stay", None, "x_esc=stay", id="a longer name"),
    pytest.param("a=_esc=stay", None, "a=_esc=stay", id="a value that reads like a marker"),
]


@pytest.mark.parametrize(("query", "marker", "rest"), TAKEN)
def test_take(query, marker, rest):
    assert MARKERS.extract(query) == (marker, rest)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(
            "https://site.example/", f"https://site.example/?_esc=1.0-{TOKEN}", id="no query yet"
        ),
        pytest.param(
            "https://site.example/?a",
            f"https://site.example/?a&_esc=1.0-{TOKEN}",
            id="behind a query",
        ),
    ],
)
def test_mark(url, expected):
    assert MARKERS.add_to(url, 1, 0, TOKEN) == expected


@given(
    st.text(st.sampled_from("ab=&%_esc.-1;?#+"), max_size=40),
    st.integers(0, 99),
    st.integers(0, 9999),
)
def test_what_was_marked_is_taken_out_again(query, step, rule):
    url = MARKERS.add_to(f"https://site.example/?{query}", step, rule, TOKEN)
    marker, rest = MARKERS.extract(url.partition("?")[2])
    if MARKERS.extract(query)[0] is None:
        assert (marker, rest) == (
            Marker(f"{step}.{rule}-{TOKEN}", step, rule, "visit", trusted=True),
            query,
        )


def test_a_token_grows_old(monkeypatch):
    minted = TimestampSigner.get_timestamp(None)
    token = MARKERS.token()
    for age, taken in [
        (MAX_AGE - 5, True),
        (MAX_AGE + 5, False),
        (-LEEWAY, True),
        (-LEEWAY - 5, False),
    ]:
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _, age=age: minted + age)
        marker, rest = MARKERS.extract(f"_esc=0.0-{token}")
        assert (marker is not None, rest) == (taken, "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("/presave/", "/presave/?_esc=stay", id="a path"),
        pytest.param(
            "https://www.site.example/a?b=c#d",
            "https://www.site.example/a?b=c&_esc=stay#d",
            id="a query and a fragment",
        ),
    ],
)
def test_again(url, expected):
    assert MARKERS.carry_over(url, Marker("stay", None)) == expected


def test_visits_differ_and_need_no_quoting():
    tokens = {MarkerSigner().token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(
        set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
        for token in tokens
    )
