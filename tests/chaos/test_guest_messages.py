"""kill -9 while guests are told: never none, a second copy only after a doubt, none after a stop."""

import random
import time
from collections import defaultdict
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone
from tests.chaos.ground import LONG, how_many
from tests.chaos.mail import MailServer

from elonara.events import actions
from elonara.events.guests import rsvps
from elonara.events.messages.models import UNSENT, GuestMessage, MessageKind, MessageState
from elonara.invitations.guest_emails import host_messages, stopping
from elonara.members.models import Member

GUESTS, KILLS = how_many("GUESTS", 300, 40), how_many("MAIL_KILLS", 20, 3)
STOPPERS = 4
SLOWEST_REPLY = 0.4  # seconds
NOTICED_AFTER = 3.0  # seconds from a stop, or from a reply, until it counts: a claim or a commit may be under way


@pytest.fixture
def server():
    with MailServer(SLOWEST_REPLY) as server:
        yield server


@pytest.fixture
def picnic(site, server):
    """An event of a host of the site, whose guests have addresses."""
    site.set_up(ELONARA_EMAIL__URL=server.url, ELONARA_EMAIL__FROM="events@site.example")
    alice = Member.objects.create_user("alice", display_name="Alice")
    starts = (timezone.now() + timedelta(days=30)).replace(minute=0, second=0, microsecond=0)
    event = actions.create(alice, title="Picnic", starts_at=starts, timezone="UTC", location="Beach")
    for number in range(GUESTS):
        guest = Member.objects.create_user(f"guest{number}")
        EmailAddress.objects.create(user=guest, email=f"guest{number}@guests.example", verified=True, primary=True)
        rsvps.respond(event, choice="going", member=guest)
    return event


def left():
    return GuestMessage.objects.filter(state__in=UNSENT).count()


def kill_while_it_tells(site, server, chance, kills):
    """Kill the process at a random moment of its work, but while it is likely that replies are awaited."""
    process, began = site.deliver(), len(server.copies)
    site.wait(lambda: len(server.copies) > began or not left() or not process.running, 90, often=0.01)
    assert process.running, site.words()
    time.sleep(chance.uniform(0, SLOWEST_REPLY))
    kills.append(time.monotonic())
    process.kill()


@pytest.mark.promise("told-once")
@pytest.mark.promise("stop-emails")
def test_guests_are_told_whatever_is_killed(site, server, picnic, count):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance, kills, alice = random.Random(seed), [], picnic.created_by
    changes = (
        lambda: host_messages.send(alice, picnic, "everybody", "Bring bread."),
        lambda: actions.change(picnic, by=alice, location="Hill"),
        lambda: actions.cancel(picnic, alice, "It rains."),
    )
    stopped = {}
    for number, happens in enumerate(changes):
        happens()
        GuestMessage.objects.filter(state=MessageState.QUEUED).update(due_at=timezone.now())  # edits have settled
        for _ in range(KILLS // len(changes) + (number < KILLS % len(changes))):
            kill_while_it_tells(site, server, chance, kills)
            row = GuestMessage.objects.filter(state=MessageState.SENDING).first()
            if row is not None and len(stopped) < STOPPERS:
                stopping.stop(row, for_ever=True)
                stopped[row.member.emailaddress_set.get().email] = time.monotonic()
        process = site.deliver()
        site.wait(lambda: not left(), 300 if LONG else 120, often=0.1)
        process.kill()  # nothing waits: nothing is lost
        kills.append(time.monotonic())
    site.wait(lambda: not server.under_way, 10)
    copies = defaultdict(list)
    for copy in sorted(server.copies, key=lambda copy: copy.came):
        copies[copy.message_id].append(copy)
    again = [found for found in copies.values() if len(found) > 1]
    count(f"{len(kills)} kills, {len(server.copies)} e-mails, {len(again)} of them twice, {len(stopped)} stopped")
    told = {(row.member_id, row.kind): row for row in GuestMessage.objects.select_related("member")}
    for guest in Member.objects.filter(username__startswith="guest"):
        address = guest.emailaddress_set.get().email
        for kind in (MessageKind.HOST, MessageKind.CHANGED, MessageKind.CANCELLED):
            found = copies.get(told[guest.pk, kind].message_id, []) if told[guest.pk, kind].message_id else []
            assert found or address in stopped, (guest.username, kind, told[guest.pk, kind].state)
            assert {copy.to for copy in found} <= {address}
    for found in again:
        assert len({(copy.to, copy.subject, body(copy)) for copy in found}) == 1
        first = found[0]
        assert any(first.came - 1 <= kill <= first.replied + NOTICED_AFTER for kill in kills), found
    for copy in server.copies:
        assert copy.to not in stopped or copy.came < stopped[copy.to] + NOTICED_AFTER, copy


def body(copy):
    """The text without the link of its own."""
    return copy.text.partition("-- ")[0]
