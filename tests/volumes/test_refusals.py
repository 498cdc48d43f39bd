"""What is not sound is refused in one sentence that names the file and the remedy."""

import gzip
import os
import re
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from medse.errors import InputError
from medse.volumes.names import list_volumes
from medse.volumes.reading import open_volume, read_grid, read_grids, read_image, read_label_map

SHAPE = (4, 5, 6)
AFFINE = nib.affines.from_matvec(np.diag([-1.0, 2, 3]), [4, 5, 6])


def nifti(path: Path, array: Any = None, affine: Any = AFFINE, **fields: Any) -> Path:
    """Save a sound file, then set fields of its raw header, which nibabel would repair."""
    array = np.ones(SHAPE, np.int16) if array is None else array
    image = nib.Nifti1Image(array, affine, dtype=array.dtype)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1, strip_shears=True)
    raw = bytearray(image.to_bytes())
    header = np.frombuffer(raw, nib.nifti1.header_dtype, count=1).copy()
    for name, value in fields.items():
        name, _, index = name.partition("__")
        if index:
            header[name][0, int(index)] = value
        else:
            header[name] = value
    raw[:348] = header.tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def refuse(path: Path, sentence: str, read: Callable[[Path], Any] = read_grid) -> str:
    with pytest.raises(InputError, match=sentence) as caught:
        read(path)
    text = str(caught.value)
    assert str(path) in text
    assert text.endswith(".")
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"dim__2": 0}, r"3 axes of lengths \(4, 0, 6\); a volume has 2 to 7 axes of at least one voxel"),
        ({"dim__2": -5}, r"3 axes of lengths \(4, -5, 6\)"),
        ({"dim__0": 0}, "0 axes"),
        ({"dim__0": 1}, "1 axes"),
        ({"dim__0": 8}, "8 axes"),
        ({"pixdim__2": -2}, r"voxel spacing 1 x -2 x 3; every axis needs a positive one in mm; correct"),
        ({"pixdim__3": 0}, "voxel spacing 1 x 2 x 0"),
        ({"pixdim__1": np.nan}, "voxel spacing nan x 2 x 3"),
        ({"pixdim__1": np.inf}, "voxel spacing inf x 2 x 3"),
        ({"pixdim__1": 1.05, "qform_code": 0}, r"1.05 x 2 x 3 in pixdim and 1 x 2 x 3 in its sform; .* 1 %"),
        ({"pixdim__0": 3}, r"pixdim\[0\] = 3"),
        ({"qoffset_y": 5.5}, "disagree by up to 0.5; they must place .*; set the code of the wrong one"),
        ({"quatern_b": 0.9}, "has a qform whose quaternion|disagree"),
        ({"quatern_b": 2.0}, "quaternion is longer than 1"),
        ({"qform_code": 9}, "the qform code 9 and the sform code 1; allowed are 0"),
        ({"sform_code": -1}, "the sform code -1"),
        ({"srow_x": np.nan}, "unusable affine|disagree"),
        ({"srow_x": np.inf, "qform_code": 0}, "unusable affine"),
        ({"srow_x": (0, 2, 0, 0), "qform_code": 0}, "in its sform; they must agree"),
        ({"srow_x": (1e5, 0, 0, 0), "pixdim__1": 1e5, "qform_code": 0}, "a field of view of 400000 mm; at"),
        ({"srow_x__3": 2e4, "qform_code": 0}, "an origin at 20000 mm; at most 10000 mm are plausible"),
        ({"xyzt_units": 4}, "the unit code 4 for its spacing; allowed are 1"),
        ({"datatype": 32, "bitpix": 64}, r"complex numbers \(data type 32\)"),
        ({"datatype": 128, "bitpix": 24}, r"colours \(RGB\)"),
        ({"datatype": 1, "bitpix": 1}, "single bits"),
        ({"datatype": 77}, r"an unknown type \(data type 77\)"),
        ({"bitpix": 8}, "says 8 bits per voxel for data type 4 of 16 bits"),
        ({"vox_offset": 0}, "begin at byte 0; expected a whole number from 352 on"),
        ({"vox_offset": 352.5}, "begin at byte 352.5"),
        ({"vox_offset": np.inf}, "begin at byte inf"),
        ({"vox_offset": 2e9}, "smaller than its header says: 592 bytes of 2,000,000,240"),
        ({"scl_slope": np.nan}, "scaling slope nan"),
        ({"scl_slope": 2, "scl_inter": np.inf}, "intercept inf"),
        ({"intent_code": 3006}, "holds a CIFTI matrix and no volume"),
        ({"intent_code": 1009}, "holds a triangle mesh and no volume"),
        ({"magic": b"ni1"}, "says in its header that it is a .hdr with an .img"),
        ({"magic": b""}, "Analyze 7.5, which does not say which way left is"),
        ({"sizeof_hdr": 349}, "cannot be read as NIfTI"),
        ({"dim__1": 3000, "dim__2": 3000, "dim__3": 3000}, "smaller than its header says"),
        ({"dim__3": 5}, "larger than its header says"),
    ],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_headers(tmp_path: Path, fields: dict[str, Any], sentence: str, suffix: str) -> None:
    path = nifti(tmp_path / f"a{suffix}", **fields)
    refuse(path, sentence if suffix == ".nii" else sentence.partition(":")[0])
    read_grid(nifti(tmp_path / f"sound{suffix}"))


