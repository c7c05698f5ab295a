"""A site with two sign-ins: Flask-Dance's, which a link starts, and Authlib's, which a form starts.

Spotify's token endpoint is this site itself.
"""

from __future__ import annotations

import sys

from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, url_for
from flask_dance.contrib.spotify import make_spotify_blueprint

from escape_mw.flask import Escape

app = Flask(__name__)
app.secret_key = "for tests only"
app.register_blueprint(make_spotify_blueprint("c0ffee", "x"), url_prefix="/dance")
oauth = OAuth(app)
oauth.register(
    "spotify",
    client_id="c0ffee",
    client_secret="x",
    authorize_url="https://accounts.spotify.com/authorize",
    access_token_url=f"http://127.0.0.1:{sys.argv[1]}/token",
)
Escape(app)


@app.get("/")
def home() -> str:
    return "<h1>Home</h1>"


@app.get("/join")
def join() -> str:
    return "<form method=post action=/authlib><button>Follow</button></form>"


@app.post("/authlib")
def start():
    return oauth.spotify.authorize_redirect(url_for("finish", _external=True))


@app.get("/authlib/callback")
def finish() -> str:
    try:
        oauth.spotify.authorize_access_token()
    except OAuthError as problem:
        return f"<h1>Refused: {problem.error}</h1>"
    return "<h1>Welcome</h1>"


@app.post("/token")
def token() -> dict[str, str]:
    return {"access_token": "x", "token_type": "Bearer"}


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), threaded=True)
