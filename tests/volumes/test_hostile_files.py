"""Files that a stranger made to read what is not theirs, to take all memory, or packed as none is read."""

import bz2
import gzip
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from medse.errors import InputError
from medse.files import leads_out
from medse.volumes.formats import contents, opened
from medse.volumes.formats.opened import Opened
from medse.volumes.names import list_volumes
from medse.volumes.reading import read_grid, read_image, read_label_map

VOXELS = bytes(range(27))


def refusal(path: Path, read: Callable[[Path], Any] = read_image) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def detached(path: Path, *lines: str) -> Path:
    """Write a header of 3 x 3 x 3 bytes that ends with ``lines``."""
    start = {
        ".nhdr": ["NRRD0004", "type: uchar", "dimension: 3", "sizes: 3 3 3", "encoding: raw"],
        ".mhd": [
            "ObjectType = Image",
            "NDims = 3",
            "DimSize = 3 3 3",
            "ElementType = MET_UCHAR",
            "BinaryData = True",
        ],
    }[path.suffix]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([*start, *lines]) + "\n", encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
@pytest.mark.parametrize(
    "name",
    ["{folder}/secret.raw", "../secret.raw", "in/../../secret.raw", r"C:\secret.raw", r"..\secret.raw"],
)
def test_a_header_names_no_file_outside_its_folder(tmp_path: Path, suffix: str, name: str) -> None:
    (tmp_path / "secret.raw").write_bytes(VOXELS)
    key = "data file: " if suffix == ".nhdr" else "ElementDataFile = "
    path = detached(tmp_path / "in" / f"a{suffix}", key + name.format(folder=tmp_path))
    assert "outside its folder" in refusal(path)
    assert "outside its folder" in refusal(path, read_grid)


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
@pytest.mark.parametrize("name", ["a.raw", "./a.raw", "raw/a.raw", "linked.raw"])
def test_a_header_names_a_file_in_its_folder(tmp_path: Path, suffix: str, name: str) -> None:
    (tmp_path / "raw").mkdir()
    for file in (tmp_path / "a.raw", tmp_path / "raw" / "a.raw"):
        file.write_bytes(VOXELS)
    (tmp_path / "linked.raw").symlink_to(tmp_path / "a.raw")
    key = "data file: " if suffix == ".nhdr" else "ElementDataFile = "
    array, _ = read_image(detached(tmp_path / f"a{suffix}", key + name))
    assert array.ravel(order="F").tolist() == list(VOXELS)


@pytest.mark.parametrize(
    ("name", "lines", "word"),
    [
        # Without the check ITK reads another file than the one that was checked, or none.
        ("a.mhd", ["ElementDataFile\0 = {secret}", "ElementDataFile = safe.raw"], "control character"),
        ("a.mhd", ["ElementDataFile : {secret}", "ElementDataFile = safe.raw"], "outside its folder"),
        (
            "a.mhd",
            ["Comment = x\rElementDataFile = {secret}", "ElementDataFile = safe.raw"],
            "control character",
        ),
        ("a.mhd", ["DimSize = 3 3 2", "ElementDataFile = safe.raw"], "twice"),
        ("a.mhd", ["ElementDataFile = LISTED.raw"], "several files"),
        ("a.nhdr", ["content: x\rdata file: {secret}"], "control character"),
        ("a.nhdr", ["data file: {secret}", "data file: safe.raw"], "twice"),
        ("a.nhdr", ["data file: LIST", "{secret}"], "several files"),
    ],
)
def test_a_header_that_reads_in_two_ways(tmp_path: Path, name: str, lines: list[str], word: str) -> None:
    (tmp_path / "secret.raw").write_bytes(VOXELS)
    (tmp_path / "in").mkdir()
    for file in ("safe.raw", "LISTED.raw"):
        (tmp_path / "in" / file).write_bytes(bytes(27))
    path = detached(tmp_path / "in" / name, *(line.format(secret=tmp_path / "secret.raw") for line in lines))
    assert word in refusal(path)


def test_paths_that_lead_out() -> None:
    out = ["/etc/passwd", "../a", "a/../../b", "..", r"..\a", r"C:\a", "C:a", r"\\server\share\a"]
    assert [name for name in out if not leads_out(name)] == []
    assert [name for name in ("a", "./a", "a/b", "..a", "a..b/c", "a b:c.raw") if leads_out(name)] == []


SAVED: dict[str, Callable[[Path, Any], None]] = {
    "a.nii.gz": lambda path, array: nib.save(nib.Nifti1Image(array, np.eye(4)), path),
    "a.mgz": lambda path, array: nib.save(nib.MGHImage(array, np.eye(4)), path),
    "a.nrrd": lambda path, array: sitk.WriteImage(sitk.GetImageFromArray(array), str(path), True),
    "a.mha": lambda path, array: sitk.WriteImage(sitk.GetImageFromArray(array), str(path), True),
    "a.png": lambda path, array: Image.fromarray(array.reshape(1000, -1)).save(path),
}


