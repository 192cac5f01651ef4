"""Static files without a build step: served from the package, with a version in the address.

`/static/elonara.css?v=3f9c2a1b` changes with the file, so browsers may keep each one for long.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


class VersionedStaticFiles(StaticFilesStorage):
    """Addresses with the hash of the file's content."""

    def url(self, name: str | None) -> str:
        """The address of a static file; without a version where there is no such file."""
        address = super().url(name)
        version = _version(name) if name else ""
        return f"{address}?v={version}" if version else address


@lru_cache(maxsize=1000)
def _version(name: str) -> str:
    path = finders.find(name)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10] if isinstance(path, str) else ""
