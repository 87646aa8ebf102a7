"""The least that a Django project with dj-stripe needs; where the engine is, the tests say."""

import os

SECRET_KEY = "not a secret"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djstripe"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "urls"
USE_TZ = True
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["PROJECT_DATABASE"]}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STRIPE_API_HOST = os.environ["ENGINE_URL"]
STRIPE_TEST_SECRET_KEY = os.environ["ENGINE_KEY"]
STRIPE_LIVE_MODE = False
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"

MIGRATION_MODULES = {"djstripe": None}  # tables as the models are: its migrations take a minute
SILENCED_SYSTEM_CHECKS = ["djstripe.W002"]  # that STRIPE_API_HOST is not for production
