"""A database file that is damaged or may not be written: one line that says what to do, from every command."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

COMMANDS = [
    ["serve"],
    ["migrate"],
    ["backup", "out"],
    ["createadmin", "--username", "vera", "--password-stdin"],
]
FILE = "elonara.sqlite3"


def spoil(path):
    path.write_bytes(os.urandom(9000))


def spoil_inside(path):
    """The first page stays: SQLite opens it, and finds the damage when it reads on."""
    for left in path.parent.glob(f"{FILE}-*"):
        left.unlink()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


def make_folder(path):
    path.unlink()
    path.mkdir()


def make_folder_of_log(path):
    path.with_name(f"{FILE}-wal").unlink(missing_ok=True)
    path.with_name(f"{FILE}-wal").mkdir()


DAMAGES = {"noise": spoil, "inside": spoil_inside, "a folder": make_folder, "its log a folder": make_folder_of_log}


def in_one_line(done, path):
    assert done.returncode == 1, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("elonara: ")
    assert str(path) in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_with_what_to_do(site, damage):
    path = site.folder / "data" / FILE
    DAMAGES[damage](path)
    for words in COMMANDS if damage == "noise" else COMMANDS[1:2]:
        in_one_line(site(*words, stdin="correct horse\n"), path)
    findings = site.json("doctor", "--offline", status=1)["findings"]
    assert [str(path) in one["says"] for one in findings if one["what"] == "database"] == [True]


def without_privileges(site, *words):
    """Runs a command as somebody whom modes of files bind: root, too, without its capabilities."""
    before = []
    if os.geteuid() == 0:
        dropped = "-dac_override,-dac_read_search"
        before = ["setpriv", f"--inh-caps={dropped}", f"--bounding-set={dropped}"]
    return subprocess.run(
        [*before, sys.executable, "-m", "elonara.cli", *words],
        cwd=site.folder, env=site.environment, input="correct horse\n",
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="modes of files do not bind root")
@pytest.mark.parametrize(("what", "mode"), [("file", 0o400), ("folder", 0o500), ("unreadable", 0)])
def test_a_file_or_folder_that_may_not_be_written_is_named(site, what, mode):
    folder = site.folder / "data"
    path = folder / FILE
    (folder if what == "folder" else path).chmod(mode)
    try:
        for words in COMMANDS if what == "file" else COMMANDS[:1]:
            done = without_privileges(site, *words)
            in_one_line(done, path)
            assert "chown" in done.stderr
        done = without_privileges(site, "doctor", "--offline")
        assert done.returncode == 1
        assert str(path) in done.stdout
    finally:
        folder.chmod(0o700)


def test_a_running_writer_does_not_stop_a_command(site):
    with closing(sqlite3.connect(site.folder / "data" / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert site("migrate", "--check").returncode == 0
