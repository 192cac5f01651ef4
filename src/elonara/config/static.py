"""Static files without a build step: served from the package, with a version in the URL.

`/static/elonara.css?v=3f9c2a1b` changes with the file's content, so browsers may cache each version for long.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


class VersionedStaticFiles(StaticFilesStorage):
    """URLs with a hash of the file's content."""

    def url(self, name: str | None) -> str:
        """The URL of a static file; without a version where the file does not exist."""
        address = super().url(name)
        version = _version(name) if name else ""
        return f"{address}?v={version}" if version else address


@lru_cache(maxsize=1000)
def _version(name: str) -> str:
    path = finders.find(name)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10] if isinstance(path, str) else ""
