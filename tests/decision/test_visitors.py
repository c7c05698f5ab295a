"""Who asks."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escape_mw import Visitor, catalogue, load
from escape_mw.decision.visitors import (
    BOT,
    BROWSER,
    MAX_AGENT,
    MEMO,
    PLAIN,
    VisitorDetector,
    platform,
)

from ..support import agents

DETECTOR = load().policy.detector


MAC = "(Macintosh; Intel Mac OS X 10_15_7)"


def visitor(agent: str, **headers: str) -> Visitor:
    return DETECTOR.visitor(
        agent, {name.replace("_", "-"): value for name, value in headers.items()}
    )


# What tests/promises/decisions.jsonl, of the catalogue's own examples, does not hold.
NAMED = [
    pytest.param(
        agents.ANDROID + " [FBAN/FB4A;FBAV/541.0.0.40.70;FBMF/CUBOT;FBDV/CUBOT X50;FBSV/14;]",
        "facebook",
        "android",
        "541.0.0.40.70",
        id="Facebook on a phone whose maker sounds like a crawler",
    ),
    pytest.param(
        agents.ANDROID + " WA4A/2.26.32.10",
        "whatsapp",
        "android",
        "2.26.32.10",
        id="WhatsApp without brackets",
    ),
    pytest.param(agents.LINE_IOS + " LIFF", "line-liff", "ios", "15.5.2", id="a LIFF app in LINE"),
    pytest.param(
        agents.TIKTOK_ANDROID.lower(), "tiktok", "android", "33.3.4", id="an agent in lower case"
    ),
    pytest.param(
        agents.TIKTOK_IOS.lower(), "tiktok", "ios", "41.9.0", id="an iOS agent in lower case"
    ),
    pytest.param(
        agents.TIKTOK_ANDROID.replace("; wv)", "; )"),
        "tiktok",
        "android",
        "33.3.4",
        id="TikTok without wv",
    ),
    pytest.param(
        agents.THREADS_IOS, "threads", "ios", "393.1.0.35.70", id="Threads says Barcelona"
    ),
    pytest.param(
        agents.THREADS_IOS + " Instagram 403.0",
        "threads",
        "ios",
        "393.1.0.35.70",
        id="Threads that also says Instagram",
    ),
    pytest.param(agents.WECHAT_WINDOWS, "wechat", "desktop", "7.0.20.1781", id="WeChat on Windows"),
    pytest.param(
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Instagram 403.0 (iPad13,1; iPadOS 18_6)"
        ),
        "instagram",
        "ios",
        "403.0",
        id="an iPad that asks for desktop pages",
    ),
    pytest.param(
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) MicroMessenger/6.8.0 MacWechat/3.8"
        ),
        "wechat",
        "desktop",
        "6.8.0",
        id="WeChat on a Mac is no iPad",
    ),
    pytest.param(
        agents.THREADS_IOS + " Barcelona 300.0",
        "threads",
        "ios",
        "393.1.0.35.70",
        id="an app that says its version twice: the first",
    ),
    pytest.param(
        agents.ANDROID + " [FB_IAB/FB4A;FBAV/157.0.;]",
        "facebook",
        "android",
        "157.0",
        id="a version with a full stop behind it",
    ),
    pytest.param(
        agents.ANDROID.replace("Pixel 8", "CUBOT NOTE Plus") + " [FB_IAB/FB4A;FBAV/157.0;]",
        "facebook",
        "android",
        "157.0",
        id="a phone whose name holds bot",
    ),
    pytest.param(
        agents.ANDROID.replace("Pixel 8", "FOSSiBOT F101") + " [FB_IAB/FB4A;FBAV/157.0;]",
        "facebook",
        "android",
        "157.0",
        id="a phone whose name ends in bot",
    ),
    pytest.param(
        agents.INSTAGRAM_ANDROID.replace("Pixel 8", "IDbot53"),
        "instagram",
        "android",
        "404.0.0.48.76",
        id="a phone that the host app names once more",
    ),
    pytest.param(
        agents.ANDROID.replace("Pixel 8", "moto bot(30)") + " [FB_IAB/FB4A;FBAV/157.0;]",
        "facebook",
        "android",
        "157.0",
        id="a phone with parentheses in its name",
    ),
]


@pytest.mark.parametrize(("agent", "app", "platform", "version"), NAMED)
def test_named_host_apps(agent, app, platform, version):
    seen = visitor(agent)
    assert (seen.kind, seen.app, seen.platform, seen.app_version) == (
        "in-app",
        app,
        platform,
        version,
    )


WEBVIEWS = [
    pytest.param(
        agents.CHROME_ANDROID + " BytedanceWebview/d8a21c6",
        "android",
        id="the engine of several apps, none of them named",
    ),
    pytest.param(agents.UNNAMED_ANDROID, "android", id="Android's wv"),
    pytest.param(agents.UNNAMED_IOS, "ios", id="iOS without Safari/"),
    pytest.param(
        (
            "Mozilla/5.0 (Linux; Android 15; SM-A055F) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Version/4.0 Chrome/150.0 Mobile Safari/537.36"
        ),
        "android",
        id="Version/4.0 before Chrome/",
    ),
    pytest.param(
        (
            "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/129.0.6668.100 Mobile Safari/537.36"
        ),
        "android",
        id="K with an Android other than 10",
    ),
    pytest.param(
        agents.IPHONE + "Version/18.6 Mobile/22G86 Safari/604.1",
        "ios",
        id="Safari's form with a build that Safari never says",
    ),
]


@pytest.mark.parametrize(("agent", "platform"), WEBVIEWS)
def test_unnamed_webviews(agent, platform):
    seen = visitor(agent)
    assert (seen.kind, seen.app, seen.platform) == ("webview", None, platform)


BROWSERS = [
    pytest.param(agents.SAFARI, id="Safari"),
    pytest.param(agents.CHROME_ANDROID, id="Chrome on Android"),
    pytest.param(agents.CHROME_DESKTOP, id="Chrome on a desktop"),
    pytest.param(agents.FIREFOX, id="Firefox"),
    pytest.param(agents.DUCKDUCKGO_ANDROID, id="a browser built on WebView"),
    pytest.param(
        agents.IPHONE + "FxiOS/127.0 Mobile/15E148 Version/15.0",
        id="Firefox Focus on iOS, without Safari/",
    ),
    pytest.param(
        (
            "Mozilla/5.0 (Windows NT 10.0; WebView/3.0) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/64.0 Safari/537.36 Edge/17.1"
        ),
        id="old Edge",
    ),
    pytest.param(
        agents.ANDROID.replace("; wv", "") + " SznProhlizec/10.2.1a", id="Seznam's browser"
    ),
    pytest.param(agents.ANDROID + " LieBaoFast/5.12.3", id="Liebao"),
    pytest.param(
        (
            "Mozilla/5.0 (Linux; Android 5.0; de-at; SAMSUNG SM-X900 Build/LRX21T) "
            "AppleWebKit/537.36 (KHTML, like Gecko) Version/2.1 Chrome/34.0.1847.76 "
            "Mobile Safari/537.36"
        ),
        id="Samsung's browser before it had a name",
    ),
    pytest.param(
        "Instagram 5.0.7 Android (15/4.0.4; 160dpi; 320x480; Sony; MiniPro; mango; semc; en_US)",
        id="a native client is no visitor in a webview",
    ),
    pytest.param(agents.IPHONE.strip(), id="a phone that says no more"),
    pytest.param(agents.SAFARI + " Reader/1.0", id="Safari with a word more"),
    pytest.param("", id="no agent"),
    pytest.param("\x00\x1b[31m\xff" * 50, id="noise"),
]


@pytest.mark.parametrize("agent", BROWSERS)
def test_browsers(agent):
    assert visitor(agent) is BROWSER


BOTS = [
    pytest.param(agents.FACEBOOK_PREVIEW, id="Facebook's previewer"),
    pytest.param(agents.TIKTOK_PREVIEW, id="TikTok's spider"),
    pytest.param(
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 Version/9.0.1 "
            "Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0"
        ),
        id="iMessage's",
    ),
    pytest.param(
        agents.IPHONE + "Mobile/11A465 Twitter for iPhone BrandVerity/1.0",
        id="a crawler that says Twitter for iPhone",
    ),
    pytest.param("WhatsApp/2.23.20.0", id="WhatsApp's previewer"),
    pytest.param(
        agents.ANDROID.replace("; wv", "")
        + " (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        id="Googlebot's phone",
    ),
    pytest.param(
        agents.ANDROID.replace("; wv", "") + " (compatible; Examplebot/2.1)",
        id="a crawler behind a phone",
    ),
    pytest.param(
        "Mozilla/5.0 (compatible; Examplebot/2.1; Android 14)", id="a crawler that says Android"
    ),
    pytest.param(agents.ANDROID + " Examplebot", id="a crawler's name without parentheses"),
    pytest.param(agents.ANDROID + " [Examplebot/2.1]", id="a crawler in square brackets"),
    pytest.param(
        "Mozilla/5.0 (Windows NT 10.0; example.com bot) AppleWebKit/537.36",
        id="a crawler in a desktop's parentheses",
    ),
]


@pytest.mark.parametrize("agent", BOTS)
def test_bots(agent):
    assert visitor(agent) is BOT


HEADERS = [
    pytest.param(
        agents.UNNAMED_ANDROID,
        {"x_requested_with": "com.zhiliaoapp.musically"},
        ("in-app", "tiktok"),
        id="the package names the app",
    ),
    pytest.param(
        agents.CHROME_ANDROID,
        {"x_requested_with": "com.example.reader"},
        ("webview", None),
        id="an unknown package is a webview",
    ),
    pytest.param(
        agents.UNNAMED_ANDROID,
        {"x_requested_with": "mark.via.gp"},
        ("browser", None),
        id="a browser's package",
    ),
    pytest.param(
        agents.UNNAMED_ANDROID,
        {"x_requested_with": "COM.ZhiliaoApp.Musically"},
        ("in-app", "tiktok"),
        id="the host app's package in other letters",
    ),
    pytest.param(
        agents.UNNAMED_ANDROID,
        {"x_requested_with": "com.cloudmosa.puffinFree"},
        ("browser", None),
        id="a browser's package in other letters",
    ),
    pytest.param(
        agents.UNNAMED_ANDROID,
        {"x_requested_with": "com.example.tinyBrowser"},
        ("browser", None),
        id="a package that calls itself a browser",
    ),
    pytest.param(
        agents.SAFARI,
        {"x_requested_with": "XMLHttpRequest"},
        ("browser", None),
        id="a script's request is no package",
    ),
    pytest.param(
        agents.CHROME_ANDROID,
        {"sec_ch_ua": '"Android WebView";v="141", "Chromium";v="141"'},
        ("webview", None),
        id="the brand says WebView",
    ),
    pytest.param(
        agents.CHROME_ANDROID,
        {"sec_ch_ua": '"Google Chrome";v="141", "Chromium";v="141"'},
        ("browser", None),
        id="the brand says Chrome",
    ),
    pytest.param(
        agents.DUCKDUCKGO_ANDROID,
        {"sec_ch_ua": '"Android WebView";v="141"'},
        ("browser", None),
        id="a browser's token beats the brand",
    ),
    pytest.param(
        agents.FACEBOOK_PREVIEW,
        {"x_requested_with": "com.instagram.android"},
        ("bot", None),
        id="a bot stays a bot",
    ),
]


@pytest.mark.parametrize(("agent", "headers", "expected"), HEADERS)
def test_headers(agent, headers, expected):
    seen = visitor(agent, **headers)
    assert (seen.kind, seen.app) == expected


def test_a_host_apps_package_may_call_itself_a_browser():
    app = {"id": "ours", "name": "Ours", "android_package": "com.example.InAppBrowser"}
    detector = load({"version": 1, "apps": {"add": [app]}}).policy.detector
    headers = {"x-requested-with": "com.example.inappbrowser"}
    assert detector.visitor(agents.UNNAMED_ANDROID, headers).app == "ours"


@given(st.text(max_size=2000))
def test_any_text_gives_a_verdict_on_its_beginning(agent):
    assert visitor(agent) == visitor(agent[:MAX_AGENT])


@pytest.mark.parametrize(
    "token", ["; wv", "musical_ly_41", "Instagram 403.0", "Googlebot/2.1", "[FBAN/FBIOS]"]
)
@given(st.data())
def test_plain_grammar_has_no_room_for_a_mark(token, data):
    """A mark put anywhere into a plain browser's agent: the quick look does not take it for one."""
    agent = data.draw(
        st.sampled_from(
            [agents.SAFARI, agents.CHROME_ANDROID, agents.CHROME_DESKTOP, agents.FIREFOX]
        )
    )
    at = data.draw(st.integers(agent.index(")"), len(agent)))
    assert not PLAIN.fullmatch(f"{agent[:at]} {token} {agent[at:]}") or at == agent.index(")")


