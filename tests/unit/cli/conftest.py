import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.ports import free_port
from tests.unit.cli.starter import Starter

ROOT = Path(__file__).resolve().parents[3]


@functools.cache
def starter():
    """One for all commands of this process; `end_starter` ends it."""
    return Starter()


@pytest.fixture(scope="session", autouse=True)
def end_starter():
    yield
    if starter.cache_info().currsize:
        starter().end()


@dataclass
class Command:
    """Runs `elonara` as an operator does: in a process and a data folder of its own."""

    folder: Path

    @property
    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ELONARA_", "DJANGO_"))}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)  # without cached bytecode, compiling would take most of the time
        return kept | {"ELONARA_DATA_DIR": str(self.folder / "data")}

    def __call__(self, *words, stdin="", **settings):
        environment = self.environment | {f"ELONARA_{name}": value for name, value in settings.items()}
        return starter().run(words, folder=self.folder, environment=environment, stdin=stdin)

    def python(self, *words, **settings):
        """A program of the tests, with the settings of the same folder."""
        environment = self.environment | {f"ELONARA_{name}": value for name, value in settings.items()}
        return subprocess.run(
            [sys.executable, *words],
            cwd=ROOT, env=environment | {"DJANGO_SETTINGS_MODULE": "elonara.config.settings"},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def json(self, *words, status=0, **more):
        done = self(*words, "--json", **more)
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)

    def start(self, *words, **settings):
        environment = self.environment | {f"ELONARA_{name}": value for name, value in settings.items()}
        return subprocess.Popen(
            [sys.executable, "-m", "elonara.cli", *words],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


def in_memory(prefix):
    """A temporary folder in memory where possible: migrations call fsync a hundred times."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix=prefix, dir=memory if os.access(memory, os.W_OK) else None)


@pytest.fixture
def elonara():
    with in_memory("elonara-cli-") as folder:
        yield Command(Path(folder))


@pytest.fixture(scope="session")
def prepared():
    with in_memory("elonara-prepared-") as folder:
        yield Command(Path(folder))


@pytest.fixture(scope="session")
def prepared_folder(prepared):
    """The data folder of a site with an operator, created once per run."""
    command = prepared
    done = command("createadmin", "--username", "olga", "--password-stdin", stdin="correct horse\n")
    assert done.returncode == 0, done.stderr
    return command.folder / "data"


@pytest.fixture
def site(elonara, prepared_folder):
    """A copy of the prepared site."""
    shutil.copytree(prepared_folder, elonara.folder / "data")
    return elonara


def get(url, seconds=60.0):
    """GET, repeated until a server responds; returns status and body."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as fault:
            return fault.code, fault.read().decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.fixture
def served(elonara):
    """Starts `elonara serve`; returns its URL and process. It is killed after the test."""
    started = []

    def start(*words, **settings):
        port = free_port()
        process = elonara.start("serve", *words, HTTP__PORT=str(port), **settings)
        started.append(process)
        return f"http://127.0.0.1:{port}", process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
