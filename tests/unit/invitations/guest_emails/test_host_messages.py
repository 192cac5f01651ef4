"""Words of a host to her guests: to whom they go, what was shown, and how often."""

import pytest
from tests.unit.invitations.email.mail import SENT

from elonara.events import actions
from elonara.events.messages.models import GuestMessage, HostMessage
from elonara.invitations.actions import pause_sending
from elonara.invitations.guest_emails import host_messages
from elonara.invitations.results import InvitationRefused
from elonara.members.actions import suspend


@pytest.fixture
def crowd(make_event, alice, with_address, make_member, going):
    """Two going (one has no address), one maybe, one waiting, one who can't; alice goes to her own."""
    event = make_event(capacity=3)
    going(event, alice)
    going(event, with_address("coming"))
    going(event, make_member("silent"))
    going(event, with_address("waits"))
    going(event, with_address("unsure"), "maybe")
    going(event, with_address("stays"), "cant")
    return event


def readers():
    return sorted(message.to[0].split()[0] for message in SENT)


@pytest.mark.parametrize(
    ("to", "people", "unreachable", "by_email"),
    [
        ("going", 2, 1, ["coming"]),
        ("maybe", 1, 0, ["unsure"]),
        ("waiting", 1, 0, ["waits"]),
        ("everybody", 4, 1, ["coming", "unsure", "waits"]),
    ],
)
def test_it_goes_to_those_whom_the_host_chose(crowd, alice, deliver, to, people, unreachable, by_email):
    plan = host_messages.preview(alice, crowd, to, "Bring bread.")
    assert (plan.readers.people, plan.readers.unreachable) == (people, unreachable)
    host_messages.send(alice, crowd, to, "Bring bread.", preview_id=plan.preview_id)
    deliver()
    assert readers() == by_email
    [view] = host_messages.sent_messages(crowd, alice)
    assert (view.people, view.sent, view.on_its_way) == (people, len(by_email), 0)


def test_what_is_sent_is_what_was_shown(crowd, alice, deliver):
    plan = host_messages.preview(alice, crowd, "maybe", "Bring bread.\n\nAnd <b>cheese</b>.")
    host_messages.send(alice, crowd, "maybe", plan.text, preview_id=plan.preview_id)
    deliver()
    [message] = SENT
    assert message.subject == plan.subject == "[Elonara] Alice writes: Picnic"
    assert "> Bring bread.\n>\n> And <b>cheese</b>." in message.body
    assert "And &lt;b&gt;cheese&lt;/b&gt;." in message.alternatives[0].content
    assert message.from_email.startswith("Alice via Elonara <")
    with pytest.raises(InvitationRefused, match="changed since you saw it"):
        host_messages.send(alice, crowd, "everybody", plan.text, preview_id=plan.preview_id)
    assert HostMessage.objects.count() == 1


def test_a_key_that_comes_again_writes_nothing_twice(crowd, alice, deliver):
    first, again = (host_messages.send(alice, crowd, "maybe", "Hello", idempotency_key="k") for _ in range(2))
    deliver()
    assert first == again
    assert len(SENT) == 1


def test_an_event_writes_so_often_a_day(crowd, alice, clock):
    for _ in range(3):
        host_messages.send(alice, crowd, "maybe", "Hello")
    assert host_messages.preview(alice, crowd, "maybe", "Hello").refusal.code == "message_cap"
    with pytest.raises(InvitationRefused) as refused:
        host_messages.send(alice, crowd, "maybe", "Hello")
    assert refused.value.code == "message_cap"
    clock.pass_(hours=25)
    host_messages.send(alice, crowd, "maybe", "Hello")


@pytest.mark.parametrize(
    ("to", "text", "code"),
    [
        ("going", " \n", "no_text"),
        ("going", "x" * 2001, "note_too_long"),
        ("cant", "Hello", "unknown_audience"),
        ("", "Hello", "unknown_audience"),
    ],
)
def test_what_cannot_be_sent_is_refused(crowd, alice, to, text, code):
    for refused in (host_messages.preview, host_messages.send):
        with pytest.raises(InvitationRefused) as fault:
            refused(alice, crowd, to, text)
        assert fault.value.code == code


def test_only_hosts_write(crowd, make_member):
    for member in (make_member("stranger"), crowd.answers.get(member__username="coming").member):
        with pytest.raises(InvitationRefused):
            host_messages.send(member, crowd, "going", "Hello")
        with pytest.raises(InvitationRefused):
            host_messages.sent_messages(crowd, member)


def test_nobody_is_nobody(picnic, alice):
    with pytest.raises(InvitationRefused) as fault:
        host_messages.send(alice, picnic, "going", "Hello")
    assert fault.value.code == "nobody_to_write_to"


@pytest.mark.parametrize("state", ["cancelled", "over", "hidden"])
def test_of_an_event_that_is_not_open_any_more_nobody_is_written_to(crowd, alice, make_member, clock, state):
    if state == "cancelled":
        actions.cancel(crowd, alice)
    elif state == "hidden":
        actions.hide(crowd, make_member("operator", is_superuser=True))
    else:
        clock.pass_(days=20)
    crowd.refresh_from_db()
    with pytest.raises(InvitationRefused):
        host_messages.send(alice, crowd, "going", "Hello")


def test_who_says_no_before_it_leaves_does_not_get_it(crowd, alice, going, deliver):
    host_messages.send(alice, crowd, "maybe", "Hello")
    going(crowd, crowd.answers.get(choice="maybe").member, "cant")
    deliver()
    assert SENT == []


def test_a_paused_host_writes_nothing_and_what_she_wrote_waits(crowd, alice, make_member, deliver):
    operator = make_member("operator", is_superuser=True)
    host_messages.send(alice, crowd, "maybe", "Hello")
    pause_sending(alice, operator)
    deliver()
    assert SENT == []
    assert GuestMessage.objects.get().reason == "operator"
    with pytest.raises(InvitationRefused):
        host_messages.send(alice, crowd, "maybe", "Hello")


def test_what_a_suspended_host_has_written_ends(crowd, alice, make_member, deliver):
    host_messages.send(alice, crowd, "maybe", "Hello")
    suspend(alice, make_member("operator", is_superuser=True))
    deliver()
    assert SENT == []
    assert GuestMessage.objects.get().state == "cancelled"
