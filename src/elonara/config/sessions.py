"""Browser sessions: the cookie is a random secret, and the database has only its hash.

`session_key` is that hash, wherever Django and allauth use it (`django_session`, the list of a member's sessions), so
neither a copy of the database nor a page that prints the key opens a session. Only the middleware turns a cookie into a
key. A key is never accepted as a cookie: it would be hashed again and match no row.

SHA-256 without a key of the site is enough: a cookie has 256 random bits (those of 0.1.0 have 165), so nobody can try
cookies until a hash fits. The time that a look-up takes tells nothing either, since the hash is what is compared.

A member's session ends 60 days after its last change (`SESSION_COOKIE_AGE`), and 90 days after the sign-in whatever
happens. A visitor's ends sooner, because anybody can make the site store one by beginning a sign-in: after an hour, or,
once an account was proved in it, when that proof no longer counts.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Self

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions import middleware
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from elonara.web.proofs import PROOF_SECONDS, PROVEN

LONGEST_SESSION: Final = timedelta(days=90)
BEGAN: Final = "began"  # in the session: POSIX timestamp of the sign-in, or of the first visit
VISITOR_SECONDS: Final = 3600  # longer than any sign-in that is under way
KEY_LENGTH: Final = 40  # of the column, here and in allauth's list; as hexadecimal digits 160 bits


def key_of(cookie: str) -> str:
    """The key under which the session of a cookie is stored."""
    return sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()[:KEY_LENGTH]


class SessionStore(db.SessionStore):
    """A session in the database. `SessionStore(key)` is by its key, `SessionStore.of_cookie(cookie)` by a browser."""

    # Set only where the browser showed it, or where it was made in this request.
    cookie: str | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """The table of Django's own database sessions."""
        return Session

    @classmethod
    def of_cookie(cls, cookie: str | None) -> Self:
        """The session of a browser; a new one where it has no cookie."""
        if not cookie:
            return cls()
        store = cls(key_of(cookie))
        store.cookie = cookie
        return store

    def _get_new_session_key(self) -> str:
        """A new secret for the browser; returns the key that is stored. Called for new sessions and by `cycle_key`."""
        self.cookie = secrets.token_urlsafe(32)
        return key_of(self.cookie)

    def get_session_cookie_age(self) -> int:
        """Seconds that the session lives from its last change."""
        if SESSION_KEY in self:
            return int(settings.SESSION_COOKIE_AGE)
        return PROOF_SECONDS if self.get(PROVEN) else VISITOR_SECONDS

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Seconds until the session ends: Django's, cut off at the absolute end."""
        age = int(super().get_expiry_age(**kwargs))
        return max(0, min(age, int(self._began() + LONGEST_SESSION.total_seconds() - self._now())))

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        """When the row expires: Django's, cut off at the absolute end."""
        end = datetime.fromtimestamp(self._began(), UTC) + LONGEST_SESSION
        return min(super().get_expiry_date(**kwargs), end)

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """The row to store, which also says when the session began."""
        data.setdefault(BEGAN, self._now())
        return super().create_model_instance(data)

    def begin_anew(self) -> None:
        """Count the absolute end from now: somebody has just proved who they are."""
        self[BEGAN] = self._now()

    def _began(self) -> float:
        began = self.get(BEGAN)
        return float(began) if isinstance(began, int | float) else self._now()

    @staticmethod
    def _now() -> float:
        return timezone.now().timestamp()


class SessionMiddleware(middleware.SessionMiddleware):
    """Django's, with the secret in the cookie instead of the key."""

    def process_request(self, request: HttpRequest) -> None:
        """Open the session of the cookie."""
        request.session = SessionStore.of_cookie(request.COOKIES.get(settings.SESSION_COOKIE_NAME))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Store a changed session. Django's middleware would give the browser the key: replace it by the secret."""
        response = super().process_response(request, response)
        name = settings.SESSION_COOKIE_NAME
        set_cookie = response.cookies.get(name)
        if set_cookie is not None and set_cookie.value:
            secret = getattr(request.session, "cookie", None)
            if secret is None:
                # A session that was opened by its key: the browser keeps the cookie that it has.
                del response.cookies[name]
            else:
                set_cookie.set(name, secret, secret)
        return response


@receiver(user_logged_in)
def count_from_sign_in(request: HttpRequest | None, **_: Any) -> None:
    """A visitor's session becomes a member's: its absolute end counts from here."""
    session = getattr(request, "session", None)
    if isinstance(session, SessionStore):
        session.begin_anew()
