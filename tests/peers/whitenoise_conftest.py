"""Stands in for WhiteNoise's own `tests/conftest.py`, which its source distribution leaves out."""

from __future__ import annotations

import django
from django.conf import settings

from .utils import FOLDER, AppServer, write_files

write_files()
settings.configure(
    ALLOWED_HOSTS=["*"],
    FORCE_SCRIPT_NAME=f"/{AppServer.PREFIX}",
    INSTALLED_APPS=["whitenoise.runserver_nostatic", "django.contrib.staticfiles"],
    MIDDLEWARE=["whitenoise.middleware.WhiteNoiseMiddleware"],
    ROOT_URLCONF="tests.utils",
    STATIC_ROOT=str(FOLDER / "collected"),
    SECRET_KEY="for tests only",
    STATIC_URL=f"/{AppServer.PREFIX}/static/",
    STORAGES={
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    },
    USE_TZ=True,
    WHITENOISE_MAX_AGE=60,
)
django.setup()
