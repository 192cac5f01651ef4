"""Compiled queries return the same rows as Django's own, on both databases."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Q, Value
from django.test.utils import CaptureQueriesContext

from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.models import ActorView, AuthorizationRequest, MemberIdentity
from elonara.compiled_queries import CompiledQuery, CompiledTake, insert, update_where
from elonara.members.models import Member

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


def test_instances_equal_those_that_django_loads(identity):
    by_key = CompiledQuery(lambda pk: MemberIdentity.objects.filter(pk=pk))
    found = by_key.first(pk=identity.pk)
    assert every_field(found) == every_field(MemberIdentity.objects.get())
    found.bsky_handle = "alice.test"
    found.save()
    assert MemberIdentity.objects.get().bsky_handle == "alice.test"


def test_datetimes_relations_and_choices_compare_as_in_django(identity, member):
    since = CompiledQuery(
        lambda who, state, at: MemberIdentity.objects.filter(member=who, state=state, connected_at__lte=at).values_list(
            "bsky_did", "connected_at"
        )
    )
    asked = {"who": member.pk, "state": MemberIdentity.State.ACTIVE}
    assert since.all(**asked, at=NOW) == [("did:plc:alice", NOW)]
    assert since.all(**asked, at=NOW - timedelta(microseconds=1)) == []
    assert since.all(**asked | {"state": "revoked"}, at=NOW) == []


def test_a_parameter_may_be_used_twice_and_across_joins(identity, member):
    either = CompiledQuery(
        lambda name: Member.objects.filter(Q(username=name) | Q(bluesky__bsky_did=name)).values_list("pk", flat=True)
    )
    assert either.all(name="alice") == either.all(name="did:plc:alice") == [member.pk]
    assert either.all(name="bob") == []
    assert either.first(name="bob") is None
    assert not either.exists(name="bob")


def test_a_parameter_may_be_a_list_beside_others(identity, member):
    bob = Member.objects.create_user("bob")
    one = Member.objects.filter
    named = CompiledQuery(
        lambda names, active: (
            one(username__in=names, is_active=active)
            .values_list("username", "pk")
            .union(one(bluesky__bsky_did__in=names).values_list("username", "pk"))
            .order_by("username")
        )
    )
    both = [("alice", member.pk), ("bob", bob.pk)]
    assert named.all(names=["did:plc:alice", "bob"], active=True) == both
    assert named.all(names=["alice", "bob", "zoe"], active=True) == both, "another number of them"
    assert named.all(names=["bob"], active=True) == both[1:]
    assert named.all(names=["bob"], active=False) == []
    with pytest.raises(ValueError, match="empty list"):
        named.all(names=[], active=True)


def test_booleans_and_json_are_converted(member):
    person = {"handle": "é", "labels": [1, None]}
    ActorView.objects.create(member=member, did="did:plc:bob", person=person, checked_at=NOW)
    views = CompiledQuery(lambda who: ActorView.objects.filter(member=who).values_list("person", flat=True))
    assert views.all(who=member.pk) == [person]
    active = CompiledQuery(lambda yes: Member.objects.filter(is_active=yes).values_list("username", "is_active"))
    assert active.all(yes=True) == [("alice", True)]
    assert active.all(yes=False) == []


def test_it_is_compiled_once_per_thread_and_executed_each_time(member):
    made = []

    def make(name):
        made.append(name)
        return Member.objects.filter(username=name).values_list("pk")

    named = CompiledQuery(make)
    with CaptureQueriesContext(connection) as asked:
        assert not named.exists(name="bob")
        Member.objects.create_user("bob")
        assert named.exists(name="bob")
    assert len(made) == 1
    assert sum("username" in query["sql"] and query["sql"].startswith("SELECT") for query in asked) == 2


def test_threads_do_not_share_compiled_queries():
    made = []

    def make(name):
        made.append(threading.get_ident())
        return Member.objects.filter(username=name)

    named = CompiledQuery(make)

    def ask():
        try:
            named.exists(name="bob")
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    assert len(made) == 2


def test_none_as_a_value_is_refused(member):
    named = CompiledQuery(lambda name: Member.objects.filter(username=name))
    with pytest.raises(ValueError, match="never given None"):
        named.all(name=None)


def test_what_is_selected_beside_the_rows_equals_what_django_loads(identity, member, django_assert_num_queries):
    makes = [
        lambda pk: MemberIdentity.objects.select_related("member").filter(pk=pk),
        lambda pk: MemberIdentity.objects.select_related("member").annotate(twice=Count("member") * 2).filter(pk=pk),
    ]
    for make in makes:
        found, expected = CompiledQuery(make).first(pk=identity.pk), make(identity.pk).get()
        with django_assert_num_queries(0):
            assert every_field(found.member) == every_field(expected.member)
        assert every_field(found) == every_field(expected)
        assert getattr(found, "twice", None) == getattr(expected, "twice", None)
    of_member = CompiledQuery(lambda pk: Member.objects.select_related("bluesky").filter(pk=pk))
    with django_assert_num_queries(1):
        assert every_field(of_member.first(pk=member.pk).bluesky) == every_field(identity)
    bob = Member.objects.create_user("bob")
    assert not hasattr(of_member.first(pk=bob.pk), "bluesky")


def test_a_missing_value_is_refused(member):
    with pytest.raises(KeyError):
        CompiledQuery(lambda name: Member.objects.filter(username=name)).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda did: Member.objects.filter(bluesky__bsky_did=did).prefetch_related("notices"),
        lambda did: MemberIdentity.objects.filter(bsky_did=did).values("pk"),
        lambda did: MemberIdentity.objects.filter(bsky_did=did).values_list("pk", named=True),
    ],
)
def test_querysets_that_it_does_not_support_are_refused(make):
    with pytest.raises(TypeError):
        CompiledQuery(make).all(did="did:plc:alice")


def test_an_update_changes_only_rows_that_match(identity):
    values = {"state": MemberIdentity.State.ACTIVE, "connected_at": NOW, "lease_until": None, "lease_fence": 7}
    assert update_where(MemberIdentity, {"id": identity.pk, "lease_fence": 0}, values) == 1
    changed = MemberIdentity.objects.get()
    assert every_field(changed) == every_field(identity) | values
    assert update_where(MemberIdentity, {"id": identity.pk, "lease_fence": 0}, {"state": "revoked"}) == 0
    assert MemberIdentity.objects.get().state == "active"


def test_an_update_compares_relations_and_datetimes_and_stores_json(identity, member):
    where = {"member": member.pk, "connected_at": NOW}
    later = {"connected_at": NOW + timedelta(seconds=1)}
    assert update_where(MemberIdentity, where, later) == 1
    assert update_where(MemberIdentity, where, later) == 0
    ActorView.objects.create(member=member, did="did:plc:bob", person={}, checked_at=NOW)
    person = {"handle": "é", "labels": [1, None]}
    assert update_where(ActorView, {"member": member.pk, "checked_at": NOW}, {"person": person}) == 1
    assert ActorView.objects.get().person == person


def test_an_update_stores_what_django_stores(identity):
    values = {"state": MemberIdentity.State.NEEDS_REAUTH, "connected_at": None, "lease_fence": 9, "bsky_scope": "é%s"}
    update_where(MemberIdentity, {"id": identity.pk}, values)
    ours = every_field(MemberIdentity.objects.get())
    MemberIdentity.objects.filter(id=identity.pk).update(**values)
    assert ours == every_field(MemberIdentity.objects.get())


def test_an_update_refuses_names_that_are_no_column_and_none_in_where(identity):
    with pytest.raises(TypeError, match="no column"):
        update_where(Member, {"id": identity.member_id}, {"answers": 1})
    with pytest.raises(ValueError, match="None"):
        update_where(MemberIdentity, {"id": identity.pk, "lease_until": None}, {"state": "revoked"})


def test_an_insert_stores_what_django_stores(member):
    def new():
        row = AuthorizationRequest(
            state_hash=new.__name__, purpose="connect", member=member, payload={"é": [1, None]}, expires_at=NOW
        )
        row.consumed_at, row.handle = None, "é%s"
        return row

    ours, djangos = new(), new()
    insert(ours)
    stored = AuthorizationRequest.objects.get(pk=ours.pk)
    assert every_field(stored) == every_field(ours)
    ours.delete()
    djangos.save(force_insert=True)
    different = {"id", "created_at"}
    expected = every_field(AuthorizationRequest.objects.get(pk=djangos.pk))
    assert {key: value for key, value in every_field(stored).items() if key not in different} == {
        key: value for key, value in expected.items() if key not in different
    }
    assert stored.created_at <= expected["created_at"]


def test_an_inserted_row_can_be_saved_again(member):
    row = AuthorizationRequest(state_hash="a", purpose="connect", member=member, expires_at=NOW)
    insert(row)
    row.handle = "alice.test"
    row.save()
    assert AuthorizationRequest.objects.get().handle == "alice.test"


def test_a_row_is_inserted_once(member):
    row = AuthorizationRequest(state_hash="a", purpose="connect", member=member, expires_at=NOW)
    insert(row)
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(row)


TAKE = CompiledTake(lambda pk, state: MemberIdentity.objects.filter(Q(member=None) | Q(pk=pk), state=state))


def test_a_row_is_taken_once_and_only_where_it_matches(identity, member):
    other = MemberIdentity.objects.create(
        member=Member.objects.create_user("bob"), bsky_did="did:plc:bob", state="active"
    )
    before = every_field(MemberIdentity.objects.get(pk=identity.pk))
    assert TAKE.all(pk=identity.pk, state="revoked") == []
    [taken] = TAKE.all(pk=identity.pk, state="active")
    assert every_field(taken) == before
    assert TAKE.first(pk=identity.pk, state="active") is None
    assert MemberIdentity.objects.get() == other


def test_a_take_deletes_in_one_statement(identity):
    with CaptureQueriesContext(connection) as queries:
        assert TAKE.first(pk=identity.pk, state="active") is not None
    assert [query["sql"].split()[0] for query in queries] == ["DELETE"]


@pytest.mark.parametrize(
    "make",
    [
        lambda pk: MemberIdentity.objects.filter(pk=pk).order_by("pk"),
        lambda pk: MemberIdentity.objects.filter(pk=pk)[:1],
        lambda pk: MemberIdentity.objects.filter(pk=pk).distinct(),
        lambda pk: MemberIdentity.objects.filter(pk=pk).select_for_update(),
        lambda pk: MemberIdentity.objects.filter(pk=pk).select_related("member"),
        lambda pk: MemberIdentity.objects.filter(member__username=pk),
        lambda pk: MemberIdentity.objects.filter(pk=pk).union(MemberIdentity.objects.filter(member=None)),
        lambda pk: MemberIdentity.objects.filter(pk=pk).annotate(one=Value(1)),
        lambda pk: MemberIdentity.objects.all(),
    ],
)
def test_nothing_else_is_taken(identity, make):
    with pytest.raises(TypeError, match="taken"):
        CompiledTake(make).all(pk=identity.pk)
    assert MemberIdentity.objects.exists()


def test_a_row_that_is_there_is_not_inserted_again(identity, member):
    graph = StoredGraph(member=member, bsky_did="did:plc:alice")
    assert insert(graph, unless_there=True)
    again = StoredGraph(member=member, bsky_did="did:plc:bob")
    with transaction.atomic():
        assert not insert(again, unless_there=True)
        assert StoredGraph.objects.get() == graph, "the transaction goes on"
    assert again.pk is None
    assert again._state.adding


def test_a_row_with_a_key_of_its_own_is_not_inserted_again(member):
    row = AuthorizationRequest(state_hash="a", purpose="connect", member=member, expires_at=NOW)
    assert insert(row, unless_there=True)
    assert not insert(AuthorizationRequest(state_hash="a", purpose="connect", expires_at=NOW), unless_there=True)
    assert AuthorizationRequest.objects.get() == row


def test_a_row_that_the_database_numbers_is_inserted_with_its_number(member):
    first, second = (StoredGraph(member=who, bsky_did="did:plc:é%s", due_at=NOW) for who in (member, None))
    insert(first)
    insert(second)
    assert first.pk != second.pk
    assert every_field(StoredGraph.objects.get(pk=first.pk)) == every_field(first)
    assert StoredGraph.objects.create(bsky_did="did:plc:x").pk not in {first.pk, second.pk}
    first.cursor = "next"
    first.save()
    assert StoredGraph.objects.get(pk=first.pk).cursor == "next"
