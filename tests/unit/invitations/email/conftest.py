"""A site whose mail server is fake, and alice who invites people by e-mail."""

import pytest
from tests.unit.invitations.email.mail import ANA, FAULTS, SENT, Server

from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.email_addresses import hash_of
from elonara.invitations.models import EmailInvitation


@pytest.fixture
def mailers(settings):
    """Requested before the options are set: what is set first is restored last."""
    settings.MAILERS = {
        "default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"},
        "smtp": {"BACKEND": f"{Server.__module__}.Server"},
    }
    settings.DEFAULT_FROM_EMAIL = "events@site.example"


@pytest.fixture(autouse=True)
def mail_server(mailers, set_options, site):
    set_options(email={"url": "smtp://mail.example"})
    SENT.clear()
    FAULTS.clear()


@pytest.fixture
def write(alice):
    def go(event, text=ANA, host=None, **options):
        return email_inviting.invite(host or alice, event, text, **options)

    return go


@pytest.fixture
def email_row():
    """The row of one address."""
    return lambda address="ana@example.org": EmailInvitation.objects.select_related("event", "host").get(
        address_hash=hash_of(address)
    )
