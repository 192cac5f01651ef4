"""`elonara doctor`: checks over the network (one in memory) and some of those in the database."""

import dataclasses
import json
import re
import time
from datetime import timedelta
from email.utils import formatdate

import pytest
from django.utils import timezone
from tests.fakes.oauth import Network
from tests.fakes.oauth import answer as response

from elonara.bluesky import network
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.cli import doctor_network, doctor_rows
from elonara.config import middleware
from elonara.housekeeping import workers
from elonara.housekeeping.models import PeriodicTask, Worker
from elonara.members.models import Member
from elonara.members.notices import notify_operators, settle_operators

SITE, APPVIEW, PLC = "https://events.example", "https://appview.example", "https://plc.example"


@pytest.fixture
def world(settings, transactional_db):
    """A public site and an in-memory network in which every check passes."""
    bluesky = dataclasses.replace(settings.ELONARA.bluesky, plc_url=PLC, appview_url=APPVIEW)
    site = dataclasses.replace(settings.ELONARA.site, url=SITE)
    settings.ELONARA = dataclasses.replace(settings.ELONARA, bluesky=bluesky, site=site)
    world = Network()
    world.ahead, world.documents_here = 0.0, {}

    def well(request):
        return response(200, {"version": "1"}, {"date": formatdate(time.time() - world.ahead, usegmt=True)})

    def ourselves(request):
        service = BlueskyOAuthService()
        true = {"/oauth/oauth-client-metadata.json": service.client_metadata(), "/oauth/jwks.json": service.jwks()}
        return world.documents_here.get(request.path) or response(200, true[request.path])

    world.origins |= {PLC: well, APPVIEW: well, SITE: ourselves}
    with network.use(world):
        yield world


def found(look, settings):
    return [(one.level, one.what, one.says) for one in look(settings.ELONARA)]


def test_every_check_passes(world, settings):
    assert {level for level, *_ in found(doctor_network.check, settings)} == {"ok"}
    assert [what for _, what, _ in found(doctor_network.check, settings)] == [
        "PLC",
        "AppView",
        "clock",
        "client",
        "client",
    ]


CLOCKS = [(-40, "wrong", "behind"), (40, "wrong", "ahead"), (5, "note", "ahead"), (0, "ok", "within")]


@pytest.mark.parametrize(("ahead", "level", "word"), CLOCKS)
def test_the_clock_is_compared_with_bluesky_s(world, settings, ahead, level, word):
    world.ahead = ahead
    output = next(one for one in doctor_network.check(settings.ELONARA) if one.what == "clock")
    assert output.level == level
    assert word in output.says
    assert bool(output.fix) == (level != "ok")
    if level != "ok":
        found, way = re.search(r"^this machine's clock is (\d+) seconds off \((ahead|behind)\)", output.says).groups()
        assert int(found) == pytest.approx(abs(ahead), abs=2)
        assert way == ("ahead" if ahead > 0 else "behind")


def test_one_server_with_a_wrong_clock_is_outvoted(world, settings):
    resolver = "https://resolver.example"
    bluesky = dataclasses.replace(settings.ELONARA.bluesky, handle_resolver_url=resolver)
    settings.ELONARA = dataclasses.replace(settings.ELONARA, bluesky=bluesky)
    world.origins[resolver] = world.origins[PLC]
    world.origins[PLC] = lambda request: response(200, {}, {"date": formatdate(time.time() + 9000, usegmt=True)})
    assert ("ok", "clock") in [one[:2] for one in found(doctor_network.check, settings)]


def test_what_the_site_itself_has_noticed_is_said(world, settings, monkeypatch):
    monkeypatch.setattr("elonara.cli.migrate.pending", list)
    Member.objects.create_superuser("olga", password="a long password")
    notify_operators("clock of web-1", "The clock of web-1 is 300 seconds behind.")
    said = ("note", "notice", "The clock of web-1 is 300 seconds behind.")
    assert said in found(doctor_rows.check, settings)
    settle_operators("clock of web-1")
    assert said not in found(doctor_rows.check, settings)


def test_workers_and_a_database_with_other_clocks_are_named(world, settings, monkeypatch):
    monkeypatch.setattr("elonara.cli.migrate.pending", list)
    workers.beating("embedded")()
    assert not [says for _, what, says in found(doctor_rows.check, settings) if what == "clock"]
    Worker.objects.update(clock_ahead=-300.0)
    [(level, _, says)] = [one for one in found(doctor_rows.check, settings) if one[1] == "clock"]
    assert level == "wrong"
    assert f"the clock of worker {workers.name()} is 300 seconds off from ours (behind)" in says
    monkeypatch.setattr("elonara.shared_clock.ahead_of_database", lambda: -300.0)
    [(level, _, says)] = [one for one in found(doctor_rows.check, settings) if one[1] == "clock"]
    assert (level, says) == ("wrong", "the database's clock is 300 seconds off from this machine's (ahead)")


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (response(302, {}, {"location": "/login"}), "302"),
        (response(200, b"<html>a login page</html>", {"content-type": "text/html"}), "not reached"),
        (response(200, {"a": 1}, {"content-type": "text/plain"}), "application/json"),
        (response(200, {"client_id": "https://another.example"}), "does not say what this site would"),
    ],
)
def test_a_proxy_in_front_of_the_client_metadata_is_noticed(world, settings, given, word):
    world.documents_here["/oauth/oauth-client-metadata.json"] = given
    wrong = [one for one in doctor_network.check(settings.ELONARA) if one.level == "wrong"]
    assert [one.what for one in wrong] == ["client"]
    assert word in wrong[0].says
    assert wrong[0].fix


