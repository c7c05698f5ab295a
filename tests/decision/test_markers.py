"""The marker in our own URLs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escape_mw.decision.handoffs import MENU
from escape_mw.decision.markers import MAX_AGE, Markers
from escape_mw.decision.model import Subject
from escape_mw.decision.signing import LEEWAY
from escape_mw.decision.stays import COOKIE, COOKIE_AGE, LINK_AGE, Stays
from escape_mw.decision.tokens import Tokens

from ..support.examples import NOW, SECRET

URL = "https://site.example/listen"
SUBJECT = Subject("Visit-12_chr", "0a1b2c3d", "tiktok", "ios")
MARKERS, STAYS = Markers(secret=SECRET, site="us"), Stays(SECRET, "us")
TOKENS = Tokens(SECRET, "us")
SITE_TOKEN = TOKENS.site(SUBJECT, "escape", NOW)
STEP = MARKERS.value(URL, "intent-app", SUBJECT, NOW)
LINE = MARKERS.value(URL, "line-external", SUBJECT, NOW)
CONTINUE = STAYS.marker(URL, SITE_TOKEN, NOW)
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
        f"a&_esc={LINE}&openExternalBrowser=1", LINE, "a", id="LINE's parameter goes with its own"
    ),
    pytest.param(
        f"openExternalBrowser=1&_esc={STEP}",
        STEP,
        "openExternalBrowser=1",
        id="beside another technique's marker it is the site's",
    ),
    pytest.param(
        f"_esc=1{STEP[1:]}", f"1{STEP[1:]}", "", id="a marker of an older form is a marker"
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
    pytest.param(
        f"_esc=2~menu~~~~.zz.{SIGNATURE}", "", f"_esc=2~menu~~~~.zz.{SIGNATURE}", id="not a date"
    ),
    pytest.param(
        f"_esc=2~menu~~~~.{'f' * 11}.x",
        "",
        f"_esc=2~menu~~~~.{'f' * 11}.x",
        id="a date of too many digits",
    ),
    pytest.param(
        f"_esc=2~menu~~~~.٣.{SIGNATURE}", "", f"_esc=2~menu~~~~.٣.{SIGNATURE}", id="foreign digits"
    ),
    pytest.param(
        f"_esc=2~menu~~~.1.{SIGNATURE}", "", f"_esc=2~menu~~~.1.{SIGNATURE}", id="a field too few"
    ),
    pytest.param(
        f"_esc=2~menu~{'a' * 400}~~~.1.x", "", f"_esc=2~menu~{'a' * 400}~~~.1.x", id="far too long"
    ),
    pytest.param(f"x_esc={STEP}", "", f"x_esc={STEP}", id="a longer name"),
    pytest.param(f"a=_esc={STEP}", "", f"a=_esc={STEP}", id="a value that reads like a marker"),
]


@pytest.mark.parametrize(("query", "value", "rest"), TAKEN)
def test_extract(query, value, rest):
    assert MARKERS.extract(query) == (value, rest)


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
    assert said(MARKERS.read(STEP, url, NOW)) == ("intent-app", "verified", *SUBJECT)


@pytest.mark.parametrize("url", OTHER_PLACES)
def test_elsewhere_only_the_technique_is_read(url):
    read = MARKERS.read(STEP, url, NOW)
    assert said(read) == ("intent-app", "claimed", "", "0a1b2c3d", "", "")


OTHERS = [
    pytest.param(("another secret for tests", "us"), id="another secret"),
    pytest.param((SECRET, "them"), id="another site with the same secret"),
    pytest.param((None, "us"), id="a process's own secret"),
]


@pytest.mark.parametrize("others", OTHERS)
def test_another_sites_marker_only_says_its_technique(others):
    value = Markers("_esc", *others).value(URL, "intent-app", SUBJECT, NOW)
    assert said(MARKERS.read(value, URL, NOW)) == ("intent-app", "claimed", "", "0a1b2c3d", "", "")


def test_a_marker_of_another_form_is_as_an_old_one():
    marker = MARKERS.read(f"1{STEP[1:]}", URL, NOW)
    assert said(marker) == ("", "expired", "", "", "", "")


def altered(token, part, word):
    """A token with one of its fields changed: the technique, the visit … the date."""
    text, date, signature = token.split(".")
    form, *fields = [*text.split("~"), date]
    fields[part] = word
    return f"{'~'.join((form, *fields[:-1]))}.{fields[-1]}.{signature}"


@pytest.mark.parametrize(
    ("part", "word"),
    [
        pytest.param(0, "menu", id="the technique"),
        pytest.param(1, "another", id="the visit"),
        pytest.param(2, "ffffffff", id="the rule"),
        pytest.param(3, "instagram", id="the host app"),
        pytest.param(4, "android", id="the platform"),
        pytest.param(5, f"{NOW + 5:x}", id="the date"),
    ],
)
def test_whoever_changes_a_field_breaks_the_signature(part, word):
    marker = MARKERS.read(altered(STEP, part, word), URL, NOW)
    assert not marker.is_verified
    assert marker.subject.visit == marker.subject.app == ""


def test_fields_cannot_be_shifted_between_text_and_what_is_bound():
    """The signature covers the host and the path behind a separator that no token can hold."""
    short = MARKERS.value("https://site.example/", "menu", SUBJECT, NOW)
    for url in ("https://site.example", "https://site.example//", "https://site.exampl/e/"):
        assert not MARKERS.read(short, url, NOW).is_verified


AGES = [
    pytest.param(MAX_AGE - 5, True, id="within its age"),
    pytest.param(MAX_AGE + 5, False, id="too old"),
    pytest.param(-LEEWAY + 5, True, id="clocks differ a little"),
    pytest.param(-LEEWAY - 5, False, id="a time to come"),
]


@pytest.mark.parametrize(("age", "holds"), AGES)
def test_a_marker_grows_old(age, holds):
    """An old one still says by which rule its visitor left."""
    verified = ("intent-app", "verified", *SUBJECT)
    expired = ("", "expired", "", SUBJECT.rule, "", "")
    assert said(MARKERS.read(STEP, URL, NOW + age)) == (verified if holds else expired)


# --- continue here --------------------------------------------------------------------------------


def kept(cookie):
    """The Cookie header of a browser that was sent this Set-Cookie."""
    return f"session=a; {cookie.partition(';')[0]}; theme=dark"


@pytest.mark.parametrize("token", ["", SITE_TOKEN], ids=["not measured", "measured"])
def test_continue_here_is_read_from_the_link_and_then_from_the_cookie(token):
    assert STAYS.read_marker(STAYS.marker(URL, token, NOW), URL, NOW) == token
    assert STAYS.read_cookie(kept(STAYS.cookie(URL, "", token, NOW)), URL, NOW) == token


@pytest.mark.parametrize(
    ("url", "root", "attributes"),
    [
        pytest.param(URL, "", "HttpOnly; Path=/; SameSite=Lax; Secure", id="https"),
        pytest.param("http://a/x", "", "HttpOnly; Path=/; SameSite=Lax", id="http"),
        pytest.param(URL, "/shop", "HttpOnly; Path=/shop; SameSite=Lax; Secure", id="a mount"),
        pytest.param(
            "http://a/x", "/a;Domain=b", "HttpOnly; Path=/; SameSite=Lax", id="a mount with ';'"
        ),
    ],
)
def test_the_cookie_is_this_hosts_and_ends_with_the_session(url, root, attributes):
    cookie = STAYS.cookie(url, root, "", NOW)
    assert cookie.startswith(f"{COOKIE}=2~.")
    assert cookie.partition("; ")[2] == attributes


PLACES = [
    pytest.param("https://site.example/a/b?c", True, id="another page of the host"),
    pytest.param("https://evil.example/listen", False, id="another host"),
    pytest.param("https://site.example:8443/listen", False, id="another port"),
    pytest.param(None, False, id="an address that cannot be trusted"),
]


@pytest.mark.parametrize(("url", "holds"), PLACES)
def test_continue_here_holds_on_the_whole_host(url, holds):
    assert (STAYS.read_marker(CONTINUE, url, NOW) is not None) == holds
    cookie = kept(STAYS.cookie(URL, "", "", NOW))
    assert (STAYS.read_cookie(cookie, url, NOW) is not None) == holds


@pytest.mark.parametrize(
    ("stays", "age", "holds"),
    [
        pytest.param(STAYS, LINK_AGE - 5, True, id="within its age"),
        pytest.param(STAYS, LINK_AGE + 5, False, id="too old"),
        pytest.param(Stays(), LINK_AGE - 5, True, id="without a shared secret, too"),
        pytest.param(Stays(), LINK_AGE + 5, False, id="and too old there"),
    ],
)
def test_a_link_to_continue_here_grows_old(stays, age, holds):
    value = stays.marker(URL, "", NOW)
    assert (stays.read_marker(value, URL, NOW + age) is not None) == holds


@pytest.mark.parametrize(("age", "holds"), [(COOKIE_AGE - 5, True), (COOKIE_AGE + 5, False)])
def test_the_cookie_is_good_for_half_an_hour(age, holds):
    cookie = kept(STAYS.cookie(URL, "", "", NOW))
    assert (STAYS.read_cookie(cookie, URL, NOW + age) is not None) == holds


def test_without_a_secret_another_process_believes_the_link_but_no_visit_in_it():
    """Which of them answers must not decide whether a visitor may stay."""
    value = Stays("of the one process").marker(URL, SITE_TOKEN, NOW)
    assert Stays().read_marker(value, URL, NOW) == ""


COOKIES = [
    pytest.param("", id="none"),
    pytest.param(f"{COOKIE}=", id="an empty one"),
    pytest.param(f"{COOKIE}=1", id="a word"),
    pytest.param(f"a={COOKIE}", id="in another one's value"),
    pytest.param(f"{COOKIE}={CONTINUE}", id="the link's marker"),
    pytest.param(f"{COOKIE}={SITE_TOKEN}", id="a site token"),
    pytest.param(f"x{kept(STAYS.cookie(URL, '', '', NOW))[11:]}", id="a longer name"),
]


@pytest.mark.parametrize("header", COOKIES)
def test_cookies_that_keep_no_choice(header):
    assert STAYS.read_cookie(header, URL, NOW) is None


def test_of_two_cookies_the_one_that_holds_counts():
    good = kept(STAYS.cookie(URL, "", SITE_TOKEN, NOW))
    assert STAYS.read_cookie(f"{COOKIE}=2~.0.x; {good}", URL, NOW) == SITE_TOKEN


# --- every token in every other one's place -------------------------------------------------------

PURPOSES = {
    "marker": STEP,
    "stay, the link": CONTINUE,
    "stay, the cookie": STAYS.cookie(URL, "", SITE_TOKEN, NOW).partition(";")[0].partition("=")[2],
    "beacon": TOKENS.beacon(SUBJECT, NOW),
    "site token": SITE_TOKEN,
}


def believed(token, markers=MARKERS, stays=STAYS, tokens=TOKENS, url=URL, now=NOW):
    """The purposes for which a token is believed."""
    marker = markers.read(token, url, now)
    beacon, site = tokens.read_beacon(token, now), tokens.read_site(token, now)
    return {
        purpose
        for purpose, holds in {
            "marker": marker is not None and marker.is_verified,
            "stay, the link": stays.read_marker(token, url, now) is not None,
            "stay, the cookie": stays.read_cookie(f"{COOKIE}={token}", url, now) is not None,
            "beacon": beacon is not None and beacon.is_fresh,
            "site token": site is not None and site.is_fresh,
        }.items()
        if holds
    }


@pytest.mark.parametrize("purpose", PURPOSES)
def test_no_token_serves_another_purpose(purpose):
    assert believed(PURPOSES[purpose]) == {purpose}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_another_purposes_token_is_forged_and_not_merely_late(purpose):
    """What is late is counted as a repeat, and says that this site has signed it."""
    read = {"beacon": TOKENS.read_beacon, "site token": TOKENS.read_site}
    believing = {name for name, reader in read.items() if reader(PURPOSES[purpose], NOW)}
    assert believing == {purpose} & set(read)


def of(secret, site):
    return {
        "markers": Markers("_esc", secret, site),
        "stays": Stays(secret, site),
        "tokens": Tokens(secret, site),
    }


ELSEWHERE = {  # where a token is brought to, and what it is still good for there
    "another path": ({"url": "https://site.example/other"}, set(PURPOSES) - {"marker"}),
    "another host": ({"url": "https://evil.example/listen"}, {"beacon", "site token"}),
    "another site with the same secret": (of(SECRET, "them"), set()),
    "another secret": (of("another secret for tests", "us"), set()),
    "another process without a secret": (of(None, "us"), {"stay, the link"}),
    "a quarter of an hour": ({"now": NOW + 900}, set(PURPOSES) - {"marker", "stay, the link"}),
    "two hours": ({"now": NOW + 7200}, {"site token"}),
    "two days": ({"now": NOW + 2 * 86_400}, set()),
}


@pytest.mark.parametrize("place", ELSEWHERE)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_where_a_token_holds(purpose, place):
    """The whole matrix: five tokens, eight places, five purposes."""
    given, held = ELSEWHERE[place]
    assert believed(PURPOSES[purpose], **given) == {purpose} & held


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("other", PURPOSES)
def test_no_signature_holds_under_another_tokens_text(purpose, other):
    text, _, signature = PURPOSES[purpose].rpartition(".")
    mixed = f"{PURPOSES[other].rpartition('.')[0]}.{signature}"
    assert believed(mixed) == ({purpose} if purpose == other else set())
    assert text


# --- carrying over, and taking out ----------------------------------------------------------------

CARRIED = [
    pytest.param("/next", "/next?_esc={}", id="a path"),
    pytest.param("/next?a=1#b", "/next?a=1&_esc={}#b", id="a query and a fragment"),
    pytest.param("https://site.example/next", "https://site.example/next?_esc={}", id="a URL"),
]


@pytest.mark.parametrize(("location", "expected"), CARRIED)
def test_a_marker_is_carried_over_and_keeps_its_date(location, expected):
    base = "https://site.example/next"
    marker = MARKERS.read(STEP, URL, NOW + 60)
    carried = MARKERS.carry_over(location, base, marker)
    token = carried.partition("_esc=")[2].partition("#")[0]
    assert carried == expected.replace("{}", token)
    again = MARKERS.read(token, base, NOW + 60)
    assert (said(again), again.issued) == (said(marker), NOW)


def test_an_unverified_marker_is_carried_over_as_it_is():
    forged = altered(STEP, 1, "another")
    marker = MARKERS.read(forged, URL, NOW)
    carried = MARKERS.carry_over("/next", "https://site.example/next", marker)
    assert carried == f"/next?_esc={forged}"


QUOTED = [
    pytest.param("/s%C3%B6ng", "/s%c3%b6ng", id="hexadecimal digits of either case"),
    pytest.param("/a~b", "/a%7Eb", id="a character that needs no quoting"),
    pytest.param("/a%20b", "/a%20b", id="one that does"),
]


@pytest.mark.parametrize(("one", "other"), QUOTED)
def test_a_path_may_be_quoted_in_another_way(one, other):
    value = MARKERS.value(f"https://site.example{one}", "menu", SUBJECT, NOW)
    assert MARKERS.read(value, f"https://site.example{other}", NOW).is_verified


def test_the_rest_of_a_path_is_not_made_the_same():
    value = MARKERS.value("https://site.example/a%2Fb", "menu", SUBJECT, NOW)
    assert not MARKERS.read(value, "https://site.example/a%252Fb", NOW).is_verified


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
    page = f"{URL}?{query}"
    url = MARKERS.add_to(page, MARKERS.value(page, technique, subject, NOW))
    value, rest = MARKERS.extract(url.partition("?")[2])
    assert rest == query
    assert said(MARKERS.read(value, url, NOW)) == (technique, "verified", *subject)


@given(st.text(max_size=80))
def test_no_text_is_believed(text):
    assert believed(text) == set()
