"""Lists and conversations at a real PDS and AppView: `tests/fakes/circles.py` answers in these shapes."""

from datetime import UTC, datetime

import pytest
from tests.contract.bluesky.test_graph import Somebody

from elonara import jobs
from elonara.bluesky.graph import sync
from elonara.bluesky.graph.circles.bluesky_lists import LISTS
from elonara.bluesky.graph.circles.conversations import TALKS
from elonara.bluesky.graph.models import KnownList, KnownListMember, KnownPerson, StoredGraph


@pytest.fixture
def people(network):
    found = {name: Somebody(network, network.create_account()) for name in ("host", "friend", "stranger", "spam")}
    found["friend"].follow(found["host"])
    return found


@pytest.fixture
def account(people):
    return people["host"].account


@pytest.fixture
def host(people):
    return people["host"]


def record(somebody, collection, **values):
    """Write a record as its app does; its URI and CID."""
    created_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"$type": collection, "createdAt": created_at} | values
    made = somebody.call(
        "com.atproto.repo.createRecord", {"repo": somebody.did, "collection": collection, "record": body}
    )
    return {"uri": made["uri"], "cid": made["cid"]}


def make_list(somebody, name, purpose, members):
    made = record(somebody, "app.bsky.graph.list", name=name, purpose=f"app.bsky.graph.defs#{purpose}")
    for one in members:
        record(somebody, "app.bsky.graph.listitem", list=made["uri"], subject=one.did)
    return made["uri"]


def post(somebody, text="Hello", **values):
    return record(somebody, "app.bsky.feed.post", text=text, **values)


def answer(somebody, parent, root=None):
    return post(somebody, "An answer", reply={"root": root or parent, "parent": parent})


def mention(somebody, other):
    text = f"@{other.handle} hello"
    feature = {"$type": "app.bsky.richtext.facet#mention", "did": other.did}
    index = {"byteStart": 0, "byteEnd": len(f"@{other.handle}".encode())}
    return post(somebody, text, facets=[{"index": index, "features": [feature]}])


def run_all(*kinds):
    while due := [(kind, key) for kind in kinds for key in jobs.due(kind)]:
        for kind, key in due:
            jobs.run(kind, key)


def test_her_lists_are_stored_and_follow_what_she_changes(host, people, network, member, connect):
    first = make_list(host, "Chess 🐴", "curatelist", [people["friend"], people["stranger"]])
    make_list(host, "Spam", "modlist", [people["spam"]])
    network.sync()
    connect(member, host.account)
    run_all(sync.JOB_KIND, LISTS.kind)
    (one,) = KnownList.objects.all()
    assert (one.uri, one.name, one.people) == (first, "Chess 🐴", 2)
    rows = KnownListMember.objects.values_list("person__did", "person__handle", "person__follows_you")
    assert set(rows) == {
        (people["friend"].did, people["friend"].handle, True),
        (people["stranger"].did, people["stranger"].handle, False),
    }

    host.call(
        "com.atproto.repo.deleteRecord",
        {"repo": host.did, "collection": "app.bsky.graph.list", "rkey": first.rpartition("/")[2]},
    )
    network.sync()
    LISTS.hasten(StoredGraph.objects.get().pk)
    run_all(LISTS.kind)
    assert not KnownList.objects.exists()
    assert set(KnownPerson.objects.values_list("did", flat=True)) == {people["friend"].did}


def test_whom_she_answers_and_mentions_is_counted(host, people, network, member, connect):
    friend, stranger = people["friend"], people["stranger"]
    hers, theirs = post(host), post(stranger)
    answer(host, theirs)
    answer(host, answer(friend, hers), root=hers)
    answer(host, hers)  # to herself
    mention(host, stranger)
    mention(stranger, host)  # whom others mention does not count
    network.sync()
    connect(member, host.account)
    run_all(sync.JOB_KIND, TALKS.kind)
    talked = KnownPerson.objects.filter(talked__gt=0).order_by("-talked")
    assert [(one.did, one.talked, one.handle, one.follows_you) for one in talked] == [
        (stranger.did, 2, stranger.handle, False),
        (friend.did, 1, friend.handle, True),
    ]
    assert all(one.talked_at is not None for one in talked)
    assert StoredGraph.objects.get().conversations == 2
