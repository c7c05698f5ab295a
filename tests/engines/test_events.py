"""What is measured, end to end in real engines.

What the page reports, who arrives, and what never leaves the browser.
"""

from __future__ import annotations

import threading
from urllib.parse import quote, unquote

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from escape_mw.events import recorder
from escape_mw.events.database import Database
from escape_mw.events.event import Event, Tally

from ..support import agents, intent_uri
from ..support.marked import short
from ..support.measured import of_visits
from ..support.needs import need
from . import chromium as chromium_engine
from .measured import BEACON, Measured, eventually, measured, site_with_presave
from .measured import RULES as MEASURED
from .site import served
from .steps import MENU_FIRST, NOW, TIKTOK
from .table import AGENTS

NAVER = AGENTS["naver", "android"]
HERE = {
    "base_url": None
}  # the site's own pages are where they are served, so that "continue here" leads somewhere
SECONDS = (
    "return await new Promise(done => setTimeout(done, "
    "document.querySelector('.step.now a').dataset.settle * 1.5))"
)

# What the page does, in the order in which it does it (Navigation API).
IN_ORDER = """
window.done = [];
navigation.addEventListener("navigate", event => done.push(event.destination.url));
const send = navigator.sendBeacon.bind(navigator);
navigator.sendBeacon = (...words) => { done.push(words[0]); return send(...words) };
"""
INSTAGRAM = AGENTS["instagram", "android"]


@pytest.fixture(autouse=True, scope="module")
def at_once():
    """The writer looks more often than it would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ESCAPE_MW_MODE", raising=False)
        patch.setattr(recorder, "INTERVAL", 0.02)
        yield


@pytest.fixture(autouse=True)
def no_fault_of_ours(caplog):
    """Nothing went wrong behind a request that passed."""
    yield
    assert [
        record.getMessage() for record in caplog.get_records("call") if record.levelname == "ERROR"
    ] == []


@pytest.fixture(params=["chromium", "webkit"])
def engine(request):
    return request.getfixturevalue(request.param)


# --- what the page reports


def tap(engine, times=1):
    before = len(engine.attempts())
    engine.tap(NOW, times)
    engine.attempts(before + 1)


def copy(engine):
    engine.tap("#copy")
    engine.until(
        "document.querySelector('#copy').textContent === "
        "document.querySelector('#copy').dataset.copied"
    )


def stay(engine):
    engine.tap(".stay a")
    eventually(
        lambda: engine.script(
            "return document.readyState === 'complete' && !!document.querySelector('#home')"
        )
    )


def replace(engine):
    """Another page takes the place of ours, as where a host app loads an intent's fallback."""
    engine.load(engine.script("return location.origin + '/'"))


ACTS = {
    "tap": tap,
    "double tap": lambda engine: tap(engine, times=2),
    "wait": lambda engine: engine.script(SECONDS),
    "pause": lambda engine: engine.script(
        "return await new Promise(done => setTimeout(done, 1100))"
    ),  # longer than between the taps of a double one
    "opened": lambda engine: engine.opened(),
    "leave": lambda engine: engine.leave(),
    "return": lambda engine: engine.come_back(),
    "late": lambda engine: engine.script(
        "const now = Date.now; Date.now = () => now.call(Date) + 20000"
    ),
    "reload": lambda engine: engine.load(engine.script("return location.href")),
    "copy": copy,
    "stay": stay,
    "replace": replace,
}


def play(engine, acts):
    for act in acts.split(", ") if acts else []:
        ACTS[act](engine)


