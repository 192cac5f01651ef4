"""Sending: who is invited, who is skipped and why, on which day, and what the preview showed."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.fakes.agent import READY
from tests.fakes.graph import somebody

from elonara.bluesky.writing.agent import Readiness
from elonara.communities import memberships
from elonara.events import actions as events
from elonara.events.guests import rsvps
from elonara.invitations import actions, queries, reasons
from elonara.invitations.consent import eligibility
from elonara.invitations.models import Batch, HostSending, Invitation, State
from elonara.invitations.opt_out_models import OptOut, RelayConsent
from elonara.invitations.planning import queueing
from elonara.invitations.planning.plan import plan_send
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target


def skipped_reasons(send, target, *names):
    return {one.did.removeprefix("did:plc:"): one.reason for one in send(target, *names).skipped}


@pytest.mark.promise("shown-is-sent")
def test_the_preview_is_what_is_sent(picnic, alice, send, deliver, agent):
    dids = ["did:plc:bob", "carol.example", "@dan.example"]
    seen = actions.preview(alice, picnic, dids, note="Bring bread.", lines={"did:plc:bob": "Bob, your rye!"})
    actions.invite(alice, picnic, dids, note="Bring bread.", lines={"did:plc:bob": "Bob, your rye!"})
    deliver()
    assert agent.texts() == [seen.announcement.text, *[post.text for post in seen.posts]]
    assert "Bob, your rye!" in seen.posts[0].text
    assert "Bob, your rye!" not in seen.posts[1].text
    assert [post.record["facets"] for post in agent.posts.values()][1:] == [post.facets for post in seen.posts]
    assert (seen.today, seen.later, seen.schedule) == (3, [], "3 today")


def test_a_preview_writes_nothing(picnic, alice):
    actions.preview(alice, picnic, ["did:plc:bob"])
    assert not Invitation.objects.exists()
    assert not Batch.objects.exists()


def test_the_preview_says_that_mentions_are_public_and_that_a_private_event_is_not_named(supper, alice):
    seen = actions.preview(alice, supper, ["did:plc:bob"], note="See you")
    assert seen.announcement is None
    assert any("public" in one for one in seen.warnings)
    assert any("does not name" in one for one in seen.warnings)


def test_a_second_send_with_the_same_key_invites_nobody_twice(picnic, send):
    first = send(picnic, "bob", idempotency_key="one")
    again = send(picnic, "bob", "carol", idempotency_key="one")
    assert (again.repeated, again.batch.pk, again.queued) == (True, first.batch.pk, 1)
    assert Invitation.objects.count() == 1


def test_the_same_person_twice_in_one_send_is_one_invitation(picnic, alice):
    sent = actions.invite(alice, picnic, ["did:plc:bob", "bob.example", "@Bob.example"])
    assert sent.queued == 1
    assert Invitation.objects.count() == 1


@pytest.mark.promise("blocks")
@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"blocked_by": True}, "blocked_by"),
        ({"blocking": True}, "blocking"),
        ({"muted": True}, "muted"),
        ({"gone": "deactivated"}, "gone_deactivated"),
        ({"gone": "takendown"}, "gone_takendown"),
        ({"gone": "deleted"}, "gone_deleted"),
        ({"follows_you": False, "you_follow": False}, "stranger"),
    ],
)
def test_who_must_not_be_mentioned_for_a_reason_on_bluesky(picnic, people, send, how, code):
    people.append(somebody("eve", **how))
    assert skipped_reasons(send, picnic, "eve", "bob") == {"eve": code}
    assert Invitation.objects.count() == 1


def test_nobody_is_invited_while_blocks_and_mutes_are_unknown(picnic, people, send):
    people.append(somebody("eve", known=False))
    with pytest.raises(InvitationRefused) as refused:
        send(picnic, "eve", "bob")
    assert refused.value.code == "session_ended"
    assert not Invitation.objects.exists()


def test_an_account_whose_handle_does_not_work_is_skipped(picnic, people, send):
    person = somebody("eve")
    people.append(type(person)(**person.__dict__ | {"handle": "handle.invalid"}))
    assert skipped_reasons(send, picnic, "eve") == {"eve": "handle_invalid"}


def test_host_and_cohosts_are_not_invited(picnic, alice, people, make_member, send):
    people += [somebody("host"), somebody("carla")]
    carla = make_member("carla", "did:plc:carla")
    events.add_cohost(picnic, by=alice, member=carla)
    events.accept_cohost(picnic, by=carla)
    assert skipped_reasons(send, picnic, "host", "carla") == {"host": "yourself", "carla": "cohost"}


def test_who_answered_or_belongs_is_not_invited(picnic, bakers, make_member, send):
    rsvps.respond(picnic, choice="maybe", did="did:plc:bob", handle="bob.example", invited=True)
    rsvps.respond(picnic, choice="going", member=make_member("carol", "did:plc:carol"))
    memberships.join(bakers, did="did:plc:bob", handle="bob.example", invited=True)
    assert skipped_reasons(send, picnic, "bob", "carol") == {"bob": "already_answered", "carol": "already_answered"}
    assert skipped_reasons(send, bakers, "bob") == {"bob": "already_member"}


@pytest.mark.promise("asked-once")
def test_nobody_is_invited_twice_by_a_cohost_either(picnic, alice, send, make_member):
    bob = make_member("bert", "did:plc:bert")
    events.add_cohost(picnic, by=alice, member=bob)
    events.accept_cohost(picnic, by=bob)
    send(picnic, "carol")
    assert [one.reason for one in send(picnic, "carol", host=bob).skipped] == ["already_invited"]


def test_an_unknown_account_is_skipped_as_not_found(picnic, alice):
    sent = actions.invite(alice, picnic, ["nobody.example", "did:plc:bob"])
    assert [(one.handle, one.reason) for one in sent.skipped] == [("nobody.example", "not_found")]
    assert sent.queued == 1


@pytest.mark.promise("never-again")
def test_who_opted_out_of_this_host_or_the_site_is_skipped(picnic, alice, make_member, send):
    actions.opt_out("did:plc:bob", alice)
    actions.opt_out("did:plc:carol")
    actions.opt_out("did:plc:dan", make_member("zoe"))
    assert skipped_reasons(send, picnic, "bob", "carol", "dan") == {"bob": "opted_out_host", "carol": "opted_out_site"}


def test_who_opts_out_between_plan_and_write_is_skipped(picnic, alice, agent):
    """The plan asks the network, so it takes seconds; what is written is checked once more, under the locks."""
    plan = plan_send(alice, Target(picnic), ["did:plc:bob", "did:plc:carol"], note="", lines=None, thread=False)
    actions.opt_out("did:plc:bob", alice)
    sent = queueing.write(plan, "a key")
    assert (sent.queued, [(one.did, one.reason) for one in sent.skipped]) == (1, [("did:plc:bob", "opted_out_host")])
    assert [row.invitee_did for row in Invitation.objects.all()] == ["did:plc:carol"]


def test_who_gets_her_share_of_the_week_between_plan_and_write_is_skipped(picnic, alice, agent, make_event, send):
    """From another host at the same moment: a person's share is one for the whole site."""
    plan = plan_send(alice, Target(picnic), ["did:plc:bob", "did:plc:carol"], note="", lines=None, thread=False)
    for number in range(3):
        assert send(make_event(title=f"Concert {number}"), "bob").queued == 1
    sent = queueing.write(plan, "a key")
    assert (sent.queued, [(one.did, one.reason) for one in sent.skipped]) == (1, [("did:plc:bob", "person_cap")])


