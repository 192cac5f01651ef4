"""What is known of guests goes with time, and nothing else does."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.core import serializers
from tests.unit.housekeeping.guest_data.conftest import WORD
from tests.unit.invitations.email.mail import SENT, token_in

from elonara import jobs
from elonara.events import actions, queries
from elonara.events.guests import by_host, rsvps
from elonara.events.messages.models import GuestMessage, HostMessage, MessageOptOut
from elonara.events.models import Event, GivenAnswer, Question, Rsvp
from elonara.housekeeping.guest_data import deletion
from elonara.invitations.account_models import PastInvitation
from elonara.invitations.consent import accounts, caps
from elonara.invitations.models import Batch, EmailInvitation, Invitation
from elonara.invitations.opt_out_models import EmailOptOut, OptOut, Report
from elonara.invitations.people import sources
from elonara.invitations.responses import email_reader, progress
from elonara.invitations.targets import Target
from elonara.members.errors import NotAllowed


def delete(clock):
    """Delete whatever was of an event that is over."""
    return deletion.delete_due(clock.now())


def everything():
    """Every row of the site as text, but for what is a person's own: her account, what she is told, her session."""
    own = {"member", "notice", "session", "emailaddress", "usersession"}
    models = [model for model in apps.get_models() if model._meta.model_name not in own]
    return "\n".join(serializers.serialize("json", model._default_manager.all()) for model in models)


@pytest.mark.promise("guests-forgotten")
def test_nothing_that_a_guest_wrote_or_is_called_is_left(known, invitation, clock):
    for state in ("sent", "handed_over", "undoing", "failed", "suppressed", "cancelled", "undone", "queued", "waiting"):
        invitation(state)
    invitation("failed", ambiguous=True)
    assert WORD.lower() in everything().lower()
    assert delete(clock) > 0
    assert WORD.lower() not in everything().lower()
    for model in (Rsvp, GivenAnswer, GuestMessage, HostMessage):
        assert not model.objects.exists(), model
    known.refresh_from_db()
    assert known.guest_data_deleted_at is not None
    assert delete(clock) == 0


def test_the_numbers_stay_on_pages_and_in_lists(known, clock, alice):
    before = rsvps.guest_list(known)
    counted = queries.hosted_by(alice).get().going_count
    assert (before.going, before.maybe, before.waiting, counted) == (4, 1, 1, 4)
    delete(clock)
    known.refresh_from_db()
    after = rsvps.guest_list(known)
    assert (after.going, after.maybe, after.waiting) == (4, 1, 1)
    assert queries.hosted_by(alice).get().going_count == 4
    assert not rsvps.guest_list(known, alice).guests


def test_the_event_and_its_questions_stay(known, clock):
    delete(clock)
    assert Event.objects.get().title == "Picnic"
    assert Question.objects.get().text == "Bread?"


def test_an_event_that_ended_later_keeps_its_guests(known, clock):
    assert deletion.delete_due(queries.ends(known) - timedelta(seconds=1)) == 0
    assert Rsvp.objects.count() == 4
    assert deletion.delete_due(queries.ends(known)) > 0


@pytest.mark.promise("guests-forgotten")
def test_what_people_stopped_stays_stopped(known, invitation, clock, alice, bob):
    row = EmailInvitation.objects.get()
    email_reader.stop(row, whole_site=True)
    OptOut.objects.create(did=invitation("sent").invitee_did)
    MessageOptOut.objects.create(event=known, member=bob, who=f"member:{bob.pk}")
    delete(clock)
    assert (EmailOptOut.objects.count(), OptOut.objects.count(), MessageOptOut.objects.count()) == (1, 1, 1)


@pytest.mark.promise("guests-forgotten")
def test_the_link_of_an_old_e_mail_still_stops(picnic, write, clock, soon):
    write(picnic)
    jobs.drain()
    token = token_in(SENT[-1])
    clock.pass_(days=500)
    delete(clock)
    row = email_reader.by_token(token, include_cancelled=True)
    assert (row.name, row.note, row.address_enc) == ("", "", "")
    email_reader.stop(row, whole_site=True)
    assert EmailOptOut.objects.count() == 1


