"""Trying mutants: each in a copy of the tree, with its own tests, in a process of its own.

The copies lie in a temporary folder, so whatever ends the campaign, `kill -9` included, leaves the checkout as it was.
A mutant is killed where each of its tests fails by what it asserts. One that breaks the import, or that only a fixture
notices, proves nothing about its tests and counts as broken.
"""

import contextlib
import itertools
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests import migrated
from tests.mutants.mutant import SOURCE, Mutant, Stale, node_id

ROOT = Path(__file__).parents[2]
COPIED = ("src", "tests", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("node_modules", "browser", "contract", "chaos", ".hypothesis", "*.egg-info")
LONGEST_SECONDS, MOST_CPU_SECONDS = 300, 120  # of one pytest; one mutant needs two seconds, the slowest twelve
TESTS_AT_ONCE = 5  # times as much for the right tree, in which the tests of all mutants run in one pytest
# Plugins that none of the tests needs, and tables made without migrations: half the time of a run.
QUICKLY = (
    "-q",
    "--nomigrations",
    "--tb=line",
    "--hypothesis-profile=ci",  # the same examples each time, and no verdict on how busy the machine is
    *(f"-pno:{name}" for name in ("schemathesis", "xdist", "respx", "anyio")),
)
NO_VERDICT = ("NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError", "SyntaxError")


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: killed, or why not in a sentence."""

    mutant: Mutant
    seconds: float
    fault: str = ""


class NotRun(Exception):
    """Pytest did not run the tests, or not to their end. The message is for whoever started it."""


class Tree:
    """A copy of the tree in which mutants are tried, one after another."""

    def __init__(self, folder: Path) -> None:
        """Copy it. Compiled modules go along: they belong to the times of the files, which are kept."""
        self.folder = folder
        folder.mkdir()
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
            else:
                shutil.copy2(ROOT / name, folder / name)

    def try_out(self, mutant: Mutant) -> Outcome:
        """Write the wrong line, run the tests, write the right one again."""
        began, file = time.monotonic(), self.folder / SOURCE / mutant.file
        right, times = file.read_text(encoding="utf-8"), file.stat()
        try:
            wrong = mutant.apply(right)
            compile(wrong, mutant.file, "exec")
            file.write_text(wrong, encoding="utf-8")
            # Compiled modules are told apart by whole seconds: never the right one's.
            os.utime(file, (times.st_atime, times.st_mtime + 2))
            fault = verdict(mutant, self.run(mutant.tests))
        except (Stale, NotRun) as error:
            fault = str(error)
        except SyntaxError as error:
            fault = f"{mutant.name} is broken: {error}"
        finally:
            file.write_text(right, encoding="utf-8")
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        return Outcome(mutant, time.monotonic() - began, fault)

    def run(self, tests: Iterable[str], *, right: bool = False) -> dict[str, str]:
        """Run tests; each by name with the fault it ended with, "" where it passed. Raises NotRun.

        `right`: there is no wrong line, so compiled modules are kept for the runs to come.
        """
        junit, tests = self.folder / "junit.xml", tuple(dict.fromkeys(tests))
        junit.unlink(missing_ok=True)
        code, said = bounded([*pytest(), f"--junitxml={junit}", *map(node_id, tests)], self.folder, compiled=right)
        if code not in {0, 1} or not junit.exists():
            raise NotRun(f"pytest did not run {', '.join(tests)} (it ended with {code}):\n{said[-2000:]}")
        found = faults(junit)
        if missing := [test for test in tests if test not in found]:
            raise NotRun(f"there is no test {', '.join(missing)}, or it was skipped.")
        return {test: found[test] for test in tests}


def verdict(mutant: Mutant, found: Mapping[str, str]) -> str:
    """Why the mutant does not count as killed; "" where it does."""
    for test, fault in found.items():
        if not fault:
            return (
                f"{mutant.name} survives: {test} stays green though {mutant.stands_for}. "
                "Write a test that goes red with it, and name that one in tests/mutants/table."
            )
        if fault.startswith(NO_VERDICT):
            return f"{mutant.name} is broken: {test} ended with {fault}."
    return ""


def faults(junit: Path) -> dict[str, str]:
    """Test → how it failed, of a test with parameters the first that did; "" for those that passed."""
    found: dict[str, str] = {}
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        if case.find("skipped") is not None:
            continue
        test = name_of(case.get("classname", ""), case.get("name", ""))
        failed, broken = case.find("failure"), case.find("error")
        fault = ""
        if failed is not None:
            fault = failed.get("message") or "a failure without a message"
        elif broken is not None:
            fault = f"ImportError, or a fixture that failed: {broken.get('message')}"
        found[test] = found.get(test) or fault
    return found


def name_of(classname: str, name: str) -> str:
    """`tests.unit.test_x.Class`, `test_a[1]` → `tests/unit/test_x.py:Class.test_a`."""
    parts = classname.split(".")
    at = next((index for index, part in enumerate(parts) if part.startswith("test_")), len(parts) - 1)
    return f"{'/'.join(parts[: at + 1])}.py:{'.'.join([*parts[at + 1 :], name.partition('[')[0]])}"


def pytest() -> list[str]:
    """The command."""
    return [sys.executable, "-m", "pytest", *QUICKLY]


def environment(folder: Path, *, compiled: bool) -> dict[str, str]:
    """That of a process in a copy: nothing of an outer pytest, no other database, the copy's modules first."""
    ours = ("ELONARA_", "PYTEST_", "DJANGO_", "COV_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours) and name != "CI"}
    if migrated.FOLDER in os.environ:
        inherited[migrated.FOLDER] = os.environ[migrated.FOLDER]
    return inherited | {"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "" if compiled else "1"}


_running: set[subprocess.Popen[str]] = set()


def bounded(command: Sequence[str], folder: Path, *, compiled: bool = False) -> tuple[int, str]:
    """Run a command in a copy; its exit code, and what it said. Raises NotRun where it does not end in time.

    `compiled`: let Python keep the modules that it compiles. It is the right tree, which may take longer.
    """
    longest, most_cpu = LONGEST_SECONDS, MOST_CPU_SECONDS
    if compiled:
        longest, most_cpu = TESTS_AT_ONCE * longest, TESTS_AT_ONCE * most_cpu
    # The limit of CPU seconds ends a mutant that spins even where `kill -9` has ended whoever waits here.
    limited = ["sh", "-c", f'ulimit -t {most_cpu}; exec "$@"', "sh", *command]
    process = subprocess.Popen(
        limited, cwd=folder, env=environment(folder, compiled=compiled), text=True, errors="replace", process_group=0,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    _running.add(process)
    try:
        said, _ = process.communicate(timeout=longest)
    except subprocess.TimeoutExpired as fault:
        raise NotRun(f"pytest did not end in {longest} s: a mutant is killed by tests that end.") from fault
    finally:
        end(process)
    return process.returncode, said


def end(process: subprocess.Popen[str]) -> None:
    """End a process and what it started, where it runs still."""
    _running.discard(process)
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def trees(number: int) -> Iterator[list[Tree]]:
    """So many copies, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="elonara-mutants-") as folder:
        copies = [Tree(Path(folder) / str(index)) for index in range(number)]
        _, where = bounded([sys.executable, "-c", "import elonara; print(elonara.__file__)"], copies[0].folder)
        if not where.startswith(str(copies[0].folder)):
            raise NotRun(f"Python takes elonara from {where.strip()} and not from the copy: nothing would be tried.")
        try:
            yield copies
        finally:
            for process in list(_running):  # after Ctrl-C
                end(process)


def green(copies: Sequence[Tree], mutants: Iterable[Mutant]) -> list[str]:
    """Run the tests of all mutants in the right tree, some in each copy; those that fail, with how."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    # By file, because the tests of a file share what is expensive to import.
    files = [list(group) for _, group in itertools.groupby(tests, key=lambda test: test.partition(":")[0])]
    shares = [[test for file in files[index :: len(copies)] for test in file] for index in range(len(copies))]
    wrong: list[str] = []

    def run(tree: Tree, share: list[str]) -> None:
        try:
            wrong.extend(f"{test}: {fault}" for test, fault in tree.run(share, right=True).items() if fault)
        except NotRun as fault:
            wrong.append(str(fault))

    _side_by_side(run, [pair for pair in zip(copies, shares, strict=True) if pair[1]])
    return wrong


def try_all(copies: Sequence[Tree], mutants: Iterable[Mutant], tell: Callable[[Outcome], None]) -> list[Outcome]:
    """Try mutants, one at a time in each copy; `tell` hears of each as it ends."""
    waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
    for mutant in mutants:
        waiting.put(mutant)
    outcomes: list[Outcome] = []

    def work(tree: Tree) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                outcome = tree.try_out(waiting.get_nowait())
                outcomes.append(outcome)
                tell(outcome)

    _side_by_side(work, [(tree,) for tree in copies])
    return outcomes


def _side_by_side(work: Callable[..., None], arguments: Sequence[tuple[object, ...]]) -> None:
    """Call it with each of these at a time, each in a thread that Ctrl-C does not wait for."""
    threads = [threading.Thread(target=work, args=one, daemon=True) for one in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
