"""Work is spread over the cores that there are for it, and over the memory."""

import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from medse import machine
from medse.machine import available_memory, cores

GIB = 1 << 30


def test_only_the_cores_that_this_process_may_use_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {3, 5}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert cores() == 2


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up tree of control groups on a machine with 64 GiB free."""
    free = namedtuple("free", ["available"])(64 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    monkeypatch.setattr(machine, "MEMBERSHIP", tmp_path / "membership")
    return tmp_path


def member(groups: Path, *lines: str) -> None:
    (groups / "membership").write_text("".join(f"{line}\n" for line in lines))


def version_2(folder: Path, allowed: int | str, taken: int, files: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{allowed}\n")
    (folder / "memory.current").write_text(f"{taken}\n")
    stat = {
        "anon": taken - files,
        "file": files,
        "inactive_file": files // 4,
        "active_file": files - files // 4,
    }
    (folder / "memory.stat").write_text("".join(f"{name} {value}\n" for name, value in stat.items()))


def version_1(folder: Path, allowed: int, taken: int, files: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.limit_in_bytes").write_text(f"{allowed}\n")
    (folder / "memory.usage_in_bytes").write_text(f"{taken}\n")
    own = {"cache": 0, "inactive_file": 0, "active_file": 0}
    below = {"total_inactive_file": files // 4, "total_active_file": files - files // 4}
    (folder / "memory.stat").write_text("".join(f"{name} {value}\n" for name, value in (own | below).items()))


def test_a_machine_without_limits_has_what_is_free(groups: Path) -> None:
    assert available_memory() == 64 * GIB  # no membership file: not Linux
    member(groups, "0::/user.slice")
    version_2(groups / "user.slice", "max", 30 * GIB)
    assert available_memory() == 64 * GIB


def test_copies_of_files_do_not_count_as_taken(groups: Path) -> None:
    member(groups, "0::/")
    version_2(groups, 8 * GIB, 7 * GIB, files=5 * GIB)
    assert available_memory() == 6 * GIB


@pytest.mark.parametrize("job", ["slurm/job_1", "slurm/job_1/step_0/task_0"])
def test_the_narrowest_of_all_groups_above_counts(groups: Path, job: str) -> None:
    member(groups, f"0::/{job}")
    version_2(groups / job, "max", GIB)
    version_2(groups / "slurm/job_1", 16 * GIB, 10 * GIB, files=GIB)
    version_2(groups / "slurm", 32 * GIB, 30 * GIB, files=GIB)
    assert available_memory() == 3 * GIB
    version_2(groups / "other", GIB, GIB)  # of another job
    assert available_memory() == 3 * GIB


def test_a_group_may_have_taken_all(groups: Path) -> None:
    member(groups, "0::/")
    version_2(groups, GIB, 2 * GIB)
    assert available_memory() == 0


def test_groups_of_version_1_beside_those_of_version_2(groups: Path) -> None:
    member(groups, "4:cpuset,memory:/docker/abc", "2:cpu:/docker/abc", "0::/system.slice/a:b.service")
    version_1(groups / "memory", 9223372036854771712, 40 * GIB)
    assert available_memory() == 64 * GIB
    version_1(groups / "memory/docker/abc", 4 * GIB, 3 * GIB, files=2 * GIB)
    assert available_memory() == 3 * GIB


def test_a_container_that_sees_its_group_as_the_root(groups: Path) -> None:
    member(groups, "4:memory:/kubepods/pod_1/container_1")
    version_1(groups / "memory", 2 * GIB, GIB)
    assert available_memory() == GIB


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="limits are set on Linux")
@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_what_a_limit_leaves_can_be_taken_and_not_much_more(limit: str) -> None:
    script = f"""
import resource, numpy
from medse.machine import available_memory
resource.setrlimit(resource.{limit}, (3 << 30, 3 << 30))
free = available_memory()
assert 1 << 30 < free <= 3 << 30, free
numpy.empty(free - (64 << 20), numpy.uint8)
try:
    numpy.empty(free + (64 << 20), numpy.uint8)
except MemoryError:
    print("as expected")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "as expected\n", done.stderr
