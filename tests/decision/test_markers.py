"""The marker in our own URLs."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escape_mw.decision.handoffs import MENU
from escape_mw.decision.markers import MAX_AGE, STAY_AGE, Markers
from escape_mw.decision.model import STAY, Subject
from escape_mw.decision.signing import LEEWAY
from escape_mw.decision.tokens import Tokens

SECRET = "a secret for tests only"
URL = "https://site.example/listen"
SUBJECT = Subject("Visit-12_chr", "0a1b2c3d", "tiktok", "ios")
MARKERS = Markers(secret=SECRET, site="us")
STEP = MARKERS.value(URL, "intent-app", SUBJECT)
CONTINUE = urlsplit(MARKERS.stay_url(URL, "Visit-12_chr")).query.partition("=")[2]
SIGNATURE = "A" * 27

TAKEN = [
    pytest.param("", "", "", id="no query"),
    pytest.param("a=1&b=2", "", "a=1&b=2", id="no marker"),
    pytest.param(f"_esc={STEP}", STEP, "", id="a step"),
    pytest.param(f"_esc={CONTINUE}", CONTINUE, "", id="continue here"),
    pytest.param(
        f"a=1&_esc={STEP}&b=%2F",
        STEP,
        "a=1&b=%2F",
        id="in the middle: the rest stays byte for byte",
    ),
    pytest.param(
        f"_esc={CONTINUE}&a&_esc={STEP}", CONTINUE, "a", id="two markers: the first counts, both go"
    ),
    pytest.param(
        f"a&_esc={STEP}&openExternalBrowser=1", STEP, "a", id="LINE's parameter goes with it"
    ),
    pytest.param(
        "openExternalBrowser=1",
        "",
        "openExternalBrowser=1",
        id="LINE's parameter alone is the site's",
    ),
    pytest.param("_esc=hello", "", "_esc=hello", id="a value of somebody else's"),
    pytest.param("_esc=stay", "", "_esc=stay", id="a word without a signature is the site's"),
    pytest.param("_esc=", "", "_esc=", id="no value"),
    pytest.param("_esc=1.2-visit.a0nSAA.x", "", "_esc=1.2-visit.a0nSAA.x", id="the form of 0.1"),
    pytest.param(
        f"_esc=menu~~~~.zz.{SIGNATURE}", "", f"_esc=menu~~~~.zz.{SIGNATURE}", id="not a date"
    ),
    pytest.param(
        f"_esc=menu~~~~.{'f' * 11}.x",
        "",
        f"_esc=menu~~~~.{'f' * 11}.x",
        id="a date of too many digits",
    ),
    pytest.param(
        f"_esc=menu~~~~.٣.{SIGNATURE}", "", f"_esc=menu~~~~.٣.{SIGNATURE}", id="foreign digits"
    ),
    pytest.param(
        f"_esc=menu~~~.1.{SIGNATURE}", "", f"_esc=menu~~~.1.{SIGNATURE}", id="a field too few"
    ),
    pytest.param(
        f"_esc=menu~{'a' * 300}~~~.1.x", "", f"_esc=menu~{'a' * 300}~~~.1.x", id="far too long"
    ),
    pytest.param(f"x_esc={STEP}", "", f"x_esc={STEP}", id="a longer name"),
    pytest.param(f"a=_esc={STEP}", "", f"a=_esc={STEP}", id="a value that reads like a marker"),
]


@pytest.mark.parametrize(("query", "value", "rest"), TAKEN)
def test_extract(query, value, rest):
    assert MARKERS.extract(query) == (value, rest)


def at(monkeypatch, seconds):
    """Let the clock show another time: `seconds` from now."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + seconds)


def said(marker):
    """What a marker says, in short."""
    if marker is None:
        return None
    state = "verified" if marker.is_verified else "expired" if marker.is_expired else "claimed"
    return marker.technique, state, *marker.subject


HOLDS = [
    pytest.param(URL, id="the URL that it was made for"),
    pytest.param(f"{URL}?fbclid=x&a=1", id="another query: browsers strip click ids"),
]
OTHER_PLACES = [
    pytest.param("https://site.example/other", id="another path"),
    pytest.param("https://site.example/listen/", id="a longer path"),
    pytest.param("https://evil.example/listen", id="another host"),
    pytest.param("https://site.example:8443/listen", id="another port"),
    pytest.param(None, id="an address that cannot be trusted"),
]


@pytest.mark.parametrize("url", HOLDS)
def test_a_marker_holds(url):
    assert said(MARKERS.read(STEP, url)) == ("intent-app", "verified", *SUBJECT)


@pytest.mark.parametrize("url", OTHER_PLACES)
def test_elsewhere_only_the_technique_is_read(url):
    assert said(MARKERS.read(STEP, url)) == ("intent-app", "claimed", "", "0a1b2c3d", "", "")


