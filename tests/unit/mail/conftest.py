"""A site with a real SMTP server, and two queues before it: the site's own e-mails, and alice's invitations."""

import datetime
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.mail import send_mail
from tests.fakes.mail_server import MailServer
from tests.unit.invitations.conftest import *  # noqa: F403

from elonara.config.databases import mailers
from elonara.config.options import Email
from elonara.housekeeping import registration
from elonara.housekeeping.models import OutgoingEmail
from elonara.invitations.email import inviting
from elonara.invitations.email_addresses import hash_of
from elonara.invitations.models import EmailInvitation
from elonara.members.models import Member, Notice


@pytest.fixture
def server():
    with MailServer() as server:
        yield server


@pytest.fixture
def saved_mailers(settings):
    """Requested before the options are set: what is set first is restored last."""
    settings.MAILERS = settings.MAILERS
    settings.DEFAULT_FROM_EMAIL = "events@site.example"


@pytest.fixture
def at(saved_mailers, set_options, site, settings):
    """Makes the site send through a server."""

    def go(server, **email):
        options = Email(**({"url": server.url, "sender": "events@site.example"} | email))
        set_options(email={"url": options.url, "sender": options.sender})
        settings.MAILERS = mailers(options)
        settings.MAILERS["smtp"]["OPTIONS"]["timeout"] = 2
        registration.install()

    return go


@pytest.fixture
def mailing(at, server, operator):
    at(server)
    return server


@pytest.fixture
def operator(site):
    return Member.objects.create_superuser("olga", password="a long password")


@pytest.fixture
def told(operator):
    """The open notices of the operator about e-mail."""
    return lambda: list(Notice.objects.filter(member=operator, kind="mail_paused", dismissed_at=None))


@pytest.fixture
def reset_password(db):
    """Queues an e-mail of the site, such as a link for a new password."""

    def go(address="member@example.net"):
        send_mail("Your link", "https://site.example/reset/a-secret", None, [address])
        return OutgoingEmail.objects.latest("created_at")

    return go


@pytest.fixture
def invite(alice, picnic):
    return lambda *addresses: inviting.invite(alice, picnic, ", ".join(addresses))


@pytest.fixture
def state():
    """State and reason of the invitation of an address."""

    def find(address):
        row = EmailInvitation.objects.get(address_hash=hash_of(address))
        return row.state, row.reason

    return find


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory):
    """A TLS context of a server whose certificate, for 127.0.0.1, nobody vouches for; and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    return context, folder / "certificate"
