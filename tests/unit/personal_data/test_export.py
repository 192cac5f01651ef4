"""An export has everything about one person, and nothing of anybody else."""

import json

import pytest
from allauth.account.models import EmailAddress
from django.core.serializers.json import DjangoJSONEncoder
from tests.unit.invitations.email.mail import SENT, token_in

from elonara import jobs
from elonara.bluesky.models import MemberIdentity
from elonara.communities import actions as communities
from elonara.events.guests import by_host, questions, rsvps
from elonara.events.messages.models import MessageOptOut
from elonara.events.models import Rsvp
from elonara.invitations import actions as invitations
from elonara.invitations import queries
from elonara.invitations.models import EmailInvitation, Invitation
from elonara.invitations.opt_out_models import OptOut
from elonara.invitations.responses import email_reader
from elonara.invitations.targets import Target
from elonara.members import audit, standing
from elonara.members.models import Member
from elonara.members.notices import notify
from elonara.personal_data import actions, export

BOB = "did:plc:bob"


def text(found):
    return json.dumps(found, cls=DjangoJSONEncoder)


@pytest.fixture
def asked(picnic, alice):
    return questions.ask(picnic, alice, [{"text": "What do you eat?", "kind": "text", "required": False}])[0]


@pytest.fixture
def robert(make_member):
    member = make_member("robert", BOB, display_name="Robert", email="robert@example.org")
    EmailAddress.objects.create(user=member, email="robert@example.org", verified=True, primary=True)
    return member


def test_what_a_guest_did_is_in_it(picnic, asked, robert, alice, send, deliver, row, write, clock):
    send(picnic, "bob", note="Dear all")
    deliver()
    rsvps.respond(picnic, choice="going", member=robert, note="With bread", answers={str(asked.pk): "Vegan"})
    Rsvp.objects.update(word="Welcome")
    OptOut.objects.create(did=BOB, host=alice)
    MessageOptOut.objects.create(member=robert, who=f"member:{robert.pk}", reminders_only=True)
    notify(robert, "test", "Look here")
    found = actions.export_of(robert)
    (answer,) = found["answers"]
    assert (answer["event"]["event"], answer["choice"], answer["note"]) == ("Picnic", "going", "With bread")
    assert answer["questions"] == [{"question": "What do you eat?", "answer": "Vegan"}]
    assert answer["word_of_the_host"] == "Welcome"
    (received,) = found["invitations_received"]
    assert received["note"] == "Dear all"
    assert received["text"] == row("bob").record["text"]
    assert found["account"]["addresses"] == [{"email": "robert@example.org", "verified": True, "primary": True}]
    assert found["bluesky"]["identity"]["bsky_did"] == BOB
    assert [one["from"] for one in found["opt_outs"]] == ["Alice", "every event"]
    assert "Look here" in text(found["notices"])
    assert found["audit_log"][-1]["what"] == audit.WORDS["data_exported"]
    assert json.loads(text(found))


def test_what_a_host_did_is_in_it(picnic, alice, send, deliver, write, asked):
    send(picnic, "bob", "carol", lines={"did:plc:bob": "You too!"}, sentence="Come swim with us")
    deliver()
    draft = queries.draft(alice, picnic)
    draft.write_sentence("Come, the last ones", "", Target(picnic))
    invitations.write_draft(alice, picnic, draft)
    write(picnic, "Ana Lima <ana@example.org>", note="Come along")
    found = actions.export_of(alice)
    assert [one["title"] for one in found["events_hosted"]] == ["Picnic"]
    assert found["events_hosted"][0]["questions"] == ["What do you eat?"]
    assert {one["handle"] for one in found["invitations_sent"]} == {"bob.example", "carol.example"}
    assert "You too!" in text(found["invitations_sent"])
    assert found["sends"][0]["sentence"] == "Come swim with us"
    assert found["drafts"][0]["sentence"] == "Come, the last ones"
    assert found["email_invitations_sent"][0]["note"] == "Come along"
    assert len(found["posts"]) == 1


@pytest.mark.promise("export-own")
def test_nothing_of_others_and_no_secret_is_in_it(picnic, asked, alice, robert, send, deliver, row, write, make_member):
    operator = make_member("root", is_superuser=True, is_staff=True)
    send(picnic, "bob", "carol")
    deliver()
    write(picnic, "Ana Lima <ana@example.org>")
    carol = make_member("carol", "did:plc:carol")
    for member, word in ((robert, "secret of Robert"), (carol, "secret of Carol")):
        rsvps.respond(picnic, choice="going", member=member, note=word, answers={str(asked.pk): word})
    invitations.report(row("carol").ref, BOB, "secret report about Alice")
    standing.suspend(alice, operator)
    standing.approve(alice, operator)
    audit.record(operator, "hidden", alice, "secret note about Alice")
    MemberIdentity.objects.update(bsky_access_token_enc="secret token", dpop_key_enc="secret key")
    Member.objects.update(password="secret password hash")
    of_host, of_guest = text(actions.export_of(alice)), text(actions.export_of(robert))
    assert "secret" not in of_host
    assert "ana@example.org" not in of_host
    assert "root" not in of_host
    assert "going" not in text(json.loads(of_host)["invitations_sent"])
    assert "secret of Robert" in of_guest
    assert "Carol" not in of_guest
    assert "secret report about Alice" in of_guest  # hers: she wrote it
    for word in ("secret token", "secret key", "password hash", "ana@example.org"):
        assert word not in of_guest
    for row_ in EmailInvitation.objects.all():
        assert row_.token_hash not in of_host
        assert row_.address_hash not in of_host


