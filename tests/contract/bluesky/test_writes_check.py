"""`elonara doctor --writes` against the real PDS: nothing is left on the profile."""

import pytest
from django.conf import settings

from elonara.bluesky.models import MemberIdentity
from elonara.cli import doctor_writes


def posts(network, account):
    from elonara.bluesky import network as ours

    params = {"repo": account.did, "collection": "app.bsky.feed.post"}
    pds = MemberIdentity.objects.get().pds_url
    return ours.xrpc().query(pds, "com.atproto.repo.listRecords", params)["records"]


def found(account):
    return [(one.level, one.says.partition(":")[0]) for one in doctor_writes.check(settings.ELONARA, account.handle)]


def test_a_post_is_written_read_and_deleted(connected, account, network):
    assert found(account) == [("ok", "a post was written"), ("ok", "and deleted again")]
    assert posts(network, account) == []


@pytest.mark.usefixtures("connected")
def test_a_session_without_the_permission_is_reported_and_nothing_is_written(account, network):
    MemberIdentity.objects.update(bsky_scope="atproto")
    ((level, says),) = found(account)
    assert (level, says) == ("wrong", "the test post could not be written")
    assert posts(network, account) == []


def test_a_lost_response_leaves_nothing_behind(connected, account, network, faults):
    faults({"match": "com.atproto.repo.createRecord", "kind": "drop-after", "rate": 1, "times": 1})
    assert ("wrong", "the test post could not be written") in found(account)
    assert posts(network, account) == []