@pytest.mark.parametrize("name", list(SAVED))
@pytest.mark.parametrize("read", [read_image, read_label_map])
def test_more_voxels_than_memory(
    tmp_path: Path, name: str, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, voxels = tmp_path / name, 4_000_000
    SAVED[name](path, np.zeros((200, 200, 100), np.uint8))
    assert path.stat().st_size < voxels / 100
    least = voxels * (5 if read is read_image else 1)
    monkeypatch.setattr(opened, "available_memory", lambda: least - 1)
    tracemalloc.start()
    text = refusal(path, read)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < voxels / 2
    assert "4,000,000" in text
    assert "memory" in text
    monkeypatch.setattr(opened, "available_memory", lambda: 3 * least)
    read(path)


def test_float_labels_need_memory_for_their_integers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SAVED["a.nii.gz"](tmp_path / "a.nii.gz", np.zeros((100, 100, 100), np.float32))
    left = iter([4_500_000, 3_999_999])
    monkeypatch.setattr(opened, "available_memory", lambda: next(left))
    assert "0.004 GB" in refusal(tmp_path / "a.nii.gz", read_label_map)


def test_memory_that_ends_all_the_same() -> None:
    def voxels() -> Any:
        raise MemoryError

    file = Opened(Path("a.nii"), (10, 10, 10), np.eye(4), voxels, 1000)
    for read in (opened.image_values, opened.label_values):
        with pytest.raises(InputError, match=r"a\.nii promises 1,000 voxel values.*memory"):
            read(file)


def test_what_follows_the_voxels_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mgz"
    SAVED["a.mgz"](path, np.ones((4, 4, 4), np.uint8))
    whole = gzip.decompress(path.read_bytes())
    monkeypatch.setattr(contents, "LONGEST_TAIL", 1 << 20)
    path.write_bytes(gzip.compress(whole + bytes((1 << 20) - 100)))
    assert read_image(path)[0].all()
    path.write_bytes(gzip.compress(whole + bytes(3 << 20))[:-1000])  # never read to its damaged end
    assert "larger than its header says" in refusal(path)


def test_compressions_that_are_not_read_are_named(tmp_path: Path) -> None:
    SAVED["a.nii.gz"](tmp_path / "a.nii.gz", np.ones((4, 4, 4), np.uint8))
    plain = gzip.decompress((tmp_path / "a.nii.gz").read_bytes())
    zstd = b"\x28\xb5\x2f\xfd" + plain
    for packed, word in ((bz2.compress(plain), "bzip2"), (lzma.compress(plain), "xz"), (zstd, "zstd")):
        for name in ("b.nii", "b.nii.gz", "b.mgz"):
            (tmp_path / name).write_bytes(packed)
            assert f"compressed with {word}" in refusal(tmp_path / name)


def test_a_volume_in_a_compressed_file_is_not_passed_over(tmp_path: Path) -> None:
    SAVED["a.nii.gz"](tmp_path / "a.nii.gz", np.ones((4, 4, 4), np.uint8))
    assert list(list_volumes(tmp_path)) == ["a"]
    for name in ("b.nii.xz", "b.nrrd.gz", "b.NII.BZ2"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(InputError, match=f"{name} .*decompress"):
            list_volumes(tmp_path)
        assert "decompress" in refusal(tmp_path / name)
        (tmp_path / name).unlink()


def nrrd(path: Path, encoding: str, data: bytes, *lines: str) -> Path:
    head = ["NRRD0004", "type: short", "dimension: 3", "sizes: 3 3 3", f"encoding: {encoding}", *lines]
    path.write_bytes(("\n".join(head) + "\n\n").encode() + data)
    return path


def test_encodings_of_nrrd(tmp_path: Path) -> None:
    numbers = np.arange(27, dtype="<i2")
    raw, little = numbers.tobytes(), "endian: little"
    text = refusal(nrrd(tmp_path / "a.nrrd", "bzip2", bz2.compress(raw), little))
    assert "bzip2" in text
    assert "gzip" in text
    assert "damaged" not in text
    assert "zrl" in refusal(nrrd(tmp_path / "a.nrrd", "zrl", raw, little))
    files = [
        ("raw", raw, little),
        ("gzip", gzip.compress(raw), little),
        ("ascii", " ".join(map(str, numbers)).encode(), ""),
        ("hex", raw.hex().encode(), little),
        ("raw", numbers.astype(">i2").tobytes(), "endian: big"),
    ]
    for encoding, data, endian in files:
        path = nrrd(tmp_path / "a.nrrd", encoding, data, *([endian] if endian else []))
        assert read_image(path)[0].ravel(order="F").tolist() == list(range(27)), encoding
    assert "endian" in refusal(nrrd(tmp_path / "a.nrrd", "raw", raw))
