"""Prepared cases and the patches drawn from them."""

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from medse.data.augmentation.augmentation import Augmentation
from medse.data.cases import Case
from medse.data.loading import CaseLoader, PreparedCases
from medse.data.patches import PatchDataset, PatchSampler, check_patch_size, gather
from medse.data.readers.msd import read_msd
from medse.errors import InputError
from medse.labels import Labels
from medse.preprocess import Preprocessing
from medse.volumes.reading import read_grid


def prepare(cases: Sequence[Case], loader: CaseLoader, cache_gb: float = 1) -> PreparedCases:
    return PreparedCases(cases, {case.id: read_grid(case.images[0]) for case in cases}, loader, cache_gb)


@pytest.fixture
def prepared(make_msd: Callable[..., Path]) -> PreparedCases:
    found = read_msd(make_msd(cases=3))
    return prepare(found.cases, CaseLoader(Preprocessing((1, 1, 1)), found.labels, 1))


def test_a_case_arrives_in_ras_with_indices(prepared: PreparedCases) -> None:
    item = prepared[0]
    case = prepared.cases[0]
    expected = nib.as_closest_canonical(nib.load(case.label)).get_fdata()
    np.testing.assert_array_equal(item["label"][0], np.select([expected == 3, expected == 7], [1, 2]))
    assert item["image"].shape == (1, *expected.shape)
    for k, centres in enumerate(item["centres"]):
        assert (item["label"].ravel()[centres] == k).all()


def test_cases_beyond_the_cache_are_read_each_time(prepared: PreparedCases) -> None:
    without = prepare(prepared.cases, prepared.loader, 1e-9)
    assert (len(prepared.memory), len(without.memory)) == (3, 0)
    np.testing.assert_array_equal(without[1]["image"], prepared[1]["image"])


@pytest.mark.parametrize(("foreground", "expected"), [(0.0, 0.0), (1.0, 1.0), (0.67, 0.67)])
def test_foreground_share(prepared: PreparedCases, foreground: float, expected: float) -> None:
    patches = PatchDataset(prepared, (1, 1, 1), classes=3, foreground=foreground)
    drawn = np.array([int(patches[(0, seed)]["label"][0, 0, 0, 0]) for seed in range(300)])
    assert (drawn > 0).mean() == pytest.approx(expected, abs=0.08)
    if foreground:
        assert (drawn == 1).sum() / (drawn > 0).sum() == pytest.approx(0.5, abs=0.12)


def test_patches_are_cut_and_padded_alike(prepared: PreparedCases) -> None:
    patches = PatchDataset(prepared, (8, 32, 16), classes=3, foreground=0.5)
    whole = prepared[1]
    for seed in range(20):
        patch = patches[(1, seed)]
        assert patch["image"].shape == patch["label"].shape == (1, 8, 32, 16)
        assert (patch["image"][:, :, :5] == 0).all()  # 22 voxels centred in 32
        inner = patch["image"][0, :, 5:27]
        starts = [s for s in range(11) if np.array_equal(whole["image"][0, s : s + 8], inner)]
        assert len(starts) == 1
        np.testing.assert_array_equal(
            whole["label"][0, starts[0] : starts[0] + 8], patch["label"][0, :, 5:27]
        )
        np.testing.assert_array_equal(patch["image"], patches[(1, seed)]["image"])


