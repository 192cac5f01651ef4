"""Files that only the site's own user may read: keys, and backups of them."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

PRIVATE_FOLDER = 0o700


class KeyFileFault(Exception):
    """A key file must not be used: it is readable by others, or damaged. The message says what to do."""


def create_private(path: Path, text: str) -> None:
    """Write a new file with mode 0600, atomically. Where another process was first, its file stays."""
    temporary = _write_beside(path, text)
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def replace_private(path: Path, text: str) -> None:
    """Replace a file by one with mode 0600, atomically."""
    _write_beside(path, text).replace(path)
    _sync_folder(path.parent)


def read_private(path: Path) -> str:
    """Read a key file. Raises KeyFileFault where it cannot be read, or other users can read it too."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise KeyFileFault(f"{path} cannot be read: {fault}") from fault
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileFault(f"{path} can be read by others on this machine; run: chmod 600 {path}")
    return text


def _write_beside(path: Path, text: str) -> Path:
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp: mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _sync_folder(folder: Path) -> None:
    # A rename or link survives a power failure only once its folder was synced; without the key ring, no stored session
    # could be decrypted.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
