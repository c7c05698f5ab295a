"""User agents to try a site with, of the forms that the catalogue knows."""

from __future__ import annotations

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
TIKTOK_ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A.240205.004; wv) AppleWebKit/537.36"
    " (KHTML, like Gecko) Version/4.0 Chrome/133.0.6943.50 Mobile Safari/537.36"
    " trill_2023303040 AppName/trill app_version/33.3.4 BytedanceWebview/d8a21c6"
)
TIKTOK_IOS = (
    f"{IPHONE} (KHTML, like Gecko) Mobile/15E148 "
    "musical_ly_41.9.0 JsSdk/2.0 NetType/WIFI BytedanceWebview/d8a21c6"
)
INSTAGRAM_IOS = (
    f"{IPHONE} (KHTML, like Gecko) Mobile/22G86 Instagram 403.0.0.28.80 (iPhone14,3; iOS 18_6;"
    " en_US; en; scale=3.00; 1284x2778; IABMV/1; 803914920) Safari/604.1"
)
INSTAGRAM_ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A.240205.004; wv) AppleWebKit/537.36"
    " (KHTML, like Gecko) Version/4.0 Chrome/133.0.6943.50 Mobile Safari/537.36"
    " Instagram 361.0.0.46.88 Android (34/14; 420dpi; 1080x2400; Google/google; Pixel 8; shiba)"
)
SAFARI = f"{IPHONE} (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
GOOGLEBOT = (
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/133.0.6943.50 Mobile Safari/537.36"
    " (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
)
