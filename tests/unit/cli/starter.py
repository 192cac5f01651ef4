"""Runs commands of `elonara`, each in a process of its own, without importing its libraries each time.

They are half of the second of CPU that a command takes, and the tests call two hundred. A process that has imported
them, and nothing that reads settings, forks for each command. `elonara serve` and workers are started as operators do.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

LIBRARIES = (
    "allauth", "asyncio", "concurrent.futures", "cryptography.x509", "django.contrib.admin", "django.db.models",
    "django.forms", "django.template.defaulttags", "django.test", "django.urls", "django.views.generic", "dns.resolver",
    "elonara.cli", "httpx2", "icalendar", "joserfc.jwk", "joserfc.jwt", "markdown_it", "nh3", "PIL.Image",
    "procrastinate", "psycopg", "pydantic", "regex", "segno", "smtplib", "sqlparse", "waitress",
    "whitenoise.middleware", "zoneinfo",
)  # fmt: skip
PATIENCE = 120  # seconds for a command: a first one migrates, and the machine may be busy


class Starter:
    """The process that forks."""

    def __init__(self):
        self._alone = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, words, *, folder, environment, stdin):
        """As `subprocess.run` with captured text."""
        with tempfile.TemporaryDirectory() as scratch:
            files = [Path(scratch) / name for name in ("stdin", "stdout", "stderr")]
            files[0].write_text(stdin)
            wanted = {"words": words, "folder": str(folder), "environment": environment, "files": [*map(str, files)]}
            with self._alone:
                self._process.stdin.write(json.dumps(wanted) + "\n")
                self._process.stdin.flush()
                code = int(self._process.stdout.readline())
            if code == -signal.SIGALRM:
                raise subprocess.TimeoutExpired(words, PATIENCE)
            return subprocess.CompletedProcess(words, code, files[1].read_text(), files[2].read_text())

    def end(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def serve():
    """Fork for each line that asks for a command, and answer with its exit status; only the forked processes return."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            return json.loads(line)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    sys.exit(0)


def become(words, folder, environment, files):
    """Turn this process into the one that was asked for."""
    signal.alarm(PATIENCE)
    for fd, path in enumerate(files):
        opened = os.open(path, os.O_RDONLY if fd == 0 else os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, fd)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # what was read ahead is not the command's
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["elonara", *words]


if __name__ == "__main__":
    become(**serve())
    from elonara.cli import main

    sys.exit(main())
