"""A wrong wall clock for one process of the site, by libfaketime; all other processes see the right time."""

import os
import shutil
from pathlib import Path

import pytest

LIBRARY = "faketime/libfaketimeMT.so.1"
PLACES = (f"lib/*/{LIBRARY}", f"lib/{LIBRARY}", f"local/lib/{LIBRARY}")


class WallClock:
    """`environment` makes a process use this clock; `step(seconds)` sets it."""

    def __init__(self, folder):
        found = [path for place in PLACES for path in Path("/usr").glob(place)]
        if not found:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("install the package libfaketime")
        self._file = folder / "clock"
        self.step(0)
        self.environment = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # seconds until a step takes effect
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # a real monotonic clock cannot be set
        }

    def step(self, seconds):
        """Show the right time plus `seconds`."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        shutil.move(new, self._file)
