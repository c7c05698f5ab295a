"""Make the pictures of this folder: python docs/screens/make.py (needs chromium on the path)."""

import subprocess
import tempfile
import threading
from pathlib import Path

from waitress.server import create_server

from escape_mw import load
from escape_mw.cli.preview import FIRST, RETURNED, Preview

HERE = Path(__file__).parent
RULES = load(
    {"version": 1, "page": {"brand": "Midnight Records", "title": "Paper Lanterns: Harbour Lights"}}
)
TRACK = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
SMART = "https://paperlanterns.lnk.to/harbourlights"
PICTURES = [  # file, host app, platform, destination, state, language, dark
    ("tiktok-android", "tiktok", "android", TRACK, FIRST, "en", False),
    ("tiktok-android-dark", "tiktok", "android", TRACK, FIRST, "en", True),
    ("tiktok-android-failed", "tiktok", "android", TRACK, RETURNED, "en", False),
    ("tiktok-ios-written", "tiktok", "ios", SMART, FIRST, "en", False),
    ("instagram-ios", "instagram", "ios", SMART, FIRST, "en", False),
    ("tiktok-ios-ar", "tiktok", "ios", SMART, FIRST, "ar", False),
    ("instagram-ios-ja", "instagram", "ios", TRACK, FIRST, "ja", True),
    ("kakaotalk-ios-ko", "kakaotalk", "ios", SMART, RETURNED, "ko", False),
]
CHROMIUM = (
    "chromium --headless=new --no-sandbox --disable-gpu --disable-background-networking"
    " --no-first-run --hide-scrollbars --window-size=390,760"
)


def shoot(name, app, platform, to, state, language, dark):
    """Take one picture."""
    server = create_server(Preview(RULES, app, platform, to), host="127.0.0.1", port=0)
    threading.Thread(target=server.run, daemon=True).start()
    query = f"state={state.replace(' ', '+')}&language={language}"
    url = f"http://127.0.0.1:{server.effective_port}/page?{query}"
    with tempfile.TemporaryDirectory() as profile:
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        command = [
            *CHROMIUM.split(),
            scheme,
            f"--user-data-dir={profile}",
            f"--screenshot={HERE / name}.png",
            url,
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603 - words of ours
    server.close()


if __name__ == "__main__":
    for picture in PICTURES:
        shoot(*picture)
