"""A new site whose hosts connect and invite, by the code of the previous release: in its names, not in this one's.

Arguments: how many people each host invites, and the hosts' DIDs. First comes what `elonara migrate` says; for every
host the address of her consent page, and where that led is read; then where this code lies, the events' slugs, and
what else was stored, as JSON: an answer, opt-outs, an invitation by e-mail with its secrets, an e-mail on its way.
"""

import base64
import json
import secrets
import sys
import uuid
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

from elonara.cli import main

if status := main(["migrate"]):  # sets Django up, too
    sys.exit(status)

# They need the settings.
from django.core.mail import EmailMessage
from django.utils import timezone
from elonara.bluesky.oauth_service import BlueskyOAuthService
from elonara.bluesky.people import Person

from elonara.bluesky import actor_views
from elonara.events import actions as events
from elonara.events import answers
from elonara.events.models import Event
from elonara.housekeeping import letters
from elonara.housekeeping.models import Errand, Letter
from elonara.invitations import actions
from elonara.invitations.models import EmailInvitation, EmailOptOut
from elonara.members.models import Member
from elonara.sealing import seal


def connect(place, did):
    member = Member.objects.create_user(f"host{place}", display_name=f"Host {place}")
    browser, service = secrets.token_hex(8), BlueskyOAuthService()
    print(service.begin("connect", did, member=member, browser=browser, confirmed=True), flush=True)
    service.finish(dict(parse_qsl(urlsplit(sys.stdin.readline().strip()).query)), browser=browser)
    return member


def invite(member, number):
    starts = (timezone.now() + timedelta(days=30)).replace(minute=0, second=0, microsecond=0)
    event = events.create(member, title="Picnic", starts_at=starts, timezone="UTC", location="By the river")
    names = [base64.b32encode(secrets.token_bytes(15)).decode().lower() for _ in range(number)]
    people = [Person(f"did:plc:{name}", f"{name[:10]}.test", follows_you=True, you_follow=True) for name in names]
    actor_views.keep(member.pk, people)
    sent = actions.invite(member, event, [person.did for person in people])
    assert sent.queued == number, sent
    print(event.slug, flush=True)
    return event.slug


def store_the_rest(slug):
    """One row of every other kind that an upgrade must keep. Nothing of it is due during the test."""
    event, far = Event.objects.get(slug=slug), timezone.now() + timedelta(days=20)
    host = event.created_by
    guest, refuser, stranger = (f"did:plc:{letter * 24}" for letter in "abc")
    answers.answer(event, choice="going", did=guest, handle="guest.test", name="Guest", note="Salad")
    actions.opt_out(refuser, host)
    actions.opt_out(stranger)
    EmailOptOut.objects.create(address_hash="e" * 64, host=None)
    row = EmailInvitation(id=uuid.uuid4(), event=event, host=host, name="Ana", address_hash="f" * 64, due_at=far)
    row.token_hash = "0" * 64
    row.address_enc = seal("ana@example.org", column="address_enc", row=row.pk, did="")
    row.token_enc = seal("token of ana", column="token_enc", row=row.pk, did="")
    row.save(force_insert=True)
    letter = letters.keep(EmailMessage("Subject", "Body", "site@example.org", ["ana@example.org"]))
    Letter.objects.filter(pk=letter.pk).update(due_at=far)
    Errand.objects.update_or_create(name="clear away", defaults={"due_at": far, "done": 7})
    print(json.dumps({"guest": guest, "refuser": refuser, "stranger": stranger}), flush=True)


hosts = [connect(place, did) for place, did in enumerate(sys.argv[2:])]
print(actions.__file__, flush=True)
slugs = [invite(host, int(sys.argv[1])) for host in hosts]
store_the_rest(slugs[0])
