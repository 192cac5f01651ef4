"""What an invited person can do, and what a stranger with the link cannot."""

import pytest

from elonara.communities.models import Membership
from elonara.events.guests import rsvps
from elonara.events.models import Rsvp
from elonara.invitations import actions, queries
from elonara.invitations.models import Invitation, State
from elonara.invitations.opt_out_models import Report
from elonara.invitations.results import InvitationRefused
from elonara.members.models import Notice


@pytest.fixture
def ref(picnic, send, deliver, row):
    send(picnic, "bob")
    deliver()
    return row("bob").ref


def answer_as(ref, choice, name="bob", **more):
    return actions.respond(ref, f"did:plc:{name}", f"{name}.example", name.title(), choice, **more)


def test_the_invited_person_answers(ref, row):
    assert answer_as(ref, "going", note="I bring two loaves.").choice == "going"
    assert (row("bob").answer, row("bob").opened_at) == ("going", None)
    answer_as(ref, "maybe")
    assert Rsvp.objects.get().choice == "maybe"
    assert row("bob").answer == "maybe"


@pytest.mark.promise("public-ref")
def test_nobody_else_can_answer_for_her(ref):
    with pytest.raises(InvitationRefused) as caught:
        answer_as(ref, "going", "carol")
    assert caught.value.code == "wrong_person"
    assert not Rsvp.objects.exists()


def test_a_private_event_opens_to_the_invited_person(supper, send, deliver, row):
    send(supper, "bob")
    deliver()
    assert answer_as(row("bob").ref, "going").choice == "going"
    assert queries.is_invited(supper, ["did:plc:bob"])
    assert not queries.is_invited(supper, ["did:plc:carol"])


def test_an_invitation_to_a_community_is_joined_or_declined(bakers, send, deliver, row):
    send(bakers, "bob", "carol")
    deliver()
    answer_as(row("bob").ref, "going")
    assert answer_as(row("carol").ref, "cant", "carol") is None
    assert Membership.objects.filter(did="did:plc:bob").exists()
    assert not Membership.objects.filter(did="did:plc:carol").exists()
    assert (row("bob").answer, row("carol").answer) == ("joined", "declined")
    with pytest.raises(InvitationRefused):
        answer_as(row("bob").ref, "perhaps")


def test_an_answer_on_the_events_page_is_stored_in_the_invitation_too(ref, picnic, make_member, row):
    rsvps.respond(picnic, choice="cant", member=make_member("bob", "did:plc:bob"))
    assert row("bob").answer == "cant"


def test_an_undone_invitation_looks_like_an_unknown_one(ref, alice, row):
    actions.undo(row("bob"), alice)
    assert queries.by_ref(ref) is None
    assert queries.by_ref("unknown") is None
    with pytest.raises(InvitationRefused):
        answer_as(ref, "going")


def test_an_unsent_invitation_opens_for_nobody(picnic, send, row):
    send(picnic, "bob")
    assert queries.by_ref(row("bob").ref) is None
    assert queries.inbox(["did:plc:bob"]) == []


def test_the_inbox_shows_all_of_ones_invitations_newest_first(picnic, bakers, send, deliver, clock):
    send(picnic, "bob", "carol")
    clock.pass_(minutes=1)
    send(bakers, "bob")
    deliver()
    assert [one.title for one in queries.inbox(["did:plc:bob"])] == ["Bakers", "Picnic"]
    assert queries.waiting_in_inbox(["did:plc:bob"]) == 2
    answer_as(Invitation.objects.get(invitee_did="did:plc:bob", community=bakers).ref, "going")
    assert queries.waiting_in_inbox(["did:plc:bob"]) == 1
    assert queries.inbox([]) == []


