"""The settings that matter; a real project has more."""

from pathlib import Path

BASE_DIR = Path(__file__).parent
SECRET_KEY = "only for this example"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "site_urls"
WSGI_APPLICATION = "site_urls.application"
INSTALLED_APPS = ["escape_mw.django"]  # so that `manage.py check` knows our checks
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # behind what knows about https, before what keeps or changes answers
    "escape_mw.django.EscapeMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ESCAPE_MW_RULES = BASE_DIR / "escape.yaml"
