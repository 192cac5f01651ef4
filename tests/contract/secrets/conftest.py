"""A hunt that listens while a test runs."""

import dataclasses

import pytest
from django.core.cache import cache
from django.db import connection
from tests.contract.invitations.conftest import account, forty, friends, people, three  # noqa: F401
from tests.contract.secrets import listening
from tests.contract.secrets.hunt import Hunt

from elonara import sealing
from elonara.bluesky import network as site_network
from elonara.bluesky import sealed_columns
from elonara.bluesky.oauth import authorization_requests
from elonara.invitations.consent import spam_labels
from elonara.invitations.outbox import thumbnails
from elonara.members.sign_in import mfa


@pytest.fixture
def hunt(transactional_db, monkeypatch, settings, tmp_path, capfd):
    """Listens to logs, exceptions, stderr and what is sealed, from here to the end of the test."""
    cache.clear()
    if connection.vendor == "sqlite":
        # What tests before this one have deleted is still in the file and its log.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    thumbnails.forget()
    spam_labels.forget_labels()
    # A data folder of the test's own: nothing in it is from another test.
    settings.ELONARA = dataclasses.replace(settings.ELONARA, data_dir=tmp_path / "data")
    sealing.ensure_keys(tmp_path / "data")
    settings.MEDIA_ROOT = tmp_path / "data" / "media"
    hunt = Hunt()
    for module in (sealed_columns, authorization_requests, mfa):
        monkeypatch.setattr(module, "seal", listening.listening_seal(hunt, module.seal))
    with listening.logs(hunt), listening.exceptions(hunt):
        yield hunt


@pytest.fixture
def look(hunt, capfd):
    """Look at everything that stays: the database, the files, what the process has printed."""

    def at_everything():
        listening.look_at_database(hunt)
        listening.look_at_files(hunt)
        listening.look_at_objects(hunt)
        said = capfd.readouterr()
        hunt.hear("stdout", said.out)
        hunt.hear("stderr", said.err)

    return at_everything


@pytest.fixture
def listen_on(hunt):
    """`listen_on(network)`: the site's way out to that network, listened to."""
    made = []

    def on(net):
        allowed = net.settings()["ELONARA_BLUESKY__ALLOW_PRIVATE_HOSTS"].split(",")
        http = listening.ListeningHttp(hunt, allowed, resolver=net.resolver, ssl_context=net.ssl_context())
        use = site_network.use(http)
        use.__enter__()
        made.append((http, use))
        return http

    yield on
    for http, use in reversed(made):
        use.__exit__(None, None, None)
        http.close()


@pytest.fixture
def browser(hunt):
    """Opens a browser (or a program) that is listened to."""
    return lambda who: listening.ListeningBrowser(hunt, who)
