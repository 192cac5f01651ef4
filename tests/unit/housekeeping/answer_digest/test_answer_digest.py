"""The e-mail that tells a host who answered: to whom, when, what it says, and how it ends."""

from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from tests.unit.invitations.email.mail import FAULTS, SENT

from elonara import jobs
from elonara.events import actions
from elonara.events.guests import approval, by_host, rsvps
from elonara.events.models import Event, Rsvp
from elonara.housekeeping import answer_digest, periodic_tasks
from elonara.housekeeping.answer_digest import news as digest_news
from elonara.housekeeping.answer_digest import sending
from elonara.housekeeping.answer_digest.choices import token_of
from elonara.housekeeping.answer_digest.models import AnswerDigest
from elonara.housekeeping.models import OutgoingEmail
from elonara.members.models import Member


@pytest.fixture(autouse=True)
def host(alice):
    """Alice, who has a confirmed address and lives in Lisbon."""
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    alice.timezone = "Europe/Lisbon"
    alice.save()
    return alice


@pytest.fixture
def morning(clock):
    """`morning()`: the next eight o'clock in Lisbon, at which the digests are sent; returns their texts."""

    def wait(**later):
        local = clock.now().astimezone(sending.zone("Europe/Lisbon"))
        eight = local.replace(hour=8, minute=0, second=0, microsecond=0)
        clock.pass_(seconds=((eight if eight > local else eight + timedelta(days=1)) - local).total_seconds())
        clock.pass_(seconds=sending.SETTLED.total_seconds())
        if later:
            clock.pass_(**later)
        SENT.clear()
        sent = answer_digest.send_due()
        jobs.drain()
        assert len(SENT) == sent
        return [message.body for message in SENT]

    return wait


@pytest.fixture
def dinner(make_event, clock):
    return make_event(title="Dinner", starts_at=clock.now() + timedelta(days=20), plus_ones_allowed=3)


def test_who_answered_is_told_in_the_morning_once(dinner, make_member, morning):
    rsvps.respond(dinner, choice="going", member=make_member("bob", display_name="Bob"), plus_ones=2)
    rsvps.respond(dinner, choice="maybe", did="did:plc:dan", handle="dan.example", invited=True)
    assert answer_digest.send_due() == 0  # not at night
    [body] = morning()
    assert SENT[0].to == ["Alice <alice@example.org>"]
    assert SENT[0].subject == "[Elonara] 2 new answers: Dinner"
    assert "3 people are going, 1 may come." in body
    assert "- Bob is going, and brings 2\n- dan example may come\n" in body
    assert f"/events/{dinner.slug}/manage?tab=guests" in body
    assert answer_digest.send_due() == 0
    assert morning() == []


def test_only_what_is_new_is_told_the_next_day(dinner, make_member, morning):
    rsvps.respond(dinner, choice="going", member=make_member("bob"))
    morning()
    rsvps.respond(dinner, choice="cant", member=make_member("carol"))
    [body] = morning()
    assert SENT[0].subject == "[Elonara] 1 new answer: Dinner"
    assert "- carol can’t come" in body
    assert "bob" not in body


def test_events_are_told_together_the_soonest_first(dinner, make_event, clock, make_member, morning):
    lunch = make_event(title="Lunch", starts_at=clock.now() + timedelta(days=10))
    for event in (dinner, lunch):
        rsvps.respond(event, choice="going", member=make_member(f"guest-of-{event.slug}"))
    [body] = morning()
    assert SENT[0].subject == "[Elonara] 2 new answers: 2 events"
    assert body.index("Lunch") < body.index("Dinner")


def test_every_answer_has_words(dinner, morning, make_member):
    for choice in Rsvp.Choice:
        Rsvp.objects.create(event=dinner, did=f"did:plc:{choice}", name=choice.title(), choice=choice)
    [body] = morning()
    assert [line for line in body.split("\n") if line.startswith("- ")] == [
        "- Going is going", "- Maybe may come", "- Cant can’t come", "- Waiting is waiting for a place",
        "- Asked asks to come", "- Offered has been offered a place",
    ]  # fmt: skip


