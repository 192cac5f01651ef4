"""Django's test client, for a site whose session cookie is not the session's key (`elonara.config.sessions`).

The client puts the key of a session into its cookie, and opens the session of a cookie as if it were a key.
"""

from django.conf import settings
from django.test.client import ClientMixin


def install() -> None:
    """From here on every client does as browsers do. Once for a run."""
    from elonara.config.sessions import SessionStore

    set_login_cookies = ClientMixin._set_login_cookies

    def session(self):
        cookie = self.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie and cookie.value:
            return SessionStore.of_cookie(cookie.value)
        store = SessionStore()
        store.save()
        self.cookies[settings.SESSION_COOKIE_NAME] = store.cookie
        return store

    def set_cookies(self, request):
        set_login_cookies(self, request)
        name, secret = settings.SESSION_COOKIE_NAME, request.session.cookie
        self.cookies[name].set(name, secret, secret)

    ClientMixin.session = property(session)
    ClientMixin._set_login_cookies = set_cookies
