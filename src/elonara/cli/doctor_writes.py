"""`elonara doctor --writes HANDLE`: write one test post by OAuth, read it back and delete it.

It shows whether OAuth posting works here, before the operator switches the mode to it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.utils import timezone

from elonara.atproto.errors import IdentityError
from elonara.atproto.records import post
from elonara.atproto.tid import new_tid
from elonara.bluesky import network
from elonara.bluesky.identity.identities import by_did
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing.agent import BlueskyResult
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent
from elonara.cli.doctor_findings import Finding
from elonara.cli.errors import CommandRefused
from elonara.options import Options

WHAT = "writes"
DELETE_RETRIES = 4  # one second apart; a create request that timed out may still be executed by the server


def check(options: Options, handle: str) -> Iterator[Finding]:
    """Write, read and delete one post by the member, without mentions or links. Raises CommandRefused."""
    identity = _owner_of(handle.strip().removeprefix("@"))
    if identity is None:
        raise CommandRefused(
            f"no member has connected @{handle.removeprefix('@')}; connect that account on the site first"
        )
    # Always the OAuth agent, whatever the mode is: the check is for switching to it.
    agent, member, did, rkey = OAuthBlueskyAgent(), identity.member_id, identity.bsky_did, new_tid()
    text = f"A test of {options.site.name}. It is deleted at once."
    record = post(text, [], ["en"], created_at=timezone.now())
    created = agent.create_post_for_member(member, record, author_did=did, rkey=rkey)
    if created.success:
        yield Finding("ok", WHAT, f"a post was written: {created.uri}")
    else:
        yield _failed("could not be written", created)
        if not created.ambiguous:
            return
    read = agent.find_post(member, did, rkey)
    if created.success and not (read.success and read.cid == created.cid):
        yield _failed("cannot be read back", read)
    deleted = agent.delete_post(member, did, rkey)
    found = agent.find_post(member, did, rkey)
    for _ in range(DELETE_RETRIES):
        if deleted.success and found.absent:
            break
        time.sleep(1)
        deleted, found = agent.delete_post(member, did, rkey), agent.find_post(member, did, rkey)
    if deleted.success and found.absent:
        yield Finding("ok", WHAT, "and deleted again")
    else:
        uri = f"at://{did}/app.bsky.feed.post/{rkey}"
        yield _failed("could not be deleted", deleted if not deleted.success else found, f"Delete it by hand: {uri}")


def _failed(what: str, result: BlueskyResult, fix: str = "") -> Finding:
    said = result.error_message or result.reason or "no reason was given"
    if not fix:
        fix = (
            "Let the member reauthorize on the profile page, and allow posting."
            if result.needs_reauth
            else "Leave the mode as it is until this passes."
        )
    return Finding("wrong", WHAT, f"the test post {what}: {said}", fix)


def _owner_of(handle: str) -> MemberIdentity | None:
    """Who has the handle now: it may have been another member's when it was stored. Raises CommandRefused."""
    try:
        return by_did(network.resolver().resolve(handle, fresh=True).did)
    except IdentityError as fault:
        if fault.reason == "unreachable":
            raise CommandRefused(f"it cannot be found out now whose handle @{handle} is; try again later") from fault
        return None
