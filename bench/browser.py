"""Django's test client as a browser in which a member has just signed in."""

from __future__ import annotations


def sign_in(client, member) -> None:
    """As `force_login` does, but with the cookie of `elonara.config.sessions` and a proof of who she is."""
    from allauth.account.internal.flows.login import record_authentication
    from django.conf import settings
    from django.contrib.auth import login
    from django.http import HttpRequest

    from elonara.config.sessions import SessionStore

    request = HttpRequest()
    request.session = SessionStore()
    login(request, member, backend="django.contrib.auth.backends.ModelBackend")
    record_authentication(request, member, method="password")
    request.session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = request.session.cookie
