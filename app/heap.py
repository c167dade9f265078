"""Keeping the process small: what glibc holds back, and when it gives it up.

Nothing here changes what the program does; elsewhere than on glibc it does nothing.
"""

import ctypes
from contextlib import suppress

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
# Bytes. What is larger gets pages of its own and gives them back at once. Unless told,
# glibc takes the largest block that was ever freed for the measure: one password
# hashed (19 MB) and the heap kept 20 MB of holes for good (measured).
LARGE = 512 * 1024
# Bytes that may lie free at the end of the heap.
KEPT_FREE = 1024 * 1024
# Unless told, there are heaps for eight threads a core.
HEAPS = 2


def keep_small() -> None:
    """Tell glibc how to hold memory; before the threads begin."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_ARENA_MAX, HEAPS)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_FREE)


def give_back() -> None:
    """Return what lies free between what is used: half a millisecond for 20 MB."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
