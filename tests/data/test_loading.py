"""Cases are loaded and kept as the memory that is free allows."""

import logging
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from medse.data import loading
from medse.data.cases import Case
from medse.data.loading import CaseLoader, PreparedCases, Size, contents, loading_threads
from medse.labels import Labels
from medse.preprocess import Preprocessing
from medse.volumes.reading import read_grid


@pytest.fixture
def case(tmp_path: Path) -> Case:
    random = np.random.default_rng(0)
    label = (random.random((64, 48, 40)) < 0.1).astype(np.uint8)
    nib.save(nib.Nifti1Image(random.normal(size=label.shape), np.eye(4)), tmp_path / "i.nii.gz")
    nib.save(nib.Nifti1Image(label, np.eye(4)), tmp_path / "l.nii.gz")
    return Case("a", (tmp_path / "i.nii.gz",), tmp_path / "l.nii.gz", "a")


def loader(spacing_mm: float) -> CaseLoader:
    return CaseLoader(Preprocessing((spacing_mm,) * 3), Labels(("x",), (1,)), 1)


@pytest.mark.parametrize("spacing_mm", [0.8, 1.0, 1.5])
def test_what_loading_takes_is_foreseen(case: Case, spacing_mm: float) -> None:
    load = loader(spacing_mm)
    foreseen = load.size(read_grid(case.images[0])).loading
    load(case)  # imports and buffers of the first time
    tracemalloc.start()
    load(case)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert foreseen / 3 < peak <= foreseen


def test_no_more_cases_are_loaded_side_by_side_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "cores", lambda: 8)
    sizes = [Size((1, 1, 1), 0, 100), Size((1, 1, 1), 0, 300)]
    free = {10**9: 8, 2399: 7, 900: 3, 599: 1, 0: 1}
    assert {bytes_: loading_threads(sizes, bytes_) for bytes_ in free} == free
    assert loading_threads([], 0) == 1


@pytest.mark.parametrize(
    ("free", "cache_gb", "kept"), [(10**9, 1.0, 4), (10**9, 25e-4, 2), (4_000_000, 1.0, 3)]
)
def test_cases_in_memory(
    case: Case,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    free: int,
    cache_gb: float,
    kept: int,
) -> None:
    """A case has a million bytes; 3 of 4 MB may be taken, which a remark says, and of 2.5 GB that are asked for 2."""
    monkeypatch.setattr(loading, "available_memory", lambda: free)
    monkeypatch.setattr(loading, "cores", lambda: 2)
    at_once: list[int] = []
    lock = threading.Lock()
    running = 0

    class Counted:
        def size(self, _grid: Any) -> Size:
            return Size((1,), 1_000_000, 1_000_000)

        def __call__(self, case: Case) -> dict[str, Any]:
            nonlocal running
            with lock:
                running += 1
                at_once.append(running)
            time.sleep(0.02)
            with lock:
                running -= 1
            return {"id": case.id, "image": np.full((1, 2), int(case.id), np.float32)}

    cases = [Case(str(i), (), Path(), str(i)) for i in range(4)]
    grids: Any = dict.fromkeys("0123")
    counted: Any = Counted()
    with caplog.at_level(logging.WARNING, "medse"):
        prepared = PreparedCases(cases, grids, counted, cache_gb)
    assert len(prepared.memory) == kept
    assert list(prepared.contents) == [str(i) for i in range(kept)]
    assert max(at_once) == (1 if free < 10**9 else 2)
    assert [prepared[i]["id"] for i in range(4)] == ["0", "1", "2", "3"]
    said = [record.getMessage() for record in caplog.records]
    assert (
        said == []
        if free == 10**9
        else said[0].startswith("3 of 4 prepared cases are kept in memory, of which 0.0")
    )


def test_contents_are_those_of_the_voxels() -> None:
    image = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    assert contents(image) == contents(np.asfortranarray(image))
    other = image.copy()
    other[0, 1, 2, 3] += 1
    assert len({contents(image), contents(other), contents(image.reshape(1, 3, 2, 4))}) == 3
