"""The private parts of Django that `elonara.compiled_queries` relies on. Look here first after a Django upgrade."""

import functools
from datetime import UTC, datetime

import django
import pytest
from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models import Q
from django.db.models.expressions import Expression
from django.db.models.query import (
    FlatValuesListIterable,
    ModelIterable,
    QuerySet,
    ValuesListIterable,
    get_related_populators,
)

from elonara.bluesky.models import ActorView, AuthorizationRequest, MemberIdentity
from elonara.compiled_queries import CompiledQuery
from elonara.members.models import Member

NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)
ADVICE = """
src/elonara/compiled_queries.py does not fit Django {version}: {part} has changed.
Either adapt it: compare ModelIterable, ValuesListIterable (django/db/models/query.py) and
SQLCompiler.results_iter (django/db/models/sql/compiler.py) of the old and the new version.
Or do without: let CompiledQuery.all() return list(self._make(**values)). That is correct on every Django, at the cost
in CPU given in docs/decisions/0008-compiled-queries.md; bench/queries.py measures it again.
"""
pytestmark = pytest.mark.django_db


class Marker(Expression):
    """An expression that appears among the parameters as itself, like the module's placeholder."""

    def as_sql(self, compiler, connection):
        return "%s", [self]


def relies_on(part):
    """Decorate a test so that any failure names the part that has changed and what to do about it."""

    def decorate(test):
        @functools.wraps(test)
        def run(*args, **kwargs):
            try:
                test(*args, **kwargs)
            except Exception as fault:  # noqa: BLE001 - a missing attribute, other arguments, another result
                message = ADVICE.format(version=django.get_version(), part=part)
                pytest.fail(f"{message}\n{type(fault).__name__}: {fault}")

        return run

    return decorate


@pytest.fixture
def identity():
    member = Member.objects.create_user("alice")
    ActorView.objects.create(member=member, did="did:plc:bob", person={"é": [1, None]}, checked_at=NOW)
    AuthorizationRequest.objects.create(
        state_hash="s" * 64, browser_hash="b" * 64, member=member, payload={"press": {"é": [1, None]}}, expires_at=NOW
    )
    return MemberIdentity.objects.create(member=member, bsky_did="did:plc:alice", bsky_handle="alice.example")


def compiled(queryset):
    compiler = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
    return compiler, *compiler.as_sql()


@relies_on("QuerySet._iterable_class")
def test_a_queryset_has_the_iterable_class_of_what_it_yields():
    rows = MemberIdentity.objects.all()
    assert rows._iterable_class is ModelIterable
    assert rows.values_list("pk", "member")._iterable_class is ValuesListIterable
    assert rows.values_list("pk", flat=True)._iterable_class is FlatValuesListIterable
    for other in (rows.values("pk"), rows.values_list("pk", named=True)):
        assert other._iterable_class not in {ModelIterable, ValuesListIterable, FlatValuesListIterable}


@relies_on("QuerySet._prefetch_related_lookups")
def test_a_queryset_names_what_it_prefetches():
    assert not Member.objects.all()._prefetch_related_lookups
    assert Member.objects.prefetch_related("notices")._prefetch_related_lookups


@relies_on("SQLCompiler.klass_info, SQLCompiler.annotation_col_map, QuerySet._fetch_mode or get_related_populators")
def test_a_compiler_knows_which_columns_make_which_instance(identity):
    rows = MemberIdentity.objects.select_related("member").annotate(one=models.Value(1))
    compiler, sql, parameters = compiled(rows)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row = cursor.fetchone()
    assert compiler.klass_info["model"] is MemberIdentity
    own = compiler.klass_info["select_fields"]
    assert own == list(range(own[0], own[-1] + 1))
    assert row[compiler.annotation_col_map["one"]] == 1
    (populator,) = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS, rows._fetch_mode)
    empty = MemberIdentity()
    populator.populate(row, empty)
    assert empty.member.username == "alice"


@relies_on("Query.get_compiler or SQLCompiler.as_sql")
def test_an_expression_appears_as_itself_among_the_parameters(identity):
    rows = MemberIdentity.objects.filter(bsky_did=Marker(), state="revoked").values_list("pk")[:1]
    _, sql, parameters = compiled(rows)
    assert isinstance(sql, str)
    assert len(parameters) == sql.count("%s")
    assert [isinstance(each, Marker) for each in parameters].count(True) == 1
    with connection.cursor() as cursor:
        cursor.execute(sql, ["did:plc:alice" if isinstance(each, Marker) else each for each in parameters])
        assert len(cursor.fetchall()) == 1