def test_sheared_axes_name_the_command_that_straightens_them(tmp_path: Path) -> None:
    sheared = AFFINE.copy()
    sheared[1, 0] = 0.5
    path = tmp_path / "a scan.nii"
    nib.save(nib.Nifti1Image(np.ones(SHAPE, np.uint8), sheared), path)
    image = nib.load(path)
    image.header["qform_code"] = 0
    nib.save(image, path)
    text = refuse(path, "not at right angles")
    assert f"run medse resample '{path}' --out 'a scan_straight.nii.gz'." in text
    nib.save(nib.MGHImage(np.ones(SHAPE, np.float32), sheared), tmp_path / "a.mgh")
    refuse(tmp_path / "a.mgh", "not at right angles")


def test_lying_headers_cost_no_memory_even_where_the_trailer_lies_too(tmp_path: Path) -> None:
    shape = (128, 128, 64)
    fields = {"dim": (3, 1024, 1024, 64, 1, 1, 1, 1)}
    noise = np.random.default_rng(0).integers(0, 1000, shape).astype(np.int16)
    for name in ("a.nii", "a.nii.gz", "lying.nii.gz"):
        path = nifti(tmp_path / name, noise, **fields)
        if name.startswith("lying"):
            path.write_bytes(path.read_bytes()[:-4] + struct.pack("<I", 352 + 2 * 1024 * 1024 * 64))
        honest = 352 + 2 * 128 * 128 * 64
        for read in (read_image, read_label_map):
            tracemalloc.start()
            refuse(path, "smaller than its header says|cannot be read to its end", read)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 2 * honest


@pytest.mark.parametrize("kind", ["u1", "f8"])
@pytest.mark.parametrize("slope", [1.0, 0.5])
def test_memory_of_a_sound_file(tmp_path: Path, kind: str, slope: float) -> None:
    path = nifti(tmp_path / "a.nii.gz", np.zeros((100, 100, 100), kind), scl_slope=slope)
    honest = 10**6 * (np.dtype(kind).itemsize + 4)
    for read in (read_image, read_label_map):
        tracemalloc.start()
        read(path)
        assert tracemalloc.get_traced_memory()[1] < 2 * honest
        tracemalloc.stop()


def test_damaged_files(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 40)).astype(np.uint8)
    whole = nifti(tmp_path / "whole.nii.gz", noise).read_bytes()
    for name, content in {
        "short.nii.gz": whole[:20_000],
        "tail.nii.gz": whole[:-8],
        "flipped.nii.gz": whole[:30_000] + bytes([whole[30_000] ^ 255]) + whole[30_001:],
        "plain.nii": gzip.decompress(whole)[:5000],
    }.items():
        (tmp_path / name).write_bytes(content)
        refuse(tmp_path / name, "truncated or damaged|not gzip-compressed", read_image)
    for name in ("empty.nii.gz", "empty.nii", "empty.mgz"):
        (tmp_path / name).write_bytes(b"")
        refuse(tmp_path / name, "is empty: it has 0 bytes")
    (tmp_path / "named.nii").write_bytes(whole)
    refuse(tmp_path / "named.nii", "is gzip-compressed but its name does not say so")
    (tmp_path / "named.nii.gz").write_bytes(gzip.decompress(whole))
    refuse(tmp_path / "named.nii.gz", "is not gzip-compressed as its name says")
    (tmp_path / "cut.nii").write_bytes(gzip.decompress(whole)[:200])
    refuse(tmp_path / "cut.nii", "it ends after 200 bytes, within its header of 348")


