"""The site itself: it knows nothing of the middleware."""

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path


def home(request):
    return HttpResponse(
        '<h1>Harbour Lights</h1><a href="/listen">Listen</a> '
        '<a href="/presave/next">Pre-save the next one</a>'
    )


def listen(request):
    return redirect("https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC")


async def presave(request, release):
    return HttpResponse(f"<h1>Pre-save {release}</h1>")


urlpatterns = [path("", home), path("listen", listen), path("presave/<slug:release>", presave)]
application = get_wsgi_application()
