"""Data that the tests generate for themselves."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from medse.machine import cores
from tests.support.generated import TINY, write_data_set

if (
    "PYTEST_XDIST_WORKER_COUNT" in os.environ
):  # a worker, and what it starts, compute on their share of the cores
    share = cores() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ["OMP_NUM_THREADS"] = str(max(1, share))


@pytest.fixture
def make_msd(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an MSD data set of ``cases`` small volumes with two balls each."""

    def make(cases: int = 4, channels: int = 1, name: str = "balls") -> Path:
        write_data_set(tmp_path / name, cases, channels)
        return tmp_path / name

    return make


@pytest.fixture
def tiny_config(tmp_path: Path, make_msd: Callable[..., Path]) -> Path:
    """A configuration that trains for seconds on four generated cases."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.format(root=make_msd()))
    return path
