"""The operator's jobs page, and the metrics for Prometheus."""

import dataclasses
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.pages import page_text
from tests.unit.invitations.conftest import *  # noqa: F403

from elonara.bluesky.models import AccountLane, PdsHost
from elonara.housekeeping import metrics, workers
from elonara.housekeeping.models import PeriodicTask
from elonara.housekeeping.overview import overview
from elonara.invitations.consent import pauses
from elonara.invitations.models import Announcement, EmailInvitation, HostSending, Invitation, State
from elonara.members.models import Member
from elonara.members.notices import notify, notify_operators, settle_operators

TOKEN = "a-token-for-prometheus"


@pytest.fixture
def operator(site):
    return Member.objects.create_superuser("olga", password="a long password")


@pytest.fixture
def browser(operator):
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(operator)
    return client


@pytest.fixture
def some_of_each(alice, picnic, send, deliver):
    send(picnic, "bob", "carol", "dan")
    deliver()
    Invitation.objects.filter(invitee_did="did:plc:carol").update(state=State.FAILED, reason="gave_up")
    Invitation.objects.filter(invitee_did="did:plc:dan").update(
        state=State.QUEUED, next_attempt_at=timezone.now() - timedelta(minutes=7)
    )


def test_states_reasons_and_the_longest_overdue_post_are_counted(some_of_each):
    seen = overview()
    assert {state: count for state, count in seen.counts.items() if count} == {"sent": 2, "failed": 1, "queued": 1}
    assert 400 < seen.oldest_due < 440
    assert [(one.state, one.reason, one.count) for one in seen.troubles] == [("failed", "gave_up", 1)]
    (account,) = seen.accounts
    assert (account.handle, account.queued, account.failed) == ("alice.example", 1, 1)


def test_a_post_that_waits_for_somebody_is_not_overdue(alice, make_member, make_event, picnic, send, deliver):
    long_ago = timezone.now() - timedelta(hours=3)
    send(picnic, "bob", "carol", "dan")
    Invitation.objects.filter(invitee_did="did:plc:bob").update(needs_confirmation=True)
    Invitation.objects.update(next_attempt_at=long_ago)
    Announcement.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))
    assert overview().oldest_due == 0, "two wait for the announcement, one for its host's confirmation"
    Announcement.objects.update(next_attempt_at=long_ago)
    assert overview().oldest_due > 10_000
    pauses.pause_host(alice, "opt_outs")
    assert overview().oldest_due == 0
    Invitation.objects.filter(invitee_did="did:plc:bob").update(ambiguous=True)
    assert overview().oldest_due > 10_000, "even during a pause it is checked whether the post exists"


def test_an_account_in_spacing_or_paused_is_not_overdue(some_of_each):
    lane = AccountLane.objects.filter(author_did="did:plc:host")
    for column in ("next_at", "paused_until"):
        lane.update(**{column: timezone.now() + timedelta(seconds=20)})
        assert overview().oldest_due == 0
        lane.update(**{column: timezone.now() - timedelta(seconds=30)})
        assert 20 < overview().oldest_due < 60


@pytest.fixture
def some_email_invitations(alice, picnic):
    now = timezone.now()
    for number, (state, reason) in enumerate([("queued", "mail_trying"), ("failed", "mail_gave_up"), ("sent", "")]):
        EmailInvitation.objects.create(
            event=picnic, host=alice, address_hash=f"a{number}", token_hash=f"t{number}", address_enc="sealed-address",
            state=state, reason=reason, due_at=now - timedelta(minutes=9),
        )  # fmt: skip


def test_email_invitations_are_shown_too(browser, some_email_invitations):
    seen = overview()
    assert {state: count for state, count in seen.by_email.items() if count} == {"queued": 1, "failed": 1, "sent": 1}
    assert 500 < seen.oldest_email_due < 600
    page = page_text(browser.get("/admin/jobs/"))
    assert "No mail server accepted it for a day." in page
    listed = browser.get(
        re.search(r'href="(/admin/elonara/emailinvitation/[^"]+mail_gave_up)"', page)[1].replace("&amp;", "&")
    )
    assert "1 email invitation" in page_text(listed)
    row = EmailInvitation.objects.first()
    assert "sealed-address" not in page_text(browser.get(f"/admin/elonara/emailinvitation/{row.pk}/change/"))
    text = metrics.render()
    assert 'elonara_email_invitations{state="failed"} 1\n' in text
    assert 'elonara_trouble_email_invitations{state="queued",reason="mail_trying"} 1\n' in text
    assert re.search(r"^elonara_oldest_email_due_seconds 5\d\d", text, re.MULTILINE)


def test_the_reasons_link_to_announcements_too(browser, some_of_each):
    Announcement.objects.update(state=State.FAILED, reason="gave_up")
    page = page_text(browser.get("/admin/jobs/"))
    for model in ("announcement", "invitation"):
        way = f"/admin/elonara/{model}/?state__exact=failed&amp;reason__exact=gave_up"
        assert f'href="{way}"' in page
        assert f"1 {model}" in page_text(browser.get(way.replace("&amp;", "&")))
    assert 'elonara_trouble_posts{state="failed",reason="gave_up"} 2\n' in metrics.render()