@pytest.mark.parametrize("whole_site", [False, True])
def test_what_one_stopped_no_longer_waits_for_an_answer(picnic, bakers, send, deliver, alice, make_member, whole_site):
    send(picnic, "bob", "carol")
    deliver()
    actions.opt_out("did:plc:bob", host=make_member("zoe"))
    (item,) = queries.inbox(["did:plc:bob"])
    assert item.is_open, "another host is another matter"
    assert queries.waiting_in_inbox(["did:plc:bob"]) == 1
    actions.opt_out("did:plc:bob", host=None if whole_site else alice)
    (item,) = queries.inbox(["did:plc:bob"])
    assert (item.is_stopped, item.is_open) == (True, False)
    assert queries.waiting_in_inbox(["did:plc:bob"]) == 0
    (hers,) = queries.inbox(["did:plc:carol"])
    assert hers.is_open
    assert queries.waiting_in_inbox(["did:plc:carol"]) == 1


def test_a_report_reaches_the_operator(ref, make_member):
    make_member("root", is_superuser=True)
    actions.report(ref, "did:plc:bob", "I do not know this person.")
    assert Report.objects.get().reporter_did == "did:plc:bob"
    assert Notice.objects.filter(kind="report").exists()
    with pytest.raises(InvitationRefused):
        actions.report("unknown", "", "x")


@pytest.mark.promise("never-again")
def test_opting_out_during_a_send_undoes_the_post(picnic, send, deliver, agent, row, clock):
    agent.moods = ["lost"]
    send(picnic, "bob", thread=False)
    deliver()
    actions.opt_out("did:plc:bob")
    for _ in range(8):
        deliver()
        clock.pass_(minutes=1)
    assert not agent.posts
    assert row("bob").state == State.UNDONE


def test_the_watch_page_shows_the_state_of_every_invitation(picnic, alice, make_member, send, deliver, agent, row):
    from tests.fakes.agent import refused

    agent.moods = ["ok", "ok", "ok", refused("record_refused")]
    send(picnic, "bob", "carol", "dan")
    deliver()
    answer_as(row("bob").ref, "going")
    shown = queries.progress(picnic, alice)
    assert (shown.total, shown.percent, shown.going_on) == (3, 100, False)
    assert {name: shown.counts[name] for name in ("sent", "failed", "answered", "needs_you")} == {
        "sent": 2, "failed": 1, "answered": 1, "needs_you": 1,
    }  # fmt: skip
    by_name = {one.did: one for one in shown.rows}
    assert by_name["did:plc:bob"].post_url.startswith("https://bsky.app/profile/did:plc:host/post/")
    assert by_name["did:plc:bob"].can == ("undo",)
    assert "retry" in by_name["did:plc:dan"].can
    assert by_name["did:plc:dan"].sentence
    assert shown.announcements[0].can == ("undo",)
    with pytest.raises(InvitationRefused):
        queries.progress(picnic, make_member("zoe"))


def test_a_post_in_the_sandbox_is_shown_by_its_own_server(set_options, picnic, alice, send, deliver, row):
    set_options(bluesky={"allow_private_hosts": ("127.0.0.1:2583",)})
    type(alice.bluesky).objects.update(pds_url="http://127.0.0.1:2583")
    send(picnic, "bob")
    deliver()
    shown = queries.progress(picnic, alice)
    for one, rkey in ((shown.rows[0], row("bob").rkey), (shown.announcements[0], row("bob").announcement.rkey)):
        assert one.post_url == (
            "http://127.0.0.1:2583/xrpc/com.atproto.repo.getRecord"
            f"?repo=did%3Aplc%3Ahost&collection=app.bsky.feed.post&rkey={rkey}"
        )


@pytest.mark.parametrize(
    ("state", "reason", "hers"),
    [("waiting", "app_password_missing", True), ("waiting", "opt_outs", False), ("queued", "rate_limited", False)],
)
def test_what_passes_by_itself_or_needs_the_operator_does_not_need_the_host(picnic, alice, send, state, reason, hers):
    send(picnic, "bob", thread=False)
    Invitation.objects.update(state=state, reason=reason)
    shown = queries.progress(picnic, alice)
    assert (shown.rows[0].needs_host, shown.counts["needs_you"]) == (hers, int(hers))
