"""How the allocator of a long-running process is told to keep little."""

from __future__ import annotations

import ctypes
import sys

# mallopt(3): names of glibc's malloc.h.
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8


def stay_small() -> None:
    """Ask glibc for two arenas instead of eight a core, and to give every large block back when it is freed.

    Threads that each decode a picture once would otherwise hold on to what they needed for it. Elsewhere than on
    glibc this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)
        mallopt(M_MMAP_THRESHOLD, 256 * 1024)