def test_many_are_counted_and_not_listed(dinner, morning):
    for number in range(digest_news.NAMED + 3):
        Rsvp.objects.create(event=dinner, did=f"did:plc:{number}", name=f"Guest {number}", choice="going")
    [body] = morning()
    assert "- and 3 more" in body
    assert f"Guest {digest_news.NAMED}" not in body
    assert SENT[0].subject == f"[Elonara] {digest_news.NAMED + 3} new answers: Dinner"


def test_her_own_answer_and_what_hosts_wrote_or_declined_is_no_news(dinner, alice, morning, make_member):
    rsvps.respond(dinner, choice="going", member=alice)
    by_host.add(dinner, alice, name="Grandma", choice="going")
    actions.change(dinner, by=alice, approval=True)
    rsvps.respond(dinner, choice="going", member=make_member("bob"))
    approval.decline(dinner, alice, Rsvp.objects.get(member__username="bob").pk)
    assert morning() == []


def test_what_is_over_cancelled_or_run_by_others_is_no_news(dinner, make_event, make_member, alice, clock, morning):
    bob = make_member("bob")
    over = make_event(title="Over", starts_at=clock.now())
    for event in (dinner, make_event(host=bob, title="Bob's"), over):
        Rsvp.objects.create(event=event, did="did:plc:dan", name="Dan", choice="going")
    # Long enough ago that it is over at eight o'clock, whatever the time is now.
    Event.objects.filter(pk=over.pk).update(starts_at=clock.now() - timedelta(hours=4))
    actions.cancel(dinner, alice)
    assert morning() == []


def test_a_cohost_is_told_once_she_has_accepted(dinner, alice, make_member, morning):
    carol = make_member("carol")
    EmailAddress.objects.create(user=carol, email="carol@example.org", verified=True, primary=True)
    actions.add_cohost(dinner, by=alice, member=carol)
    rsvps.respond(dinner, choice="going", member=make_member("bob"))
    assert len(morning()) == 1
    actions.accept_cohost(dinner, by=carol)
    rsvps.respond(dinner, choice="maybe", member=Member.objects.get(username="bob"))
    morning(hours=4)
    assert {message.to[0] for message in SENT} == {"Alice <alice@example.org>", "carol <carol@example.org>"}


@pytest.mark.parametrize(
    "change",
    [
        lambda host: EmailAddress.objects.update(verified=False),
        lambda host: Member.objects.filter(pk=host.pk).update(standing=Member.Standing.SUSPENDED),
        lambda host: answer_digest.choose(host, wanted=False),
    ],
    ids=["no confirmed address", "suspended", "switched off"],
)
def test_who_gets_none(dinner, host, make_member, morning, change):
    rsvps.respond(dinner, choice="going", member=make_member("bob"))
    change(host)
    assert morning() == []


def test_a_site_without_a_mail_server_sends_none(dinner, make_member, morning, set_options):
    rsvps.respond(dinner, choice="going", member=make_member("bob"))
    set_options(email={"url": ""})
    assert morning() == []


def test_switched_on_again_it_tells_what_came_in_between(dinner, host, make_member, morning):
    answer_digest.choose(host, wanted=False)
    rsvps.respond(dinner, choice="going", member=make_member("bob"))
    morning()
    answer_digest.choose(host, wanted=True)
    assert len(morning()) == 1


def test_after_a_long_pause_old_answers_are_no_news(dinner, host, make_member, morning):
    rsvps.respond(dinner, choice="going", member=make_member("bob"))
    assert morning(days=sending.LOOK_BACK.days + 1) == []


def test_a_process_that_found_her_due_before_another_told_it_queues_nothing(dinner, host, make_member, morning):
    rsvps.respond(dinner, choice="going", member=make_member("bob"))
    assert len(morning()) == 1
    assert sending._send(host) == 0


