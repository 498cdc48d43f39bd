"""The augmentation against SciPy, and the properties that make it safe to train and replay with."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from medse.data.augmentation.augmentation import Augmentation
from medse.data.augmentation.intensity import (
    add_noise,
    blur,
    change_brightness,
    change_contrast,
    change_gamma,
)
from medse.data.augmentation.spatial import FOLD_FREE, affine_matrices, control_shape, warp
from medse.errors import InputError

SHAPES = [(30, 18), (14, 24, 19)]
LIMITS = "rotation_degrees scale stretch elastic_mm blur_voxels gamma contrast brightness noise_sd"


def on_1_mm(shape, **options):
    return Augmentation(patch_size=shape, spacing_mm=(1.0,) * len(shape), **options)


def always(shape, **options):
    return on_1_mm(shape, spatial_probability=1, intensity_probability=1, mirror_axes=(0,), **options)


def off(shape, **options):
    zeros = dict.fromkeys(LIMITS.split(), 0)
    return on_1_mm(shape, spatial_probability=1, intensity_probability=1, **zeros | options)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def seeds(images, seed=0):
    return [1000 * seed + item for item in range(len(images))]


def drawn(augmentation, images, seed=0):
    return augmentation.sample(seeds(images, seed), images.shape[1])


def centred(images):
    return torch.zeros(len(images), images.ndim - 2)


def patches(augmentation, images, labels, seed=0):
    """What becomes of pieces that are as large as the patches."""
    found = {"image": images, "label": labels, "shift": centred(images), "seed": seeds(images, seed)}
    return augmentation(found)


def batch(shape, items=3, channels=2):
    random = seeded(7)
    images = torch.randn(items, channels, *shape, generator=random)
    return images, torch.randint(0, 4, (items, 1, *shape), generator=random, dtype=torch.uint8)


def blobs(shape, items):
    """A smooth off-centre ellipsoid per item, 0..1, and where it exceeds a half."""
    axes = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    image = np.exp(-sum(((a - 0.45 * n) / (0.2 * n)) ** 2 for a, n in zip(axes, shape, strict=True)))
    images = torch.tensor(image, dtype=torch.float32).expand(items, 1, *shape).clone()
    return images, (images > 0.5).to(torch.uint8)


def reference_coordinates(matrix, control, shape, spacing):
    """Where each voxel takes its value from, by the definition in ``warp`` with SciPy's B-spline."""
    basis = BSpline.basis_element([-2, -1, 0, 1, 2], extrapolate=False)
    centre = (np.array(shape) - 1) / 2
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")).astype(float)
    u = np.zeros_like(voxels)
    for point in product(*[range(n) for n in control.shape[1:]]):
        weight = 1.0
        for axis, index in enumerate(point):
            position = (voxels[axis] - centre[axis]) / spacing[axis] + (control.shape[1 + axis] - 1) / 2
            weight = weight * np.nan_to_num(basis(position - index))
        u += weight * control[(slice(None), *point)].reshape(-1, *[1] * len(shape))
    middle = centre.reshape(-1, *[1] * len(shape))
    return middle + np.tensordot(matrix, voxels + u - middle, axes=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_same_seed_same_result_and_replay(shape):
    images, labels = batch(shape)
    before = images.clone(), labels.clone()
    augmentation = always(shape)
    first, again, other = (patches(augmentation, images, labels, s) for s in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert not torch.equal(first[1], other[1])
    parameters = drawn(augmentation, images, 1)
    for _ in range(2):
        replayed = augmentation.apply(images, labels, centred(images), parameters)
        assert torch.equal(first[0], replayed[0])
        assert torch.equal(first[1], replayed[1])
    assert torch.equal(images, before[0])
    assert torch.equal(labels, before[1])


@pytest.mark.parametrize("shape", SHAPES)
def test_one_item_replays_without_the_others(shape):
    images, labels = batch(shape)
    augmentation = always(shape)
    whole = augmentation.apply(images, labels, centred(images), augmentation.sample([3, 1, 2], 2))
    second = augmentation.sample([1], 2)
    alone = augmentation.apply(images[1:2], labels[1:2], centred(images)[1:2], second)
    assert torch.allclose(whole[0][1:2], alone[0], atol=1e-5)
    assert torch.equal(whole[1][1:2], alone[1])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("options", [dict.fromkeys(LIMITS.split(), 0), {"spatial_probability": 0}])
def test_nothing_sampled_nothing_changed(options, shape):
    images, labels = batch(shape)
    changed = patches(on_1_mm(shape, intensity_probability=0, **options), images, labels)
    assert torch.equal(changed[0], images)
    assert torch.equal(changed[1], labels)


@pytest.mark.parametrize("name", ["matrix", "blur_voxels", "gamma", "contrast", "brightness", "noise_sd"])
def test_items_that_are_not_chosen_stay_bit_for_bit(name):
    shape = (14, 24, 19)
    images, labels = batch(shape)
    neutral, strong = drawn(off(shape), images), drawn(always(shape), images)
    values = getattr(neutral, name).clone()
    values[1] = getattr(strong, name)[1]
    parameters = replace(neutral, **{name: values})
    changed, moved = off(shape).apply(images, labels, centred(images), parameters)
    for item in range(3):
        assert torch.equal(changed[item], images[item]) == (item != 1)
        assert torch.equal(moved[item], labels[item]) == (item != 1 or name != "matrix")


@pytest.mark.parametrize("shape", SHAPES)
def test_warp_agrees_with_scipy(shape):
    images, labels = batch(shape, items=2)
    dims = len(shape)
    spacing = (7, 5.5, 8.25)[:dims]
    random = seeded(3)
    angles = torch.rand(2, dims * (dims - 1) // 2, generator=random) - 0.5
    factors = 0.8 + 0.4 * torch.rand(2, dims, generator=random)
    factors[1, 0] *= -1
    matrix = affine_matrices(angles, factors, (1, 1.4, 2.2)[:dims])
    control = 4 * torch.rand(2, dims, *control_shape(shape, spacing), generator=random) - 2
    warped, moved = warp(images, labels, centred(images), shape, matrix, control, spacing)
    for item in range(2):
        where = reference_coordinates(matrix[item].numpy(), control[item].numpy(), shape, spacing)
        for channel in range(images.shape[1]):
            expected = map_coordinates(images[item, channel].numpy(), where, order=1, mode="grid-constant")
            assert np.abs(warped[item, channel].numpy() - expected).max() < 1e-4
        inside = np.all([(w >= 0) & (w <= n - 1) for w, n in zip(where, shape, strict=True)], axis=0)
        expected = map_coordinates(labels[item, 0].numpy(), where, order=0)
        assert np.mean(moved[item, 0].numpy()[inside] == expected[inside]) > 0.999
        outside = np.any([(w < -0.51) | (w > n - 0.49) for w, n in zip(where, shape, strict=True)], axis=0)
        assert outside.any()
        assert not moved[item, 0].numpy()[outside].any()


def test_a_rotation_keeps_angles_and_lengths_in_a_patch_that_is_no_cube():
    angles = torch.tensor([[0.3, -0.2, 0.25]])
    matrix = affine_matrices(angles, torch.ones(1, 3), (1, 1, 1))[0]
    assert torch.allclose(matrix @ matrix.T, torch.eye(3), atol=1e-6)
    shape = (20, 60, 36)
    axes = np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in shape], indexing="ij")
    ball = torch.tensor(np.exp(-sum(a**2 for a in axes) / 18), dtype=torch.float32)[None, None]
    straight = torch.zeros(1, 3, *control_shape(shape, (16,) * 3))
    turned, _ = warp(ball, ball.byte(), torch.zeros(1, 3), shape, matrix[None], straight, (16,) * 3)
    assert (turned - ball).abs().max() < 0.05


THICK = (1.0, 1.0, 8.0)
LESS_THICK = (1.0, 1.0, 3.0)
"""The thickest slices across which images are turned and bent."""


def test_a_rotation_is_rigid_in_mm_whatever_the_voxels():
    angles = torch.tensor([[15.0, -10.0, 12.0]], dtype=torch.float64).deg2rad()
    matrix = affine_matrices(angles, torch.ones(1, 3, dtype=torch.float64), THICK)[0].numpy()
    turn = Rotation.from_euler("zyx", [15, 10, 12], degrees=True).as_matrix()  # the plane (0, 2) turns z to x
    spacing = np.diag(THICK)
    np.testing.assert_allclose(matrix, np.linalg.inv(spacing) @ turn @ spacing, atol=1e-12)
    voxels = np.random.default_rng(0).uniform(-20, 20, (3, 50))
    before, after = spacing @ voxels, spacing @ matrix @ voxels
    distances = [np.linalg.norm(mm[:, :, None] - mm[:, None], axis=0) for mm in (before, after)]
    np.testing.assert_allclose(*distances, atol=1e-6)


def test_the_matrices_drawn_are_rigid_in_mm():
    spacing = torch.tensor([0.8, 1.5, 2.5])
    turning = dict.fromkeys(LIMITS.split(), 0) | {"rotation_degrees": 15}
    augmentation = Augmentation(patch_size=(8, 8, 8), spacing_mm=(0.8, 1.5, 2.5), **turning)
    matrix = augmentation.sample(range(50), 1).matrix
    in_mm = spacing[:, None] * matrix / spacing
    assert torch.allclose(in_mm @ in_mm.mT, torch.eye(3).expand(50, 3, 3), atol=1e-5)
    assert (matrix @ matrix.mT - torch.eye(3)).abs().amax((1, 2)).median() > 0.1


def test_tissue_moves_alike_on_a_coarse_grid_and_on_a_fine_one():
    """Images of each voxel's own position in mm, which after the warp say where it came from, and of ones."""
    moving = {"intensity_probability": 0, "spatial_probability": 1}
    fine = Augmentation(patch_size=(33, 33, 33), spacing_mm=(1, 1, 1), **moving)
    coarse = Augmentation(patch_size=(33, 17, 17), spacing_mm=(1, 2, 2), **moving)
    sources = []
    for augmentation in (fine, coarse):
        lines = [
            (torch.arange(n) - (n - 1) / 2) * mm
            for n, mm in zip(augmentation.patch_size, augmentation.spacing_mm, strict=True)
        ]
        axes = torch.meshgrid(*lines, indexing="ij")
        positions = torch.stack([*axes, torch.ones_like(axes[0])])[None]
        labels = torch.ones_like(positions[:, :1], dtype=torch.uint8)
        parameters = augmentation.sample([5], 4)
        sources.append(augmentation.apply(positions, labels, torch.zeros(1, 3), parameters)[0][0])
    (*on_fine, exists), (*on_coarse, exists_too) = sources[0][:, :, ::2, ::2], sources[1]
    inside = torch.minimum(exists, exists_too) > 0.999
    on_fine, on_coarse = torch.stack(on_fine), torch.stack(on_coarse)
    assert inside.float().mean() > 0.4
    assert (on_fine - on_coarse)[:, inside].abs().max() < 1e-3
    still = torch.stack(torch.meshgrid(*[torch.arange(-16.0, 17, step) for step in (1, 2, 2)], indexing="ij"))
    assert (on_fine - still)[:, inside].abs().mean() > 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_thick_slices_are_turned_and_bent_in_their_plane_alone(axis):
    spacing = tuple(8.0 if a == axis else 1.0 for a in range(3))
    shape = tuple(9 if a == axis else 24 for a in range(3))
    augmentation = Augmentation(
        patch_size=shape, spacing_mm=spacing, mirror_axes=(axis,), spatial_probability=1
    )
    parameters = augmentation.sample(range(20), 1)
    across = parameters.matrix[:, axis].abs()
    assert torch.equal(across, torch.eye(3)[axis].expand(20, 3))
    assert torch.equal(parameters.matrix[:, :, axis].abs(), across)
    assert (parameters.matrix[:, axis, axis] < 0).any()
    assert (parameters.control[:, axis] == 0).all()
    largest = parameters.control.flatten(2).abs().amax(2)  # in voxels of 1 mm
    assert (largest > 3).sum() == 40  # both axes within the slices
    others = [a for a in range(3) if a != axis]
    assert (parameters.matrix[:, others[0], others[1]] != 0).all()
    numbers = (torch.arange(9.0) + 1).reshape(tuple(9 if a == axis else 1 for a in range(3)))
    images = numbers.expand(20, 1, *shape)
    still = replace(augmentation, intensity_probability=0, mirror_axes=(), rotation_degrees=2, scale=0)
    moved, _ = patches(still, images, images.to(torch.uint8))
    inner = tuple(slice(None) if a == axis else slice(8, -8) for a in range(3))
    assert torch.allclose(moved[:, :, *inner], images[:, :, *inner], atol=1e-4)


@pytest.mark.parametrize("spacing", [LESS_THICK, (1.0, 4.0, 4.0), (0.5, 1.0, 2.0)])
def test_slices_that_are_not_so_thick_are_turned_about_every_axis(spacing):
    parameters = Augmentation(patch_size=(24, 24, 12), spacing_mm=spacing, spatial_probability=1).sample(
        [1], 1
    )
    assert (parameters.matrix != 0).all()
    assert (parameters.control != 0).all()


def test_a_slice_with_oblong_pixels_is_not_turned():
    parameters = Augmentation(patch_size=(24, 12), spacing_mm=(1.0, 4.0), spatial_probability=1).sample(
        [1], 1
    )
    assert parameters.matrix[0, 0, 0] != 1
    assert torch.equal(
        parameters.matrix[0], torch.diag(torch.stack([parameters.matrix[0, 0, 0], torch.ones(())]))
    )
    assert (parameters.control[0, 1] == 0).all()


@pytest.mark.parametrize("shape", [(64, 48), (36, 48, 40)])
def test_image_and_label_move_together(shape):
    def dice(first, second):
        return 2 * (first & second).flatten(1).sum(1) / (first.flatten(1).sum(1) + second.flatten(1).sum(1))

    images, labels = blobs(shape, items=8)
    augmentation = replace(always(shape), intensity_probability=0)
    warped, moved = patches(augmentation, images, labels, 5)
    assert dice(warped > 0.5, moved > 0).min() > 0.93
    assert dice(labels > 0, moved > 0).min() < 0.8


@pytest.mark.parametrize("shape", [*SHAPES, (9, 8), (1, 12, 7)])
def test_mirror_is_a_flip(shape):
    images, labels = batch(shape, items=40)
    augmentation = off(shape, mirror_axes=(1,))
    warped, moved = patches(augmentation, images, labels)
    mirrored = drawn(augmentation, images).matrix[:, 1, 1] < 0
    assert 8 < mirrored.sum() < 32
    assert torch.allclose(warped[mirrored], images[mirrored].flip(3), atol=1e-4)
    assert torch.equal(moved[mirrored], labels[mirrored].flip(3))
    assert torch.equal(warped[~mirrored], images[~mirrored])


CLASSES = ("kidney_left", "liver", "kidney_right")
SIDED = torch.tensor([0, 3, 2, 1, 4])
"""What the classes of ``CLASSES`` become in a mirror: index 4 is ignored."""


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
@pytest.mark.parametrize(
    ("shape", "slice_axis", "mirror_axes", "flipped", "swap"),
    [
        ((9, 8, 7), None, (0,), 0, SIDED),
        ((9, 8, 7), None, (1,), 1, torch.arange(5)),
        ((9, 8), 2, (0,), 0, SIDED),
        ((9, 8), 1, (0,), 0, SIDED),
        ((9, 8), 1, (2,), 1, torch.arange(5)),
        ((9, 8), 0, (1,), 0, torch.arange(5)),
        ((9, 8), 0, (2,), 1, torch.arange(5)),
    ],
)
def test_left_stays_left_in_the_mirror(shape, slice_axis, mirror_axes, flipped, swap, dtype):
    augmentation = off(shape, mirror_axes=mirror_axes, slice_axis=slice_axis, classes=CLASSES)
    images, _ = batch(shape, items=20)
    labels = torch.randint(0, 5, (20, 1, *shape), generator=seeded(1)).to(dtype)
    before = labels.clone()
    parameters = drawn(augmentation, images)
    mirrored = parameters.matrix[:, flipped, flipped] < 0
    assert 4 < mirrored.sum() < 16
    assert torch.equal(parameters.sides_swapped, mirrored & (mirror_axes == (0,)))
    once = augmentation.apply(images, labels, centred(images), parameters)
    assert torch.equal(labels, before)
    assert once[1].dtype == dtype
    expected = swap.to(dtype)[labels.long()].flip(2 + flipped)
    assert torch.equal(once[1][mirrored], expected[mirrored])
    assert torch.equal(once[1][~mirrored], labels[~mirrored])
    assert torch.allclose(once[0][mirrored], images[mirrored].flip(2 + flipped), atol=1e-5)
    twice = augmentation.apply(*once, centred(images), parameters)
    assert torch.equal(twice[1], labels)
    assert torch.allclose(twice[0], images, atol=1e-5)


def test_sides_are_swapped_also_in_items_that_are_turned():
    shape = (14, 24, 19)
    images, labels = batch(shape, items=12)
    plain, sided = always(shape, classes=("a", "b", "c")), always(shape, classes=("left_a", "b", "right_a"))
    parameters = drawn(sided, images)
    _, expected = plain.apply(images, labels, centred(images), parameters)
    _, found = sided.apply(images, labels, centred(images), parameters)
    flags = parameters.sides_swapped
    assert torch.equal(flags, torch.linalg.det(parameters.matrix) < 0)
    assert 2 < flags.sum() < 10
    assert torch.equal(found[flags], SIDED.byte()[expected.long()][flags])
    assert torch.equal(found[~flags], expected[~flags])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_largest_elastic_displacement_allowed_does_not_fold(shape):
    dims = len(shape)
    spacing = (8, 6.5, 9)[:dims]
    random = seeded()
    for _ in range(8):
        signs = torch.randint(0, 2, (dims, *control_shape(shape, spacing)), generator=random) * 2 - 1
        control = signs.numpy() * np.reshape(spacing, (dims, *[1] * dims)) * FOLD_FREE
        where = reference_coordinates(np.eye(dims), control, shape, spacing)
        jacobian = np.stack([np.stack(np.gradient(w)) for w in where])
        assert np.linalg.det(np.moveaxis(jacobian, (0, 1), (-2, -1))).min() > 0


def test_drawn_values_keep_their_limits_and_fill_them():
    a = on_1_mm((20, 30, 16))
    p = a.sample(range(400), 2)
    moved = (p.matrix != torch.eye(3)).flatten(1).any(1)
    assert abs(moved.float().mean() - a.spatial_probability) < 0.06
    assert torch.equal(moved, (p.control != 0).flatten(1).any(1))
    factors = torch.linalg.svdvals(p.matrix)
    top = (1 + a.scale) * (1 + a.stretch)
    assert 1 / top <= factors.min() < 0.9 / top * 1.15
    assert top >= factors.max() > 0.87 * top
    assert (torch.linalg.det(p.matrix) > 0).all()
    polar = torch.linalg.svd(p.matrix)
    rotation = polar.U @ polar.Vh
    angle = torch.rad2deg(torch.acos(((torch.einsum("bii->b", rotation) - 1) / 2).clamp(-1, 1)))
    assert 15 < angle.max() < math.sqrt(3) * 15 + 1
    assert 0.98 * a.elastic_mm < p.control.abs().max() <= a.elastic_mm
    for values, neutral, low, high in [
        (p.blur_voxels, 0, 0, a.blur_voxels),
        (p.gamma, 1, 1 / (1 + a.gamma), 1 + a.gamma),
        (p.contrast, 1, 1 / (1 + a.contrast), 1 + a.contrast),
        (p.brightness, 0, -a.brightness, a.brightness),
        (p.noise_sd, 0, 0, a.noise_sd),
    ]:
        assert abs((values != neutral).any(1).float().mean() - a.intensity_probability) < 0.06
        assert low - 1e-6 <= values.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < values.max() <= high + 1e-6
        assert not torch.equal(values[:, 0], values[:, 1])


@pytest.mark.parametrize("shape", [(40, 36), (30, 34, 32)])
def test_blur_agrees_with_scipy(shape):
    images, _ = batch(shape)
    sd = torch.tensor([[0.0, 0.0], [0.7, 1.2], [1.0, 0.0]])
    blurred = blur(images, sd)
    inner = tuple(slice(8, -8) for _ in shape)
    for item, channel in product(range(3), range(2)):
        expected = gaussian_filter(images[item, channel].numpy(), float(sd[item, channel]), truncate=8)
        assert np.abs(blurred[item, channel].numpy() - expected)[inner].max() < 1e-5
    constant = torch.full((1, 1, *shape), 3.0)
    assert torch.allclose(blur(constant, torch.ones(1, 1)), constant, atol=1e-5)


def test_gamma_bends_intensities_and_keeps_mean_and_deviation():
    images, _ = batch((14, 24, 19))
    exponent = torch.tensor([[0.7, 1.4], [1.2, 1.0], [1.0, 1.0]])
    changed = change_gamma(images, exponent)
    assert torch.allclose(changed.mean((2, 3, 4)), images.mean((2, 3, 4)), atol=1e-4)
    assert torch.allclose(changed.std((2, 3, 4)), images.std((2, 3, 4)), atol=1e-4)
    x = images[0, 1].flatten().double().numpy()
    curved = ((x - x.min()) / (x.max() - x.min())) ** 1.4
    expected = (curved - curved.mean()) / curved.std() * x.std() + x.mean()
    assert np.abs(changed[0, 1].flatten().numpy() - expected).max() < 1e-3
    constant = torch.full((1, 1, 6, 6), -0.5)
    assert torch.equal(change_gamma(constant, torch.full((1, 1), 1.3)), constant)


def test_contrast_brightness_and_noise_do_what_they_say():
    images, _ = batch((24, 24, 20))
    factor = torch.tensor([[0.8, 1.25], [1.0, 1.0], [1.1, 1.0]])
    changed = change_contrast(images, factor)
    assert torch.allclose(changed.mean((2, 3, 4)), images.mean((2, 3, 4)), atol=1e-4)
    assert torch.allclose(changed.std((2, 3, 4)), images.std((2, 3, 4)) * factor, rtol=1e-4)
    shifted = change_brightness(images, factor - 1)
    assert torch.allclose(shifted - images, (factor - 1)[..., None, None, None].expand_as(images), atol=1e-6)
    sd = torch.tensor([[0.1, 0.3], [0.0, 0.0], [0.2, 0.0]])
    noise = add_noise(images, sd, torch.tensor([1, 2, 3])) - images
    assert torch.allclose(noise.std((2, 3, 4)), sd, rtol=0.03)
    assert noise.mean((2, 3, 4)).abs().max() < 0.01
    other = add_noise(images, sd, torch.tensor([1, 2, 4])) - images
    assert torch.equal(other[0], noise[0])
    assert not torch.equal(other[2], noise[2])


def test_autocast_does_not_coarsen_anything():
    images, labels = batch((14, 24, 19))
    plain = patches(always((14, 24, 19)), images, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = patches(always((14, 24, 19)), images, labels)
    assert cast[0].dtype == torch.float32
    assert torch.equal(plain[0], cast[0])
    assert torch.equal(plain[1], cast[1])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
def test_labels_keep_type_and_values(dtype):
    images, _ = batch((30, 18))
    top = 200 if dtype == torch.uint8 else 30_001
    labels = torch.where(images[:, :1] > 0, top, 3).to(dtype)
    _, moved = patches(always((30, 18)), images, labels)
    assert moved.dtype == dtype
    assert set(moved.unique().tolist()) == {0, 3, top}


def test_no_gradient_is_recorded():
    images, labels = batch((30, 18))
    changed, _ = patches(always((30, 18)), images.requires_grad_(), labels)
    assert not changed.requires_grad


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"noise_sd": -0.1}, ["noise_sd = -0.1", "a number >= 0"]),
        ({"gamma": math.inf}, ["gamma = inf", "finite"]),
        ({"intensity_probability": 1.5}, ["intensity_probability = 1.5", ">= 0 and <= 1"]),
        ({"elastic_mm": 9.0}, ["elastic_mm is 9.0", "spacing_mm 16", "above 6.45", "fold"]),
        ({"elastic_mm": 0, "elastic_spacing_mm": 0}, ["elastic_spacing_mm = 0", "> 0"]),
        ({"elastic_mm": 0, "elastic_spacing_mm": 0.9}, ["elastic_spacing_mm is 0.9", "1 mm", "raise"]),
        ({"elastic_spacing_mm": math.inf}, ["elastic_spacing_mm = inf", "finite"]),
        ({"elastic_voxels": 4}, ["elastic_voxels = 4", "did you mean 'elastic_mm'"]),
        ({"elastic_spacing_voxels": 8}, ["elastic_spacing_voxels = 8", "did you mean 'elastic_spacing_mm'"]),
        ({"mirror_axes": (0, 3)}, ["mirror_axes[1] = 3", "0, 1 or 2"]),
        ({"mirror_axes": (1, 1)}, ["mirror_axes is (1, 1)", "at most once"]),
    ],
)
def test_what_cannot_be_is_refused(options, words):
    with pytest.raises(InputError) as error:
        on_1_mm((14, 18, 10), **options)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"classes": ("left_lung", "spine")}, ["mirror_axes holds 0", "'left_lung'", "remove 0"]),
        ({"slice_axis": 0}, ["mirror_axes is [0]", "data.slice_axis is 0", "axes 1 and 2", "remove 0"]),
    ],
)
def test_a_mirror_that_would_lie_is_refused(options, words):
    shape = (14, 18) if "slice_axis" in options else (14, 18, 10)
    with pytest.raises(InputError) as error:
        on_1_mm(shape, mirror_axes=(0,), **options)
    assert all(word in str(error.value) for word in words)
    axes = tuple({0, 1, 2} - {0, options.get("slice_axis")})
    patches(on_1_mm(shape, mirror_axes=axes, **options), *batch(shape))