TECHNIQUES = [
    pytest.param(
        "chromium",
        "tiktok android",
        "/smart",
        "tap, wait",
        "shown intent, tapped intent",
        id="a tap on the only step",
    ),
    pytest.param(
        *(
            "chromium",
            "tiktok android",
            "/track",
            "tap, wait, tap, wait",
            "shown intent-app, tapped intent-app, tapped intent",
        ),
        id="a tap on each step, as one after the other fails",
    ),
    pytest.param(
        "chromium",
        "instagram android",
        "/smart",
        "wait",
        "shown intent, attempt intent",
        id="a step that fires by itself",
    ),
    pytest.param(
        *(
            "chromium",
            "instagram android",
            "/smart",
            "wait, tap, wait",
            "shown intent, attempt intent, tapped extbrowser",
        ),
        id="a step by itself, then a tap on the next",
    ),
    pytest.param(
        "chromium",
        "naver android",
        "/smart",
        "tap, opened",
        "shown intent, tapped intent, left intent",
        id="a tap that opened something",
    ),
    pytest.param(
        *(
            "chromium",
            "kakaotalk android",
            "/smart",
            "opened",
            "shown kakao-external, attempt kakao-external, left kakao-external",
        ),
        id="a step by itself that opened something",
    ),
    pytest.param(
        "chromium",
        "wechat android",
        "/smart",
        "copy",
        "shown menu, copied",
        id="words alone, and the link is copied",
    ),
    pytest.param(
        "webkit",
        "kakaotalk ios",
        "/smart",
        "",
        "shown kakao-external, attempt kakao-external",
        id="iOS: a step that fires by itself",
    ),
    pytest.param(
        *(
            "webkit",
            "kakaotalk ios",
            "/smart",
            "opened",
            "shown kakao-external, attempt kakao-external, left kakao-external",
        ),
        id="iOS: a step by itself that opened something",
    ),
    pytest.param(
        *(
            "webkit",
            "instagram ios",
            "/smart",
            "tap, wait, tap, wait",
            "shown extbrowser, tapped extbrowser, tapped chrome-ios",
        ),
        id="iOS: Instagram's own opener, then Chrome",
    ),
    pytest.param(
        *(
            "webkit",
            "threads ios",
            "/smart",
            "tap, opened",
            "shown extbrowser, tapped extbrowser, left extbrowser",
        ),
        id="iOS: Threads' own opener has opened something",
    ),
    pytest.param(
        *(
            "webkit",
            "facebook ios",
            "/smart",
            "tap, wait, tap, wait",
            "shown x-safari-window, tapped x-safari-window, tapped chrome-ios",
        ),
        id="iOS: a new window, then Chrome",
    ),
    pytest.param(
        *(
            "webkit",
            "threads ios",
            "/track",
            "tap, wait, tap, wait, tap",
            "shown extbrowser, tapped extbrowser, tapped app-scheme, tapped x-safari-window",
        ),
        id="iOS: three steps, one after the other",
    ),
    pytest.param(
        "webkit",
        "telegram ios",
        "/smart",
        "tap, wait",
        "shown x-safari, tapped x-safari",
        id="iOS: Safari",
    ),
    pytest.param(
        "webkit",
        "tiktok ios",
        "/track",
        "tap, wait",
        "shown app-scheme, tapped app-scheme",
        id="iOS: the player's own scheme",
    ),
    pytest.param(
        "webkit",
        "wechat ios",
        "/track",
        "tap, wait",
        "shown https-link, tapped https-link",
        id="iOS: a plain link",
    ),
]


@pytest.mark.parametrize(
    ("engine", "who", "path", "acts", "story"), TECHNIQUES, indirect=["engine"]
)
def test_every_step_is_reported_once_by_its_technique(engine, who, path, acts, story):
    with measured() as site:
        engine.open(
            site.url + path,
            AGENTS[tuple(who.split())],
            opens="everything" if "opened" in acts else "nothing",
        )
        play(engine, acts)
        assert engine.script("return refused") == []
        site.tells(engine, f"eligible, {story}")
        assert {event.trigger for event in site.events("attempt")} <= {"auto"}
        assert {event.trigger for event in site.events("tapped")} <= {"tap"}
        assert {(event.app, event.platform, event.rule) for event in of_visits(site.read())} == {
            (*who.split(), "links")
        }
        assert len({event.visit for event in of_visits(site.read())}) == 1


def test_a_bare_redirect_is_an_attempt_and_what_comes_back_is_the_same_visit(chromium):
    with measured() as site:
        chromium.open(f"{site.url}/smart", AGENTS["line", "android"])
        chromium.load(site.site.here(chromium.attempts(1)[0].uri))
        play(chromium, "tap, wait")
        site.tells(chromium, "eligible, attempt line-external, shown intent, tapped intent")
        assert len({event.visit for event in of_visits(site.read())}) == 1


