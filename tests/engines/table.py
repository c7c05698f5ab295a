"""Every row of the techniques table as a visitor meets it: who asks, and what each step hands over.

Of a marker, the technique is written out. The path /track leads to a song (goal app), /smart to a
smart link (goal browser).
"""

from __future__ import annotations

from typing import NamedTuple

from ..support import agents

PATHS = {"app": "/track", "browser": "/smart"}
SONG = "open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
SONG_QUOTED = "https%3A%2F%2Fopen.spotify.com%2Ftrack%2F4uLU6hMCjMI75M1A2tKUQC"


class Way(NamedTuple):
    """One step: how it is fired, its exact URI, and how long the page waits for it.

    That is 8 seconds where the host app asks first, which the page then says.
    """

    trigger: str
    uri: str
    settle: int = 2000


ASKS = ("instagram", "facebook")


def page(technique: str, path: str = "smart") -> str:
    return f"site.example/{path}?_esc={technique}"


def quoted(technique: str, path: str = "smart") -> str:
    return f"https%3A%2F%2Fsite.example%2F{path}%3F_esc%3D{technique}"


def intent(data: str, fallback: str, package: str = "") -> str:
    head = (
        f"intent://{data}#Intent;scheme=https;action=android.intent.action.VIEW;"
        "category=android.intent.category.BROWSABLE;"
    )
    return f"{head}{package}S.browser_fallback_url={fallback};end"


PLAYER = intent(SONG, quoted("intent-app", "track"), "package=com.spotify.music;")
SONG_IN_BROWSER = intent(SONG, quoted("intent", "track"))
BROWSER = intent(page("intent"), quoted("intent"))
SCHEME = "spotify:track:4uLU6hMCjMI75M1A2tKUQC"
SAFARI, SAFARI_WINDOW, SONG_IN_SAFARI = (
    f"x-safari-https://{page('x-safari')}",
    f"x-safari-https://{page('x-safari-window')}",
    f"x-safari-https://{SONG}",
)
CHROME = f"googlechromes://{page('chrome-ios')}"
KAKAO, KAKAO_SONG = (
    f"kakaotalk://web/openExternal?url={quoted('kakao-external')}",
    f"kakaotalk://web/openExternal?url={SONG_QUOTED}",
)
LINE, LINE_SONG = (
    f"https://{page('line-external')}&openExternalBrowser=1",
    f"https://{page('line-external', 'track')}&openExternalBrowser=1",
)
OPENER, OPENER_SONG = (
    "instagram://extbrowser/?url=" + quoted("extbrowser"),
    "instagram://extbrowser/?url=" + SONG_QUOTED,
)
THREADS, THREADS_SONG = (
    "barcelona://extbrowser/?url=" + quoted("extbrowser"),
    "barcelona://extbrowser/?url=" + SONG_QUOTED,
)

