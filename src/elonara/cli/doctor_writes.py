"""`elonara doctor --writes HANDLE`: one test post by OAuth, read back and deleted: is the mode safe to switch?"""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.utils import timezone

from elonara.atproto.records import post
from elonara.atproto.tid import new_tid
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing.agent import BlueskyResult
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent
from elonara.cli.doctor_findings import Finding
from elonara.cli.errors import CommandRefused
from elonara.options import Options

WHAT = "writes"
LOOKS = 4  # a create that was lost on the way may still land


def check(options: Options, handle: str) -> Iterator[Finding]:
    """Write, read and delete one post on the member's profile. It mentions nobody and links nowhere."""
    identity = MemberIdentity.objects.filter(bsky_handle__iexact=handle.strip().removeprefix("@")).first()
    if identity is None:
        raise CommandRefused(
            f"no member has connected @{handle.removeprefix('@')}; connect that account on the site first"
        )
    # This backend whatever the mode is: that is what is being asked.
    agent, member, did, key = OAuthBlueskyAgent(), identity.member_id, identity.bsky_did, new_tid()
    text = f"A test of {options.site.name}. It is deleted at once."
    record = post(text, [], ["en"], created_at=timezone.now())
    created = agent.create_post_for_member(member, record, author_did=did, rkey=key)
    if created.success:
        yield Finding("ok", WHAT, f"a post was written: {created.uri}")
    else:
        yield _failed("could not be written", created)
        if not created.ambiguous:
            return
    read = agent.find_post(member, did, key)
    if created.success and not (read.success and read.cid == created.cid):
        yield _failed("cannot be read back", read)
    deleted = agent.delete_post(member, did, key)
    gone = agent.find_post(member, did, key)
    for _ in range(LOOKS):
        if deleted.success and gone.absent:
            break
        time.sleep(1)
        deleted, gone = agent.delete_post(member, did, key), agent.find_post(member, did, key)
    if deleted.success and gone.absent:
        yield Finding("ok", WHAT, "and deleted again")
    else:
        uri = f"at://{did}/app.bsky.feed.post/{key}"
        yield _failed("could not be deleted", deleted if not deleted.success else gone, f"Delete it by hand: {uri}")


def _failed(what: str, result: BlueskyResult, fix: str = "") -> Finding:
    said = result.error_message or result.reason or "no reason was given"
    if not fix:
        fix = (
            "Let the member reauthorize on the profile page, and allow posting."
            if result.needs_reauth
            else "Leave the mode as it is until this passes."
        )
    return Finding("wrong", WHAT, f"the test post {what}: {said}", fix)