def test_pairs(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(np.ones(SHAPE, np.uint8), AFFINE), tmp_path / "a.hdr")
    assert list(list_volumes(tmp_path).values()) == [tmp_path / "a.hdr"]
    refuse(tmp_path / "a.img", "holds voxels without a header; give the .hdr file")
    (tmp_path / "a.img").write_bytes(b"")
    refuse(tmp_path / "a.hdr", "is a header without data: a.img is missing or empty")
    (tmp_path / "a.hdr").unlink()
    with pytest.raises(InputError, match=r"a.img has no header beside it"):
        list_volumes(tmp_path)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.full(SHAPE, 0.5, np.float32), "it holds 0.5; labels must be whole numbers; save it with integer"),
        (np.full(SHAPE, np.nan), "it holds nan"),
        (np.full(SHAPE, -np.inf), "it holds -inf"),
        (np.full(SHAPE, 1e17), "it holds 1e.17"),
        (np.full(SHAPE, 2**64 - 1, np.uint64), "holds the label 18446744073709551615; labels must be below"),
    ],
)
def test_values_that_are_no_labels(tmp_path: Path, array: Any, sentence: str) -> None:
    refuse(nifti(tmp_path / "a.nii", array), sentence, read_label_map)


def test_labels_that_the_header_scales_name_the_scaling_and_its_remedy_works(tmp_path: Path) -> None:
    stored = np.arange(120, dtype=np.uint8).reshape(SHAPE)
    scaled = nifti(tmp_path / "a.nii", stored, scl_slope=0.5, scl_inter=0.25)
    text = refuse(
        scaled,
        r"holds 0.25 \(the stored number times the slope 0.5 plus the intercept 0.25\)",
        read_label_map,
    )
    assert "set scl_slope to 1 and scl_inter to 0" in text
    np.testing.assert_array_equal(
        read_label_map(nifti(tmp_path / "b.nii", stored, scl_slope=1, scl_inter=0))[0], stored
    )


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
def test_values_that_are_no_intensities(tmp_path: Path, wrong: float) -> None:
    array = np.zeros(SHAPE)
    array[0, 0, :2] = wrong
    refuse(nifti(tmp_path / "a.nii", array), "holds 2 NaN or infinite voxels of 120", read_image)


def test_channels(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", np.ones((*SHAPE, 3), np.uint8))
    refuse(path, r"has shape \(4, 5, 6, 3\); expected a 3-D volume .*; split it into 3-D volumes")
    refuse(path, "3 values per voxel; expected a 4-D volume with 2 channels", lambda p: read_grid(p, 2))
    both = nifti(tmp_path / "b.nii", np.ones((*SHAPE, 2, 2), np.uint8))
    refuse(both, "2 x 2 values per voxel", lambda p: read_grid(p, 2))
    flat = nifti(tmp_path / "c.nii")
    refuse(flat, "that is 1 values per voxel; expected a 4-D volume with 2", lambda p: read_grid(p, 2))
    other = nifti(tmp_path / "d.nii", np.ones((4, 5, 7), np.uint8))
    with pytest.raises(
        InputError, match=re.escape(f"run medse resample {other} --like {flat} --out d_resampled.nii.gz")
    ):
        read_grids([flat, other], 2)


def test_two_files_of_one_case(tmp_path: Path) -> None:
    nifti(tmp_path / "a.nii")
    nib.save(nib.MGHImage(np.ones(SHAPE, np.float32), AFFINE), tmp_path / "a.MGZ")
    with pytest.raises(InputError, match=r"a.MGZ and .*a.nii have the same case id 'a'"):
        list_volumes(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no volume; expected files that end in .nii.gz"):
        list_volumes(tmp_path / "empty")
    refuse(tmp_path / "notes.txt", "does not exist")
    (tmp_path / "notes.txt").write_text("x")
    refuse(tmp_path / "notes.txt", "no known ending; expected one of .nii.gz, .nii")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mgh", ".mgz", ".nrrd", ".mha", ".png", ".jpg"])
def test_a_name_without_its_suffix(tmp_path: Path, suffix: str) -> None:
    named = tmp_path / f"a{suffix}"
    if suffix.startswith(".mg"):
        nib.save(nib.MGHImage(np.ones(SHAPE, np.float32), AFFINE), named)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(np.ones((5, 6), np.uint8)), str(named))
    refuse(named.rename(tmp_path / "scan.v2"), f"rename it to scan.v2{suffix}.$")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the place of a user without rights")
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.png", "a.mha", "a.mgh"])
def test_a_file_that_may_not_be_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    os.seteuid(65534)
    try:
        refuse(path, r"may not be read \(permission denied\); change its permissions")
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mgh", ".mgz", ".nrrd", ".mha", ".png"])
def test_a_file_that_is_lost_after_its_header_was_read(tmp_path: Path, suffix: str) -> None:
    """As on a network drive: the system's error is one about this file, not about what else is going on."""
    path = tmp_path / f"a{suffix}"
    if suffix.startswith(".mg"):
        nib.save(nib.MGHImage(np.ones(SHAPE, np.float32), AFFINE), path)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(np.ones((5, 6), np.uint8)), str(path))
    opened = open_volume(path)
    path.unlink()
    with pytest.raises(
        InputError, match=rf"a{suffix} cannot be read.*[Nn]o such file|cannot be read.*copy it again"
    ):
        opened.voxels()