WAYS = [
    pytest.param(
        NAVER,
        "tap, leave, return, pause, tap, leave",
        "tapped intent, left intent, returned intent",
        id="tapped and left twice is each reported once",
    ),
    pytest.param(
        NAVER,
        "tap, leave, late, return",
        "tapped intent, left intent",
        id="back after more than 20 seconds has not returned at once",
    ),
    pytest.param(TIKTOK, "double tap, wait", "tapped intent", id="a double tap is one"),
    pytest.param(TIKTOK, "leave, return", "", id="left without a hand-off is not left by one"),
    pytest.param(
        TIKTOK,
        "tap, wait, leave, return",
        "tapped intent",
        id="left after the step had failed is not left by it",
    ),
    pytest.param(NAVER, "tap, replace", "tapped intent", id="replaced by another page is not left"),
    pytest.param(
        NAVER, "tap, stay", "tapped intent, continued", id="continued here after a tap is not left"
    ),
    pytest.param(TIKTOK, "copy, copy", "copied", id="copied twice is reported once"),
    pytest.param(
        TIKTOK, "copy, leave, return, stay", "copied, continued", id="copied and continued here"
    ),
]


@pytest.mark.parametrize(("agent", "acts", "story"), WAYS)
def test_on_the_page(engine, agent, acts, story):
    with measured(HERE) as site:
        engine.open(f"{site.url}/landing", agent)
        play(engine, acts)
        site.tells(engine, "eligible, shown intent" + (story and f", {story}"))
        assert site.beacons() == len(story.split(", ")) * bool(story) + 1  # and the last word


def test_by_itself_not_again_on_a_reload_nor_reported(engine):
    with measured(HERE) as site:
        engine.open(f"{site.url}/landing", INSTAGRAM)
        play(engine, "wait, reload, wait")
        site.tells(engine, "eligible, shown intent, attempt intent, repeat")


def test_kept_by_the_browser_and_shown_again_nothing_is_reported_again(engine):
    """From the browser's own cache of whole pages (bfcache).

    The same page lives on, and still knows what it has said.
    """
    with measured(HERE, keep=True) as site:
        engine.open(f"{site.url}/landing", TIKTOK)
        play(engine, "tap, wait, replace")
        engine.back()
        engine.until("document.querySelector('.step.now')")
        assert engine.script("return restored"), "the browser did not keep the page"
        play(engine, "tap, wait, copy")
        site.tells(engine, "eligible, shown intent, tapped intent, copied")
        assert site.beacons() == 3


def test_by_itself_reported_before_the_page_navigates(chromium, monkeypatch):
    """A page that goes away by itself may have no later."""
    monkeypatch.setattr(chromium, "watch", chromium.watch + IN_ORDER)
    with measured() as site:
        chromium.open(f"{site.url}/smart", INSTAGRAM)
        chromium.attempts(1)
        assert [url.partition(":")[0] for url in chromium.script("return done")][-2:] == [
            BEACON,
            "intent",
        ]


# --- what never leaves the browser

PRIVATE = [
    pytest.param("Sec-GPC", id="Global Privacy Control"),
    pytest.param("DNT", id="do not track"),
]


@pytest.mark.parametrize("header", PRIVATE)
def test_whoever_asks_for_privacy_is_helped_and_not_followed(chromium, visitor, header):
    """Only the number of eligible visits is counted.

    The marker that brings this visitor out is no arrival either.
    """
    with measured(HERE) as site:
        chromium.open(f"{site.url}/", TIKTOK)
        chromium.cdp("Network.setExtraHTTPHeaders", headers={header: "1"})
        chromium.load(f"{site.url}/landing")
        chromium.tap(NOW)
        out = way_out(chromium)
        play(chromium, "leave, return, copy, stay")
        visitor.open(out, agents.CHROME_ANDROID)
        eventually(site.read)
        assert site.told() == ["eligible"]
        assert [event._replace(time=0) for event in site.read()] == [
            Tally("eligible", "landing", "tiktok", platform="android")
        ]
        assert site.beacons() == 0
        assert [url for url in chromium.requests() if "_escape" in url] == []