def test_a_relay_without_the_label_of_a_bot_is_wrong(world, settings):
    relay = dataclasses.replace(settings.ELONARA.bluesky.relay, identifier="relay.example", app_password="x")
    settings.ELONARA = dataclasses.replace(
        settings.ELONARA, bluesky=dataclasses.replace(settings.ELONARA.bluesky, relay=relay)
    )
    labels = []
    profile = {"did": "did:plc:relay", "handle": "relay.example", "labels": labels}
    world.origins[APPVIEW] = lambda request: response(200, profile)
    assert ("wrong", "relay") in [one[:2] for one in found(doctor_network.check, settings)]
    labels.append({"val": "bot", "src": "did:plc:somebody-else"})
    assert ("wrong", "relay") in [one[:2] for one in found(doctor_network.check, settings)]
    labels.append({"val": "bot", "src": "did:plc:relay"})
    assert ("ok", "relay") in [one[:2] for one in found(doctor_network.check, settings)]


def test_missing_and_killed_workers_are_reported(world, settings, monkeypatch):
    monkeypatch.setattr("elonara.cli.migrate.pending", list)
    assert ("note", "workers", "no process runs jobs; 0 invitations wait") in found(doctor_rows.check, settings)
    workers.beating("embedded")()
    assert ("ok", "workers", f"{workers.name()} (embedded)") in found(doctor_rows.check, settings)
    Worker.objects.update(seen_at=timezone.now() - timedelta(minutes=5))
    assert any("stopped without notice" in says for _, what, says in found(doctor_rows.check, settings))


def test_a_failing_periodic_task_is_named(world, settings, monkeypatch):
    monkeypatch.setattr("elonara.cli.migrate.pending", list)
    PeriodicTask.objects.create(name="clear away", due_at=timezone.now(), error="OSError: no space")
    assert ("wrong", "errand", "clear away: OSError: no space") in found(doctor_rows.check, settings)


def test_reauthorize_answers_in_json_on_an_empty_site(site):
    assert site.json("reauthorize") == {
        "hosts": [], "told": 0, "moved": 0, "link": "http://127.0.0.1:8000/profile/edit",
    }  # fmt: skip
    assert "0 sessions of another address" in site("reauthorize", "--moved").stdout


def test_writes_refuses_a_handle_that_nobody_has_connected(site):
    done = site("doctor", "--offline", "--writes", "@nobody.example")
    assert done.returncode == 1
    assert "no member has connected @nobody.example" in done.stderr
    assert json.dumps("Traceback") not in done.stderr


PROXIES = [
    (response(200, b"<html>the site</html>", {"content-type": "text/html"}), "ok", "reached"),
    (response(500, middleware.NO_SCHEME.encode(), {"content-type": "text/plain"}), "wrong", "https"),
    (response(500, middleware.NOT_TRUSTED.encode(), {"content-type": "text/plain"}), "wrong", "http.trusted_proxies"),
    (response(301, {}, {"location": f"{SITE}/"}), "wrong", "https"),
    (response(301, {}, {"location": f"{SITE}"}), "wrong", "https"),
    (response(302, {}, {"location": f"{SITE}/accounts/login/"}), "ok", "reached"),
    (response(502, b"bad gateway", {"content-type": "text/html"}), "wrong", "502"),
    (response(401, b"who are you?", {"content-type": "text/html"}), "wrong", "401"),
]


@pytest.mark.parametrize(("given", "level", "word"), PROXIES)
def test_the_site_is_asked_through_its_proxy(world, settings, given, level, word):
    http = dataclasses.replace(settings.ELONARA.http, trusted_proxies=("127.0.0.1",))
    settings.ELONARA = dataclasses.replace(settings.ELONARA, http=http)
    world.documents_here["/"] = given
    (finding,) = [one for one in doctor_network.check(settings.ELONARA) if one.what == "proxy"]
    assert finding.level == level
    assert word in finding.says
    assert bool(finding.fix) == (level != "ok")


def test_a_site_that_its_proxy_does_not_reach_is_named(world, settings):
    http = dataclasses.replace(settings.ELONARA.http, trusted_proxies=("127.0.0.1",))
    settings.ELONARA = dataclasses.replace(settings.ELONARA, http=http)
    del world.origins[SITE]
    assert ("wrong", "proxy") in [one[:2] for one in found(doctor_network.check, settings)]
