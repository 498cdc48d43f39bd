"""What can be computed on, and in which precision, by name; how many cores there are, and how much memory."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psutil

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["bf16", "fp16", "fp32"]

CGROUPS = Path("/sys/fs/cgroup")
"""Where the control groups of Linux are, which containers and job schedulers limit memory with."""
MEMBERSHIP = Path("/proc/self/cgroup")
"""A line for each hierarchy of control groups that this process is in: ``number:controllers:path``."""
_UNUSED = ("inactive_file", "active_file")
"""Entries of ``memory.stat``: copies of files, which count as taken and are given up when memory is asked for."""


def cores() -> int:
    """Return how many cores this process may use: a container or a job scheduler may allow fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> int:
    """Return how many bytes this process may still take without swapping.

    That is the least of what the machine has free, what its control groups leave (a container's, a job's and all
    above them), and what ``ulimit -v`` and ``ulimit -d`` leave. It takes less than a millisecond.
    """
    return max(0, min(_free()))


def _free() -> Iterator[int]:
    yield int(psutil.virtual_memory().available)
    yield from _left_by_groups()
    process = psutil.Process()
    if hasattr(process, "rlimit"):  # Linux
        taken = process.memory_info()
        for limit, used in ((psutil.RLIMIT_AS, taken.vms), (psutil.RLIMIT_DATA, taken.data)):
            soft, _ = process.rlimit(limit)
            if soft != psutil.RLIM_INFINITY:
                yield soft - used


def _left_by_groups() -> Iterator[int]:
    """Yield what each control group that this process is in leaves, of either version and up to the root.

    A container may see its own group as the root, whatever its path is said to be; what is not there is passed over.
    """
    try:
        lines = MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            root, limit, taken, prefix = CGROUPS, "memory.max", "memory.current", ""
        elif "memory" in controllers.split(","):
            root, limit, taken = CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            prefix = "total_"  # with the groups below it
        else:
            continue
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if not folder.is_relative_to(root):
                break
            try:
                allowed = (folder / limit).read_text(encoding="ascii").strip()
                if allowed == "max":
                    continue
                used = int((folder / taken).read_text(encoding="ascii"))
                stat = dict(
                    entry.split() for entry in (folder / "memory.stat").read_text("ascii").splitlines()
                )
            except OSError:
                continue
            yield int(allowed) - used + sum(int(stat.get(prefix + name, 0)) for name in _UNUSED)