def test_places_in_the_caps_stay_taken(known, invitation, clock, alice, soon):
    for state in ("sent", "cancelled", "undone"):
        invitation(state)
    accounts.join(alice, "did:plc:host")
    before = PastInvitation.objects.count()
    delete(clock)
    assert Invitation.objects.count() == 1  # the one whose post stands
    assert PastInvitation.objects.count() == before + 2
    assert set(PastInvitation.objects.values_list("counted_on", flat=True)) == {soon.date()}


def test_a_post_that_stands_can_be_taken_back(known, invitation, clock, alice):
    row = invitation("sent", uri="at://did:plc:host/app.bsky.feed.post/3k", cid="c")
    delete(clock)
    view = progress.progress(known, alice).rows[0]
    assert (view.did, view.handle, view.name, view.text) == ("", "", "Someone who was invited", "")
    assert view.can == ("undo",)
    row.refresh_from_db()
    assert row.uri.endswith("/3k")


def test_what_is_being_written_waits_for_its_outcome(known, invitation, clock):
    sending = invitation("sending")
    delete(clock)
    sending.refresh_from_db()
    known.refresh_from_db()
    assert (sending.record, known.guest_data_deleted_at) == ({"text": f"Come, {WORD}"}, None)
    Invitation.objects.filter(pk=sending.pk).update(state="sent")
    delete(clock)
    sending.refresh_from_db()
    known.refresh_from_db()
    assert sending.invitee_handle == ""
    assert known.guest_data_deleted_at is not None


def test_a_reported_invitation_stays_for_the_operator(known, invitation, clock):
    report = Report.objects.create(invitation=invitation("undone"), text="Rude")
    delete(clock)
    report.refresh_from_db()
    assert report.invitation.invitee_handle == ""


def test_a_new_handle_does_not_bring_a_name_back(known, invitation, clock):
    from elonara.invitations.outbox import recompose

    row = invitation("sent")
    delete(clock)
    recompose.handle_changed(row.invitee_did, "zebedee.example")
    row.refresh_from_db()
    assert row.invitee_handle == ""


def test_nobody_of_it_is_offered_as_never_having_answered(known, invitation, clock, alice, make_event, soon):
    invitation("sent")
    delete(clock)
    next_one = make_event(title="Next", starts_at=clock.now() + timedelta(days=9))
    assert [source.key for source in sources.sources(alice, Target(next_one))].count("unanswered") == 0


def test_a_kill_in_the_middle_loses_no_number(known, clock, monkeypatch):
    monkeypatch.setattr(deletion, "BATCH", 1)
    with monkeypatch.context() as patched:
        patched.setattr(deletion, "_emailed", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            delete(clock)
    assert not Rsvp.objects.exists()
    known.refresh_from_db()
    assert known.guest_data_deleted_at is None
    delete(clock)
    known.refresh_from_db()
    assert rsvps.guest_list(known).going == 4
    assert known.guest_data_deleted_at is not None


def test_each_transaction_is_small(known, clock, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(deletion, "BATCH", 2)
    Rsvp.objects.bulk_create(Rsvp(event=known, did=f"did:plc:m{number}", choice="going") for number in range(9))
    sizes = []
    monkeypatch.setattr(deletion, "_delete", lambda rows: (sizes.append(rows.count()), rows.delete()))
    delete(clock)
    assert max(sizes) == 2
    assert sum(sizes) == Rsvp.objects.count() + 9 + 4 + 2  # answers, messages


def test_hosts_add_nobody_any_more(known, clock, alice):
    delete(clock)
    with pytest.raises(NotAllowed) as refused:
        by_host.add(known, alice, "Zebedee")
    assert refused.value.code == "guests_deleted"


def test_an_event_that_takes_place_again_has_guests_again(known, clock, alice, bob):
    delete(clock)
    known.refresh_from_db()
    actions.change(known, by=alice, starts_at=clock.now() + timedelta(days=20), ends_at=None)
    known.refresh_from_db()
    assert (known.guest_totals, known.guest_data_deleted_at) == (None, None)
    rsvps.respond(known, choice="going", member=bob)
    assert rsvps.guest_list(known).going == 1


def test_a_batch_keeps_no_names(known, invitation, clock):
    invitation("sent")
    Batch.objects.update(sentence="Come, Bob", sentence_facts={"title": "Picnic"})
    delete(clock)
    batch = Batch.objects.get()
    assert (batch.skipped, batch.note, batch.sentence, batch.sentence_facts) == ([], "", "", None)
    assert caps.remaining(known.created_by) is not None
