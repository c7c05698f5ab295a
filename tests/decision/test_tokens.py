"""The tokens that no URL carries, and what events call a visit."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escape_mw.decision.markers import Markers
from escape_mw.decision.model import Subject
from escape_mw.decision.signing import Signed, Signer
from escape_mw.decision.stays import Stays
from escape_mw.decision.tokens import BEACON_AGE, DIGITS, OUTCOME_AGE, Tokens

from ..support.examples import NOW, SECRET

SUBJECT = Subject("Visit-12_chr", "0a1b2c3d", "tiktok", "ios")
TOKENS = Tokens(SECRET, "us")
BEACON = TOKENS.beacon(SUBJECT, NOW)
SITE = TOKENS.site(SUBJECT, "holdout", NOW)
MARKER = Markers("_esc", SECRET, "us").value("https://site.example/x", "menu", SUBJECT, NOW)
STAY = Stays(SECRET, "us").marker("https://site.example/x", "", NOW)
COOKIE = Stays(SECRET, "us").cookie("https://site.example/x", "", "", NOW)
STRANGERS = [
    pytest.param(Tokens("another secret for tests", "us"), id="another secret"),
    pytest.param(Tokens(SECRET, "them"), id="another site with the same secret"),
    pytest.param(Tokens(site="us"), id="a process's own secret"),
]


def test_what_was_signed_is_read():
    assert TOKENS.read_beacon(BEACON, NOW) == (SUBJECT, "", True)
    assert TOKENS.read_site(SITE, NOW) == (SUBJECT, "holdout", True)


def test_processes_of_a_site_read_each_others_tokens():
    assert Tokens(SECRET, "us").read_site(SITE, NOW) == (SUBJECT, "holdout", True)
    assert Tokens(SECRET, "us").owner == TOKENS.owner


@pytest.mark.parametrize("others", STRANGERS)
def test_a_strangers_token_is_forged(others):
    assert TOKENS.read_beacon(others.beacon(SUBJECT, NOW), NOW) is None
    assert TOKENS.read_site(others.site(SUBJECT, "", NOW), NOW) is None
    assert TOKENS.hash_of("v") != others.hash_of("v")
    assert TOKENS.owner != others.owner


@pytest.mark.parametrize(
    ("age", "is_fresh"),
    [pytest.param(-5, True, id="in time"), pytest.param(5, False, id="too late: known, and old")],
)
def test_tokens_grow_old(age, is_fresh):
    assert TOKENS.read_beacon(BEACON, NOW + BEACON_AGE + age) == (SUBJECT, "", is_fresh)
    assert TOKENS.read_site(SITE, NOW + OUTCOME_AGE + age) == (SUBJECT, "holdout", is_fresh)


@pytest.mark.parametrize("form", ["1", "3", "999"])
def test_a_token_of_another_form_is_old_and_not_forged(form):
    """It comes from another release, which nobody can tell from a forger: it counts nowhere."""
    for read, token in ((TOKENS.read_beacon, BEACON), (TOKENS.read_site, SITE)):
        reading = read(form + token[1:], NOW)
        assert (reading.subject, reading.is_fresh) == (Subject(), False)
    signer = Signer(SECRET, "a purpose")
    token = form + signer.sign("text", NOW)[1:]
    assert signer.read(token, NOW, 60) == Signed("", NOW, is_fresh=False)


MALFORMED = [
    pytest.param(lambda _: "", id="nothing"),
    pytest.param(lambda token: token + "=", id="padding"),
    pytest.param(lambda token: token + "\n", id="a line end"),
    pytest.param(lambda token: " " + token, id="a blank"),
    pytest.param(lambda token: token.replace(".", ".-.", 1), id="a part too many"),
    pytest.param(lambda token: token[:-1], id="a character short"),
    pytest.param(lambda token: token[:-1] + "é", id="a letter that is not ASCII"),
    pytest.param(lambda token: token.upper(), id="capitals"),
    pytest.param(lambda token: token.rpartition(".")[0] + ".", id="no signature"),
    pytest.param(lambda token: token.replace("~Visit", "~xVisit"), id="another visit"),
]


@pytest.mark.parametrize("spoil", MALFORMED)
def test_what_is_not_exactly_a_token_is_forged(spoil):
    assert TOKENS.read_site(spoil(SITE), NOW) is None
    assert TOKENS.read_beacon(spoil(BEACON), NOW) is None


@given(st.integers(0, 26), st.sampled_from("ABCabc012-_"))
def test_each_token_is_one_text(at, letter):
    """The last character of a signature holds spare bits, which must not be overlooked."""
    token = SITE
    head, _, signature = token.rpartition(".")
    other = f"{head}.{signature[:at]}{letter}{signature[at + 1 :]}"
    assert (TOKENS.read_site(other, NOW) is None) == (other != token)


@pytest.mark.parametrize("letter", string.ascii_letters + string.digits + "-_")
def test_no_other_last_character_holds(letter):
    """A decoder of base64 takes four of them for one signature of 160 bits."""
    assert (TOKENS.read_site(SITE[:-1] + letter, NOW) is None) == (letter != SITE[-1])


def test_visits_differ():
    """By 48 bits behind their day, six to a character (RFC 4648, 5)."""
    visits = [TOKENS.new_visit(NOW) for _ in range(100)]
    assert len({*visits}) == 100
    assert {len(visit) for visit in visits} == {DIGITS + 48 // 6}


def test_a_secret_and_a_site_are_all_that_tokens_are_made_with():
    """Another process, which has the same two, signs the same."""
    again, url = Tokens(SECRET, "us"), "https://site.example/x"
    assert (again.beacon(SUBJECT, NOW), again.site(SUBJECT, "holdout", NOW)) == (BEACON, SITE)
    assert Markers("_esc", SECRET, "us").value(url, "menu", SUBJECT, NOW) == MARKER
    assert Stays(SECRET, "us").marker(url, "", NOW) == STAY
    assert Stays(SECRET, "us").cookie(url, "", "", NOW) == COOKIE


def test_a_hash_tells_visits_apart_and_holds_nothing_of_them():
    visit = TOKENS.new_visit(NOW)
    assert TOKENS.hash_of(visit) == TOKENS.hash_of(visit) != TOKENS.hash_of(visit + "x")
    assert visit not in TOKENS.hash_of(visit)
    assert len(TOKENS.hash_of(visit)) == 24


DAYS = [
    pytest.param("0000", 0, id="the first"),
    pytest.param("0010abcdefgh", 16, id="the day is hexadecimal"),
    pytest.param("ffffabcdefgh", 65_535, id="the last that fits"),
    pytest.param("nonsense", 0, id="an id that says none"),
    pytest.param("", 0, id="no id"),
]


@pytest.mark.parametrize(("visit", "day"), DAYS)
def test_the_day_of_a_visit(visit, day):
    assert TOKENS.day_of(visit) == day
