"""Keeps the memory of a long-running process small, by tuning glibc's allocator."""

from __future__ import annotations

import ctypes
import sys

# Parameters of mallopt(3), from glibc's malloc.h.
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8


def limit_malloc() -> None:
    """Use two malloc arenas instead of eight per core, and return large blocks to the system when they are freed.

    Otherwise the arena of every thread that once decoded a picture stays as large as that took. Without glibc this
    does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)
        mallopt(M_MMAP_THRESHOLD, 256 * 1024)
