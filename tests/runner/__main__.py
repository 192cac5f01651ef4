"""`python -m tests.runner [suite …] [-- words for pytest]`, as script/test calls it."""

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests import migrated
from tests.runner import report, schedule
from tests.runner.cluster import Cluster, cluster
from tests.runner.jobs import POSTGRESQL, SUITES, Job, jobs_of


def arguments() -> tuple[argparse.Namespace, list[str]]:
    """Our own, and those after `--`."""
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(prog="script/test")
    parser.add_argument("suites", nargs="*", metavar="suite", help=f"of {', '.join(SUITES)}; all by default")
    parser.add_argument("--serial", action="store_true", help="one suite after the other, its words as they come")
    parser.add_argument("--without", action="append", default=[], choices=["browser", POSTGRESQL])
    wanted = parser.parse_args(words[:at])
    unknown = set(wanted.suites) - set(SUITES)
    if unknown:
        parser.error(f"there is no suite {', '.join(sorted(unknown))}")
    return wanted, words[at + 1 :]


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for this run."""
    with tempfile.TemporaryDirectory(prefix="elonara-tests-") as folder:
        Path(folder).chmod(0o755)  # the account that PostgreSQL runs as must be able to get in
        yield Path(folder)


def interrupt(*_: object) -> None:
    """Let SIGTERM end everything as Ctrl-C does."""
    raise KeyboardInterrupt


def main() -> int:
    """Run the suites; the exit code of script/test."""
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)  # also where a shell ignores it for what runs in the background
    wanted, words = arguments()
    began = time.monotonic()
    suites = [name for name in wanted.suites or SUITES if name not in wanted.without]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(scratch())
        server: Cluster | None = None
        if POSTGRESQL not in wanted.without:
            server = stack.enter_context(cluster(folder / "postgresql"))

        def environment(job: Job) -> Mapping[str, str]:
            url = server.url(job.suite) if server and job.database == POSTGRESQL else ""
            return {"ELONARA_TEST_DATABASE_URL": url, migrated.FOLDER: str(folder)}

        launcher = schedule.Launcher(words, folder, environment)
        jobs = jobs_of(suites, postgresql=server is not None)
        runs = schedule.run_all(jobs, launcher, serial=wanted.serial)
        tests = [test for run in runs for test in report.tests_of(run, launcher.junit(run.job))]
        print("\n".join(report.lines(runs, tests, time.monotonic() - began)), flush=True)
        return report.status(runs)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
