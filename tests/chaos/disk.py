"""A small disk for the database of a test, which the test can fill up. Needs Linux and root, for `mount`."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

MEGABYTES = 48


@contextlib.contextmanager
def small_disk(folder):
    """Mount one at `folder` and move the SQLite database of this test onto it until the end of the block."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("a disk that is full: mounting a small one needs root on Linux")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)], check=True)
    try:
        disk = Disk(folder)
        with disk.has_the_database():
            yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Disk:
    """The small disk."""

    def __init__(self, folder):
        self.folder = folder
        self._filler = folder / "somebody-elses-file"

    @contextlib.contextmanager
    def has_the_database(self):
        """Within the block, new connections use the database on this disk."""
        before = connection.settings_dict["NAME"]
        self._move_database(str(self.folder / "elonara.sqlite3"))
        try:
            yield
        finally:
            self.empty()
            self._move_database(before)

    def fill(self):
        """Fill it until not even one byte more fits."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
        assert not os.statvfs(self.folder).f_bavail

    def empty(self):
        """Delete the file that filled it."""
        self._filler.unlink(missing_ok=True)

    @staticmethod
    def _move_database(to):
        at = connection.settings_dict["NAME"]
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [f"{to}.new"])
        connection.close()
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{at}{end}").unlink()
        Path(f"{to}.new").replace(to)
        connection.settings_dict["NAME"] = to
