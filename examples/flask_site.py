"""A Flask site with a bio link, a pre-save page and the extension.

    python examples/flask_site.py

Then, as a visitor in TikTok:

    curl -A 'Mozilla/5.0 (iPhone; ...) ... musical_ly_41.9.0 ...' http://127.0.0.1:8000/listen
"""

import sys

from flask import Flask, redirect
from markupsafe import escape

from escape_mw.flask import Escape

app = Flask(__name__)
app.config["ESCAPE_MW"] = {
    "version": 1,
    "page": {"brand": "Midnight Records", "accent": "#1db954"},
    "rules": [
        {"name": "pre-save", "path": "/presave/**", "to": "page"},
        {"name": "every redirect", "path": "/**", "to": "redirect"},
    ],
}


@app.get("/")
def home():
    return (
        '<h1>Harbour Lights</h1><a href="/listen">Listen</a> '
        '<a href="/presave/next">Pre-save the next one</a>'
    )


@app.get("/listen")
def listen():
    return redirect("https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC")


@app.get("/presave/<release>")
def presave(release):
    return f"<h1>Pre-save {escape(release)}</h1>"


Escape(app)

if __name__ == "__main__":
    app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
