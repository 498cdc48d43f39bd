"""What can be computed on, and in which precision, by name; and how many cores there are."""

import os
from typing import Literal

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["bf16", "fp32"]


def cores() -> int:
    """Return how many cores this process may use: a container or a job scheduler may allow fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