def edited(path: Path, old: bytes, new: bytes) -> Path:
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new, 1))
    return path


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    ("suffix", "old", "new", "sentence"),
    [
        (".mha", b"DimSize = 6 5 4", b"DimSize = 6000 5000 4000", "smaller than its header says"),
        (".mha", b"DimSize = 6 5 4", b"DimSize = 6 0 4", "whole numbers from 1 on are expected"),
        (".mha", b"ElementSpacing = 1", b"ElementSpacing = 0", "voxel spacing 0 x 1 x 1"),
        (".mha", b"ElementSpacing = 1", b"ElementSpacing = -1", "voxel spacing -1 x 1 x 1"),
        (".mha", b"MET_SHORT", b"MET_WRONG", "has the ElementType MET_WRONG"),
        (".mha", b"LOCAL", b"LIST\n", "keeps its voxels in several files"),
        (".mha", b"LOCAL", b"slice%02d.raw 1 4 1", "keeps its voxels in several files"),
        (".mha", b"LOCAL", b"gone.raw", "is a header without data: .*gone.raw is missing"),
        (".mha", b"TransformMatrix = 1 0 0", b"TransformMatrix = 0 1 0", "determinant|unusable affine"),
        (".mha", b"NDims = 3", b"NDims = 99999999999999999999", "expected 2 to 4 axes|does not fit"),
        (".mha", b"Offset = 0 0 0", b"Offset = 0 0", "Offset = '0 0' does not fit 3 axes"),
        (".mha", b"BinaryData = True", b"BinaryData = maybe", "neither True nor False"),
        (".mha", b"BinaryData = True", b"BinaryData = False", "holds its voxels as text"),
        (".mha", b"DimSize = 6 5 4", b"DimSize = 6 5 3", "larger than its header says"),
        (".nrrd", b"dimension: 3", b"dimension: 4", "dimension 4 and 3 sizes"),
        (".nrrd", b"sizes: 6 5 4", b"sizes: 6 5 4000000", "smaller than its header says"),
        (".nrrd", b"sizes: 6 5 4", b"sizes: six 5 4", "where numbers are expected"),
        (".nrrd", b"type: short", b"type: block", "has the type block"),
        (".nrrd", b"\nspace:", b'\nspace units: "um" "um" "um"\nspace:', "counts distances in um"),
        (".nrrd", b"(1,0,0)", b"(nan,0,0)", "cannot be read|unusable|voxel spacing"),
        (".nrrd", b"(1,0,0)", b"(0,0,0)", "cannot be read|unusable|voxel spacing"),
        (".nrrd", b"NRRD000", b"NOPE000", "no NRRD mark"),
    ],
)
def test_itk_headers(
    tmp_path: Path, suffix: str, old: bytes, new: bytes, sentence: str, compress: bool, capfd: Any
) -> None:
    path = tmp_path / f"a{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((4, 5, 6), np.int16)), str(path), useCompression=compress)
    read_grid(path)
    refuse(edited(path, old, new), sentence)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
@pytest.mark.parametrize("compress", [False, True])
def test_truncated_itk_files(tmp_path: Path, suffix: str, compress: bool, capfd: Any) -> None:
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (20, 20, 20)).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(path), useCompression=compress)
    path.write_bytes(path.read_bytes()[:-3000])
    refuse(path, "smaller than its header says", read_image)
    path.write_bytes(path.read_bytes()[:100])
    refuse(path, "cannot be read", read_image)
    assert capfd.readouterr().err == ""


