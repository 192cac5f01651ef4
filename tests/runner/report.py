"""The end of a run: how long each job took, and the slowest tests of all."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.runner.schedule import Run

SLOWEST = 10


@dataclass(frozen=True)
class Test:
    """A test that ran, and its seconds, with what was set up for it."""

    seconds: float
    job: str
    name: str


def tests_of(run: Run, junit: Path) -> list[Test]:
    """All tests of a job; none where pytest did not come so far as to write them down."""
    if not junit.exists():
        return []
    cases = ElementTree.parse(junit).getroot().iter("testcase")
    return [
        Test(float(case.get("time", "0")), run.job.name, f"{case.get('classname')}::{case.get('name')}")
        for case in cases
    ]


def lines(runs: Iterable[Run], tests: list[Test], seconds: float) -> list[str]:
    """The report."""
    found = ["", f"=== All took {seconds:.0f} s", "seconds  CPU s  tests"]
    for run in runs:
        number = sum(test.job == run.job.name for test in tests)
        found.append(f"{run.seconds:7.0f}  {run.cpu_seconds:5.0f}  {number:5}  {run.job.name}{fault(run.code)}")
    found.append(f"The {SLOWEST} slowest tests, with what was set up for them:")
    slowest = sorted(tests, key=lambda test: -test.seconds)[:SLOWEST]
    return found + [f"{test.seconds:7.1f}  {test.name} ({test.job})" for test in slowest]


def fault(code: int) -> str:
    """What pytest's exit code says, where it is no success."""
    return {0: "", 5: ": no test ran"}.get(code, ": FAILED")


def status(runs: Iterable[Run]) -> int:
    """The exit code of the whole: a job without tests (`-k` chose none) is a failure where all are so."""
    codes = {run.code for run in runs}
    return int(bool(codes - {0, 5}) or 0 not in codes)
