"""The site of tests/support/sites.py in Flask and in Django, as servers need it.

Bare, and with the middleware in every way.
"""

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from flask import Flask, Response, request, send_file

from escape_mw import EscapeMiddleware

from ..support import sites
from .site import FILE, RULES

PARTS = (b"abc", b"", b"def", b"ghi")


def flask_echo() -> bytes:
    return request.get_data()


def flask_site() -> Flask:
    app = sites.flask_site()
    app.add_url_rule("/echo", "echo", flask_echo, methods=["POST"])
    app.add_url_rule("/stream", "stream", lambda: Response(iter(PARTS), content_type="text/plain"))
    app.add_url_rule("/file", "file", lambda: send_file(FILE))
    app.add_url_rule("/empty", "empty", lambda: ("", 204))
    app.add_url_rule(
        "/not-modified", "not-modified", lambda: Response(status=304, headers={"ETag": '"x"'})
    )
    return app


flask_bare = flask_site()
flask_wrapped = flask_site()
flask_wrapped.wsgi_app = EscapeMiddleware(flask_wrapped.wsgi_app, RULES)

urlpatterns = [
    path("echo", lambda request: HttpResponse(request.body)),
    path("stream", lambda _: StreamingHttpResponse(iter(PARTS))),
    path("file", lambda _: FileResponse(FILE.open("rb"))),
    path("empty", lambda _: HttpResponse(status=204)),
    path("not-modified", lambda _: HttpResponseNotModified(headers={"ETag": '"x"'})),
    *sites.urlpatterns,
]
settings.ROOT_URLCONF = __name__
django_bare = get_wsgi_application()
django_wrapped = EscapeMiddleware(get_wsgi_application(), RULES)
with override_settings(MIDDLEWARE=["escape_mw.django.EscapeMiddleware"], ESCAPE_MW_RULES=RULES):
    django_middleware = get_wsgi_application()
