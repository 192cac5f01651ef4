"""Statements written by hand: the same rows as Django's own, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from elonara import statements
from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.members.models import Member, Notice

NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return Member.objects.create_user("alice")


@pytest.fixture
def identity(member):
    return MemberIdentity.objects.create(member=member, bsky_did="did:plc:alice", bsky_handle="alice.example")


def a_trip(member, **more):
    values = {"state_hash": "s" * 64, "browser_hash": "b" * 64, "purpose": "connect", "member": member}
    return AuthorizationRequest(**values | {"payload": {"press": {"é": [1, None]}}, "expires_at": NOW} | more)


def every_field(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def by_name(username):
    return statements.Rows(Member, "username = %s", (username,))


def test_one_look_finds_rows_of_any_of_the_tables(member):
    notices = statements.Rows(Notice, "member_id = %s AND dismissed_at IS NULL", (member.pk,))
    assert not statements.any_of(by_name("bob"), notices)
    assert statements.any_of(by_name("bob"), by_name("alice"), notices)
    Notice.objects.create(member=member, kind="sending", text="Wait")
    assert statements.any_of(by_name("bob"), notices)


def test_conditions_with_or_stay_apart(member):
    either = statements.Rows(Member, "username = %s OR username = %s", ("bob", "eve"))
    assert not statements.any_of(either, by_name("bob"))
    assert statements.any_of(either, by_name("alice"))


def test_a_row_is_stored_as_django_stores_it(member):
    row = a_trip(member, confirmed=True)
    statements.insert(row)
    assert not row._state.adding
    stored = AuthorizationRequest.objects.get()
    assert every_field(stored) == every_field(row)
    assert stored.payload == {"press": {"é": [1, None]}}
    assert stored.created_at  # filled in, as by save()
    row.next = "/later"
    row.save()
    assert AuthorizationRequest.objects.get().next == "/later"


def test_a_second_row_of_the_same_key_is_refused(member):
    statements.insert(a_trip(member))
    with pytest.raises(IntegrityError), transaction.atomic():
        statements.insert(a_trip(member))


def test_an_update_changes_the_row_that_is_as_expected(identity, member):
    values = {"state": MemberIdentity.State.ACTIVE, "connected_at": NOW, "lease_until": None, "lease_fence": 7}
    assert statements.update(MemberIdentity, {"id": identity.pk, "lease_fence": 0}, values) == 1
    changed = MemberIdentity.objects.get()
    assert every_field(changed) == every_field(identity) | values
    assert statements.update(MemberIdentity, {"id": identity.pk, "lease_fence": 0}, {"state": "revoked"}) == 0
    assert MemberIdentity.objects.get().state == "active"


def test_relations_and_moments_are_compared_too(identity, member):
    MemberIdentity.objects.update(connected_at=NOW)
    where = {"member": member.pk, "connected_at": NOW}
    later = {"connected_at": NOW + timedelta(seconds=1)}
    assert statements.update(MemberIdentity, where, later) == 1
    assert statements.update(MemberIdentity, where, later) == 0


def test_rows_are_read_as_django_reads_them(identity, member):
    MemberIdentity.objects.update(connected_at=NOW)
    a_trip(member).save()
    (found,) = statements.read(MemberIdentity, "SELECT {columns} FROM {table} WHERE bsky_did = %s", ["did:plc:alice"])
    assert every_field(found) == every_field(MemberIdentity.objects.get())
    assert not found._state.adding
    found.bsky_handle = "alice.test"
    found.save()
    assert MemberIdentity.objects.get().bsky_handle == "alice.test"
    (trip,) = statements.read(AuthorizationRequest, "DELETE FROM {table} WHERE id = id RETURNING {columns}", [])
    assert (trip.payload, trip.expires_at, trip.member) == ({"press": {"é": [1, None]}}, NOW, member)
    assert statements.read(AuthorizationRequest, "SELECT {columns} FROM {table}", []) == []


def test_what_is_no_column_is_refused(identity):
    with pytest.raises(TypeError, match="no column"):
        statements.update(Member, {"id": identity.member_id}, {"answers": 1})


def test_the_text_of_a_table_is_quoted():
    assert statements.table(Notice) == '"elonara_notice"'