LADDERS: dict[tuple[str, str, str], list[Way]] = {
    ("instagram", "android", "browser"): [Way("tap", BROWSER, 8000), Way("tap", OPENER, 8000)],
    ("instagram", "android", "app"): [Way("tap", PLAYER, 8000), Way("tap", SONG_IN_BROWSER, 8000)],
    ("threads", "android", "browser"): [Way("auto", BROWSER)],
    ("threads", "android", "app"): [Way("auto", PLAYER), Way("tap", SONG_IN_BROWSER)],
    ("facebook", "android", "browser"): [Way("auto", BROWSER, 8000)],
    ("facebook", "android", "app"): [Way("auto", PLAYER, 8000), Way("tap", SONG_IN_BROWSER, 8000)],
    ("messenger", "android", "browser"): [Way("auto", BROWSER)],
    ("messenger", "android", "app"): [Way("auto", PLAYER), Way("tap", SONG_IN_BROWSER)],
    ("tiktok", "android", "browser"): [Way("tap", BROWSER)],
    ("tiktok", "android", "app"): [Way("tap", PLAYER), Way("tap", SONG_IN_BROWSER)],
    ("line", "android", "browser"): [Way("redirect", LINE), Way("tap", BROWSER)],
    ("line", "android", "app"): [Way("tap", PLAYER), Way("tap", LINE_SONG)],
    ("kakaotalk", "android", "browser"): [Way("auto", KAKAO), Way("tap", BROWSER)],
    ("kakaotalk", "android", "app"): [Way("tap", PLAYER), Way("tap", KAKAO_SONG)],
    ("naver", "android", "browser"): [Way("tap", BROWSER)],
    ("naver", "android", "app"): [Way("tap", PLAYER), Way("tap", SONG_IN_BROWSER)],
    ("telegram", "android", "browser"): [Way("tap", BROWSER)],
    ("telegram", "android", "app"): [Way("tap", PLAYER), Way("tap", SONG_IN_BROWSER)],
    ("wechat", "android", "browser"): [],
    ("wechat", "android", "app"): [],
    ("qq", "android", "browser"): [],
    ("qq", "android", "app"): [],
    ("weibo", "android", "browser"): [],
    ("weibo", "android", "app"): [],
    ("default", "android", "browser"): [Way("tap", BROWSER)],
    ("default", "android", "app"): [Way("tap", PLAYER), Way("tap", SONG_IN_BROWSER)],
    ("instagram", "ios", "browser"): [Way("tap", OPENER, 8000), Way("tap", CHROME, 8000)],
    ("instagram", "ios", "app"): [Way("tap", OPENER_SONG, 8000), Way("tap", SCHEME, 8000)],
    ("threads", "ios", "browser"): [Way("tap", THREADS), Way("tap", SAFARI_WINDOW)],
    ("threads", "ios", "app"): [
        Way("tap", THREADS_SONG),
        Way("tap", SCHEME),
        Way("tap", SONG_IN_SAFARI),
    ],
    ("facebook", "ios", "browser"): [Way("tap", SAFARI_WINDOW, 8000), Way("tap", CHROME, 8000)],
    ("facebook", "ios", "app"): [Way("tap", SCHEME, 8000), Way("tap", SONG_IN_SAFARI, 8000)],
    ("messenger", "ios", "browser"): [Way("tap", SAFARI)],
    ("messenger", "ios", "app"): [Way("tap", SCHEME), Way("tap", SONG_IN_SAFARI)],
    ("tiktok", "ios", "browser"): [],
    ("tiktok", "ios", "app"): [Way("tap", SCHEME)],
    ("snapchat", "ios", "browser"): [],
    ("snapchat", "ios", "app"): [Way("tap", SCHEME)],
    ("x", "ios", "browser"): [],
    ("x", "ios", "app"): [Way("tap", SCHEME)],
    ("line", "ios", "browser"): [Way("redirect", LINE), Way("tap", SAFARI)],
    ("line", "ios", "app"): [Way("tap", SCHEME), Way("tap", LINE_SONG)],
    ("kakaotalk", "ios", "browser"): [Way("auto", KAKAO)],
    ("kakaotalk", "ios", "app"): [Way("tap", KAKAO_SONG), Way("tap", SCHEME)],
    ("telegram", "ios", "browser"): [Way("tap", SAFARI)],
    ("telegram", "ios", "app"): [Way("tap", SCHEME), Way("tap", SONG_IN_SAFARI)],
    ("linkedin", "ios", "browser"): [Way("tap", SAFARI)],
    ("linkedin", "ios", "app"): [Way("tap", SCHEME), Way("tap", SONG_IN_SAFARI)],
    ("gsa", "ios", "browser"): [Way("tap", SAFARI)],
    ("gsa", "ios", "app"): [Way("tap", SCHEME), Way("tap", SONG_IN_SAFARI)],
    ("wechat", "ios", "browser"): [],
    ("wechat", "ios", "app"): [Way("tap", f"https://{SONG}")],
    ("qq", "ios", "browser"): [],
    ("qq", "ios", "app"): [],
    ("weibo", "ios", "browser"): [],
    ("weibo", "ios", "app"): [],
    ("default", "ios", "browser"): [Way("tap", SAFARI)],
    ("default", "ios", "app"): [Way("tap", SCHEME), Way("tap", SONG_IN_SAFARI)],
}

