"""The jobs: each suite on each database that it has to be tried on."""

from collections.abc import Iterator
from dataclasses import dataclass

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


@dataclass(frozen=True)
class Suite:
    """A folder of tests, and how pytest runs it."""

    cores: float  # how many it keeps busy, about; quarters, which add up exactly
    distribution: str  # over pytest-xdist's workers, each with a database (and networks) of its own
    without_rows: tuple[str, ...] = ()  # left out on the second database
    second_database: bool = True


# Those that wait most come first: what needs the cores all the time fills the gaps, and the end.
SUITES = {
    # One Chromium and one site for all. It sees the same pages from either database.
    "browser": Suite(cores=0.5, distribution="-n 0", second_database=False),
    # Each test kills or starves the processes of its site; a good half of the time it waits.
    "chaos": Suite(cores=0.5, distribution="-n 0"),
    # Tests that share something expensive are one group, run by one worker (tests/contract/conftest.py).
    "contract": Suite(
        cores=1.25,
        distribution="-n 2 --dist loadgroup",
        without_rows=(
            "api",
            "atproto",
            "oauth",
            "secrets",
            "test_network.py",
            "test_fake_pds.py",
            "bluesky/test_agents.py",
            "bluesky/test_graph.py",
            "bluesky/test_writes_check.py",
        ),
    ),
    # Not by file (`--dist loadfile`): schemathesis gives each call of the API a test of the same name, and of those
    # pytest-xdist would run only the first.
    "unit": Suite(
        cores=1.5,
        distribution="-n 2 --dist worksteal",
        without_rows=("atproto", "script", "cli/test_commands.py", "cli/test_serve.py"),
    ),
}


@dataclass(frozen=True)
class Job:
    """One run of pytest."""

    suite: str
    database: str

    @property
    def name(self) -> str:
        """As it is called in what is printed."""
        return f"{self.suite} on {self.database}"

    @property
    def cores(self) -> float:
        """How many it keeps busy."""
        return SUITES[self.suite].cores

    def arguments(self) -> list[str]:
        """Pytest's.

        What has no rows, starts a site of its own on SQLite, or asks nothing of the rows that `unit` does not ask too,
        is tried on SQLite alone.
        """
        suite = SUITES[self.suite]
        left_out = suite.without_rows if self.database == POSTGRESQL else ()
        return [
            f"tests/{self.suite}",
            "-q",
            *suite.distribution.split(),
            *(f"--ignore=tests/{self.suite}/{path}" for path in left_out),
        ]


def jobs_of(suites: list[str], *, postgresql: bool) -> Iterator[Job]:
    """The jobs of these suites in the order in which they are to begin."""
    for name, suite in SUITES.items():
        if name in suites:
            yield Job(name, SQLITE)
            if postgresql and suite.second_database:
                yield Job(name, POSTGRESQL)