def test_an_arrival_that_asks_for_privacy_is_not_counted(chromium, visitor):
    with measured(HERE) as site:
        chromium.open(f"{site.url}/landing", TIKTOK)
        chromium.tap(NOW)
        visitor.open(f"{site.url}/", agents.CHROME_ANDROID)
        visitor.cdp("Network.setExtraHTTPHeaders", headers={"Sec-GPC": "1"})
        visitor.load(way_out(chromium))
        site.tells(chromium, "eligible, shown intent, tapped intent")


def test_without_events_in_the_rules_nobody_is_told(engine):
    rules = {**HERE, "rules": [{"path": "/landing", "to": "page"}]}
    with served(rules, site_with_presave) as site:
        engine.open(f"{site.url}/landing", TIKTOK)
        assert engine.script(
            "const main = document.querySelector('main'); "
            "return [main.dataset.visit, main.dataset.beacon]"
        ) == [None, None]
        play(engine, "tap, leave, return, copy")
        assert engine.script("return refused") == []
        play(engine, "stay")
        assert [short(path) for path in site.asked if "favicon" not in path] == [
            "/landing",
            "/landing?_esc=stay",
        ]


def test_without_javascript_only_the_requests_tell(engine):
    with measured(HERE) as site:
        engine.open(f"{site.url}/landing", TIKTOK, javascript=False)
        engine.tap(".step a")
        assert len(engine.attempts(1)) == 1
        engine.tap(".stay a")
        eventually(lambda: engine.script("return !!document.querySelector('#home')"))
        eventually(lambda: len(site.read()) >= 2)
        assert site.told() == ["eligible", "shown intent"]
        assert site.beacons() == 0


# --- where it is reported to

MOUNTS = [
    pytest.param("/shop", id="a plain name"),
    pytest.param("/läden & mehr/2", id="a name that must be quoted, two deep"),
]


@pytest.mark.parametrize("mount", MOUNTS)
def test_mounted_below_a_path_the_page_reports_there(engine, mount):
    inside = mount.encode().decode("latin-1")  # as WSGI has it
    rules = {**HERE, "rules": [{"path": f"{mount}/landing", "to": "page"}]}
    with measured(
        rules, around=lambda app: DispatcherMiddleware(NotFound(), {inside: app})
    ) as site:
        engine.open(f"{site.url}{quote(mount)}/landing", TIKTOK)
        play(engine, "tap, wait, copy")
        site.tells(engine, "eligible, shown intent, tapped intent, copied")
        assert {path for path in site.site.asked if "_escape" in path} == {inside + BEACON}


# --- a site that cannot hear


def refuses(app, _):
    def answer(environ, start_response):
        if environ["PATH_INFO"] != BEACON:
            return app(environ, start_response)
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
        return [b"down"]

    return answer


def waits(seconds):
    def around(app, over):
        def answer(environ, start_response):
            if environ["PATH_INFO"] == BEACON:
                over.wait(seconds)
            return app(environ, start_response)

        return answer

    return around


DEAF = [
    pytest.param(refuses, INSTAGRAM, "wait, tap, wait", 2, id="it answers 500"),
    pytest.param(waits(1), INSTAGRAM, "wait, tap, wait", 2, id="it answers a second late"),
    pytest.param(waits(30), TIKTOK, "tap, wait", 1, id="it does not answer"),
]


@pytest.mark.parametrize(("deaf", "agent", "acts", "steps"), DEAF)
def test_a_site_that_does_not_hear_does_not_disturb_the_page(engine, deaf, agent, acts, steps):
    """Each step has its turn, the link is copied, and the site's own page still loads."""
    over = threading.Event()
    with measured(HERE, around=lambda app: deaf(app, over)) as site:
        try:
            engine.open(f"{site.url}/landing", agent)
            play(engine, acts)
            assert len(engine.attempts()) == steps
            assert engine.script(f"return !!({MENU_FIRST})")
            play(engine, "copy")
            eventually(lambda: site.beacons() == steps + 1)
            assert engine.script("return refused") == []
            play(engine, "stay")
            eventually(lambda: site.beacons() == steps + 2)
        finally:
            over.set()


