"""What runs on PostgreSQL, too: tests that ask for a database, each once (the rule is in docs/testing.md).

SQLite runs everything. What the second database may do differently (locks, constraints, types, order, text, times,
commits) cannot show in a test without rows: pytest-django refuses those every query. And the values of a test's
parameters ask the database the same question again, save where the test says otherwise by `every_value_on_postgres`.
"""

from collections.abc import Iterable, Iterator

import pytest

# Parameters that choose another site or another table, not another input: all their values are tried.
ANOTHER_SITE = frozenset({"agent", "backend", "kind", "mode", "place", "target", "writes"})


def needs_rows(item: pytest.Item) -> bool:
    """Whether it may ask a database anything."""
    fixtures = getattr(item, "fixturenames", ())
    return (
        "db" in fixtures
        or "transactional_db" in fixtures
        or item.get_closest_marker("django_db") is not None
        or item.get_closest_marker("postgres_only") is not None
    )


def question(item: pytest.Item) -> tuple[object, ...]:
    """What a test asks the database: items that share it are told apart by their input alone."""
    test = item.nodeid.partition("[")[0]
    call = getattr(item, "callspec", None)
    if call is None:
        return (test,)
    inputs = {name for mark in item.iter_markers("parametrize") for name in _names(mark.args[0])} - ANOTHER_SITE
    # What remains are fixtures with parameters, such as both ways to write.
    return (test, *sorted((name, index) for name, index in call.indices.items() if name not in inputs))


def differing(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """Those that run on the second database, in their order."""
    asked = set()
    for item in items:
        if not needs_rows(item):
            continue
        found = question(item)
        if found not in asked or item.get_closest_marker("every_value_on_postgres"):
            asked.add(found)
            yield item


def _names(names: str | Iterable[str]) -> list[str]:
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
