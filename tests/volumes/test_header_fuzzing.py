"""Damaged and hostile NIfTI headers: a correct result or a sentence, in little memory and time."""

import gzip
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medse.errors import InputError
from medse.volumes.reading import read_grid, read_image, read_label_map

SHAPE = (7, 6, 5)
LABELS = np.random.default_rng(0).integers(0, 5, SHAPE)
SLACK = 1 << 20
"""Bytes that any reading may take: buffers of the decompressor, messages, Python itself."""
SECONDS = 2.0

EXTREME_INTS = [0, 1, -1, 2, 3, 7, 8, 127, 255, 256, 32767, -32768, 2**31 - 1, -(2**31), 2**62]
EXTREME_FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-38, 1e38, 1e300, -1e300, *map(float, ("nan", "inf", "-inf"))]


def base_file(version: int, order: str, dtype: str, extension: bool) -> tuple[bytes, np.dtype]:
    """A sound file and the layout of its header."""
    classes = (nib.Nifti1Image, nib.Nifti1Header), (nib.Nifti2Image, nib.Nifti2Header)
    image_class, header_class = classes[version - 1]
    header = header_class(endianness=order)
    header.set_data_dtype(np.dtype(dtype).newbyteorder(order))
    image = image_class(LABELS.astype(dtype), np.diag([-1.0, 2, 3, 1]), header)
    image.set_qform(image.affine, 1)
    if extension:
        image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"text" * 20))
    return image.to_bytes(), header_class.template_dtype.newbyteorder(order)


BASES = {
    (version, order, dtype, extension): base_file(version, order, dtype, extension)
    for version in (1, 2)
    for order in "<>"
    for dtype, extension in (("u1", False), ("i2", True), ("f4", False), ("f8", False))
}
UNUSED = {"data_type", "db_name", "extents", "session_error", "regular", "glmax", "glmin", "unused_str"}
FIELDS = sorted({name for _, layout in BASES.values() for name in layout.names} - UNUSED)


def values(kind: str) -> st.SearchStrategy[float]:
    if kind == "f":
        return st.sampled_from(EXTREME_FLOATS) | st.floats(width=32)
    return st.sampled_from(EXTREME_INTS) | st.integers(-(2**63), 2**63 - 1)


def put(data: bytearray, layout: np.dtype, name: str, index: int, value: float) -> None:
    field, start = layout.fields[name][:2]
    single, count = (field.subdtype[0], int(np.prod(field.shape))) if field.subdtype else (field, 1)
    if single.kind == "S":
        data[start] = int(value) & 255 if value == value and abs(value) < 2**63 else 0
        return
    with np.errstate(all="ignore"):
        if single.kind in "iu":
            wrapped = int(value) if value == value and abs(value) < 2**63 else 0
            number = np.array([wrapped]).astype(single).tobytes()
        else:
            number = np.array([value]).astype(single).tobytes()
    at = start + index % count * single.itemsize
    data[at : at + single.itemsize] = number


@st.composite
def mutated(draw: st.DrawFn) -> tuple[bytes, bool]:
    """A file of which one to four named fields, or some raw bytes, were changed; or its length."""
    data, layout = BASES[draw(st.sampled_from(sorted(BASES)))]
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.integers(0, 3)):
            name = draw(st.sampled_from([field for field in FIELDS if field in layout.names]))
            base = layout.fields[name][0].base
            put(changed, layout, name, draw(st.integers(0, 7)), draw(values(base.kind)))
        else:
            at = draw(st.integers(0, layout.itemsize + 11))
            changed[at : at + 4] = draw(st.binary(min_size=4, max_size=4))
    if draw(st.integers(0, 9)) == 0:
        changed = changed[: draw(st.integers(0, len(changed)))]
    compressed = draw(st.booleans())
    stored = gzip.compress(changed, 1, mtime=0) if compressed else bytes(changed)
    if draw(st.integers(0, 19)) == 0:
        at = draw(st.integers(0, max(0, len(stored) - 1)))
        stored = stored[:at] + bytes([draw(st.integers(0, 255))]) + stored[at + 1 :]
    return stored, compressed


def check(path: Path, honest: int) -> None:
    for read in (read_grid, read_image, read_label_map):
        tracemalloc.reset_peak()
        before, started = tracemalloc.get_traced_memory()[0], time.perf_counter()
        result, sentence = attempt(read, path)
        peak, elapsed = tracemalloc.get_traced_memory()[1] - before, time.perf_counter() - started
        assert peak <= 2 * honest + SLACK, f"{peak} bytes for a file of {honest}"
        assert elapsed < SECONDS
        if sentence:
            assert str(path) in sentence
            assert sentence.endswith(".")
            assert "\n" not in sentence
        elif read is not read_grid:
            compare(path, *result)


def attempt(read: Callable[[Path], Any], path: Path) -> tuple[Any, str]:
    """Return what was read, or the sentence that refuses it."""
    try:
        return read(path), ""
    except InputError as error:
        return None, str(error)


def compare(path: Path, array: np.ndarray, grid) -> None:
    """The independent reader sees the same numbers in the same place."""
    data = bytearray(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
    second = 540 in (int.from_bytes(data[:4], order) for order in ("little", "big"))
    data[540 if second else 348] = 0  # no extensions: nibabel reads them, and they are no concern here
    # Its repairs are logged; none of them may make a difference.
    image = (nib.Nifti2Image if second else nib.Nifti1Image).from_bytes(bytes(data))
    expected = np.asarray(image.dataobj, dtype=np.float64)
    assert grid.shape == image.shape
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(array.ravel(), expected.astype(np.float32).ravel().astype(array.dtype))
    if grid.oriented:
        unit = {1: 1000.0, 3: 1e-3}.get(int(image.header["xyzt_units"]) & 7, 1.0)
        scaled = np.diag([unit, unit, unit, 1]) @ image.affine
        columns = [0, 1, 3] if image.ndim == 2 else slice(None)
        np.testing.assert_allclose(grid.affine[:, columns], scaled[:, columns], rtol=1e-9, atol=1e-12)


@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(case=mutated())
def test_any_header_gives_a_correct_result_or_a_sentence(
    case: tuple[bytes, bool], tmp_path_factory: pytest.TempPathFactory
) -> None:
    stored, compressed = case
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    path = folder / ("scan.nii.gz" if compressed else "scan.nii")
    path.write_bytes(stored)
    # Never more than the sound file: that is its header, its voxels, and the same as float32.
    honest = len(stored) + 8 * LABELS.size + 4 * LABELS.size
    tracemalloc.start()
    try:
        check(path, honest)
    finally:
        tracemalloc.stop()
