"""What an operator hid, and what a suspended member made, is on no public page, file, card, list or answer."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara import jobs
from elonara.api import tokens
from elonara.communities import actions as communities
from elonara.communities import queries as community_queries
from elonara.communities.models import Community
from elonara.events import actions as events
from elonara.events import queries as event_queries
from elonara.events.guests import rsvps
from elonara.events.models import Event, Rsvp
from elonara.invitations import actions as inviting
from elonara.invitations.email import tokens as email_tokens
from elonara.invitations.models import EmailInvitation, Invitation
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target
from elonara.members import actions as members
from elonara.members.errors import NotAllowed
from elonara.members.models import AuditEntry, Notice

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
WORDS = ("Winter picnic", "Bread Circle", "Fen road 7", "Bring salt")


def hide(row, by, note=""):
    (events if isinstance(row, Event) else communities).hide(row, by, note)


def unhide(row, by):
    (events if isinstance(row, Event) else communities).unhide(row, by)


@pytest.fixture
def operator(make_member):
    return make_member("olga", is_superuser=True, is_staff=True)


@pytest.fixture
def fair(alice, circle):
    """An event of a community, with everything that could show through."""
    return events.create(
        alice, title="Winter picnic", starts_at=timezone.now() + timedelta(days=9), timezone="UTC",
        location="Fen road 7", description="Bring salt", community=circle,
    )  # fmt: skip


@pytest.fixture(params=["hidden", "suspended"])
def gone(request, operator, alice, fair, circle):
    """Hides the event and its community: `gone()`."""

    def go():
        if request.param == "suspended":
            members.suspend(alice, operator)
            return
        hide(fair, operator, "a scam")
        hide(circle, operator)

    return go


def public_addresses(fair, circle):
    yield from ("/", "/events", "/events?q=picnic", "/events?show=past", "/communities", "/communities?q=Bread")
    yield from (f"/events/{fair.slug}", f"/events/{fair.slug}.ics", f"/events/{fair.slug}/picture")
    yield from (f"/communities/{circle.slug}", f"/communities/{circle.slug}/picture")


@pytest.mark.promise("hidden")
def test_nothing_of_it_is_public(client, fair, circle, gone):
    assert "Winter picnic" in page_text(client.get("/events"))
    assert client.get(f"/events/{fair.slug}.ics").status_code == 200
    gone()
    for address in public_addresses(fair, circle):
        page = client.get(address).content.decode()
        assert not [word for word in WORDS if word in page], address
    for address in (f"/events/{fair.slug}", f"/events/{fair.slug}.ics", f"/communities/{circle.slug}"):
        assert client.get(address).status_code == 404, address


def test_past_events_are_hidden_too(client, fair, gone):
    Event.objects.filter(pk=fair.pk).update(starts_at=timezone.now() - timedelta(days=2))
    assert "Winter picnic" in page_text(client.get("/events?show=past"))
    gone()
    assert "Winter picnic" not in page_text(client.get("/events?show=past"))


@pytest.mark.promise("hidden")
def test_another_member_reads_and_finds_nothing_of_it(client, signed_in, make_member, fair, circle, gone):
    signed_in(make_member("eve"))
    gone()
    for address in public_addresses(fair, circle):
        page = client.get(address).content.decode()
        assert not [word for word in WORDS if word in page], address
    assert client.post(f"/communities/{circle.slug}/join").status_code == 404
    assert client.post(f"/events/{fair.slug}/answer", {"answer": "going"}).status_code == 404


@pytest.mark.promise("hidden")
def test_the_api_does_not_know_it(client, make_member, fair, circle, gone):
    headers = {"Authorization": f"Bearer {tokens.issue(make_member('eve')).access_token}"}
    addresses = [f"/api/v1/events/{fair.slug}", f"/api/v1/communities/{circle.slug}"]
    assert [client.get(address, headers=headers).status_code for address in addresses] == [200, 200]
    gone()
    assert [client.get(address, headers=headers).status_code for address in addresses] == [404, 404]
    posted = client.post(
        f"{addresses[0]}/invitations", {"dids": [BOB]}, content_type="application/json", headers=headers
    )
    assert posted.status_code == 404


@pytest.mark.promise("hidden")
def test_a_strangers_look_at_its_invitation_is_that_at_an_unknown_one(client, invited, fair, circle, gone):
    refs = [invited(fair).ref, invited(circle).ref]
    assert "Winter picnic" in page_text(client.get(f"/i/{refs[0]}"))
    gone()
    for ref in refs:
        for end in ("", "/stop", "/report"):
            response, unknown = client.get(f"/i/{ref}{end}"), client.get(f"/i/unknown{end}")
            assert response.status_code == unknown.status_code == 404
            assert TOKEN.sub("", page_text(response)).replace(ref, "unknown") == TOKEN.sub("", page_text(unknown)), end


@pytest.mark.promise("hidden-ends")
def test_the_invited_person_may_still_stop_and_report_what_was_hidden(client, invited, authorize, operator, fair):
    ref = invited(fair).ref
    hide(fair, operator)
    browser = Client()
    page = authorize(browser, browser.post(f"/i/{ref}", {"handle": "bob.example.com"}), BOB)
    shown = page_text(browser.get(page["location"]))
    assert "has hidden what it was for" in shown
    assert not [word for word in WORDS if word in shown]
    assert "Winter picnic" not in page_text(browser.get("/invitations"))
    browser.post(f"/i/{ref}", {"answer": "going"})
    assert not Rsvp.objects.exists()
    assert browser.post(f"/i/{ref}/report", {"text": "A scam."}).status_code == 302
    assert browser.post(f"/i/{ref}/stop", {"who": "site"}).status_code in {200, 302}


@pytest.mark.promise("hidden-ends")
def test_queued_invitations_to_it_end(alice, friends, fair, circle, gone):
    inviting.invite(alice, fair, [BOB])
    inviting.invite(alice, circle, [BOB])
    letter = EmailInvitation.objects.create(
        event=fair, host=alice, address_hash="h", token_hash="t", due_at=timezone.now()
    )
    gone()
    jobs.drain()
    letter.refresh_from_db()
    assert {letter.state, *Invitation.objects.values_list("state", flat=True)} == {"cancelled"}


def test_nobody_invites_to_what_is_hidden(alice, friends, operator, fair, circle):
    hide(fair, operator)
    hide(circle, operator)
    for target in (fair, circle):
        with pytest.raises(InvitationRefused) as refused:
            inviting.invite(alice, target, [BOB])
        assert refused.value.code == "hidden"


def test_a_co_host_of_a_suspended_host_goes_on_until_the_event_is_hidden(alice, friends, make_member, operator, fair):
    cohost = make_member("carla")
    events.add_cohost(fair, by=alice, member=cohost)
    events.accept_cohost(fair, by=cohost)
    members.suspend(alice, operator)
    fresh = Event.objects.get(pk=fair.pk)
    assert event_queries.may_see(fresh, cohost)
    assert event_queries.may_invite(fresh, cohost)
    events.hide(fresh, operator)
    assert Target(Event.objects.get(pk=fair.pk)).over() == "hidden"


def test_a_community_goes_on_under_its_other_admins(alice, make_member, operator, circle):
    bea = make_member("bea")
    row = communities.join(circle, member=bea)
    communities.set_role(circle, by=alice, membership=row, role="admin")
    members.suspend(alice, operator)
    assert community_queries.may_see(Community.objects.get(pk=circle.pk))
    assert [one.name for one in community_queries.public()] == ["Bread Circle"]
    members.suspend(bea, operator)
    assert not community_queries.may_see(Community.objects.get(pk=circle.pk))
    assert not community_queries.public()


def test_guests_of_a_suspended_host_keep_their_event_those_of_a_hidden_one_do_not(alice, make_member, operator, fair):
    guest = make_member("gil")
    rsvps.respond(fair, choice="going", member=guest)
    members.suspend(alice, operator)
    assert event_queries.may_see(Event.objects.get(pk=fair.pk), guest)
    hide(fair, operator)
    fresh = Event.objects.get(pk=fair.pk)
    assert not event_queries.may_see(fresh, guest)
    assert not event_queries.upcoming(guest)
    assert not event_queries.attending(guest)
    assert not event_queries.of_community(fair.community_id, guest)
    with pytest.raises(NotAllowed):
        rsvps.respond(fresh, choice="maybe", member=guest, invited=True)


def test_guests_are_told_nothing_more_of_what_is_hidden(alice, make_member, operator, fair):
    guest = make_member("gil")
    rsvps.respond(fair, choice="going", member=guest)
    events.change(fair, by=alice, location="Elsewhere")
    assert Notice.objects.filter(member=guest, dismissed_at=None).exists()
    hide(fair, operator)
    fresh = Event.objects.get(pk=fair.pk)
    events.change(fresh, by=alice, location="Somewhere")
    events.cancel(fresh, alice)
    assert not Notice.objects.filter(member=guest, dismissed_at=None).exists()


@pytest.mark.promise("hidden-ends")
def test_nobody_joins_what_is_hidden(make_member, operator, circle):
    hide(circle, operator)
    with pytest.raises(NotAllowed):
        communities.join(Community.objects.get(pk=circle.pk), member=make_member("eve"), invited=True)


def test_its_hosts_and_the_operator_still_see_it_and_read_why(client, signed_in, alice, operator, fair, circle):
    hide(fair, operator)
    hide(circle, operator)
    for member in (alice, operator):
        signed_in(member)
        for address in (f"/events/{fair.slug}", f"/communities/{circle.slug}"):
            response = client.get(address)
            assert response.status_code == 200
            assert "has been hidden" in page_text(response)
            assert "og:title" not in response.content.decode()


@pytest.mark.promise("private-from-operators")
def test_an_operator_does_not_read_private_events_by_hiding_them(client, signed_in, operator, supper):
    hide(supper, operator)
    assert signed_in(operator).get(f"/events/{supper.slug}").status_code == 404


def test_what_is_shown_again_is_public_again(client, operator, fair, circle):
    for row in (fair, circle):
        hide(row, operator, "looked like a scam")
        hide(row, operator)  # twice changes nothing
        unhide(row, operator)
    assert "Winter picnic" in page_text(client.get("/events"))
    assert client.get(f"/communities/{circle.slug}").status_code == 200
    entries = list(AuditEntry.objects.order_by("pk").values_list("what", "subject", "note"))
    assert entries[:2] == [
        ("hidden", f"event {fair.slug}", "looked like a scam"), ("unhidden", f"event {fair.slug}", ""),
    ]  # fmt: skip
    assert len(entries) == 4


@pytest.mark.promise("operators-only")
def test_only_an_operator_hides(alice, make_member, fair, circle):
    staff = make_member("sam", is_staff=True)
    for by in (alice, staff):
        for row in (fair, circle):
            with pytest.raises(NotAllowed):
                hide(row, by)
            with pytest.raises(NotAllowed):
                unhide(row, by)
    assert not Event.objects.exclude(hidden_at=None).exists()


def test_the_link_of_a_letter_shows_nothing_of_it(client, friends, alice, operator, fair, set_options):
    token = "a-token-of-a-letter"
    EmailInvitation.objects.create(
        event=fair, host=alice, address_hash="h", token_hash=email_tokens.token_hash(token), state="sent",
        due_at=timezone.now(),
    )  # fmt: skip
    assert "Winter picnic" in page_text(client.get(f"/rsvp/{token}"))
    hide(fair, operator)
    for address in (f"/rsvp/{token}", f"/rsvp/{token}?calendar=1"):
        response = client.get(address)
        assert response.status_code == 410
        assert not [word for word in WORDS if word in response.content.decode()]
    assert client.post(f"/rsvp/{token}", {"answer": "going"}).status_code == 410
    assert client.get(f"/rsvp/{token}?stop=host").status_code == 200


def test_an_operator_hides_in_the_lists_too_and_staff_does_not(client, signed_in, make_member, operator, fair, circle):
    lists = {"event": fair, "community": circle}

    def press(what):
        for kind, row in lists.items():
            client.post(f"/admin/elonara/{kind}/", {"action": what, "_selected_action": [row.pk]})
        return [type(row).objects.get(pk=row.pk).hidden_at is not None for row in lists.values()]

    signed_in(make_member("sam", is_staff=True))
    assert press("hide") == [False, False]
    signed_in(operator)
    assert press("hide") == [True, True]
    assert press("unhide") == [False, False]
    assert AuditEntry.objects.count() == 4


def test_what_ended_goes_out_again_once_it_is_shown_again_and_its_host_sends_it(alice, friends, operator, fair):
    inviting.invite(alice, fair, [BOB])
    hide(fair, operator)
    assert Invitation.objects.get().state == "cancelled"
    unhide(fair, operator)
    jobs.drain()
    assert Invitation.objects.get().state == "cancelled", "nothing goes by itself"
    inviting.invite(alice, Event.objects.get(pk=fair.pk), [BOB])
    assert Invitation.objects.get().state == "queued"


def test_hiding_between_plan_and_write_sends_nothing(alice, friends, operator, fair):
    inviting.invite(alice, fair, [BOB])
    Event.objects.filter(pk=fair.pk).update(hidden_at=timezone.now())  # the listener heard nothing of these rows
    jobs.drain()
    assert Invitation.objects.get().state == "cancelled"
