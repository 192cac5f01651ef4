"""A new site whose hosts connect and invite, by the code of the previous release: in its names, not in this one's.

Arguments: how many people each host invites, and the hosts' DIDs. First comes what `elonara migrate` says; for every
host the address of her consent page, and where that led is read; then where this code lies, and the events' slugs.
"""

import base64
import secrets
import sys
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

from elonara.cli import main

if status := main(["migrate"]):  # sets Django up, too
    sys.exit(status)

# They need the settings. The names are those of 0.1.0: some do not exist in this release any more.
from django.utils import timezone
from elonara.bluesky.oauth_service import BlueskyOAuthService
from elonara.bluesky.people import Person

from elonara.bluesky import actor_views
from elonara.events import actions as events
from elonara.invitations import actions
from elonara.members.models import Member


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


hosts = [connect(place, did) for place, did in enumerate(sys.argv[2:])]
print(actions.__file__, flush=True)
for host in hosts:
    invite(host, int(sys.argv[1]))