OTHERS = [
    pytest.param(Markers(secret="another secret for tests", site="us"), id="another secret"),
    pytest.param(Markers(secret=SECRET, site="them"), id="another site with the same secret"),
    pytest.param(Markers(site="us"), id="a process's own secret"),
]


@pytest.mark.parametrize("others", OTHERS)
def test_another_sites_marker_only_says_its_technique(others):
    value = others.value(URL, "intent-app", SUBJECT)
    assert said(MARKERS.read(value, URL)) == ("intent-app", "claimed", "", "0a1b2c3d", "", "")


@pytest.mark.parametrize("others", OTHERS)
def test_another_sites_continue_here_is_as_if_absent(others):
    value = others.stay_url(URL, "v").partition("_esc=")[2]
    assert MARKERS.read(value, URL) is None


def altered(token, part, word):
    """A token with one of its fields changed: the technique, the visit … the date."""
    text, date, signature = token.split(".")
    fields = [*text.split("~"), date]
    fields[part] = word
    return f"{'~'.join(fields[:-1])}.{fields[-1]}.{signature}"


@pytest.mark.parametrize(
    ("part", "word"),
    [
        pytest.param(0, "menu", id="the technique"),
        pytest.param(1, "another", id="the visit"),
        pytest.param(2, "ffffffff", id="the rule"),
        pytest.param(3, "instagram", id="the host app"),
        pytest.param(4, "android", id="the platform"),
        pytest.param(5, f"{int(time.time()) + 5:x}", id="the date"),
    ],
)
def test_whoever_changes_a_field_breaks_the_signature(part, word):
    marker = MARKERS.read(altered(STEP, part, word), URL)
    assert not marker.is_verified
    assert marker.subject.visit == marker.subject.app == ""


def test_fields_cannot_be_shifted_between_text_and_what_is_bound():
    """The signature covers the host and the path behind a separator that no token can hold."""
    short = MARKERS.value("https://site.example/", "menu", SUBJECT)
    for url in ("https://site.example", "https://site.example//", "https://site.exampl/e/"):
        assert not MARKERS.read(short, url).is_verified


TOKENS = Tokens(SECRET, "us")
PURPOSES = {
    "marker": STEP,
    "stay": CONTINUE,
    "beacon": TOKENS.beacon(SUBJECT),
    "site token": TOKENS.site("Visit-12_chr"),
}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_no_token_serves_another_purpose(purpose):
    token = PURPOSES[purpose]
    marker = MARKERS.read(token, URL)
    assert (marker is not None and marker.is_verified) == (purpose in ("marker", "stay"))
    assert (TOKENS.read_beacon(token) is not None) == (purpose == "beacon")
    assert (TOKENS.read_site(token) is not None) == (purpose == "site token")


def test_a_stay_signature_under_a_step_is_not_verified_and_the_other_way_round():
    _, date, signature = CONTINUE.split(".")
    forged = f"menu~Visit-12_chr~0a1b2c3d~tiktok~ios.{date}.{signature}"
    assert not MARKERS.read(forged, URL).is_verified
    _, date, signature = STEP.split(".")
    assert MARKERS.read(f"stay~Visit-12_chr.{date}.{signature}", URL) is None


AGES = [
    pytest.param(MAX_AGE - 5, "verified", id="within its age"),
    pytest.param(MAX_AGE + 5, "expired", id="too old"),
    pytest.param(-LEEWAY + 5, "verified", id="clocks differ a little"),
    pytest.param(-LEEWAY - 5, "expired", id="a time to come"),
]


@pytest.mark.parametrize(("age", "state"), AGES)
def test_a_marker_grows_old(monkeypatch, age, state):
    value = MARKERS.value(URL, "menu", SUBJECT)
    at(monkeypatch, age)
    assert said(MARKERS.read(value, URL))[1] == state


@pytest.mark.parametrize(
    ("markers", "age", "stays"),
    [
        pytest.param(MARKERS, STAY_AGE - 5, True, id="within its age"),
        pytest.param(MARKERS, STAY_AGE + 5, False, id="too old"),
        pytest.param(Markers(), STAY_AGE - 5, True, id="without a shared secret, too"),
        pytest.param(Markers(), STAY_AGE + 5, False, id="and too old there"),
    ],
)
def test_continue_here_grows_old(monkeypatch, markers, age, stays):
    value = markers.stay_url(URL).partition("_esc=")[2]
    at(monkeypatch, age)
    assert (markers.read(value, URL) is not None) == stays