# --- who arrives


@pytest.fixture(scope="module")
def browsers():
    """Two plain browsers, of two people."""
    need(chromium_engine.missing())
    with chromium_engine.Chromium() as one, chromium_engine.Chromium() as other:
        yield one, other


@pytest.fixture
def visitor(browsers):
    return browsers[0]


@pytest.fixture
def friend(browsers):
    return browsers[1]


def drawn_into(arm):
    """Rules whose experiment draws every visit into this arm, or as good as."""
    experiment = {"name": "spring", "holdout": {"escape": 1e-9, "holdout": 1 - 1e-9}[arm]}
    rules = [
        rule | ({"experiment": experiment} if "experiment" in rule else {})
        for rule in MEASURED["rules"]
    ]
    return {**HERE, "rules": rules}


def way_out(host):
    """Where the newest intent leads, which is also where it falls back to: our own marked page."""
    read = intent_uri.parse(host.attempts(1)[-1].uri)
    assert read["data"] == read["extras"]["browser_fallback_url"]
    return read["data"]


ANOTHER_PHONE = TIKTOK.replace("Pixel 8", "Pixel 9")
COMINGS = {
    "arrives": lambda _, visitor, __, out: visitor.open(out, agents.CHROME_ANDROID),
    "takes it along": lambda host, visitor, *_: visitor.open(
        host.script("return location.href"), agents.CHROME_ANDROID
    ),
    "reloads": lambda _, visitor, __, ___: visitor.load(visitor.script("return location.href")),
    "shares": lambda _, __, friend, out: friend.open(out, agents.CHROME_ANDROID),
    "shares elsewhere": lambda _, __, friend, out: friend.open(out, agents.SAFARI),
    "is previewed": lambda _, __, friend, out: friend.open(out, agents.FACEBOOK_PREVIEW),
    "is met in the app": lambda host, _, __, out: host.open(
        out, TIKTOK.replace("Pixel 8", "Pixel 9")
    ),
    "falls back": lambda host, _, __, out: host.load(out),
}
ARRIVALS = [
    pytest.param("arrives", "arrived intent", id="once"),
    pytest.param(
        "takes it along",
        "arrived menu",
        id="by the host app's menu, which takes the page's address along",
    ),
    pytest.param(
        "takes it along, arrives", "arrived menu, repeat", id="by the menu and by the button"
    ),
    pytest.param("arrives, arrives", "arrived intent, repeat", id="comes twice"),
    pytest.param("arrives, reloads, reloads", "arrived intent, repeat, repeat", id="reloads"),
    pytest.param(
        "arrives, shares",
        "arrived intent, repeat",
        id="shares the link with the same kind of phone",
    ),
    pytest.param(
        "arrives, shares elsewhere",
        "arrived intent, arrived-elsewhere intent",
        id="shares the link with another kind",
    ),
    pytest.param(
        "is previewed, arrives", "arrived intent", id="the link is previewed by a crawler first"
    ),
    pytest.param(
        "falls back, arrives", "repeat, arrived intent", id="the fallback ran too, before"
    ),
    pytest.param("arrives, falls back", "repeat, arrived intent", id="the fallback ran too, after"),
    pytest.param(
        "arrives, falls back, shares, reloads",
        "arrived intent, repeat, repeat, repeat",
        id="all of it",
    ),
    pytest.param(
        "is met in the app, arrives",
        "repeat, arrived intent",
        id="somebody of the other arm opens the link in the app first",
    ),
    pytest.param("falls back", "repeat", id="the fallback alone is no arrival"),
]


@pytest.mark.parametrize(("coming", "story"), ARRIVALS)
def test_who_gets_out_has_arrived_once_in_their_arm(chromium, visitor, friend, coming, story):
    with measured(drawn_into("escape")) as site:
        chromium.open(f"{site.url}/presave", TIKTOK)
        play(chromium, "tap, wait")
        out = way_out(chromium)
        for one in coming.split(", "):
            COMINGS[one](chromium, visitor, friend, out)
        site.tells(chromium, f"eligible, shown intent, tapped intent, {story}")
        (eligible,) = site.events("eligible")
        assert {event.visit for event in of_visits(site.read())} == {eligible.visit}
        assert (eligible.experiment, eligible.arm) == ("spring", "escape")
        for arrived in site.events("arrived"):
            way = ("menu", "written") if story.startswith("arrived menu") else ("intent", "tap")
            assert arrived._replace(time=0, visit="", rule_version="", day=0) == Event(
                time=0,
                visit="",
                name="arrived",
                rule="pre-save",
                app="tiktok",
                platform="android",
                technique=way[0],
                trigger=way[1],
                experiment="spring",
                arm="escape",
            )


