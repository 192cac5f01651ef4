"""Runs jobs beside each other while there are cores for them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.runner.jobs import Job

# Jobs wait for servers, so half a core more is given out for each one that there is.
PER_CORE = 1.5
PATIENCE = 20  # seconds for an interrupted pytest to end what its fixtures started


def capacity() -> float:
    """How many cores all jobs that run at a time may want."""
    return len(os.sched_getaffinity(0)) * PER_CORE


@dataclass
class Run:
    """A job that runs or ran."""

    job: Job
    process: subprocess.Popen[bytes]
    log: Path | None  # None: its words went to the terminal
    began: float
    seconds: float = 0
    cpu_seconds: float = 0  # of pytest and everything it started and waited for

    @property
    def code(self) -> int:
        """Pytest's exit code."""
        return int(self.process.returncode)

    def ended(self) -> bool:
        """Whether it has ended. `Popen.poll` would not say what it cost."""
        if self.process.returncode is None:
            pid, wait_status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode = os.waitstatus_to_exitcode(wait_status)
                self.seconds = time.monotonic() - self.began
                self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return self.process.returncode is not None


@dataclass(frozen=True)
class Launcher:
    """Starts a job's pytest."""

    words: list[str]  # further arguments, from the command line
    scratch: Path
    environment: Callable[[Job], Mapping[str, str]]

    def junit(self, job: Job) -> Path:
        """Where pytest leaves how long each test took."""
        return self.scratch / f"{job.suite}-{job.database}.xml"

    def start(self, job: Job, *, aside: bool) -> Run:
        """Start it; `aside`: its words go to a file, because others run beside it."""
        log = self.scratch / f"{job.suite}-{job.database}.log" if aside else None
        # A process group of its own: what is left of an interrupted job can be ended as a whole.
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(log.open("wb")) if log else None
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *job.arguments(), f"--junitxml={self.junit(job)}", *self.words],
                env={**os.environ, **self.environment(job)},
                stdin=subprocess.DEVNULL if aside else None,
                stdout=out,
                stderr=subprocess.STDOUT if aside else None,
                process_group=0 if aside else None,
            )
        return Run(job, process, log, time.monotonic())


def run_all(jobs: Iterable[Job], launcher: Launcher, *, serial: bool) -> list[Run]:
    """Run all jobs and print the words of each when it has ended."""
    waiting, running, done = list(jobs), list[Run](), list[Run]()
    aside = not serial and len(waiting) > 1
    try:
        while waiting or running:
            for job in to_start(waiting, [run.job for run in running], capacity() if aside else 0):
                waiting.remove(job)
                print(f"--- {job.name}{' begins' if aside else ''}", flush=True)
                running.append(launcher.start(job, aside=aside))
            time.sleep(0.1)
            for run in [run for run in running if run.ended()]:
                running.remove(run)
                done.append(run)
                tell(run)
    finally:
        end(running)
    return done


def to_start(waiting: list[Job], running: list[Job], cores: float) -> list[Job]:
    """Those that may begin now: in order, what there are cores for; and one in any case."""
    begin: list[Job] = []
    for job in waiting:
        busy = sum(other.cores for other in [*running, *begin])
        if not busy or busy + job.cores <= cores:
            begin.append(job)
    return begin


def tell(run: Run) -> None:
    """Print what the job said, whole."""
    if run.log:
        print(f"--- {run.job.name}, {run.seconds:.0f} s", flush=True)
        sys.stdout.buffer.write(run.log.read_bytes())
        sys.stdout.flush()


def end(runs: list[Run]) -> None:
    """Interrupt jobs, so that their fixtures end what they started; then make sure."""
    for run in runs:
        run.process.send_signal(signal.SIGINT)
    until = time.monotonic() + PATIENCE
    for run in runs:
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(max(0, until - time.monotonic()))
        if run.log:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.process.pid, signal.SIGKILL)
        run.process.kill()
        run.process.wait()
        run.seconds = time.monotonic() - run.began
        tell(run)
