"""Queries that are composed once: the same rows as Django's own, on both databases."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from elonara.bluesky.models import ActorView, MemberIdentity
from elonara.members.models import Member
from elonara.prepared import Prepared

NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return Member.objects.create_user("alice")


@pytest.fixture
def identity(member):
    return MemberIdentity.objects.create(
        member=member, bsky_did="did:plc:alice", bsky_handle="alice.example", connected_at=NOW, state="active"
    )


def every_field(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_instances_are_as_django_reads_them(identity):
    by_key = Prepared(lambda pk: MemberIdentity.objects.filter(pk=pk))
    found = by_key.first(pk=identity.pk)
    assert every_field(found) == every_field(MemberIdentity.objects.get())
    found.bsky_handle = "alice.test"
    found.save()
    assert MemberIdentity.objects.get().bsky_handle == "alice.test"


def test_moments_relations_and_choices_are_compared_as_django_compares_them(identity, member):
    since = Prepared(
        lambda who, state, at: MemberIdentity.objects.filter(member=who, state=state, connected_at__lte=at).values_list(
            "bsky_did", "connected_at"
        )
    )
    asked = {"who": member.pk, "state": MemberIdentity.State.ACTIVE}
    assert since.all(**asked, at=NOW) == [("did:plc:alice", NOW)]
    assert since.all(**asked, at=NOW - timedelta(microseconds=1)) == []
    assert since.all(**asked | {"state": "revoked"}, at=NOW) == []


def test_a_slot_may_stand_twice_and_across_tables(identity, member):
    either = Prepared(
        lambda name: Member.objects.filter(Q(username=name) | Q(bluesky__bsky_did=name)).values_list("pk", flat=True)
    )
    assert either.all(name="alice") == either.all(name="did:plc:alice") == [member.pk]
    assert either.all(name="bob") == []
    assert either.first(name="bob") is None
    assert not either.any(name="bob")


def test_truth_and_json_come_back_as_they_are(member):
    person = {"handle": "é", "labels": [1, None]}
    ActorView.objects.create(member=member, did="did:plc:bob", person=person, checked_at=NOW)
    views = Prepared(lambda who: ActorView.objects.filter(member=who).values_list("person", flat=True))
    assert views.all(who=member.pk) == [person]
    active = Prepared(lambda yes: Member.objects.filter(is_active=yes).values_list("username", "is_active"))
    assert active.all(yes=True) == [("alice", True)]
    assert active.all(yes=False) == []


def test_it_is_composed_once_in_a_thread_and_asks_anew_each_time(member):
    made = []

    def make(name):
        made.append(name)
        return Member.objects.filter(username=name).values_list("pk")

    named = Prepared(make)
    with CaptureQueriesContext(connection) as asked:
        assert not named.any(name="bob")
        Member.objects.create_user("bob")
        assert named.any(name="bob")
    assert len(made) == 1
    assert sum("username" in query["sql"] and query["sql"].startswith("SELECT") for query in asked) == 2


def test_threads_do_not_share_what_belongs_to_a_connection():
    made = []

    def make(name):
        made.append(threading.get_ident())
        return Member.objects.filter(username=name)

    named = Prepared(make)

    def ask():
        try:
            named.any(name="bob")
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    assert len(made) == 2


def test_nothing_is_ever_compared_with_nothing(member):
    named = Prepared(lambda name: Member.objects.filter(username=name))
    with pytest.raises(ValueError, match="never given None"):
        named.all(name=None)


def test_a_value_too_few_is_refused(member):
    with pytest.raises(KeyError):
        Prepared(lambda name: Member.objects.filter(username=name)).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda did: MemberIdentity.objects.select_related("member").filter(bsky_did=did),
        lambda did: MemberIdentity.objects.filter(bsky_did=did).values("pk"),
        lambda did: MemberIdentity.objects.filter(bsky_did=did).values_list("pk", named=True),
    ],
)
def test_what_it_cannot_give_is_refused(make):
    with pytest.raises(TypeError):
        Prepared(make).all(did="did:plc:alice")