def test_who_is_let_through_is_measured_in_the_other_arm_and_never_marked(chromium, visitor):
    with measured(drawn_into("holdout")) as site:
        chromium.open(f"{site.url}/presave", TIKTOK)
        assert chromium.script(
            "return [!!document.querySelector('#home'), !!document.querySelector('main')]"
        ) == [True, False]
        visitor.open(f"{site.url}/presave", agents.CHROME_ANDROID)
        chromium.tap("#save")
        site.tells(chromium, "eligible, outcome presave")
        (eligible,) = site.events("eligible")
        assert (eligible.experiment, eligible.arm) == ("spring", "holdout")
        assert {event.visit for event in of_visits(site.read())} == {eligible.visit}
        assert site.site.asked.count("/presave") == 2


def test_the_outcome_of_who_got_out_counts_once_in_their_arm(chromium, visitor):
    with measured(drawn_into("escape")) as site:
        chromium.open(f"{site.url}/presave", TIKTOK)
        play(chromium, "tap, wait")
        visitor.open(way_out(chromium), agents.CHROME_ANDROID)
        visitor.tap("#save", times=2)
        site.tells(
            visitor,
            "eligible, shown intent, tapped intent, arrived intent, outcome presave, repeat",
        )
        (eligible,) = site.events("eligible")
        assert eligible.arm == "escape"
        assert {event.visit for event in of_visits(site.read())} == {eligible.visit}


def test_the_outcome_of_who_continues_here_counts_in_their_arm_too(chromium):
    with measured(drawn_into("escape")) as site:
        chromium.open(f"{site.url}/presave", TIKTOK)
        play(chromium, "stay")
        chromium.tap("#save")
        site.tells(chromium, "eligible, shown intent, continued, outcome presave")
        (eligible,) = site.events("eligible")
        assert eligible.arm == "escape"
        assert {event.visit for event in of_visits(site.read())} == {eligible.visit}


def test_two_steps_bring_one_visitor_out_the_first_to_arrive_is_credited(chromium, visitor, friend):
    with measured(drawn_into("escape")) as site:
        chromium.open(f"{site.url}/presave", INSTAGRAM)
        first = way_out(chromium)
        play(chromium, "wait, tap, wait")
        second = unquote(chromium.attempts(2)[1].uri.partition("url=")[2])
        visitor.open(second, agents.CHROME_ANDROID)
        friend.open(first, agents.CHROME_ANDROID)
        site.tells(
            chromium,
            "eligible, shown intent, attempt intent, tapped extbrowser, arrived extbrowser, repeat",
        )


def test_two_processes_and_one_database_count_an_arrival_once(chromium, visitor, friend, tmp_path):
    url = f"sqlite:///{tmp_path / 'events.sqlite3'}"
    database = Database(url)
    rules = {**MEASURED, "rules": drawn_into("escape")["rules"], "events": {"database": url}}
    with served(rules, site_with_presave) as one, served(rules, site_with_presave) as other:
        site = Measured(one, lambda: list(database.read()))
        chromium.open(f"{one.url}/presave", TIKTOK)
        play(chromium, "tap, wait")
        out = way_out(chromium)
        visitor.open(other.here(out), agents.CHROME_ANDROID)
        friend.open(one.here(out), agents.CHROME_ANDROID)
        visitor.load(one.here(out))
        site.tells(
            chromium, "eligible, shown intent, tapped intent, arrived intent, repeat, repeat"
        )
        (eligible,) = site.events("eligible")
        assert eligible.arm == "escape"
        assert {event.visit for event in of_visits(site.read())} == {eligible.visit}
    database.close()
