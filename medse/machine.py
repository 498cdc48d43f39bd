"""What can be computed on, and in which precision, by name; how many cores there are, and how much memory."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psutil

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["bf16", "fp32"]

CGROUPS = Path("/sys/fs/cgroup")
_LIMITS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
"""Files of a control group, of either version, that say how much memory it may take and how much it has taken."""


def cores() -> int:
    """Return how many cores this process may use: a container or a job scheduler may allow fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> int:
    """Return how many bytes this process may still take without swapping.

    That is the least of what the machine has free, what a container or job may take, and what ``ulimit -v`` leaves.
    """
    return max(0, min(_available()))


def _available() -> Iterator[int]:
    yield int(psutil.virtual_memory().available)
    for limit, taken in _LIMITS:
        try:
            allowed = (CGROUPS / limit).read_text(encoding="ascii").strip()
            if allowed != "max":
                yield int(allowed) - int((CGROUPS / taken).read_text(encoding="ascii"))
        except OSError:
            continue  # not that version of control groups, or none
    process = psutil.Process()
    if hasattr(process, "rlimit"):  # Linux
        soft, _ = process.rlimit(psutil.RLIMIT_AS)
        if soft != psutil.RLIM_INFINITY:
            yield soft - process.memory_info().vms
