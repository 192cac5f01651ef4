"""The end of an account: all of it or nothing, and what others have stays with them."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core import serializers
from tests.unit.events.test_at_once import at_once
from tests.unit.invitations.email.mail import SENT, token_in

from elonara import jobs
from elonara.bluesky.models import MemberIdentity
from elonara.communities import actions as communities
from elonara.communities import transfer as community_transfer
from elonara.communities.models import Community, JoinRequest, Membership, Removal
from elonara.events import actions as events
from elonara.events import queries
from elonara.events import transfer as event_transfer
from elonara.events.guests import rsvps
from elonara.events.messages.models import GuestMessage, MessageOptOut
from elonara.events.models import Event, EventHost, Rsvp
from elonara.invitations import queries as invitation_queries
from elonara.invitations.account_models import PastInvitation
from elonara.invitations.consent import accounts, caps, opt_outs
from elonara.invitations.models import Announcement, EmailInvitation, Invitation
from elonara.invitations.opt_out_models import EmailOptOut, OptOut
from elonara.invitations.responses import email_reader, invitee
from elonara.members.errors import NotAllowed
from elonara.members.models import AuditEntry, Member
from elonara.members.queries import open_notices
from elonara.personal_data import actions, leaving

HOST = "did:plc:host"


def end(member, word=""):
    return actions.delete_account(member, member, word)


@pytest.fixture
def cohost(make_member, picnic, alice):
    member = make_member("carla", "did:plc:carla", display_name="Carla")
    events.add_cohost(picnic, by=alice, member=member)
    events.accept_cohost(picnic, by=member)
    return member


def test_an_event_that_she_hosts_alone_is_cancelled_and_its_guests_are_told(picnic, alice, bob):
    SENT.clear()
    end(alice, "I move away.")
    event = Event.objects.get()
    assert (event.status, event.cancel_word) == ("cancelled", "I move away.")
    jobs.drain()
    assert [mail.to for mail in SENT] == [["Bob <bob@example.org>"]]
    assert "I move away." in SENT[0].body
    assert "was cancelled" in open_notices(bob).get().text
    assert [row.member.name for row in queries.hosts(event)] == ["A former member"]
    assert not Member.objects.filter(username="alice").exists()


@pytest.mark.parametrize("what", ["event", "community"])
def test_nobody_is_asked_any_more_to_take_over_what_goes_on_without_her(picnic, alice, cohost, make_member, what):
    asked = make_member("asked", "did:plc:asked", display_name="Asked")
    if what == "event":
        event_transfer.ask(picnic, by=alice, member=asked)
    else:
        bakers = communities.create(alice, name="Bakers")
        Membership.objects.create(community=bakers, member=cohost, role="moderator")
        community_transfer.ask(bakers, by=alice, member=asked)
    assert open_notices(asked).filter(kind__startswith="transfer:").exists()
    end(alice)
    assert not open_notices(asked).filter(kind__startswith="transfer:").exists()


def test_a_co_host_becomes_the_host(picnic, alice, cohost, bob, make_member):
    asked = make_member("asked")
    events.add_cohost(picnic, by=alice, member=asked)
    end(alice)
    picnic.refresh_from_db()
    assert (picnic.status, picnic.created_by) == ("scheduled", cohost)
    assert queries.role_of(picnic, cohost) == "host"
    assert queries.role_of(picnic, asked) is None
    assert "You are the host of Picnic now" in open_notices(cohost).latest("created_at").text
    events.change(picnic, by=cohost, visibility="private")  # what the host alone may do


def test_a_past_event_stays_without_her_name(picnic, alice, bob, clock):
    clock.pass_(days=30)
    end(alice)
    event = Event.objects.get()
    assert event.status == "scheduled"
    assert event.created_by.name == "A former member"
    assert queries.may_see(event)
    assert rsvps.guest_list(event).going == 1


def test_two_members_share_one_name_afterwards(make_event, make_member, alice):
    for name in ("one", "two"):
        host = make_member(name)
        make_event(host=host, title=name)
        end(host)
    former = Member.objects.get(username=leaving.USERNAME)
    assert EventHost.objects.filter(member=former).count() == 2
    assert not former.is_active
    assert not former.has_usable_password()


def test_nothing_of_her_is_left(picnic, alice, bob, send, deliver, write, make_event, clock):
    Member.objects.filter(pk=alice.pk).update(bio="Zebedee", email="zebedee@example.org", display_name="Zebedee")
    EmailAddress.objects.create(user=alice, email="zebedee@example.org", verified=True)
    send(picnic, "carol", note="Zebedee says", lines={"did:plc:carol": "Zebedee"}, sentence="Zebedee wants you")
    deliver()
    write(picnic, note="Zebedee writes")
    lunch = make_event(host=bob, title="Lunch")
    rsvps.respond(lunch, choice="going", member=alice, note="Zebedee comes")
    alice.refresh_from_db()
    end(alice)
    jobs.drain()
    rows = "\n".join(serializers.serialize("json", model._default_manager.all()) for model in apps.get_models())
    assert "zebedee" not in rows.lower()
    assert not MemberIdentity.objects.filter(bsky_did=HOST).exists()
    assert not Rsvp.objects.filter(event=lunch).exists()


def test_a_place_that_she_had_goes_to_who_waits(make_event, make_member, bob, alice, going):
    small = make_event(host=bob, title="Small", capacity=1)
    going(small, alice)
    carol = make_member("carol")
    assert going(small, carol).choice == "waiting"
    end(alice)
    assert Rsvp.objects.get(event=small).choice == "going"


def test_who_was_invited_to_what_goes_on_can_still_answer(picnic, alice, cohost, send, deliver, row):
    send(picnic, "bob", "dan", note="Private words")
    deliver()
    events.change(picnic, by=alice, visibility="private")
    end(alice)
    kept = Invitation.objects.get(invitee_did="did:plc:bob")
    assert (kept.host.name, kept.batch.note, kept.record) == ("A former member", "", {"text": ""})
    assert invitation_queries.is_invited(picnic, ["did:plc:bob"])
    assert invitee.respond(kept.ref, "did:plc:bob", "bob.test", "Bob", "going").choice == "going"
    assert Announcement.objects.get().host == kept.host


def test_what_has_not_left_ends(picnic, alice, cohost, send, write):
    send(picnic, "bob")
    write(picnic)
    end(alice)
    assert not Invitation.objects.exists()
    assert EmailInvitation.objects.get().state == "cancelled"
    jobs.drain()
    assert not SENT


def test_the_link_of_a_letter_goes_on(picnic, alice, cohost, write):
    write(picnic, note="Private words")
    jobs.drain()
    end(alice)
    row = email_reader.by_token(token_in(SENT[-1]))
    assert (row.host.name, row.note) == ("A former member", "")
    assert email_reader.respond(row, "going").choice == "going"


@pytest.mark.promise("account-end")
def test_what_she_and_others_have_stopped_stays_stopped(picnic, alice, cohost, bob, make_member, write):
    OptOut.objects.create(did=HOST)
    EmailOptOut.objects.create(address_hash="hers")
    invitee.opt_out("did:plc:dan", alice)
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True)
    MessageOptOut.objects.create(member=alice, who=f"member:{alice.pk}")
    end(alice)
    assert OptOut.objects.filter(did=HOST, host=None, account=None).exists()
    assert EmailOptOut.objects.filter(address_hash="hers").exists()
    assert MessageOptOut.objects.get().who.startswith("address:")
    again = make_member("alice2", HOST)
    accounts.join(again, HOST)
    assert opt_outs.opted_out(again, ["did:plc:dan"]) == {"did:plc:dan": "opted_out_host"}
    assert not opt_outs.opted_out(bob, ["did:plc:dan"])


@pytest.mark.promise("account-end")
def test_the_caps_stay_used_up(picnic, alice, cohost, send, deliver, make_member, set_options):
    set_options(invitations={"per_day": 2, "first_week_per_day": 2})
    send(picnic, "bob", "dan")
    deliver()
    end(alice)
    assert PastInvitation.objects.count() == 2
    assert not Invitation.objects.exclude(counted_on=None).exists()
    again = make_member("alice2", HOST)
    accounts.join(again, HOST)
    assert caps.remaining(again).today == 0


@pytest.mark.promise("account-end")
def test_who_wanted_no_emails_of_hers_gets_none_about_the_cancellation(picnic, alice, write, bob):
    write(picnic)
    jobs.drain()
    row = email_reader.by_token(token_in(SENT[-1]))
    email_reader.respond(row, "going")
    email_reader.stop(row, whole_site=False)
    SENT.clear()
    end(alice)
    jobs.drain()
    assert [mail.to for mail in SENT] == [["Bob <bob@example.org>"]]
    assert GuestMessage.objects.get(email_invitation=row).state in ("shown", "suppressed")


@pytest.mark.promise("account-end")
def test_nobody_else_deletes_it(alice, bob, make_member):
    operator = make_member("root", is_superuser=True)
    for by in (bob, operator):
        with pytest.raises(NotAllowed):
            actions.delete_account(alice, by)
    assert Member.objects.filter(pk=alice.pk).exists()


def test_the_last_operator_stays(alice, make_member):
    root = make_member("root", is_superuser=True)
    make_member("suspended", is_superuser=True, standing="suspended")
    assert "only operator" in actions.what_ends(root).refusal
    with pytest.raises(NotAllowed) as refused:
        end(root)
    assert refused.value.code == "cannot_delete"
    make_member("second", is_superuser=True)
    end(root)
    assert not Member.objects.filter(username="root").exists()


def test_a_post_that_is_being_written_is_waited_for(picnic, alice, send):
    send(picnic, "bob")
    Invitation.objects.update(state="sending")
    with pytest.raises(NotAllowed) as refused:
        end(alice)
    assert "being written" in refused.value.sentence


@pytest.mark.promise("account-end")
def test_a_kill_in_the_middle_leaves_everything(picnic, alice, bob, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(leaving, "leave_email_invitations", die)
    with pytest.raises(KeyboardInterrupt):
        end(alice)
    picnic.refresh_from_db()
    assert (picnic.status, picnic.created_by) == ("scheduled", alice)
    assert MemberIdentity.objects.filter(member=alice).exists()
    assert not GuestMessage.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_community_goes_to_a_moderator_or_is_closed(bakers, alice, make_member):
    chess = communities.create(alice, name="Chess", description="", visibility="public")
    moderator = make_member("moderator")
    Membership.objects.create(community=bakers, member=moderator, role="moderator")
    plan = actions.what_ends(alice)
    assert ([one.name for one in plan.closed], plan.communities_handed) == (["Chess"], [(bakers, moderator)])
    end(alice)
    assert Membership.objects.get(community=bakers).role == "admin"
    chess.refresh_from_db()
    assert chess.closed_at is not None
    assert Community.objects.get(pk=bakers.pk).created_by == moderator
    assert chess.created_by.name == "A former member"


def test_the_plan_is_what_happens(picnic, supper, alice, cohost, send, make_event, clock, soon):
    past = make_event(title="Past")
    Event.objects.filter(pk=past.pk).update(starts_at=soon - timedelta(days=90))
    send(supper, "bob")
    plan = actions.what_ends(alice)
    assert plan.cancelled == [supper]
    assert plan.handed == [(picnic, cohost)]
    assert (plan.kept, plan.queued, plan.refusal) == (1, 1, "")
    end(alice)
    assert set(Event.objects.filter(status="cancelled")) == {supper}
    assert Event.objects.get(pk=past.pk).created_by.username == leaving.USERNAME


def test_it_stands_in_the_audit_log(alice):
    end(alice)
    entry = AuditEntry.objects.get(what="account_deleted")
    assert (entry.who, entry.by) == ("alice", None)


def test_what_she_asked_goes_with_her_and_removals_stay_without_her_name(bakers, alice, make_member):
    bob = make_member("robert", "did:plc:robert")
    choosy = communities.create(make_member("zoe"), name="Brewers", joining="request")
    communities.ask(choosy, by=bob, word="secret word")
    communities.remove_member(bakers, by=alice, membership=communities.join(bakers, member=bob))
    Removal.objects.create(community=choosy, did="did:plc:robert")  # before she had an account
    kept = Removal.objects.create(community=choosy, did="did:plc:somebody-else", by=bob)
    end(bob)
    left = Removal.objects.exclude(pk=kept.pk)
    assert list(left.values_list("member", "did", "name", "handle")) == [(None, "did:plc:robert", "", "")] * 2
    assert not JoinRequest.objects.exists()
    kept.refresh_from_db()
    assert kept.by is None


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_one_who_deletes_her_account_and_one_who_leaves_some_admin_stays(bakers, alice, bob):
    Membership.objects.create(community=bakers, member=bob, role="admin")
    at_once(lambda: end(alice), lambda: communities.leave(bakers, member=bob))
    bakers.refresh_from_db()
    assert bakers.closed_at is not None or Membership.objects.get(community=bakers, role="admin").member == bob


@pytest.mark.promise("community-decides")
def test_a_removal_outlives_the_account(make_member, alice):
    circle = communities.create(alice, name="Bakers")
    bob = make_member("bob", did="did:plc:bob")
    communities.remove_member(circle, by=alice, membership=communities.join(circle, member=bob))
    end(bob)
    row = Removal.objects.get()
    assert (row.member, row.did, row.name, row.handle) == (None, "did:plc:bob", "", "")
    with pytest.raises(NotAllowed, match="removed"):
        communities.join(circle, member=make_member("robert", did="did:plc:bob"))


def test_nobody_asks_to_join_after_the_account_has_ended(make_member, alice):
    circle = communities.create(alice, name="Bakers", joining="request")
    bob = make_member("bob", did="did:plc:bob")
    communities.ask(circle, by=bob)
    end(bob)
    assert not open_notices(alice).filter(kind__startswith="asked").exists()
