"""The PostgreSQL server of a run: a database for each suite, so that suites can run beside each other."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sandbox import postgres
from tests.ports import free_port

PATIENCE = 60  # seconds until it must answer


@dataclass
class Cluster:
    """A server that answers on a port of this machine."""

    port: int
    _made: set[str] = field(default_factory=set)

    def address(self, database: str) -> str:
        """Of a database there."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def url(self, suite: str) -> str:
        """The database of that suite. Names that Django's tests derive from it (`test_…`) are its own, too."""
        name = f"elonara_{suite}"
        if name not in self._made:
            with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            self._made.add(name)
        return self.address(name)


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A server in that folder, until the block ends. Raises psycopg.OperationalError where it does not come up."""
    port = free_port()
    # Without autovacuum: statistics that it gathers at any moment would decide which plans the tests see.
    settings = (f"port={port}", "listen_addresses=127.0.0.1", "max_connections=300", "autovacuum=off")
    running = postgres.start(folder, *settings)
    try:
        found = Cluster(port)
        until = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(found.address("postgres")).close()
                break
            if time.monotonic() > until or running.process.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not come up: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield found
    finally:
        running.stop()
