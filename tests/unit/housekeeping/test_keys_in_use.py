"""Missing, wrong and lost keys: who notices, what is refused, and what goes on once they are back."""

import argparse
import dataclasses
import html
import io
import json
import shutil

import pytest
from allauth.mfa.models import Authenticator
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from tests.pages import page_text

from elonara import sealing, shared_clock
from elonara.bluesky.models import AppPasswordSession, AssertionKey, MemberIdentity
from elonara.bluesky.oauth import client_keys, sessions
from elonara.bluesky.refresh_lease import TryLater
from elonara.bluesky.sealed_columns import sealed_columns
from elonara.cli import abandon as command
from elonara.cli.errors import CommandRefused
from elonara.communities.models import Community
from elonara.housekeeping import outgoing_email, words, workers
from elonara.housekeeping.keys import abandoned, in_use
from elonara.housekeeping.models import OutgoingEmail, Worker
from elonara.invitations.models import Announcement, State
from elonara.keyfiles import KeyFileFault
from elonara.members.models import AuditEntry, Member
from elonara.members.sign_in.mfa import SealedMFAAdapter


@pytest.fixture
def site(connected, settings, tmp_path):
    """A site with a data folder of its own, one session in its database, and a way to lose the keys."""
    ring = sealing.key_file(settings.ELONARA.data_dir)
    settings.ELONARA = dataclasses.replace(settings.ELONARA, data_dir=tmp_path)
    shutil.copytree(ring.parent, tmp_path / "keys")
    return settings.ELONARA


@pytest.fixture
def ring(site):
    return sealing.key_file(site.data_dir)


@pytest.fixture
def kid(ring):
    return json.loads(ring.read_text())["current"]


@pytest.fixture
def lost(ring, kid):
    """The whole ring is lost."""
    ring.unlink()
    return kid


@pytest.fixture
def another_ring(ring, kid):
    """The ring is another site's."""
    ring.unlink()
    sealing.ensure_keys(ring.parent.parent)
    return kid


class Terminal(io.StringIO):
    def isatty(self):
        return True


class TestTheStart:
    def test_opens_a_secret_of_each_key(self, site, kid):
        assert in_use.check(site.data_dir) == kid
        assert in_use.missing() == {}

    @pytest.mark.django_db
    def test_makes_a_ring_where_nothing_is_sealed(self, tmp_path, settings):
        settings.ELONARA = dataclasses.replace(settings.ELONARA, data_dir=tmp_path / "new")
        assert in_use.check(tmp_path / "new") == sealing.current_kid()

    @pytest.mark.promise("keys-never-replaced")
    def test_makes_no_ring_where_something_is_sealed(self, site, lost, ring):
        with pytest.raises(KeyFileFault) as refused:
            in_use.check(site.data_dir)
        assert lost in str(refused.value)
        assert str(ring) in str(refused.value)
        assert f"elonara keys abandon {lost}" in str(refused.value)
        assert not ring.exists()

    def test_refuses_another_ring(self, site, another_ring, ring):
        with pytest.raises(KeyFileFault) as refused:
            in_use.check(site.data_dir)
        assert f"under key {another_ring}, which {ring} does not hold" in str(refused.value)

    def test_refuses_a_damaged_key_of_the_right_name(self, site, ring, kid):
        content = json.loads(ring.read_text())
        content["keys"][kid]["key"] = "A" * 43
        ring.unlink()
        sealing.create_private(ring, json.dumps(content))
        with pytest.raises(KeyFileFault, match="does not open"):
            in_use.check(site.data_dir)

    @pytest.mark.parametrize("what", ["app password", "assertion key", "e-mail", "second factor"])
    def test_looks_at_every_kind_of_secret(self, db, member, settings, tmp_path, what):
        make_secret(what, member)
        settings.ELONARA = dataclasses.replace(settings.ELONARA, data_dir=tmp_path)
        with pytest.raises(KeyFileFault, match="is sealed under key"):
            in_use.check(tmp_path)