@relies_on("Query.get_compiler or SQLCompiler.as_sql")
def test_an_expression_works_in_joins_and_or_too(identity):
    either = Q(username=Marker()) | Q(bluesky__bsky_did=Marker())
    _, sql, parameters = compiled(Member.objects.filter(either, pk=Marker(), last_login__lte=Marker()))
    assert [type(each) for each in parameters] == [Marker] * 4
    assert sql.count("%s") == 4


@relies_on("SQLCompiler.select")
def test_a_compiler_lists_its_columns():
    rows = MemberIdentity.objects.all()
    compiler, *_ = compiled(rows)
    names = [column[0].target.attname for column in compiler.select]
    assert names == [field.attname for field in MemberIdentity._meta.concrete_fields]
    compiler, *_ = compiled(rows.only("member"))
    assert [column[0].target.attname for column in compiler.select] == ["id", "member_id"]


@relies_on("SQLCompiler.get_converters or SQLCompiler.apply_converters")
def test_converters_convert_a_row_as_django_does(identity):
    rows = AuthorizationRequest.objects.values_list("id", "payload", "expires_at", "confirmed")
    compiler, sql, parameters = compiled(rows)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        raw = cursor.fetchall()
    converters = compiler.get_converters([column[0] for column in compiler.select])
    assert isinstance(converters, dict)
    assert 1 in converters  # the key is the position of the column; JSON is text on both databases
    assert list(map(tuple, compiler.apply_converters(raw, converters))) == list(rows)
    assert not compiler.get_converters([])


@relies_on("Model.from_db or Model._state")
def test_an_instance_from_a_row_has_the_state_of_one_that_django_loaded(identity):
    theirs = MemberIdentity.objects.get()
    names = [field.attname for field in MemberIdentity._meta.concrete_fields]
    ours = MemberIdentity.from_db(DEFAULT_DB_ALIAS, names, [getattr(theirs, name) for name in names])
    assert state_of(ours) == state_of(theirs)
    assert (ours._state.adding, ours._state.db) == (False, DEFAULT_DB_ALIAS)


@relies_on("DatabaseOperations.adapt_unknown_value or DatabaseFeatures.has_native_uuid_field")
def test_values_are_adapted_as_fields_adapt_them(identity):
    adapt = connection.ops.adapt_unknown_value
    assert adapt(NOW) == models.DateTimeField().get_db_prep_value(NOW, connection)
    assert adapt(NOW.date()) == models.DateField().get_db_prep_value(NOW.date(), connection)
    key = identity.pk if connection.features.has_native_uuid_field else identity.pk.hex
    assert models.UUIDField().get_db_prep_value(identity.pk, connection) == key


@pytest.mark.parametrize("model", [Member, MemberIdentity, AuthorizationRequest, ActorView])
@relies_on("ModelIterable or SQLCompiler.results_iter")
def test_instances_and_tuples_equal_those_of_a_queryset(model, identity):
    def rows(pk):
        return model._default_manager.filter(pk=pk).order_by("pk")

    theirs = model._default_manager.get()
    (ours,) = CompiledQuery(rows).all(pk=theirs.pk)
    assert vars(ours) | {"_state": None} == vars(theirs) | {"_state": None}
    assert state_of(ours) == state_of(theirs)
    columns = [field.attname for field in model._meta.concrete_fields]
    assert CompiledQuery(lambda pk: rows(pk).values_list(*columns)).all(pk=theirs.pk) == list(
        QuerySet(model).values_list(*columns)
    )


def state_of(row):
    """An instance's `_state` without the lazily filled cache of related rows."""
    names = {name for name in (*vars(type(row._state)), *vars(row._state)) if not name.startswith("__")}
    return {name: getattr(row._state, name) for name in names - {"fields_cache"}}


def test_a_failure_says_what_to_do():
    @relies_on("SQLCompiler.as_sql")
    def broken():
        raise AttributeError("as_sql")

    with pytest.raises(pytest.fail.Exception, match=r"SQLCompiler\.as_sql has changed"):
        broken()
