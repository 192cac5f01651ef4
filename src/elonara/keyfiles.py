"""Files that only the site's own user may read: keys, and backups of them."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

PRIVATE_FOLDER = 0o700
OTHERS = 0o077
# What systems answer where a disk has no hard links, or folders cannot be synced: FAT, some shared folders.
NOT_SUPPORTED = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EMLINK})


class KeyFileFault(Exception):
    """A key file must not be used: it is readable by others, or damaged. The message says what to do."""


def create_private(path: Path, text: str) -> None:
    """Write a new file with mode 0600, atomically. Where another process was first, its file stays."""
    temporary = _write_beside(path, text)
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    except OSError as fault:
        if fault.errno not in NOT_SUPPORTED:
            raise
        if not path.exists():
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def replace_private(path: Path, text: str) -> None:
    """Replace a file by one with mode 0600, atomically."""
    _write_beside(path, text).replace(path)
    _sync_folder(path.parent)


def read_private(path: Path) -> str:
    """Read a key file. Raises KeyFileFault where it cannot be read, or other users can read it too."""
    try:
        mode = mode_of(path)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise KeyFileFault(f"{path} cannot be read: {fault}") from fault
    if mode & OTHERS:
        raise KeyFileFault(f"{path} can be read by others on this machine; {way_to_privacy(path)}")
    return text


def way_to_privacy(path: Path) -> str:
    """What the operator does so that others cannot read a file or folder: what works where it lies."""
    kind = "700" if path.is_dir() else "600"
    folder = path if path.is_dir() else path.parent
    if not keeps_modes(folder):
        return (
            f"the disk of {folder} does not keep modes of files (FAT, NTFS, or a shared folder), so chmod cannot help. "
            "Move the data folder to a disk of this machine and set data_dir to it, or mount that one with umask=077"
        )
    owner = path.stat().st_uid
    if os.geteuid() not in {0, owner}:
        return f"it belongs to the user {owner}; run as root: chown {os.geteuid()} {path} && chmod {kind} {path}"
    return f"run: chmod {kind} {path}"


def keeps_modes(folder: Path) -> bool:
    """Whether a file in `folder` can be made private; True where no file can be made, for then nobody can tell."""
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=".mode-")
    except OSError:
        return True
    try:
        os.close(handle)
        with suppress(OSError):
            Path(name).chmod(0o600)
        return not mode_of(Path(name)) & OTHERS
    finally:
        Path(name).unlink(missing_ok=True)


def mode_of(path: Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


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
    except OSError as fault:
        if fault.errno not in NOT_SUPPORTED:
            raise
    finally:
        os.close(handle)