# For the host apps whose agents the other tests have no use for; a default is any host app without
# rows of its own.
AGENTS = {
    ("instagram", "android"): agents.INSTAGRAM_ANDROID,
    ("instagram", "ios"): agents.INSTAGRAM_IOS,
    ("threads", "android"): agents.ANDROID
    + " Barcelona 355.0.0.39.109 Android (34/14; 420dpi; 1080x2205; Google/google; Pixel 8; "
    "shiba; shiba; en_GB; 657318900)",
    ("threads", "ios"): agents.THREADS_IOS,
    ("facebook", "android"): agents.ANDROID + " [FB_IAB/FB4A;FBAV/561.0.0.40.71;IABMV/1;]",
    ("facebook", "ios"): agents.FACEBOOK_IOS,
    ("messenger", "android"): agents.ANDROID + " [FB_IAB/Orca-Android;FBAV/299.0.0.13.114;]",
    ("messenger", "ios"): agents.IPHONE
    + "Mobile/20D47 LightSpeed [FBAN/MessengerLiteForiOS;FBAV/396.0.0.32.105;FBDV/iPhone13,2;"
    "FBSN/iOS;FBSV/16.3;FBOP/0]",
    ("tiktok", "android"): agents.TIKTOK_ANDROID,
    ("tiktok", "ios"): agents.TIKTOK_IOS,
    ("snapchat", "ios"): agents.IPHONE
    + "Version/18.6 Mobile/15E148 Snapchat/12.72.0.39 (like Safari/8617.2.4.10.8, panda)",
    ("x", "ios"): agents.IPHONE + "Mobile/15E148 Twitter for iPhone/12.5",
    ("line", "android"): agents.ANDROID + " Line/14.16.0/IAB",
    ("line", "ios"): agents.LINE_IOS,
    ("kakaotalk", "android"): agents.KAKAOTALK_ANDROID,
    ("kakaotalk", "ios"): agents.IPHONE
    + "Version/26.0 Mobile/15E148 Safari/604.1 KAKAOTALK/26.7.3 (INAPP)",
    ("naver", "android"): agents.ANDROID + " NAVER(inapp; search; 1150; 12.5.0)",
    ("telegram", "android"): agents.ANDROID
    + " Telegram-Android/12.10.0 (Samsung SM-S901U1; Android 16; SDK 36; HIGH)",
    ("telegram", "ios"): agents.IPHONE
    + "Mobile/15E148 Telegram-iOS/12.10.0",  # no iPhone sends this: the row waits for a mark
    ("linkedin", "ios"): agents.IPHONE
    + "Version/26.5 Mobile/15E148 Safari/604.1 [LinkedInApp]/9.51",
    ("gsa", "ios"): agents.IPHONE + "GSA/392.0.823086651 Mobile/15E148 Safari/604.1",
    ("wechat", "android"): agents.WECHAT_ANDROID,
    ("wechat", "ios"): agents.IPHONE
    + "Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/zh_CN",
    ("qq", "android"): agents.ANDROID + " V1_AND_SQ_8.9.28 QQ/8.9.28.635 NetType/WIFI",
    ("qq", "ios"): agents.IPHONE
    + "Mobile/15E148 QQ/8.9.28.635 V1_IPH_SQ_8.9.28_1_APP_A Pixel/1170 NetType/WIFI",
    ("weibo", "android"): agents.ANDROID + " Weibo (Pixel 8__weibo__14.1.0__android__android14)",
    ("weibo", "ios"): agents.IPHONE
    + "Mobile/15E148 Weibo (iPhone14,5__weibo__14.1.0__iphone__os17.0)",
    ("default", "android"): agents.ANDROID + " [Pinterest/Android]",
    ("default", "ios"): agents.IPHONE + "Mobile/15E148 Safari/604.1 [Pinterest/iOS]",
}
