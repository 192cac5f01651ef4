"""The site's Django cache. It holds the counters of rate limits (ours and allauth's) and used one-time codes.

On SQLite one process serves the site, so the cache lives in its memory. On PostgreSQL several web processes may serve
it, so the cache is a table and a limit holds for all of them together. Every operation is a single SQL statement: two
processes that count at the same moment never get the same number. Expiry is decided by the database's clock, because
the clocks of several machines differ. Why not Django's own database cache: docs/decisions/0009-counts-on-postgresql.md.

While the table cannot be reached, each process counts in its own memory: a rate limit that is too loose for a while is
better than a page that fails.
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

NO_TIMEOUT_SECONDS: Final = 10 * 365 * 24 * 3600  # stands for Django's `timeout=None`: the entry never expires
RETRY_DATABASE_AFTER_SECONDS: Final = 5.0  # after an error a thread uses its own memory for so long

# Each statement returns the value of the row that it read or wrote.
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
    """A cache that can also count in fixed windows."""

    def count(self, key: str, seconds: int) -> int:
        """Add one to the counter and return it.

        The first call starts a window of `seconds`, the first call after its end the next one, again with 1.
        """


def count(key: str, seconds: int) -> int:
    """Add one to a counter in the site's cache: see `CountingCache.count`."""
    return cast("CountingCache", caches["default"]).count(key, seconds)


def forget_expired() -> int:
    """Delete expired entries; returns how many."""
    entries = apps.get_model("elonara", "CacheEntry")._default_manager
    return int(entries.filter(expires_at__lte=Now()).delete()[0])


class InProcessCache(LocMemCache):
    """The cache of a site that runs as one process."""

    def count(self, key: str, seconds: int) -> int:
        """See `CountingCache.count`."""
        while not self.add(key, 1, seconds):
            try:
                return int(self.incr(key))
            except ValueError:
                continue  # it expired between `add` and `incr`: start the next window
        return 1


class DatabaseCache(BaseCache):
    """The cache that several processes share: a table in PostgreSQL.

    Values are JSON. Keys are hashed, because they contain IP addresses.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._local = InProcessCache(location, params)
        self._use_local_until = 0.0  # time.monotonic(); not shared, as Django makes one instance per thread

    def count(self, key: str, seconds: int) -> int:
        """See `CountingCache.count`."""
        try:
            return int(self._run(_COUNT, [self._hashed(key), seconds])[0])
        except Error:
            return self._local.count(key, seconds)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """See Django's `BaseCache`."""
        try:
            values = self._run(_GET, [self._hashed(key, version)])
        except Error:
            return self._local.get(key, default, version)
        return json.loads(values[0]) if values else default

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """See Django's `BaseCache`."""
        try:
            self._run(_SET, [self._hashed(key, version), json.dumps(value), self._seconds(timeout)])
        except Error:
            self._local.set(key, value, timeout, version)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """See Django's `BaseCache`. Atomic: of several simultaneous calls for one key, exactly one returns True."""
        try:
            values = self._run(_ADD, [self._hashed(key, version), json.dumps(value), self._seconds(timeout)])
        except Error:
            return self._local.add(key, value, timeout, version)
        return bool(values)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """See Django's `BaseCache`. Raises ValueError where there is no such entry."""
        try:
            values = self._run(_INCREASE, [delta, self._hashed(key, version)])
        except Error:
            return int(self._local.incr(key, delta, version))
        if not values:
            raise ValueError(f"there is no entry {key}")
        return int(values[0])

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """See Django's `BaseCache`."""
        try:
            return bool(self._run(_TOUCH, [self._seconds(timeout), self._hashed(key, version)]))
        except Error:
            return self._local.touch(key, timeout, version)

    def delete(self, key: str, version: int | None = None) -> bool:
        """See Django's `BaseCache`."""
        deleted_locally = self._local.delete(key, version)
        try:
            return bool(self._run(_DELETE, [self._hashed(key, version)]))
        except Error:
            return deleted_locally

    def clear(self) -> None:
        """See Django's `BaseCache`."""
        self._local.clear()
        self._run(_CLEAR, [])

    def _run(self, statement: str, values: Sequence[Any]) -> list[str]:
        """Execute a statement; the values that it returns.

        Raises django.db.Error. After one, it raises at once for `RETRY_DATABASE_AFTER_SECONDS`, so that not every
        request waits for the database's timeout.
        """
        if time.monotonic() < self._use_local_until:
            raise Error("the table could not be reached a moment ago")
        connection = connections[DEFAULT_DB_ALIAS]
        table = connection.ops.quote_name(apps.get_model("elonara", "CacheEntry")._meta.db_table)
        try:
            # Inside a caller's transaction a savepoint keeps it usable when our statement fails.
            with transaction.atomic() if connection.in_atomic_block else nullcontext(), connection.cursor() as cursor:
                cursor.execute(statement.format(table=table), values)
                return [value for (value,) in cursor.fetchall()]
        except Error as fault:
            self._use_local_until = time.monotonic() + RETRY_DATABASE_AFTER_SECONDS
            log.warning("cannot reach the shared cache; this process counts on its own: %s", type(fault).__name__)
            raise

    def _hashed(self, key: str, version: int | None = None) -> str:
        full = self.make_and_validate_key(key, version=version)
        return salted_hmac("elonara.shared_cache", full, algorithm="sha256").hexdigest()

    def _seconds(self, timeout: Any) -> float:
        chosen = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return NO_TIMEOUT_SECONDS if chosen is None else float(chosen)