LENGTHS = [
    pytest.param(255, "webview", id="255 characters, as long as a file's name"),
    pytest.param(256, "browser", id="one letter more"),
    pytest.param(60_000, "browser", id="a novel"),
]


@pytest.mark.parametrize(("length", "kind"), LENGTHS)
def test_how_long_a_package_may_be(length, kind):
    package = "a." + "b" * (length - 2)
    assert visitor(agents.CHROME_ANDROID, x_requested_with=package).kind == kind


def test_memory_is_bounded():
    known = catalogue.load()
    detector = VisitorDetector(known.apps, known.crawlers, known.browsers)
    for recognise, more in ((detector.detect, ("", False)), (detector.is_browser, ())):
        for number in range(MEMO + 100):
            recognise(f"agent {number}", *more)
        assert recognise.cache_info().currsize == MEMO


def test_each_stem_of_a_crawlers_name_counts():
    detector = load().policy.detector
    for stem in catalogue.load().crawlers.stems:
        assert detector.visitor(f"Mozilla/5.0 (compatible; Some{stem}/1.0)", {}).kind == "bot"


SYSTEMS = [
    pytest.param(agents.TIKTOK_IOS, 18, id="iOS"),
    pytest.param(agents.TIKTOK_IOS.replace("18_6", "16_3_1"), 16, id="an older iOS"),
    pytest.param(agents.TIKTOK_ANDROID, 14, id="Android"),
    pytest.param(agents.UNNAMED_IOS, 18, id="a webview without a name"),
    pytest.param(agents.TIKTOK_IOS + "\udcff", 18, id="half a character behind"),
    pytest.param(agents.TIKTOK_IOS.replace("OS 18_6 ", "OS "), None, id="none that is said"),
    pytest.param(
        agents.TIKTOK_IOS.replace("(iPhone; CPU iPhone OS 18_6 like Mac OS X)", MAC),
        None,
        id="an iPad that says a Mac's",
    ),
]