def test_the_number_of_queries_does_not_grow_with_the_rows(some_of_each, django_assert_max_num_queries, picnic):
    with django_assert_max_num_queries(24):
        overview()


def test_the_page_shows_every_pause_and_can_end_it(browser, some_of_each, alice):
    pauses.pause_host(alice, "opt_outs")
    later = timezone.now() + timedelta(minutes=9)
    AccountLane.objects.filter(author_did="did:plc:host").update(paused_until=later, pause_reason="rate_limited")
    PdsHost.objects.create(origin="https://pds.example", paused_until=later, reason="rate_limited")
    PeriodicTask.objects.create(name="clear away", due_at=later, error="OSError: no space")
    workers.beating("embedded")()
    page = page_text(browser.get("/admin/jobs/"))
    for text in (
        "alice",
        "Many people asked not to be invited. Sending is paused.",
        "@alice.example",
        "Bluesky asked this account to pause.",
        "https://pds.example",
        "no space",
        workers.name(),
    ):
        assert text in page
    forms = re.findall(r'name="what" value="(\w+)"><input type="hidden" name="which" value="([^"]+)"', page)
    assert sorted(what for what, _ in forms) == ["account", "host", "server"]
    for what, which in forms:
        assert browser.post("/admin/jobs/", {"what": what, "which": which}).status_code == 302
    assert not HostSending.objects.exclude(paused_at=None).exists()
    assert not AccountLane.objects.exclude(paused_until=None).exists()
    assert not PdsHost.objects.exists()
    assert "OSError" in page_text(browser.get("/admin/jobs/"))


def test_the_admins_first_page_links_to_it(browser):
    assert 'href="/admin/jobs/"' in page_text(browser.get("/admin/"))


@pytest.mark.parametrize("form", [{}, {"what": "host", "which": "x"}, {"what": "rubbish", "which": "1"}])
def test_a_form_that_names_nothing_known_is_refused(browser, form):
    assert browser.post("/admin/jobs/", form).status_code == 404


def test_members_and_strangers_do_not_see_it(make_member, site):
    client = Client(HTTP_HOST="127.0.0.1")
    assert client.get("/admin/jobs/").status_code == 302
    client.force_login(make_member("mo"))
    assert client.get("/admin/jobs/").status_code in {302, 403}
    client.force_login(make_member("staff", is_staff=True))
    assert client.get("/admin/jobs/").status_code == 403


def test_metrics_are_off_by_default_and_hidden_without_the_token(site, settings):
    client = Client(HTTP_HOST="127.0.0.1")
    assert client.get("/metrics").status_code == 404
    settings.ELONARA = dataclasses.replace(
        settings.ELONARA, metrics=dataclasses.replace(settings.ELONARA.metrics, token=TOKEN)
    )
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 404
    response = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    assert response["content-type"].startswith("text/plain; version=0.0.4")
    assert TOKEN not in repr(settings.ELONARA)


@pytest.mark.promise("metrics-nameless")
def test_every_line_is_valid_for_prometheus_and_none_names_a_person(some_of_each):
    PeriodicTask.objects.create(name='odd "name"\\', due_at=timezone.now(), ran_at=timezone.now())
    text = metrics.render()
    sample = re.compile(r'[a-z_]+(\{[a-z]+="([^"\\\n]|\\.)*"(,[a-z]+="([^"\\\n]|\\.)*")*\})? -?[0-9.e+-]+')
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line), line
    assert 'elonara_posts{state="queued"} 1\n' in text
    assert 'elonara_trouble_posts{state="failed",reason="gave_up"} 1\n' in text
    assert "alice" not in text
    assert "did:" not in text


def test_the_page_says_why_a_host_cannot_go_on(browser, alice, friends):
    pauses.pause_host(alice, "spam_label")
    friends.account_labels["did:plc:host"] = ("spam",)
    page = page_text(browser.post("/admin/jobs/", {"what": "host", "which": alice.pk}, follow=True))
    assert "has labelled the posting account as spam" in page
    assert HostSending.objects.exclude(paused_at=None).exists()


def test_a_clock_that_is_off_and_metadata_that_is_away_are_on_the_page_once(browser, alice):
    Member.objects.create_superuser("otto", password="a long password")
    notify_operators("clock of web-1", "The clock of web-1 is 300 seconds behind.")
    notify_operators("client metadata", "Servers cannot check who this site is.")
    notify(alice, "clock of web-2", "A notice that is no operator's.")
    assert overview().own_troubles == [
        "Servers cannot check who this site is.",
        "The clock of web-1 is 300 seconds behind.",
    ]
    assert page_text(browser.get("/admin/jobs/")).count("300 seconds behind") == 1
    settle_operators("clock of web-1")
    assert overview().own_troubles == ["Servers cannot check who this site is."]