def test_without_a_secret_another_process_believes_continue_here():
    """Which of them answers must not decide whether a visitor may stay."""
    value = Markers(secret="of the one process").stay_url(URL, "v").partition("_esc=")[2]
    marker = Markers().read(value, URL)
    assert (marker.is_stay, marker.is_verified, marker.subject.visit) == (True, False, "")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        pytest.param(f"{URL}?a=1", "/other", id="another page of the host"),
        pytest.param("https://site.example/", "/a/b/c", id="far below"),
    ],
)
def test_continue_here_holds_on_the_whole_host(url, path):
    value = MARKERS.stay_url(url, "v").partition("_esc=")[2]
    assert MARKERS.read(value, f"https://site.example{path}").is_verified
    assert MARKERS.read(value, f"https://evil.example{path}") is None


CARRIED = [
    pytest.param("/next", "/next?_esc={}", id="a path"),
    pytest.param("/next?a=1#b", "/next?a=1&_esc={}#b", id="a query and a fragment"),
    pytest.param("https://site.example/next", "https://site.example/next?_esc={}", id="a URL"),
]


@pytest.mark.parametrize("value", [STEP, CONTINUE], ids=["a step", "continue here"])
@pytest.mark.parametrize(("location", "expected"), CARRIED)
def test_a_marker_is_carried_over_and_keeps_its_date(location, expected, value):
    base = "https://site.example/next"
    marker = MARKERS.read(value, URL)
    carried = MARKERS.carry_over(location, base, marker)
    token = carried.partition("_esc=")[2].partition("#")[0]
    assert carried == expected.replace("{}", token)
    again = MARKERS.read(token, base)
    assert (said(again), again.issued) == (said(marker), marker.issued)


def test_an_unverified_marker_is_carried_over_as_it_is():
    forged = altered(STEP, 1, "another")
    carried = MARKERS.carry_over("/next", "https://site.example/next", MARKERS.read(forged, URL))
    assert carried == f"/next?_esc={forged}"


QUOTED = [
    pytest.param("/s%C3%B6ng", "/s%c3%b6ng", id="hexadecimal digits of either case"),
    pytest.param("/a~b", "/a%7Eb", id="a character that needs no quoting"),
    pytest.param("/a%20b", "/a%20b", id="one that does"),
]


@pytest.mark.parametrize(("one", "other"), QUOTED)
def test_a_path_may_be_quoted_in_another_way(one, other):
    value = MARKERS.value(f"https://site.example{one}", "menu", SUBJECT)
    assert MARKERS.read(value, f"https://site.example{other}").is_verified


def test_the_rest_of_a_path_is_not_made_the_same():
    value = MARKERS.value("https://site.example/a%2Fb", "menu", SUBJECT)
    assert not MARKERS.read(value, "https://site.example/a%252Fb").is_verified


REFERRERS = [
    pytest.param(f"https://site.example/x?_esc={CONTINUE}", True, id="a page that is stayed on"),
    pytest.param(f"https://site.example/x?a&_esc={CONTINUE}#b", True, id="and more in its URL"),
    pytest.param(f"https://site.example/x?_esc={STEP}", False, id="a step"),
    pytest.param(
        f"https://site.example/x?a=_esc={CONTINUE}", False, id="a value that reads like it"
    ),
    pytest.param(f"https://site.example/x#_esc={CONTINUE}", False, id="a fragment"),
    pytest.param(f"https://evil.example/x?_esc={CONTINUE}", False, id="another host"),
    pytest.param("https://site.example/x", False, id="nothing"),
]


@pytest.mark.parametrize(("referrer", "stays"), REFERRERS)
def test_stay_of(referrer, stays):
    marker = MARKERS.stay_of(referrer)
    assert (marker is not None and marker.technique == STAY) == stays


@given(
    st.text(st.sampled_from("ab=&%_esc.~1;?#+"), max_size=40),
    st.sampled_from(["intent-app", "extbrowser", MENU]),
    st.builds(
        Subject,
        st.text(st.sampled_from("aZ09_-"), max_size=12),
        st.text(st.sampled_from("09af"), max_size=8),
        st.text(st.sampled_from("az-9"), max_size=32),
        st.sampled_from(["ios", "android"]),
    ),
)
def test_what_was_marked_is_taken_out_again(query, technique, subject):
    query = query.replace("#", "")
    url = MARKERS.add_to(f"{URL}?{query}", technique, subject)
    value, rest = MARKERS.extract(url.partition("?")[2])
    assert rest == query
    assert said(MARKERS.read(value, url)) == (technique, "verified", *subject)


@given(st.text(max_size=80))
def test_no_text_is_a_verified_marker(text):
    marker = MARKERS.read(text, URL)
    assert marker is None or not marker.is_verified


def test_markers_need_no_quoting():
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
    assert set(STEP) | set(CONTINUE) <= allowed
