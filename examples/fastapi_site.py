"""A FastAPI site with a bio link, a pre-save page and the middleware.

    uvicorn --app-dir examples fastapi_site:app

Then, as a visitor in TikTok:

    curl -A 'Mozilla/5.0 (iPhone; ...) ... musical_ly_41.9.0 ...' http://127.0.0.1:8000/listen
"""

from html import escape

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse

from escape_mw.asgi import EscapeMiddleware

RULES = {
    "version": 1,
    "page": {"brand": "Midnight Records", "accent": "#1db954"},
    "rules": [
        {"name": "pre-save", "path": "/presave/**", "to": "page"},
        {"name": "every redirect", "path": "/**", "to": "redirect"},
    ],
}

app = FastAPI()
app.add_middleware(EscapeMiddleware, rules=RULES)


@app.get("/", response_class=HTMLResponse)
async def home():
    return (
        '<h1>Harbour Lights</h1><a href="/listen">Listen</a> '
        '<a href="/presave/next">Pre-save the next one</a>'
    )


@app.get("/listen")
async def listen():
    return RedirectResponse("https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC", 302)


@app.get("/presave/{release}", response_class=HTMLResponse)
async def presave(release: str):
    return f"<h1>Pre-save {escape(release)}</h1>"
