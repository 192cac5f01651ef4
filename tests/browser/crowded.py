"""A site with much of everything: every state of every post, words without a space, two pages, and what is wrong.

`python -m tests.browser.crowded` fills the empty database of the site that the environment configures, and prints as
JSON the session cookies of the host and of an operator, and the addresses that show it.
"""

from __future__ import annotations

import json
import logging
import sys
import uuid
from datetime import timedelta
from itertools import cycle
from types import SimpleNamespace

HANDLE = f"{'a-handle-of-many-letters' * 2}.{'and-a-long-name-below-it' * 2}.example.com"
NAMES = ("Wolfeschlegelsteinhausenbergerdorff" * 3, "سارة " * 40, "", "Bo", "ข" * 120, "🎈" * 60)
ERROR = "InvalidRequest:" + "com.atproto.repo.createRecord" * 16
ORIGIN = f"https://{'a' * 63}.{'b' * 63}.example.com"
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk"
MANY = 70  # invitations that are just sent: with the others two pages of Watch


def main() -> None:
    """Fill the database and say where to look."""
    import django

    django.setup()
    logging.disable(logging.WARNING)
    from bench.browser import sign_in
    from bench.ground import make_database

    make_database()
    host, places = fill()
    jars = {}
    for name, member in (("host", host), ("operator", operator())):
        browser = SimpleNamespace(cookies={})
        sign_in(browser, member)
        jars[name] = browser.cookies["elonara_session"]
    json.dump({"jars": jars, "places": places}, sys.stdout)


def fill() -> tuple:
    """A host without a Bluesky session, an event and a community of hers with posts of every kind."""
    from django.utils import timezone

    from elonara.bluesky.models import MemberIdentity
    from elonara.communities import actions as communities
    from elonara.events import actions as events
    from elonara.events.models import Event, EventHost, Rsvp
    from elonara.invitations.planning import drafts
    from elonara.invitations.targets import Target
    from elonara.members.models import Member

    soon = timezone.now() + timedelta(days=9)
    host = Member.objects.create_user("hanna", password="a long password", display_name=NAMES[0][:64], timezone="UTC")
    MemberIdentity.objects.create(
        member=host, bsky_did="did:plc:hanna", bsky_handle=HANDLE, display_name=NAMES[0], state="needs_reauth",
        pds_url=ORIGIN, issuer=ORIGIN,
    )  # fmt: skip
    event = events.create(
        host, title=f"Walk {LONG}", starts_at=soon, timezone="America/Argentina/ComodRivadavia",
        location=f"{ORIGIN}/map", description=ORIGIN * 3, plus_ones_allowed=9,
    )  # fmt: skip
    community = communities.create(host, name=f"Friends of the {LONG}", description=ORIGIN * 3)
    for number, name in enumerate(NAMES):
        guest = Member.objects.create_user(f"guest{number}" + "x" * 60, display_name=name[:64])
        EventHost.objects.create(event=event, member=guest, role="cohost", accepted_at=soon if number % 2 else None)
        choice = Rsvp.Choice.values[number % 3]
        Rsvp.objects.create(event=event, member=guest, choice=choice, note=LONG * 9, plus_ones=9, name=name)
        Rsvp.objects.create(event=event, did=f"did:plc:rsvp{number}", choice=choice, name=name, handle=HANDLE)
        community.memberships.create(did=f"did:plc:rsvp{number}", name=name, handle=HANDLE)
    posts({"event": event}, host)
    posts({"community": community}, host)
    emails(event, host)
    troubles(host)
    people = {f"did:plc:{'d' * 23}{number}": (name, HANDLE) for number, name in enumerate(NAMES, 2)}
    written = drafts.choose(host, Target(event), people)
    written.write(LONG * 5, dict.fromkeys(people, LONG * 3), thread=True)
    drafts.write(host, Target(event), written)
    Event.objects.filter(pk=event.pk).update(location="Elsewhere")  # the posts that are out tell the old place
    return host, {"event": event.slug, "community": community.slug}


