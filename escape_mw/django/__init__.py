"""The Django middleware, for WSGI and ASGI, sync and async.

    MIDDLEWARE = [
        "django.middleware.security.SecurityMiddleware",
        "escape_mw.django.EscapeMiddleware",
        ...
    ]
    ESCAPE_MW_RULES = BASE_DIR / "escape.yaml"      # or a mapping; without it, the default rules
    ESCAPE_MW_OBSERVERS = ["myapp.stats.observe"]   # optional: callables or their dotted paths
    ESCAPE_MW_SINKS = ["myapp.stats.keep"]          # the same, for events

It stands right behind SecurityMiddleware, which knows about https, and before everything that keeps
or caches responses: UpdateCacheMiddleware, SessionMiddleware, LocaleMiddleware, CommonMiddleware.
The system checks say so; "escape_mw.django" in INSTALLED_APPS runs them with every `manage.py`
command, not only once the site is served.
"""

from __future__ import annotations

from .checks import check_settings
from .middleware import EscapeMiddleware

__all__ = ["EscapeMiddleware", "check_settings"]