def test_a_name_that_a_host_gave_her_is_not_in_it(picnic, alice, robert):
    rsvps.respond(picnic, choice="going", member=robert)
    added = by_host.add(picnic, alice, "That tiresome Robert")
    by_host.merge(picnic, alice, Rsvp.objects.get(member=robert).pk, added.pk)
    assert "tiresome" not in text(actions.export_of(robert))


@pytest.mark.promise("export-own")
def test_a_did_that_somebody_else_had_brings_nothing_of_theirs(picnic, robert, make_member):
    rsvps.respond(picnic, choice="going", member=robert, note="secret of Robert")
    MemberIdentity.objects.filter(member=robert).delete()
    newcomer = make_member("newcomer", BOB)
    assert "secret" not in text(actions.export_of(newcomer))
    assert "secret" not in text(actions.export_for_did(BOB))


def test_an_address_that_is_not_confirmed_brings_nothing(picnic, robert, write):
    EmailAddress.objects.update(verified=False)
    write(picnic, "robert@example.org", note="for the owner")
    jobs.drain()
    EmailInvitation.objects.update(state="sent")
    assert "for the owner" not in text(actions.export_of(robert))
    EmailAddress.objects.update(verified=True)
    assert "for the owner" in text(actions.export_of(robert))


def test_what_was_not_sent_to_her_yet_is_not_in_it(picnic, robert, send):
    send(picnic, "bob")
    assert Invitation.objects.get().state == "queued"
    assert actions.export_of(robert)["invitations_received"] == []


def test_a_guest_without_an_account_has_hers(picnic, send, deliver, row):
    send(picnic, "bob", "carol")
    deliver()
    for name in ("bob", "carol"):
        invitations.respond(
            row(name).ref, f"did:plc:{name}", f"{name}.test", name.title(), "going", note=f"I am {name}"
        )
    found = actions.export_for_did(BOB)
    assert [one["note"] for one in found["answers"]] == ["I am bob"]
    assert len(found["invitations_received"]) == 1
    assert "account" not in found
    assert "carol" not in text(found)


def test_the_reader_of_an_e_mail_has_hers(picnic, write):
    write(picnic, "Ana Lima <ana@example.org>", note="Come along")
    write(picnic, "eve@example.org", note="Not for Ana")
    jobs.drain()
    letter = next(mail for mail in SENT if "ana@example.org" in mail.to[0])
    row = email_reader.by_token(token_in(letter))
    email_reader.respond(row, "going", "Ana", 0, "With cake")
    found = actions.export_for_email_invitation(row.pk)
    assert [one["note"] for one in found["answers"]] == ["With cake"]
    assert [one["note"] for one in found["email_invitations_received"]] == ["Come along"]
    assert "Not for Ana" not in text(found)


def test_every_model_with_a_member_has_been_thought_of():
    """A new table that names a member is exported, or stands here with its reason."""
    from django.apps import apps

    named = {
        model._meta.label_lower
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.is_relation and field.related_model is Member and model is not Member
    }
    elsewhere = {
        "elonara.actorview", "elonara.storedgraph",  # read from Bluesky: the count is exported
        "elonara.sendingaccountholder",  # caps alone
        "elonara.creation",  # when, for a day: the things themselves are exported
        "elonara.authorizationrequest",  # a sign-in under way
        "elonara.givenanswer", "admin.logentry",
    }  # fmt: skip
    exported = {
        f"elonara.{name}"
        for name in (
            "event", "eventhost", "rsvp", "hostmessage", "guestmessage", "messageoptout", "community", "membership",
            "announcement", "correction", "batch", "invitation", "hostsending", "report", "emailinvitation", "optout",
            "emailoptout", "invitationdraft", "memberidentity", "apppasswordsession", "notice", "auditentry",
            "transfer", "joinrequest", "removal", "answerdigest",
        )
    } | {"account.emailaddress", "mfa.authenticator", "usersessions.usersession"}  # fmt: skip
    assert named <= exported | elsewhere, named - exported - elsewhere
    assert export.FORMAT == 1


def test_what_she_asked_a_community_and_where_she_was_removed_is_in_it(alice, robert, make_member):
    choosy, bakers = (communities.create(alice, name=name, joining="request") for name in ("Brewers", "Bakers"))
    zoe = make_member("zoe")
    for member in (robert, zoe):
        communities.ask(choosy, by=member, word=f"word of {member.username}")
    row = choosy.join_requests.get(member=robert)
    communities.decline(choosy, by=alice, request_id=row.pk, word="Full")
    communities.remove_member(bakers, by=alice, membership=communities.join(bakers, member=robert, invited=True))
    found = actions.export_of(robert)
    (asked,) = found["asked_to_join"]
    assert (asked["word"], asked["answer"], asked["outcome"]) == ("word of robert", "Full", "declined")
    assert [one["community"]["community"] for one in found["removed_from_communities"]] == ["Bakers"]
    assert "zoe" not in text(found)
    of_alice = actions.export_of(alice)
    assert [one["answer"] for one in of_alice["answered_who_asked_to_join"]] == ["Full"]
    assert "word of" not in text(of_alice["answered_who_asked_to_join"])
    assert actions.export_for_did(BOB)["removed_from_communities"] == []