def test_a_case_without_foreground_still_gives_patches(prepared: PreparedCases) -> None:
    item = prepared[0]
    item["label"][:] = 0
    item["centres"] = [np.arange(100), np.array([], int), np.array([], int)]
    assert PatchDataset(prepared, (8, 8, 8), classes=3, foreground=1.0)[(0, 0)]["label"].max() == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_patches_of_a_2d_network_are_slices(prepared: PreparedCases, axis: int) -> None:
    size = [32, 32, 32]
    size[axis] = 1
    x, y, z = size
    whole = {key: np.moveaxis(prepared[1][key], 1 + axis, 1) for key in ("image", "label")}
    pad = [(0, 0), *((16 - n // 2, 16 - (n - n // 2)) for n in whole["image"].shape[2:])]
    slices = [
        {key: np.pad(array[:, i], pad) for key, array in whole.items()} for i in range(len(whole["image"][0]))
    ]
    patches = PatchDataset(prepared, (x, y, z), classes=3, foreground=1.0, slice_axis=axis)
    for seed in range(10):
        patch = patches[(1, seed)]
        assert patch["image"].shape == patch["label"].shape == (1, 32, 32)
        assert patch["label"].any()
        found = [s for s in slices if np.array_equal(s["image"], patch["image"])]
        assert len(found) == 1
        np.testing.assert_array_equal(found[0]["label"], patch["label"])


def one_case(image: np.ndarray, label: np.ndarray, centres: np.ndarray) -> Any:
    """A data set of one prepared case ``(C, X, Y, Z)``, whose patches have their middle in ``centres``."""
    return [{"id": "a", "image": image, "label": label, "centres": [np.array([], int), centres]}]


def test_a_patch_of_a_flat_scan_is_padded_without_a_copy_of_the_scan() -> None:
    shape = (150, 160, 6)
    random = np.random.default_rng(0)
    image = random.normal(size=(2, *shape)).astype(np.float32)
    label = random.integers(0, 2, (1, *shape)).astype(np.uint8)
    patches = PatchDataset(one_case(image, label, np.flatnonzero(label)), (16, 24, 11), 2, 1.0)
    tracemalloc.start()
    patch = patches[(0, 3)]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < image.nbytes / 4
    whole = [np.pad(array, [(0, 0)] * 3 + [(2, 3)]) for array in (image, label)]
    found = [
        (x, y)
        for x in range(135)
        for y in range(137)
        if np.array_equal(whole[1][:, x : x + 16, y : y + 24], patch["label"])
    ]
    assert len(found) == 1
    (x, y) = found[0]
    np.testing.assert_array_equal(patch["image"], whole[0][:, x : x + 16, y : y + 24])


SPACES = [
    ((16, 24, 12), None, (1.0, 1.5, 2.0)),
    ((16, 24, 12), None, (1.0, 1.0, 8.0)),
    ((16, 1, 12), 1, (1.0, 2.0)),
]


def moving(window: tuple[int, ...], axis: int | None, spacing: tuple[float, ...]) -> Augmentation:
    return Augmentation(
        patch_size=tuple(n for a, n in enumerate(window) if a != axis),
        spacing_mm=spacing,
        slice_axis=axis,
        mirror_axes=(0,),
        spatial_probability=0.9,
        intensity_probability=0,
    )


@pytest.mark.parametrize(("window", "axis", "spacing"), SPACES)
def test_no_background_is_invented_where_the_scan_has_tissue(
    window: tuple[int, int, int], axis: int | None, spacing: tuple[float, ...]
) -> None:
    augmentation = moving(window, axis, spacing)
    tissue = np.ones((1, 70, 70, 70), np.float32)
    middle = np.zeros(tissue.shape[1:], bool)
    middle[33:37, 33:37, 33:37] = True
    cases = one_case(tissue, tissue.astype(np.uint8), np.flatnonzero(middle))
    patches = PatchDataset(cases, window, 2, 1.0, axis, augmentation)
    image, label = augmentation(gather([patches[(0, seed)] for seed in range(30)]))
    assert label.shape[1:] == (1, *augmentation.patch_size)
    assert label.min() == 1
    assert torch.allclose(image, torch.ones_like(image), atol=1e-5)


@pytest.mark.parametrize(("window", "axis", "spacing"), SPACES)
def test_a_moved_patch_is_that_of_the_whole_scan(
    window: tuple[int, int, int], axis: int | None, spacing: tuple[float, ...]
) -> None:
    augmentation = moving(window, axis, spacing)
    random = np.random.default_rng(0)
    shape = (21, 40, 10)  # the last axis is shorter than the patch
    image = random.normal(size=(2, *shape)).astype(np.float32)
    label = random.integers(1, 9, (1, *shape)).astype(np.uint8)
    cases = one_case(image, label, np.arange(label.size))
    cut = PatchDataset(cases, window, 2, 1.0, axis, augmentation)
    still = PatchDataset(cases, window, 2, 1.0, axis)
    sizes = set()
    for seed in range(25):
        item, patch = cut[(0, seed)], still[(0, seed)]
        sizes.add(item["label"].shape)
        parameters = augmentation.sample([item["seed"]], 2)
        first = first_voxel(patch["label"], label, window)
        centre = np.array(first) + np.array(window) / 2
        whole, away = [image, label], centre - np.array(shape) / 2
        if axis is not None:
            whole, away = [np.take(array, first[axis], 1 + axis) for array in whole], np.delete(away, axis)
        expected = augmentation.apply(
            *[[torch.from_numpy(array)] for array in whole], torch.tensor(away[None]).float(), parameters
        )
        found = augmentation(gather([item]))
        moves = not torch.equal(parameters.matrix[0], torch.eye(len(away)))
        if moves:
            assert (found[0] - expected[0]).abs().max() < 1e-3
            assert (found[1] != expected[1]).float().mean() < 1e-3  # ties between two voxels
        else:
            np.testing.assert_array_equal(found[0][0], patch["image"])
            np.testing.assert_array_equal(found[1][0], patch["label"])
    assert len(sizes) > 2


def first_voxel(patch: np.ndarray, label: np.ndarray, window: tuple[int, int, int]) -> tuple[int, ...]:
    """Where the first voxel of a patch lies in a label ``(1, X, Y, Z)``, negative where it was padded."""
    before = [max(0, n - length) // 2 for n, length in zip(window, label.shape[1:], strict=True)]
    after = [max(0, n - length) - b for n, length, b in zip(window, label.shape[1:], before, strict=True)]
    padded = np.pad(label[0], list(zip(before, after, strict=True)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)
    (place,) = np.argwhere((windows == patch.reshape(window)).all(axis=(3, 4, 5)))
    return tuple(int(n) - b for n, b in zip(place, before, strict=True))


def relabelled(case: Case, values: Callable[[np.ndarray], np.ndarray], **moved: float) -> None:
    """Write the case's label anew with other values, its affine perhaps moved."""
    label = nib.load(case.label)
    affine = label.affine.copy()
    affine[0, 3] += moved.get("x", 0)
    array = values(np.asarray(label.dataobj).copy()).astype(np.uint8)
    nib.save(nib.Nifti1Image(array, affine), case.label)


@pytest.mark.parametrize("spacing", [1.0, 0.8])
def test_ignored_voxels_are_kept_but_never_drawn(make_msd: Callable[..., Path], spacing: float) -> None:
    case = read_msd(make_msd(cases=2)).cases[0]
    relabelled(case, lambda a: np.where((a == 0) & (np.arange(16) > 3), 9, a))
    labels = Labels(names=("bright", "dim"), values=(3, 7), ignored=(9,))
    item = CaseLoader(Preprocessing((spacing,) * 3), labels, 1)(case)
    assert set(np.unique(item["label"])) == {0, 1, 2, labels.ignore_index}
    assert len(item["centres"]) == 3
    for k, centres in enumerate(item["centres"]):
        assert len(centres)
        assert (item["label"].ravel()[centres] == k).all()
    whole = np.asarray(nib.as_closest_canonical(nib.load(case.label)).dataobj)
    if spacing == 1:
        np.testing.assert_array_equal(item["label"][0] == labels.ignore_index, whole == 9)


@pytest.mark.parametrize("foreground", [0.0, 0.67, 1.0])
def test_a_label_of_background_and_ignored_voxels_alone_gives_patches(
    make_msd: Callable[..., Path], foreground: float
) -> None:
    case = read_msd(make_msd(cases=2)).cases[0]
    labels = Labels(names=("bright", "dim"), values=(3, 7), ignored=(9,))
    loader = CaseLoader(Preprocessing((1, 1, 1)), labels, 1)
    relabelled(case, lambda a: np.where(np.arange(16) > 3, 9, 0 * a))
    patches = PatchDataset(prepare([case], loader), (1, 1, 1), 3, foreground)
    assert {int(patches[(0, seed)]["label"].item()) for seed in range(20)} == {0}
    relabelled(case, lambda a: np.full_like(a, 9))
    with pytest.raises(InputError, match=r"labelsTr/ball_0.nii.gz marks every voxel .* correct its label\.$"):
        loader(case)


def test_the_affine_of_the_image_is_copied_only_when_asked(make_msd: Callable[..., Path]) -> None:
    found = read_msd(make_msd(cases=2))
    refusing, copying = (
        CaseLoader(Preprocessing((1, 1, 1)), found.labels, 1, copy) for copy in (False, True)
    )
    straight = refusing(found.cases[0])
    relabelled(found.cases[0], lambda a: a, x=5.0)
    with pytest.raises(InputError, match="affine"):
        refusing(found.cases[0])
    np.testing.assert_array_equal(copying(found.cases[0])["label"], straight["label"])


def test_the_size_is_that_of_the_arrays(make_msd: Callable[..., Path]) -> None:
    found = read_msd(make_msd(cases=2))
    loader = CaseLoader(Preprocessing((0.5, 1, 2)), found.labels, 1)
    item, size = loader(found.cases[0]), loader.size(read_grid(found.cases[0].images[0]))
    assert size.shape == item["image"].shape[1:]
    assert size.bytes == item["image"].nbytes + item["label"].nbytes


def test_the_sampler_visits_every_case_before_any_again() -> None:
    sampler = PatchSampler(cases=5, patches=12, seed=1)
    drawn = [case for case, _ in sampler]
    assert sorted(drawn[:5]) == sorted(drawn[5:10]) == [0, 1, 2, 3, 4]
    assert len(drawn) == len(sampler) == 12
    again = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != again
    sampler.set_epoch(0)
    assert list(sampler) == again


def test_no_two_runs_share_the_random_numbers_of_a_patch() -> None:
    """Were the seed of a run added to a count, the series of seed 0 would be that of seed 1, one place on."""
    drawn = []
    for seed in range(4):
        sampler = PatchSampler(cases=5, patches=20, seed=seed)
        for epoch in range(10):
            sampler.set_epoch(epoch)
            drawn += [number for _, number in sampler]
    assert len(set(drawn)) == len(drawn) == 800


def test_patch_sizes_that_work() -> None:
    check_patch_size((16, 24, 8), (4, 4, 4))
    with pytest.raises(InputError, match=r"multiple of 8 and at least 16; \[40, 16, 64\] would work"):
        check_patch_size((41, 8, 64), (8, 8, 8))