def posts(target: dict, host) -> None:
    """Invitations in every state and for every reason, announcements and updates in each that they have."""
    from django.utils import timezone

    from elonara.atproto.tid import new_tid
    from elonara.invitations import reasons
    from elonara.invitations.models import Announcement, Batch, Correction, Invitation, State
    from elonara.invitations.targets import Target
    from elonara.members.models import Member

    now, names = timezone.now(), cycle(NAMES)
    facts = Target(*target.values()).facts
    batch = Batch.objects.create(host=host, **target)
    external = {"uri": ORIGIN, "title": LONG * 2, "description": LONG * 4}
    record = {"text": f"@{HANDLE} {LONG * 3} {ORIGIN}", "langs": ["en"], "facets": [], "embed": {"external": external}}

    def post(state: str, reason: str = "", **more) -> dict:
        sent = now if state == State.SENT else None
        return {
            "host": host, "author_did": "did:plc:hanna", "rkey": new_tid(), "record": record, "facts": facts,
            "state": state, "reason": reason, "error": ERROR if reason else "", "next_attempt_at": now,
            "queued_at": now, "sent_at": sent, **target, **more,
        }  # fmt: skip

    def invitation(state: str, reason: str = "", **more) -> Invitation:
        return Invitation(
            batch=batch, invitee_did=f"did:plc:{uuid.uuid4().hex}", invitee_handle=HANDLE, invitee_name=next(names),
            ref=uuid.uuid4().hex, **post(state, reason, **more),
        )  # fmt: skip

    shown = Announcement.objects.create(**post(State.SENT))
    rows = [invitation(State.SENT) for _ in range(MANY)]
    rows += [invitation(State.SENT, announcement=shown)]
    rows += [invitation(State.SENT, answer=answer, answered_at=now) for answer in ("going", "maybe", "cant", "joined")]
    rows += [invitation(state) for state in State.values]
    rows += [invitation(state, needs_confirmation=True) for state in ("queued", "waiting", "failed")]
    for state in (State.WAITING, State.FAILED, State.SUPPRESSED, State.QUEUED):
        rows += [invitation(state, code) for code in reasons.REASONS]
    Invitation.objects.bulk_create(rows)
    for number, state in enumerate((State.QUEUED, State.WAITING, State.FAILED, State.CANCELLED, State.UNDONE)):
        other = Member.objects.create_user(f"{number}{next(iter(target))}")
        Announcement.objects.create(**post(state, "needs_reauth") | {"host": other})
        Correction.objects.create(**post(state, "needs_reauth") | {"host": other}, changed=["place"])


def emails(event, host) -> None:
    """E-mail invitations in every state and for every reason."""
    from django.utils import timezone

    from elonara.invitations import reasons
    from elonara.invitations.models import EmailInvitation, EmailState
    from elonara.members.notices import notify

    now = timezone.now()
    EmailInvitation.objects.bulk_create(
        EmailInvitation(
            event=event, host=host, address_hash=uuid.uuid4().hex, token_hash=uuid.uuid4().hex, name=LONG[:100],
            note=LONG * 9, state=state, reason=code, due_at=now - timedelta(days=3),
        )
        for state in EmailState.values
        for code in ("", *reasons.REASONS)
    )  # fmt: skip
    for kind in ("one", "another"):
        notify(host, kind, f"{LONG} {ORIGIN}", link="/profile/edit")


def troubles(host) -> None:
    """What an operator has to see: pauses of everything, held and silent workers, tasks that failed, reports."""
    from django.utils import timezone

    from elonara.bluesky.models import AccountLane, PdsHost
    from elonara.bluesky.oauth.self_check import CLOCK_NOTICE, METADATA_NOTICE
    from elonara.housekeeping.models import PeriodicTask, Worker
    from elonara.housekeeping.words import HELD, TASKS
    from elonara.invitations.models import HostSending, Invitation
    from elonara.invitations.opt_out_models import Report
    from elonara.mail.models import MailPause
    from elonara.members import audit
    from elonara.members.notices import notify

    now = timezone.now()
    later = now + timedelta(hours=7)
    HostSending.objects.update_or_create(host=host, defaults={"paused_at": now, "pause_reason": "spam_label"})
    AccountLane.objects.create(
        author_did="did:plc:hanna", paused_until=later, pause_reason="rate_limited", lease_until=later
    )
    PdsHost.objects.create(origin=ORIGIN, paused_until=later, reason="rate_limited")
    MailPause.objects.create(reason=MailPause.Reason.AUTH, reply="535 5.7.8", since=now, next_try_at=later)
    for number, held in enumerate(("", *HELD)):
        seen = now + timedelta(hours=1)  # the pages are looked at within it
        Worker.objects.create(
            name=f"a-machine-with-a-long-name-{number}.example.com:123456", engine="procrastinate",
            version="0.2.0.dev123+local.build.456", started_at=now, seen_at=seen, held=held,
        )  # fmt: skip
    Worker.objects.create(name="gone:1", engine="embedded", started_at=now, seen_at=now - timedelta(minutes=5))
    for name in (*TASKS, "unknown"):
        defaults = {"due_at": later, "ran_at": now, "done": 123_456_789, "error": ERROR[:300]}
        PeriodicTask.objects.update_or_create(name=name, defaults=defaults)
    boss = operator()
    for kind in (METADATA_NOTICE, f"{CLOCK_NOTICE}example"):
        notify(boss, kind[:40], f"{LONG} {ORIGIN}")
    for row in Invitation.objects.all()[:3]:
        Report.objects.create(invitation=row, reporter_did=row.invitee_did, text=LONG * 15)
    audit.record(boss, "account_resumed", "did:plc:hanna", note=LONG * 4)


def operator():
    """The operator, with the longest username."""
    from elonara.members.models import Member

    name = "operator" + "o" * 60
    found = Member.objects.filter(username=name).first()
    return found or Member.objects.create_superuser(name, password="a long password", timezone="UTC")


if __name__ == "__main__":
    main()
