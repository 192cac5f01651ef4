"""Django's settings, built from the site's options."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.csp import CSP

from elonara.config.databases import cache, database, mailers
from elonara.config.keys import secret_key
from elonara.config.logs import logging_settings
from elonara.config.options import load

ELONARA = load()
PACKAGE = Path(__file__).resolve().parent.parent
DATA = ELONARA.data_dir.resolve()

SECRET_KEY = secret_key(DATA)
DEBUG = False
ROOT_URLCONF = "elonara.config.urls"
WSGI_APPLICATION = "elonara.config.wsgi.application"
AUTH_USER_MODEL = "elonara.Member"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

INSTALLED_APPS = [
    "elonara",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "ninja",
]
if ELONARA.database.is_postgres:
    # The tables of the workers' queue. Their migrations use PostgreSQL's SQL and would fail on SQLite.
    INSTALLED_APPS.append("procrastinate.contrib.django")
    PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""
MIDDLEWARE = [
    "elonara.config.access.AccessLine",
    "elonara.config.middleware.TrustedProxies",
    "elonara.config.middleware.RequestId",
    "elonara.config.middleware.OneLoopbackName",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "elonara.config.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "elonara.web.middleware.ViewerTimeZone",
    "elonara.web.middleware.RefusalMiddleware",
    "elonara.web.concurrency.OutwardCalls",
]
AUTHENTICATION_BACKENDS = [
    "elonara.members.sign_in.password_backend.PasswordBackend",  # the first: it alone looks at passwords
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "elonara.web.context_processors.site",
            ],
            "builtins": ["elonara.web.parts.template_tags"],
        },
    }
]

# Static files are served from the package by the same process: no collectstatic, no second server.
STATIC_URL = "/static/"
STATICFILES_DIRS = [PACKAGE / "web" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "elonara.config.static.VersionedStaticFiles"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 24 * 3600
WHITENOISE_ALLOW_ALL_ORIGINS = False
MEDIA_ROOT = DATA / "media"
MEDIA_URL = "/media/"
FILE_UPLOAD_PERMISSIONS = 0o640
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

DATABASES = {"default": database(ELONARA.database, DATA)}
CACHES = {"default": cache(ELONARA.database)}
MAILERS = mailers(ELONARA.email)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ELONARA.email.sender or "elonara@localhost"
EMAIL_SUBJECT_PREFIX = f"[{ELONARA.site.name}] "
LOGGING = logging_settings(style=ELONARA.log.format)

# Hosts, HTTPS and cookies.
_https = ELONARA.site.is_https
ALLOWED_HOSTS = [urlsplit(ELONARA.site.url).hostname or "", "127.0.0.1", "localhost"]
CSRF_TRUSTED_ORIGINS = [ELONARA.site.url]
# Safe, because `TrustedProxies` (config.middleware) removes the header from requests that no trusted proxy sent.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ELONARA.http.trusted_proxies else None
SECURE_SSL_REDIRECT = _https and bool(ELONARA.http.trusted_proxies)
SECURE_REDIRECT_EXEMPT = [r"^health$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _https else 0
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SESSION_COOKIE_NAME = "__Host-elonara_session" if _https else "elonara_session"
CSRF_COOKIE_NAME = "__Host-elonara_csrf" if _https else "elonara_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# "Lax", not "Strict": the OAuth callback is a navigation from another site, and it needs the session.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_ENGINE = "elonara.config.sessions"
SESSION_COOKIE_AGE = 60 * 24 * 3600
CSRF_FAILURE_VIEW = "elonara.web.error_pages.csrf_failure"
X_FRAME_OPTIONS = "DENY"

_private = [f"http://{host}" for host in ELONARA.bluesky.allow_private_hosts]
_avatars = urlsplit(ELONARA.bluesky.cdn_url)
SECURE_CSP = {
    "default-src": [CSP.SELF],
    # Pictures of our own, and avatars from the AppView's CDN (`web.parts.avatars` shows no others).
    "img-src": [CSP.SELF, "data:", *([f"{_avatars.scheme}://{_avatars.netloc}"] if _avatars.netloc else []), *_private],
    # The response to a form may redirect to a member's own authorization server, at any host.
    "form-action": [CSP.SELF, "https:", *_private],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    "object-src": [CSP.NONE],
}

# In the cookie alone, where the oldest give way. Otherwise what does not fit there goes into the session, without end.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# Accounts: a username; an e-mail address and a second factor are optional.
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "elonara.members.sign_in.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional" if ELONARA.email.url else "none"
ACCOUNT_EMAIL_NOTIFICATIONS = bool(ELONARA.email.url)
# E-mails that somebody makes the site send to an address of her choice.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_MAX_EMAIL_ADDRESSES = 3
ACCOUNT_RATE_LIMITS = {
    "manage_email": "3/h/user,10/h/ip",
    "reset_password": "10/h/ip,3/h/key",
    "signup": "20/m/ip,40/h/ip",
}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if _https else "http"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
# So long a sign-in or a repeated proof allows changes to how a member signs in.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 10 * 60
ACCOUNT_USER_DISPLAY = "elonara.web.members.accounts.display"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
MFA_ADAPTER = "elonara.members.sign_in.mfa.SealedMFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = ELONARA.site.name
# An address that nobody can confirm, without a mail server, keeps no member from a second factor.
MFA_ALLOW_UNVERIFIED_EMAIL = not ELONARA.email.url
USERSESSIONS_TRACK_ACTIVITY = False
