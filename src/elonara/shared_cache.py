"""Django's cache, in which rate limits are counted: ours, allauth's, and the codes of second factors that were used.

With SQLite one process serves the site, and the cache is in its memory. On PostgreSQL several web processes serve it,
and the cache is a table: a limit holds for all of them together. Every operation is one statement, so two processes
that count at the same moment never get the same number. Ends are told by the database's clock.

While the table cannot be reached, each process counts by itself. A limit is no reason to refuse a page that could
otherwise be shown.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final, Protocol, cast

from django.apps import apps
from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

LONGEST_SECONDS: Final = 10 * 365 * 24 * 3600  # of an entry that is to stay
RETRY_SECONDS: Final = 5.0  # so long a thread that could not reach the table does not try it again

# Each is one statement, and returns the value of the row that it found or wrote.
_COUNT: Final = """
    INSERT INTO {table} AS entry (key, value, expires_at)
    VALUES (%s, '1', statement_timestamp() + make_interval(secs => %s))
    ON CONFLICT (key) DO UPDATE SET
        value = CASE WHEN entry.expires_at > statement_timestamp() THEN (entry.value::bigint + 1)::text ELSE '1' END,
        expires_at =
            CASE WHEN entry.expires_at > statement_timestamp() THEN entry.expires_at ELSE excluded.expires_at END
    RETURNING value
"""
_SET: Final = """
    INSERT INTO {table} (key, value, expires_at) VALUES (%s, %s, statement_timestamp() + make_interval(secs => %s))
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
    RETURNING value
"""
_ADD: Final = """
    INSERT INTO {table} AS entry (key, value, expires_at)
    VALUES (%s, %s, statement_timestamp() + make_interval(secs => %s))
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
        WHERE entry.expires_at <= statement_timestamp()
    RETURNING value
"""
_GET: Final = "SELECT value FROM {table} WHERE key = %s AND expires_at > statement_timestamp()"
_INCREASE: Final = """
    UPDATE {table} SET value = (value::bigint + %s)::text WHERE key = %s AND expires_at > statement_timestamp()
    RETURNING value
"""
_TOUCH: Final = """
    UPDATE {table} SET expires_at = statement_timestamp() + make_interval(secs => %s)
    WHERE key = %s AND expires_at > statement_timestamp()
    RETURNING value
"""
_DELETE: Final = "DELETE FROM {table} WHERE key = %s RETURNING value"
_CLEAR: Final = "DELETE FROM {table} RETURNING value"

log = logging.getLogger(__name__)


class CountingCache(Protocol):
    """A cache that can also count."""

    def count(self, key: str, seconds: int) -> int:
        """Add one; how many there were in the span of `seconds` that the first of them began."""


def count(key: str, seconds: int) -> int:
    """Add one to a count in the site's cache: see `CountingCache.count`."""
    return cast("CountingCache", caches["default"]).count(key, seconds)


def forget_expired() -> int:
    """Delete entries whose time is over; how many there were."""
    entries = apps.get_model("elonara", "CacheEntry")._default_manager
    return int(entries.filter(expires_at__lte=Now()).delete()[0])


class InProcessCache(LocMemCache):
    """For a site of one process."""

    def count(self, key: str, seconds: int) -> int:
        """See `CountingCache.count`."""
        while not self.add(key, 1, seconds):
            try:
                return int(self.incr(key))
            except ValueError:
                continue  # it ended in this moment: the next one begins
        return 1


class DatabaseCache(BaseCache):
    """For several processes: a table of PostgreSQL. Values are JSON, keys are hashed (they name people's addresses)."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._own = InProcessCache(location, params)
        self._away_until = 0.0  # time.monotonic(); Django makes an instance for each thread

    def count(self, key: str, seconds: int) -> int:
        """See `CountingCache.count`."""
        try:
            return int(self._run(_COUNT, [self._hashed(key), seconds])[0])
        except Error:
            return self._own.count(key, seconds)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """See Django's `BaseCache`."""
        try:
            values = self._run(_GET, [self._hashed(key, version)])
        except Error:
            return self._own.get(key, default, version)
        return json.loads(values[0]) if values else default

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """See Django's `BaseCache`."""
        try:
            self._run(_SET, [self._hashed(key, version), json.dumps(value), self._seconds(timeout)])
        except Error:
            self._own.set(key, value, timeout, version)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """See Django's `BaseCache`. Of several who add the same at once, one gets True."""
        try:
            values = self._run(_ADD, [self._hashed(key, version), json.dumps(value), self._seconds(timeout)])
        except Error:
            return self._own.add(key, value, timeout, version)
        return bool(values)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """See Django's `BaseCache`. Raises ValueError where there is nothing to add to."""
        try:
            values = self._run(_INCREASE, [delta, self._hashed(key, version)])
        except Error:
            return int(self._own.incr(key, delta, version))
        if not values:
            raise ValueError(f"there is no entry {key}")
        return int(values[0])

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """See Django's `BaseCache`."""
        try:
            return bool(self._run(_TOUCH, [self._seconds(timeout), self._hashed(key, version)]))
        except Error:
            return self._own.touch(key, timeout, version)

    def delete(self, key: str, version: int | None = None) -> bool:
        """See Django's `BaseCache`."""
        own = self._own.delete(key, version)
        try:
            return bool(self._run(_DELETE, [self._hashed(key, version)]))
        except Error:
            return own

    def clear(self) -> None:
        """See Django's `BaseCache`."""
        self._own.clear()
        self._run(_CLEAR, [])

    def _run(self, statement: str, values: Sequence[Any]) -> list[str]:
        """The values that a statement returns. Raises django.db.Error, for a while without asking the database."""
        if time.monotonic() < self._away_until:
            raise Error("the table could not be reached a moment ago")
        connection = connections[DEFAULT_DB_ALIAS]
        table = connection.ops.quote_name(apps.get_model("elonara", "CacheEntry")._meta.db_table)
        try:
            # Where a transaction is open, a failure of ours must not end it.
            with transaction.atomic() if connection.in_atomic_block else nullcontext(), connection.cursor() as cursor:
                cursor.execute(statement.format(table=table), values)
                return [value for (value,) in cursor.fetchall()]
        except Error as fault:
            self._away_until = time.monotonic() + RETRY_SECONDS
            log.warning("the shared cache cannot be reached, this process counts by itself: %s", type(fault).__name__)
            raise

    def _hashed(self, key: str, version: int | None = None) -> str:
        full = self.make_and_validate_key(key, version=version)
        return salted_hmac("elonara.shared_cache", full, algorithm="sha256").hexdigest()

    def _seconds(self, timeout: Any) -> float:
        chosen = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return LONGEST_SECONDS if chosen is None else float(chosen)