class TestARunningProcess:
    def test_without_a_key_takes_no_work_until_it_has_it(self, site, another_ring, ring, settings):
        beat = workers.beating("embedded")
        assert beat() is False
        assert Worker.objects.get().held == "keys"
        (ring.parent / "sealing.json").unlink()
        assert beat() is False

    def test_notices_that_keys_were_rotated_elsewhere(self, site, ring, kid):
        beat = workers.beating("procrastinate")
        assert beat() is True
        before = ring.read_text()
        new = sealing.rotate()
        rotated = ring.read_text()
        row = MemberIdentity.objects.get()
        sealed = sealed_columns(row, {"bsky_access_token_enc": "at"})
        MemberIdentity.objects.update(**sealed)
        sealing.replace_private(ring, before)
        assert beat() is False
        assert new in in_use.missing()
        sealing.replace_private(ring, rotated)
        assert beat() is True
        assert Worker.objects.get().held == ""

    def test_never_ends_a_session_or_makes_a_post_wait_for_its_host(self, site, another_ring):
        row = MemberIdentity.objects.get()
        with pytest.raises(TryLater) as later:
            sessions.fresh_token(row.pk)
        assert later.value.reason == "keys_missing"
        row.refresh_from_db()
        assert row.state == "active"
        assert row.bsky_refresh_token_enc


class TestAbandoning:
    @pytest.mark.parametrize("broken", ["lost", "another_ring"])
    def test_ends_what_cannot_be_opened_and_asks_the_members(self, site, broken, request, hook_calls, kid, member):
        for what in ("app password", "e-mail", "second factor"):
            make_secret(what, member)
        request.getfixturevalue(broken)
        if broken == "lost":
            sealing.ensure_keys(site.data_dir)
        lost = abandoned.abandon(kid)
        assert (lost.sessions, lost.app_passwords, lost.second_factors, lost.emails) == (1, 1, 1, 1)
        row = MemberIdentity.objects.get()
        assert (row.state, row.state_reason, row.bsky_refresh_token_enc) == ("needs_reauth", "unreadable", "")
        assert not AppPasswordSession.objects.exists()
        assert not Authenticator.objects.exists()
        assert not OutgoingEmail.objects.filter(error="kept").exists()
        assert [name for name, *_ in hook_calls].count("on_needs_member") == 2
        assert in_use.missing() == {}
        assert in_use.check(site.data_dir) == sealing.current_kid() != kid
        assert kid in AuditEntry.objects.get(what="key_abandoned").subject

    def test_a_session_whose_assertion_key_is_lost_ends_too(self, site, kid, ring):
        key = client_keys.rotate()
        MemberIdentity.objects.update(assertion_kid=key)
        new = sealing.rotate()
        row = MemberIdentity.objects.get()
        columns = ("bsky_access_token_enc", "bsky_refresh_token_enc", "dpop_key_enc")
        MemberIdentity.objects.update(**sealed_columns(row, dict.fromkeys(columns, "x")))
        content = json.loads(ring.read_text())
        del content["keys"][kid]
        sealing.replace_private(ring, json.dumps(content))
        abandoned.abandon(kid)
        assert MemberIdentity.objects.get().state == "needs_reauth"
        assert not AssertionKey.objects.exists()
        assert in_use.check(site.data_dir) == new

    def test_is_refused_for_a_key_that_is_here(self, site, kid):
        with pytest.raises(ValueError, match=kid):
            abandoned.abandon(kid)
        assert MemberIdentity.objects.get().state == "active"