def test_a_cancelled_one_is_invited_again_on_the_same_row(picnic, alice, send, row, deliver):
    send(picnic, "bob")
    before = row("bob")
    actions.cancel(before, alice)
    assert send(picnic, "bob").queued == 1
    deliver()
    assert (row("bob").pk, row("bob").state) == (before.pk, State.SENT)


def test_a_sent_one_is_never_posted_again(picnic, alice, send, deliver, row, agent):
    send(picnic, "bob")
    deliver()
    assert skipped_reasons(send, picnic, "bob") == {"bob": "already_invited"}
    for action in (actions.retry, actions.confirm, actions.cancel):
        with pytest.raises(InvitationRefused):
            action(row("bob"), alice)
    deliver()
    assert len(agent.posts) == 2


@pytest.mark.promise("asked-once")
def test_who_declined_is_not_asked_again(picnic, alice, send, deliver, row):
    send(picnic, "bob")
    deliver()
    actions.respond(row("bob").ref, "did:plc:bob", "bob.example", "Bob", "cant")
    Invitation.objects.update(state=State.FAILED)
    assert skipped_reasons(send, picnic, "bob") == {"bob": "declined"}
    with pytest.raises(InvitationRefused, match="declined"):
        actions.retry(row("bob"), alice)


class TestRelay:
    @pytest.fixture(autouse=True)
    def relay(self, agent, appview):
        agent.ready = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")

    def test_it_mentions_those_who_follow_the_host(self, picnic, people, send, row):
        people.append(somebody("eve", follows_you=False))
        assert skipped_reasons(send, picnic, "bob", "eve") == {"eve": "relay_audience"}
        assert "Alice (@alice.example) invites you to Picnic" in row("bob").record["text"]

    def test_it_mentions_those_who_asked_for_it(self, picnic, people, send):
        people.append(somebody("eve", follows_you=False))
        RelayConsent.objects.create(did="did:plc:eve")
        assert skipped_reasons(send, picnic, "eve") == {}