def test_mgh_headers(tmp_path: Path) -> None:
    path = tmp_path / "a.mgh"
    for at, value, sentence in (
        (0, struct.pack(">i", 2), "cannot be read as MGH"),
        (4, struct.pack(">i", 0), "needs at least one voxel"),
        (4, struct.pack(">i", 400), "smaller than its header says"),
        (20, struct.pack(">i", 9), "has the data type 9"),
        (30, struct.pack(">f", 0), "voxel spacing 0 x 2 x 3"),
        (42, struct.pack(">f", np.nan), "unusable affine"),
    ):
        nib.save(nib.MGHImage(np.ones(SHAPE, np.float32), AFFINE), path)
        raw = bytearray(path.read_bytes())
        raw[at : at + 4] = value
        path.write_bytes(raw)
        refuse(path, sentence)


def png(width: int, height: int, depth: int, colour: int, row: bytes) -> bytes:
    """A PNG of equal rows, for kinds that Pillow does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = zlib.compress((b"\0" + row) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 255, (50, 60, 3)).astype(np.uint8))
    grey = colours.convert("L")
    three = lambda path: read_image(path, 3)  # noqa: E731
    grey.save(tmp_path / "a.jpg")
    refuse(tmp_path / "a.jpg", "JPEG changes values .*; save the labels as PNG", read_label_map)
    colours.save(tmp_path / "rgb.png")
    refuse(tmp_path / "rgb.png", "colours do not say which class they mean", read_label_map)
    for colour, row in ((2, bytes(12)), (4, bytes(8)), (6, bytes(16))):
        (tmp_path / "deep.png").write_bytes(png(2, 2, 16, colour, row))
        refuse(tmp_path / "deep.png", "has 16-bit colours or transparency", read_label_map)
    for mode in ("LA", "RGBA"):
        colours.convert(mode).save(tmp_path / "alpha.png")
        read_image(tmp_path / "alpha.png", 3 if mode == "RGBA" else 1)
        refuse(tmp_path / "alpha.png", "transparency|colours do not say", read_label_map)
        clear = colours.convert(mode)
        clear.putalpha(100)
        clear.save(tmp_path / "clear.png")
        refuse(tmp_path / "clear.png", "partly transparent", three if mode == "RGBA" else read_image)
    colours.save(tmp_path / "key.png", transparency=(1, 2, 3))
    refuse(tmp_path / "key.png", "has a transparent colour", three)
    colours.convert("CMYK").save(tmp_path / "cmyk.jpg")
    refuse(tmp_path / "cmyk.jpg", "has the colour model CMYK")
    turned = Image.Exif()
    turned[0x0112] = 6
    for name in ("turned.jpg", "turned.png"):
        colours.save(tmp_path / name, exif=turned)
        refuse(tmp_path / name, r"is to be turned by its EXIF tag \(orientation 6\)", three)
    grey.save(tmp_path / "moving.png", save_all=True, append_images=[grey.point(lambda v: v // 2)])
    refuse(tmp_path / "moving.png", "holds several pictures")
    (tmp_path / "named.jpg").write_bytes((tmp_path / "rgb.png").read_bytes())
    refuse(tmp_path / "named.jpg", "is no JPEG file as its name says")
    (tmp_path / "bomb.png").write_bytes(png(100_000, 100_000, 8, 0, b""))
    refuse(tmp_path / "bomb.png", "more pixels than can be opened safely")
    for name in ("rgb.png", "turned.jpg"):
        data = (tmp_path / name).read_bytes()
        cut = tmp_path / f"cut-{name}"
        cut.write_bytes(data[: len(data) // 2] if name == "rgb.png" else data[:10])
        refuse(cut, "cannot be read", three)


def test_grey_of_four_bits_holds_its_stored_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(4, 2, 4, 0, bytes([0x1F, 0x07])))
    found, _ = read_label_map(tmp_path / "a.png")
    np.testing.assert_array_equal(found[..., 0].T, [[1, 15, 0, 7]] * 2)


def test_itk_would_misread_a_compressed_metaimage_that_hides_its_length(tmp_path: Path) -> None:
    path = tmp_path / "a.mha"
    sitk.WriteImage(sitk.GetImageFromArray(np.ones(SHAPE, np.int16)), str(path), useCompression=True)
    refuse(edited(path, b"CompressedDataSize", b"Comment"), "whole numbers from 1 on", read_image)


def test_a_trailer_that_hides_a_longer_file(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz")
    path.write_bytes(path.read_bytes() + gzip.compress(bytes(352 + 2 * 4 * 5 * 6)))  # a second gzip member
    refuse(path, "larger than its header says", read_image)
