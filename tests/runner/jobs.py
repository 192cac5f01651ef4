"""The jobs: each suite on each database that it has to be tried on."""

from collections.abc import Iterator
from dataclasses import dataclass

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


@dataclass(frozen=True)
class Suite:
    """A folder of tests, and how pytest runs it."""

    cores: float  # how many it keeps busy, about; quarters, which add up exactly
    distribution: str  # over pytest-xdist's workers, each with a database (and networks) of its own
    second_database: bool = True
    asked_already: tuple[str, ...] = ()  # left out on the second database: `unit` asks it the same there
    without_plugins: tuple[str, ...] = ()  # of pytest's: each takes every process of the suite a second to load


FUZZING = ("schemathesis",)  # only `unit` makes up requests
# Those that wait most come first: what needs the cores all the time fills the gaps, and the end.
SUITES = {
    # One Chromium and one site for all. It sees the same pages from either database.
    "browser": Suite(cores=0.5, distribution="-n 0", second_database=False, without_plugins=FUZZING),
    # Each test kills or starves the processes of its site; a good half of the time it waits.
    "chaos": Suite(cores=0.5, distribution="-n 0", without_plugins=FUZZING),
    # Tests that share something expensive are one group, run by one worker (tests/contract/conftest.py).
    "contract": Suite(
        cores=1.25,
        distribution="-n 2 --dist loadgroup",
        asked_already=(
            "api",
            "arroba",
            "moving",
            "secrets",
            "bluesky/test_agents.py",
            "bluesky/test_graph.py",
            "bluesky/test_writes_check.py",
        ),
        without_plugins=FUZZING,
    ),
    # Not by file (`--dist loadfile`): schemathesis gives each call of the API a test of the same name, and of those
    # pytest-xdist would run only the first.
    "unit": Suite(cores=1.5, distribution="-n 2 --dist worksteal"),
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
        """Pytest's. What cannot differ there is left out on the second database (tests/second_database.py)."""
        suite = SUITES[self.suite]
        second = self.database == POSTGRESQL
        return [
            f"tests/{self.suite}",
            "-q",
            *suite.distribution.split(),
            *(f"-pno:{name}" for name in suite.without_plugins),
            *(["--second-database"] if second else []),
            *(f"--ignore=tests/{self.suite}/{path}" for path in suite.asked_already if second),
        ]


def jobs_of(suites: list[str], *, postgresql: bool) -> Iterator[Job]:
    """The jobs of these suites in the order in which they are to begin."""
    for name, suite in SUITES.items():
        if name in suites:
            yield Job(name, SQLITE)
            if postgresql and suite.second_database:
                yield Job(name, POSTGRESQL)