@pytest.mark.parametrize(("agent", "version"), SYSTEMS)
def test_system_version(agent, version):
    assert visitor(agent).system_version == version


PLATFORMS = [
    pytest.param("Mozilla/5.0 (X11; Linux x86_64) MicroMessenger/1", "desktop", id="Linux"),
    pytest.param("Mozilla/5.0 (Linux; Android) MicroMessenger/1", "android", id="no version"),
    pytest.param("mozilla/5.0 (linux; u; android) x", "android", id="in small letters"),
    pytest.param("Mozilla/5.0 (PlayStation 5 3.11)", "other", id="a games console"),
    pytest.param("", "other", id="nothing"),
]


@pytest.mark.parametrize(("agent", "expected"), PLATFORMS)
def test_platform(agent, expected):
    assert platform(agent) == expected


# Agents that make a backtracking matcher slow; none of them needs a corpus.
SLOW = [
    pytest.param("", "Android", id="a word that begins something, again and again"),
    pytest.param("Android ", "ion/.Android", id="the end of a word before its beginning"),
    pytest.param("Android ", "Version/1.1 ", id="a version without its browser"),
    pytest.param("Android Version/", "1.", id="a version without an end"),
    pytest.param("Android ", "9", id="a number without an end"),
    pytest.param(
        "Mozilla/5.0 (Linux; Android 14", "; wv", id="a webview's mark without its bracket"
    ),
    pytest.param("Mozilla/5.0 (Linux; Android ", "14; K", id="a system without an end"),
    pytest.param("Mozilla/5.0 ", "(iPhone; ", id="nothing but opening brackets"),
    pytest.param(
        "Mozilla/5.0 ", "(Linux; Android 14; K", id="nothing but the beginnings of systems"
    ),
    pytest.param("Mozilla/5.0 (iPhone", ") ", id="nothing but closing brackets"),
    pytest.param(
        "Mozilla/5.0 (iPhone) AppleWebKit/1 (KHTML, like Gecko) Version/",
        "1 Mobile/15E148 Safari/",
        id="a plain browser that never ends",
    ),
    pytest.param(
        "Mozilla/5.0 (iPhone) Mobile/1 Instagram ", "1.", id="a host app's version without an end"
    ),
    pytest.param("Mozilla/5.0 (iPhone) Mobile/1 ", "[FBAN;", id="nothing but a host app's marks"),
    pytest.param(
        "Mozilla/5.0 (Linux; Android 1) ",
        "cubot",
        id="nothing but a phone that sounds like a crawler",
    ),
    pytest.param("Mozilla/5.0 bot", "(Android (bot)", id="nothing but phones without an end"),
    pytest.param("Mozilla/5.0 bot (Android", "(bot)", id="a phone with nothing but brackets"),
    pytest.param("Mozilla/5.0 ", "bota", id="nothing but words that sound like a crawler"),
    pytest.param("", "x/1 (", id="nothing but products"),
    pytest.param("", "; ", id="nothing but semicolons"),
    pytest.param("", " ", id="nothing but blanks"),
    pytest.param("Mozilla/5.0 (iPhone)", "\xe4", id="letters beyond ASCII"),
]


def quickest(work, agent):
    """The processor's time for an agent, in seconds, the best of several.

    Instruction counts do not see into a regular expression.
    """

    def once():
        before = time.thread_time()
        work(agent)
        return time.thread_time() - before

    return min(once() for _ in range(7))


@pytest.mark.parametrize(("head", "piece"), SLOW)
def test_eight_times_the_agent_takes_no_more_than_eight_times_the_time(head, piece):
    """Uncut, so that the growth shows: a quadratic matcher takes 64 times as long."""
    recognise = DETECTOR.detect.__wrapped__
    short, long = (
        quickest(lambda agent: recognise(agent, "", False), head + piece * (size // len(piece)))
        for size in (8_000, 64_000)
    )
    assert long <= 24 * short + 0.002
