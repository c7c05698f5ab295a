"""User agents of visitors, written from the forms that the catalogue documents."""

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) "
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A.240205.004; wv) "
    "AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/133.0.6943.50 Mobile Safari/537.36"
)

TIKTOK_IOS = (
    IPHONE
    + "Mobile/15E148 musical_ly_41.9.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/en "
    "Region/US BytedanceWebview/d8a21c6"
)
TIKTOK_ANDROID = (
    ANDROID
    + " trill_2023303040 JsSdk/1.0 NetType/WIFI AppName/trill app_version/33.3.4 ByteLocale/en "
    "BytedanceWebview/d8a21c6"
)
INSTAGRAM_IOS = (
    IPHONE + "Mobile/22G86 Instagram 403.0.0.28.80 (iPhone14,3; iOS 18_6; en_US; en; scale=3.00; "
    "1284x2778; IABMV/1; 803914920) Safari/604.1"
)
INSTAGRAM_ANDROID = (
    ANDROID
    + " Instagram 404.0.0.48.76 Android (34/14; 420dpi; 1080x2201; Google/google; Pixel 8; shiba; "
    "shiba; en_US; 812345678; IABMV/1)"
)
THREADS_IOS = (
    IPHONE + "Mobile/22G86 Barcelona 393.1.0.35.70 (iPhone14,3; iOS 18_6; en_US; en; scale=3.00; "
    "1284x2778; 776535204)"
)
FACEBOOK_IOS = (
    IPHONE
    + "Mobile/22G86 [FBAN/FBIOS;FBAV/541.0.0.40.70;FBBV/832100000;FBDV/iPhone14,3;FBMD/iPhone;"
    "FBSN/iOS;FBSV/18.6;FBSS/3;FBLC/en_US;FBOP/5;IABMV/1]"
)
FACEBOOK_ANDROID = ANDROID + " [FB_IAB/FB4A;FBAV/541.0.0.40.70;IABMV/1;]"
LINE_IOS = IPHONE + "Mobile/15E148 Safari Line/15.5.2"
KAKAOTALK_ANDROID = ANDROID + ";KAKAOTALK 2409800"
WECHAT_ANDROID = (
    ANDROID
    + " XWEB/1160065 MMWEBSDK/20231202 MicroMessenger/8.0.47.2560(0x28002F50) WeChat/arm64 Weixin "
    "NetType/5G Language/zh_CN"
)
WECHAT_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/116.0.0.0 Safari/537.36 MicroMessenger/7.0.20.1781 WindowsWechat"
)
UNNAMED_ANDROID = ANDROID
UNNAMED_IOS = IPHONE + "Mobile/15E148"

SAFARI = IPHONE + "Version/18.6 Mobile/15E148 Safari/604.1"
CHROME_ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 "
    "Mobile Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
CHROME_DESKTOP = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)
DUCKDUCKGO_ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/133.0.6943.50 Mobile DuckDuckGo/5 Safari/537.36"
)

FACEBOOK_PREVIEW = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"
TIKTOK_PREVIEW = (
    "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 "
    "(compatible; TikTokSpider; ttspider-feedback@tiktok.com)"
)