class TestHandingOver:
    def test_the_host_can_always_post_the_text_herself(self, picnic, alice, agent, send, row):
        agent.ready = Readiness(**READY.__dict__ | {"can_post": False, "reason": "app_password_missing"})
        send(picnic, "bob")
        link = actions.hand_over(row("bob"), alice)
        assert link.startswith(
            "https://bsky.app/intent/compose?text=%40bob.example%20I%27d%20love%20you%20to%20come%20to%20Picnic"
        )
        assert row("bob").state == State.HANDED_OVER
        shown = queries.progress(picnic, alice)
        assert (shown.counts["handed_over"], shown.counts["sent"]) == (1, 0)
        assert queries.by_ref(row("bob").ref) == row("bob")

    def test_one_that_may_have_been_posted_is_not_handed_over(self, picnic, alice, agent, send, deliver, row):
        agent.moods = ["lost"]
        send(picnic, "bob", thread=False)
        deliver()
        with pytest.raises(InvitationRefused):
            actions.hand_over(row("bob"), alice)


def test_inviting_a_hundred_asks_no_more_than_inviting_three(picnic, people, send, make_event):
    people += [somebody(f"p{number}") for number in range(100)]
    with CaptureQueriesContext(connection) as few:
        send(picnic, "bob", "carol", "dan")
    other = make_event(title="Other")
    with CaptureQueriesContext(connection) as many:
        send(other, *[f"p{number}" for number in range(100)])
    # SQLite takes a thousand values a statement, so a bulk insert of a hundred rows may be a few.
    assert len(many) <= len(few) + 12


def test_the_picker_knows_beforehand_who_cannot_be_invited(picnic, people, alice, send):
    send(picnic, "bob")
    people.append(somebody("eve", muted=True))
    found = queries.invitability(alice, picnic, people)
    assert found == {
        "did:plc:bob": "already_invited", "did:plc:carol": None, "did:plc:dan": None, "did:plc:eve": "muted",
    }  # fmt: skip


def test_every_reason_a_check_can_give_has_a_sentence():
    for code in (
        "yourself",
        "cohost",
        "stranger",
        "person_cap",
        "relay_audience",
        "declined",
        "view_unknown",
        "nobody",
    ):
        assert reasons.REASONS[code].sentence
    assert eligibility.view_refusal(somebody("bob")) == ""


def test_a_paused_host_queues_but_does_not_send(picnic, alice, send, deliver, agent):
    HostSending.objects.update_or_create(
        host=alice, defaults={"paused_at": alice.date_joined, "pause_reason": "operator"}
    )
    send(picnic, "bob")
    deliver()
    assert not agent.calls
    assert queries.progress(picnic, alice).paused.code == "operator"
    with pytest.raises(InvitationRefused):
        actions.resume_sending(alice, alice)


@pytest.mark.promise("never-again")
def test_opting_out_ends_unsent_invitations_at_once(picnic, alice, send, deliver, agent, row):
    send(picnic, "bob", thread=False)
    actions.opt_out("did:plc:bob")
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.SUPPRESSED, "opted_out_site")
    assert not agent.posts
    with pytest.raises(InvitationRefused):
        actions.retry(row("bob"), alice)
    actions.opt_in_again("did:plc:bob")
    assert not OptOut.objects.exists()
