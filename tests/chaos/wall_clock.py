"""The clock on the wall as one process of the site sees it (libfaketime); everybody else's stays right."""

import os
import shutil
from pathlib import Path

import pytest

LIBRARY = "faketime/libfaketimeMT.so.1"
PLACES = (f"lib/*/{LIBRARY}", f"lib/{LIBRARY}", f"local/lib/{LIBRARY}")


class WallClock:
    """Set it with `step(seconds)`; `environment` makes a process go by it."""

    def __init__(self, folder):
        found = [path for place in PLACES for path in Path("/usr").glob(place)]
        if not found:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("install the package libfaketime")
        self._file = folder / "clock"
        self.step(0)
        self.environment = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # seconds until a step is seen
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # nobody can set that one
        }

    def step(self, seconds):
        """Show the right time and `seconds` more."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{seconds:+d}s\n")
        shutil.move(beside, self._file)
