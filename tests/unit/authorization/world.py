"""A site with a public and a private event and community, and somebody in every role there."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone
from tests.fakes.oauth import BOB
from tests.unit.web.conftest import sign_in

from elonara.bluesky.models import MemberIdentity
from elonara.communities import actions as communities
from elonara.communities.models import JoinRequest, Membership
from elonara.events import actions as events
from elonara.events.models import EventHost, Rsvp
from elonara.invitations.email import tokens as email_tokens
from elonara.invitations.email_addresses import hash_of
from elonara.invitations.models import Batch, EmailInvitation, Invitation
from elonara.members.models import Member

# In the order of the columns. The guests are no members: one has proved a DID, one has the link of an e-mail.
ROLES = (
    "anonymous", "stranger", "guest by DID", "guest by e-mail", "asked", "waiting", "going", "invited", "member",
    "moderator", "admin", "co-host", "host", "suspended", "operator",
)  # fmt: skip
MEMBERS = ("stranger", "asked", "waiting", "going", "invited", "member", "moderator", "admin", "co-host", "suspended")
INVITED = "did:plc:invited"
PUBLIC, PRIVATE, MISSING = "public", "private", "not there"


@dataclass
class World:
    """Who is there, and what stands for the parts of an address."""

    people: dict[str, Member]
    parts: dict[str, dict[str, Any]]  # public or private → name of a part → what stands for it
    browsers: dict[str, Client] = field(default_factory=dict)


def made(alice: Member, make_member: Any) -> World:
    """The site; `alice` is the host, and is connected."""
    people = {role: make_member(role.replace("-", "").replace(" ", "")) for role in MEMBERS}
    MemberIdentity.objects.create(
        member=people["invited"], bsky_did=INVITED, bsky_handle="invited.example", state="revoked",
        state_reason="not_connected",
    )  # fmt: skip
    people |= {"host": alice, "operator": make_member("olga", is_superuser=True, is_staff=True)}
    parts = {which: _made_one(which, people) for which in (PUBLIC, PRIVATE)}
    Member.objects.filter(pk=people["suspended"].pk).update(standing="suspended")
    world = World(people, parts)
    world.browsers = {role: _browser(role, people) for role in ROLES}
    return world


def _browser(role: str, people: dict[str, Member]) -> Client:
    browser = Client(raise_request_exception=False)
    if role in people:
        if role == "suspended":
            browser.force_login(people[role], backend="django.contrib.auth.backends.ModelBackend")
            return browser
        return sign_in(browser, people[role])
    if role == "guest by DID":
        session = browser.session
        proof = {"did": BOB, "handle": "bob.example.com", "name": "Bob", "at": time.time()}
        session["proven"] = {BOB: proof}
        session.save()
        browser.cookies["sessionid"] = session.session_key
    return browser


def _made_one(which: str, people: dict[str, Member]) -> dict[str, Any]:
    host = people["host"]
    circle = communities.create(host, name=f"{which} circle", visibility=which)
    roles = {"member": "member", "moderator": "moderator", "admin": "admin"}
    for role, stored in roles.items():
        Membership.objects.create(community=circle, member=people[role], role=stored)
    request = JoinRequest.objects.create(community=circle, member=people["asked"], word="Please")
    event = events.create(
        host, title=f"{which} picnic", starts_at=timezone.now() + timedelta(days=9), timezone="UTC",
        visibility=which, community=circle,
    )  # fmt: skip
    for role in ("co-host", "suspended"):
        EventHost.objects.create(event=event, member=people[role], role="cohost", accepted_at=timezone.now())
    for role in ("asked", "waiting", "going"):
        Rsvp.objects.create(event=event, member=people[role], choice=role, waiting_since=timezone.now())
    guest = Rsvp.objects.create(event=event, did=BOB, handle="bob.example.com", choice="going")
    batch = Batch.objects.create(host=host, event=event)
    now = timezone.now()
    post = {
        "state": "sent",
        "next_attempt_at": now,
        "queued_at": now,
        "author_did": "did:plc:host",
        "record": {"text": "Come"},
    }
    invited = Invitation.objects.create(
        batch=batch, event=event, host=host, invitee_did=BOB, invitee_handle="bob.example.com", rkey=f"3{which}",
        ref=f"ref{which}", **post,
    )  # fmt: skip
    Invitation.objects.create(
        batch=batch, event=event, host=host, invitee_did=INVITED, invitee_handle="invited.example", rkey=f"3b{which}",
        ref=f"other{which}", **post,
    )  # fmt: skip
    letter = EmailInvitation(event=event, host=host, address_hash=hash_of("ana@example.org"), due_at=now, state="sent")
    token, letter.token_hash, _ = email_tokens.new_token(letter.pk)
    letter.save()
    Rsvp.objects.create(event=event, email_invitation=letter, name="Ana", choice="going")
    return {
        "event": event.slug, "community": circle.slug, "ref": invited.ref, "token": token, "invitation": invited.pk,
        "letter": letter.pk, "answer": guest.pk, "membership": circle.memberships.get(member=people["member"]).pk,
        "join_request": request.pk,
    }  # fmt: skip
