"""Alice's picnic, long over, with everything that the site knows of its guests. Each of them is called Zebedee."""

import itertools
from datetime import timedelta

import pytest
from tests.unit.invitations.conftest import *  # noqa: F403
from tests.unit.invitations.guest_emails.conftest import *  # noqa: F403

from elonara.atproto.tid import new_tid
from elonara.events.guests import by_host, questions
from elonara.events.messages.models import GuestMessage, HostMessage
from elonara.events.models import Rsvp
from elonara.invitations.models import Batch, EmailInvitation, Invitation
from elonara.members.models import Member

WORD = "Zebedee"
_numbers = itertools.count(1)


@pytest.fixture
def operator(make_member):
    return make_member("root", is_superuser=True, is_staff=True, email="root@example.org")


@pytest.fixture
def invitation(alice, picnic, soon):
    """`invitation("sent")`: one that Alice sent to somebody."""

    def make(state, **fields):
        number = next(_numbers)
        batch, _ = Batch.objects.get_or_create(
            host=alice, event=picnic, defaults={"note": WORD, "skipped": [{"did": "did:plc:z", "handle": WORD}]}
        )
        return Invitation.objects.create(
            batch=batch, event=picnic, host=alice, author_did="did:plc:host", rkey=new_tid(), ref=f"ref{number}",
            invitee_did=f"did:plc:z{number}", invitee_handle=f"{WORD}{number}.example", invitee_name=WORD, line=WORD,
            invitee_avatar=f"https://cdn.example/{WORD}", record={"text": f"Come, {WORD}"}, state=state, answer="going",
            counted_on=soon.date(), sent_at=soon, next_attempt_at=soon, queued_at=soon, **fields,
        )  # fmt: skip

    return make


@pytest.fixture
def known(alice, picnic, bob, write, clock, soon, going):
    """The picnic with guests of every kind, as it ended."""
    question = {"text": "Bread?", "kind": "text", "required": False}
    asked = questions.ask(picnic, alice, [question])[0]
    row = Rsvp.objects.get()
    Rsvp.objects.filter(pk=row.pk).update(note=WORD, name=WORD, handle=WORD, word=WORD, plus_ones=2)
    asked.given_answers.create(rsvp=row, value=WORD)
    Rsvp.objects.create(event=picnic, did="did:plc:z0", name=WORD, handle=WORD, choice="maybe")
    Rsvp.objects.create(event=picnic, did="did:plc:w", name=WORD, choice="waiting", waiting_since=soon)
    by_host.add(picnic, alice, f"{WORD} by name")
    write(picnic, f"{WORD} <zebedee@example.org>", note=WORD)
    EmailInvitation.objects.update(state="sent", sent_at=soon, answer="going", counted_on=soon.date())
    words = HostMessage.objects.create(event=picnic, by=alice, audience="everybody", text=WORD)
    GuestMessage.objects.create(
        event=picnic, did="did:plc:z0", reader="did:plc:z0", kind="host", host_message=words, word=WORD, sentence=WORD,
        state="shown", due_at=soon,
    )  # fmt: skip
    clock.ahead = soon - clock._now() + timedelta(days=1)
    Member.objects.filter(pk=bob.pk).update(date_joined=clock.now())
    return picnic