def test_one_that_waits_in_the_queue_is_not_sent_after_she_ended_it(dinner, host, make_member, morning, monkeypatch):
    rsvps.respond(dinner, choice="going", member=make_member("bob"))
    FAULTS.append(ConnectionRefusedError())
    with pytest.raises(AssertionError):
        morning()  # queued, and not sent
    assert OutgoingEmail.objects.count() == 1
    answer_digest.choose(host, wanted=False)
    assert not OutgoingEmail.objects.exists()


def test_if_the_e_mail_cannot_be_queued_it_is_told_later(dinner, make_member, morning, monkeypatch):
    rsvps.respond(dinner, choice="going", member=make_member("bob"))
    real = sending.enqueue
    monkeypatch.setattr(sending, "enqueue", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        morning()
    assert not AnswerDigest.objects.exists()
    monkeypatch.setattr(sending, "enqueue", real)
    answer_digest.send_due()
    assert OutgoingEmail.objects.count() == 1


@pytest.mark.parametrize(
    ("zone", "now", "eight"),
    [
        ("Europe/Lisbon", datetime(2026, 12, 1, 7, 59, tzinfo=UTC), datetime(2026, 11, 30, 8, tzinfo=UTC)),
        ("Europe/Lisbon", datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2026, 12, 1, 12, tzinfo=UTC), datetime(2026, 11, 30, 18, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 13, tzinfo=UTC), datetime(2026, 11, 1, 13, tzinfo=UTC)),
        ("", datetime(2026, 12, 1, 9, tzinfo=UTC), datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("Nowhere/None", datetime(2026, 12, 1, 9, tzinfo=UTC), datetime(2026, 12, 1, 8, tzinfo=UTC)),
    ],
)
def test_eight_is_that_of_her_own_clock(host, zone, now, eight):
    host.timezone = zone
    assert sending.last_morning(host, now) == eight


def test_names_and_titles_lead_nowhere(make_event, clock, morning):
    event = make_event(title="<b>evil.com</b>", starts_at=clock.now() + timedelta(days=9))
    Rsvp.objects.create(event=event, did="did:plc:x", name="Bob\r\nBcc: x@y.z <script>", choice="going")
    [body] = morning()
    html = SENT[0].alternatives[0].content
    assert "<script>" not in html
    assert "<b>" not in html
    for text in (SENT[0].subject, body, html):
        assert "evil.com" not in text
        assert "x@y.z" not in text


@pytest.mark.promise("stop-emails")
def test_the_link_ends_it_and_looking_does_not(client, dinner, host, make_member, morning):
    rsvps.respond(dinner, choice="going", member=make_member("bob"))
    [body] = morning()
    link = "/digest/" + body.split("/digest/")[1].split()[0]
    assert SENT[0].extra_headers["List-Unsubscribe"].endswith(f"{link}>")
    page = client.get(link)
    assert "Stop these e-mails" in page.content.decode()
    assert page["Referrer-Policy"] == "no-referrer"
    assert answer_digest.wants(host)
    page = client.post(link, {"List-Unsubscribe": "One-Click"})
    assert "You get no more e-mails about new answers" in page.content.decode()
    assert not answer_digest.wants(host)


def test_a_token_of_another_hosts_digest_or_of_something_else_ends_nothing(client, host, make_member):
    good = token_of(host)
    other = make_member("other")
    forged = f"{other.pk}:{good.split(':')[1]}"
    for token in (forged, str(other.pk), good[:-1], "x" * 200, "%F0%9F%8C%BB"):
        assert client.post(f"/digest/{token}").status_code == 404
    assert answer_digest.wants(other)
    assert answer_digest.wants(host)


def test_she_chooses_on_her_settings(client, host):
    client.force_login(host)
    assert 'name="wanted" value="1" checked' in client.get("/profile/edit?tab=invitations").content.decode()
    assert client.post("/profile/digest").headers["Location"] == "/profile/edit?tab=invitations"
    assert not answer_digest.wants(host)
    assert 'name="wanted" value="1" checked' not in client.get("/profile/edit?tab=invitations").content.decode()
    client.post("/profile/digest", {"wanted": "1"})
    assert answer_digest.wants(host)


def test_it_is_a_periodic_task():
    assert periodic_tasks.TASKS["answer digests"].run is answer_digest.send_due