class TestTheCommand:
    def run(self, site, kid, *, yes=False, as_json=False):
        return command.run(argparse.Namespace(kid=kid, yes=yes, json=as_json), site)

    def test_says_the_counts_and_asks(self, site, lost, monkeypatch, capsys):
        monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
        with pytest.raises(CommandRefused, match="nothing was done"):
            self.run(site, lost)
        assert "Bluesky sessions to end (their members are asked to reauthorize): 1" in capsys.readouterr().out
        assert MemberIdentity.objects.get().state == "active"
        assert not sealing.key_file(site.data_dir).exists()
        monkeypatch.setattr("sys.stdin", Terminal(f"{lost}\n"))
        assert self.run(site, lost) == 0
        assert MemberIdentity.objects.get().state == "needs_reauth"

    def test_does_nothing_where_nobody_can_be_asked(self, site, lost, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{lost}\n"))
        with pytest.raises(CommandRefused, match="--yes"):
            self.run(site, lost)
        with pytest.raises(CommandRefused, match="--yes"):
            self.run(site, lost, as_json=True)
        assert MemberIdentity.objects.get().state == "active"
        self.run(site, lost, yes=True)
        assert MemberIdentity.objects.get().state == "needs_reauth"

    def test_refuses_a_key_that_is_here_and_one_that_seals_nothing(self, site, kid):
        with pytest.raises(CommandRefused, match="nothing is lost"):
            self.run(site, kid, yes=True)
        with pytest.raises(CommandRefused, match="nothing is sealed under"):
            self.run(site, "00000000", yes=True)


class TestPostsThatWaitUnreadable:
    @pytest.fixture
    def waiting(self, site, member, hook_calls):
        community = Community.objects.create(name="Picnics", slug="picnics", created_by=member)
        Announcement.objects.create(
            host=member,
            community=community,
            author_did="did:plc:alice",
            rkey="a",
            record={},
            state=State.WAITING,
            reason="unreadable",
            queued_at=timezone.now(),
            next_attempt_at=timezone.now(),
        )

    def test_go_on_where_their_session_opens(self, waiting, hook_calls, member):
        assert abandoned.resume_readable() == 1
        assert ("on_ready", member.pk, "did:plc:alice") in hook_calls

    def test_wait_where_it_does_not(self, waiting, another_ring, hook_calls, member):
        assert abandoned.resume_readable() == 0
        assert ("on_ready", member.pk, "did:plc:alice") not in hook_calls


def make_secret(what, member):
    if what == "app password":
        row = AppPasswordSession(did="did:plc:alice", handle="alice.example", member=member)
        row.app_password_enc = sealed_columns(row, {"app_password_enc": "pw"})["app_password_enc"]
        row.save()
    elif what == "assertion key":
        client_keys.rotate()
    elif what == "e-mail":
        outgoing_email.enqueue(EmailMessage("subject", "body", "us@example.org", ["bob@example.org"]))
        OutgoingEmail.objects.update(error="kept")
    else:
        secret = SealedMFAAdapter().encrypt("JBSWY3DP")
        Authenticator.objects.create(user=member, type=Authenticator.Type.TOTP, data={"secret": secret})


@pytest.mark.parametrize(("ahead", "held"), [(59, ""), (-59, ""), (61, "clock"), (-61, "clock"), (600, "clock")])
def test_a_worker_whose_clock_is_more_than_a_minute_off_takes_no_work(site, monkeypatch, ahead, held):
    monkeypatch.setattr(shared_clock, "ahead_of_database", lambda: float(ahead))
    beat = workers.beating("procrastinate")
    assert beat() is not bool(held)
    assert Worker.objects.get().held == held
    monkeypatch.setattr(shared_clock, "ahead_of_database", lambda: 0.0)
    assert beat() is True
    assert Worker.objects.get().held == ""


@pytest.mark.parametrize("held", ["clock", "keys"])
def test_health_and_the_jobs_page_say_why_a_worker_takes_no_work(db, held):
    now = timezone.now()
    Worker.objects.create(name="m:7", engine="procrastinate", version="1", started_at=now, seen_at=now, held=held)
    said = Client().get("/health")
    assert (said.status_code, said.json()) == (200, {"status": "ok", "held": [held]})
    operator = Client()
    operator.force_login(Member.objects.create_superuser("olga"))
    assert f"Takes no work: {words.HELD[held]}." in html.unescape(page_text(operator.get("/admin/jobs/")))
    Worker.objects.update(held="")
    assert Client().get("/health").json() == {"status": "ok"}
