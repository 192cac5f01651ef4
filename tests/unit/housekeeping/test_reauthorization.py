"""After a change of the site's address, or before posts go by OAuth: who must authorize again, and asking them."""

import dataclasses

import pytest

from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.housekeeping import reauthorization
from elonara.invitations.models import HostSending
from elonara.members.models import Notice


@pytest.fixture
def host(connected, member):
    HostSending.objects.create(host=member)
    return member


def remove_write_scope():
    """The member's session lacks the permission to post."""
    MemberIdentity.objects.update(bsky_scope="atproto")


def test_after_a_move_the_sessions_of_the_old_address_are_counted_and_ended(connected, settings, hook_calls):
    assert not reauthorization.of_another_address()
    assert reauthorization.end_those_of_another_address() == 0
    site = dataclasses.replace(settings.ELONARA.site, url="https://events.example")
    settings.ELONARA = dataclasses.replace(settings.ELONARA, site=site)
    assert reauthorization.of_another_address() == {"http://127.0.0.1:8000": 1}
    assert MemberIdentity.objects.get().state == "active"
    assert reauthorization.end_those_of_another_address() == 1
    row = MemberIdentity.objects.get()
    assert (row.state, row.state_reason, row.bsky_refresh_token_enc) == ("needs_reauth", "client_changed", "")
    assert [name for name, *_ in hook_calls if name == "on_needs_member"] == ["on_needs_member"]
    assert reauthorization.end_those_of_another_address() == 0


def test_a_host_without_the_permission_to_post_is_found_and_asked_once(host, settings):
    assert reauthorization.lacking_write_scope() == []
    remove_write_scope()
    found = reauthorization.lacking_write_scope()
    assert [(one.member, one.reason) for one in found] == [(host, "scope_missing")]
    assert reauthorization.ask_to_reauthorize(found) == 1
    assert "Reauthorize" in Notice.objects.get(member=host).text
    reauthorization.ask_to_reauthorize(found)
    assert Notice.objects.filter(member=host).count() == 1


def test_members_who_never_invited_or_who_disconnected_are_not_asked(connected, member):
    remove_write_scope()
    assert reauthorization.lacking_write_scope() == []
    HostSending.objects.create(host=member)
    MemberIdentity.objects.update(state="revoked", state_reason="disconnected")
    assert reauthorization.lacking_write_scope() == []


def test_members_who_depend_on_an_app_password_are_counted(host):
    AppPasswordSession.objects.create(did="did:plc:x", handle="x.example", member=host, app_password_enc="")
    assert reauthorization.on_app_passwords_alone() == 0
    remove_write_scope()
    assert reauthorization.on_app_passwords_alone() == 1


@pytest.mark.parametrize("reason", sorted(reauthorization.MEMBER_REASONS))
def test_members_with_an_app_password_are_both_counted_and_asked(connected, member, reason):
    MemberIdentity.objects.update(state="revoked", state_reason=reason)
    AppPasswordSession.objects.create(did="did:plc:relay", handle="relay.example", app_password_enc="")
    assert (reauthorization.on_app_passwords_alone(), reauthorization.lacking_write_scope()) == (0, [])
    AppPasswordSession.objects.create(did="did:plc:x", handle="x.example", member=member, app_password_enc="")
    found = reauthorization.lacking_write_scope()
    assert ([one.member for one in found], reauthorization.on_app_passwords_alone()) == ([member], 1)
    assert reauthorization.ask_to_reauthorize(found) == 1
    assert Notice.objects.filter(member=member).count() == 1
    AppPasswordSession.objects.update(state="refused")
    assert reauthorization.lacking_write_scope() == []
