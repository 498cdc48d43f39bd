"""The augmentation against SciPy, and the properties that make it safe to train and replay with."""

import math
from dataclasses import fields, replace
from itertools import product

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from scipy.ndimage import gaussian_filter, map_coordinates

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
ALWAYS = Augmentation(mirror_axes=(0,), spatial_probability=1, intensity_probability=1)
LIMITS = "rotation_degrees scale stretch elastic_voxels blur_voxels gamma contrast brightness noise_sd"
OFF = Augmentation(**dict.fromkeys(LIMITS.split(), 0), spatial_probability=1, intensity_probability=1)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


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
            position = (voxels[axis] - centre[axis]) / spacing + (control.shape[1 + axis] - 1) / 2
            weight = weight * np.nan_to_num(basis(position - index))
        u += weight * control[(slice(None), *point)].reshape(-1, *[1] * len(shape))
    middle = centre.reshape(-1, *[1] * len(shape))
    return middle + np.tensordot(matrix, voxels + u - middle, axes=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_same_seed_same_result_and_replay(shape):
    images, labels = batch(shape)
    before = images.clone(), labels.clone()
    first, again, other = (ALWAYS(images, labels, seeded(s)) for s in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert not torch.equal(first[1], other[1])
    parameters = ALWAYS.sample(images, seeded(1))
    for _ in range(2):
        replayed = ALWAYS.apply(images, labels, parameters)
        assert torch.equal(first[0], replayed[0])
        assert torch.equal(first[1], replayed[1])
    assert torch.equal(images, before[0])
    assert torch.equal(labels, before[1])


@pytest.mark.parametrize("shape", SHAPES)
def test_one_item_replays_without_the_others(shape):
    images, labels = batch(shape)
    parameters = ALWAYS.sample(images, seeded())
    whole = ALWAYS.apply(images, labels, parameters)
    second = replace(parameters, **{f.name: getattr(parameters, f.name)[1:2] for f in fields(parameters)})
    alone = ALWAYS.apply(images[1:2], labels[1:2], second)
    assert torch.allclose(whole[0][1:2], alone[0], atol=1e-5)
    assert torch.equal(whole[1][1:2], alone[1])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "augmentation",
    [OFF, Augmentation(spatial_probability=0, intensity_probability=0)],
    ids=["limits", "chance"],
)
def test_nothing_sampled_nothing_changed(augmentation, shape):
    images, labels = batch(shape)
    changed = augmentation(images, labels, seeded())
    assert torch.equal(changed[0], images)
    assert torch.equal(changed[1], labels)


@pytest.mark.parametrize("name", ["matrix", "blur_voxels", "gamma", "contrast", "brightness", "noise_sd"])
def test_items_that_are_not_chosen_stay_bit_for_bit(name):
    images, labels = batch((14, 24, 19))
    neutral, drawn = OFF.sample(images, seeded()), ALWAYS.sample(images, seeded())
    values = getattr(neutral, name).clone()
    values[1] = getattr(drawn, name)[1]
    changed, moved = OFF.apply(images, labels, replace(neutral, **{name: values}))
    for item in range(3):
        assert torch.equal(changed[item], images[item]) == (item != 1)
        assert torch.equal(moved[item], labels[item]) == (item != 1 or name != "matrix")


@pytest.mark.parametrize("shape", SHAPES)
def test_warp_agrees_with_scipy(shape):
    images, labels = batch(shape, items=2)
    dims, spacing = len(shape), 7
    random = seeded(3)
    angles = torch.rand(2, dims * (dims - 1) // 2, generator=random) - 0.5
    factors = 0.8 + 0.4 * torch.rand(2, dims, generator=random)
    factors[1, 0] *= -1
    matrix = affine_matrices(angles, factors)
    control = 4 * torch.rand(2, dims, *control_shape(shape, spacing), generator=random) - 2
    warped, moved = warp(images, labels, matrix, control, spacing)
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
    matrix = affine_matrices(angles, torch.ones(1, 3))[0]
    assert torch.allclose(matrix @ matrix.T, torch.eye(3), atol=1e-6)
    shape = (20, 60, 36)
    axes = np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in shape], indexing="ij")
    ball = torch.tensor(np.exp(-sum(a**2 for a in axes) / 18), dtype=torch.float32)[None, None]
    turned, _ = warp(ball, ball.byte(), matrix[None], torch.zeros(1, 3, *control_shape(shape, 16)), 16)
    assert (turned - ball).abs().max() < 0.05


@pytest.mark.parametrize("shape", [(64, 48), (36, 48, 40)])
def test_image_and_label_move_together(shape):
    def dice(first, second):
        return 2 * (first & second).flatten(1).sum(1) / (first.flatten(1).sum(1) + second.flatten(1).sum(1))

    images, labels = blobs(shape, items=8)
    warped, moved = replace(ALWAYS, intensity_probability=0)(images, labels, seeded(5))
    assert dice(warped > 0.5, moved > 0).min() > 0.93
    assert dice(labels > 0, moved > 0).min() < 0.8


@pytest.mark.parametrize("shape", [*SHAPES, (9, 8), (1, 12, 7)])
def test_mirror_is_a_flip(shape):
    images, labels = batch(shape, items=40)
    augmentation = replace(OFF, mirror_axes=(1,))
    warped, moved = augmentation(images, labels, seeded())
    mirrored = augmentation.sample(images, seeded()).matrix[:, 1, 1] < 0
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
    augmentation = replace(OFF, mirror_axes=mirror_axes, slice_axis=slice_axis, classes=CLASSES)
    images, _ = batch(shape, items=20)
    labels = torch.randint(0, 5, (20, 1, *shape), generator=seeded(1)).to(dtype)
    before = labels.clone()
    parameters = augmentation.sample(images, seeded())
    mirrored = parameters.matrix[:, flipped, flipped] < 0
    assert 4 < mirrored.sum() < 16
    assert torch.equal(parameters.sides_swapped, mirrored & (mirror_axes == (0,)))
    once = augmentation.apply(images, labels, parameters)
    assert torch.equal(labels, before)
    assert once[1].dtype == dtype
    expected = swap.to(dtype)[labels.long()].flip(2 + flipped)
    assert torch.equal(once[1][mirrored], expected[mirrored])
    assert torch.equal(once[1][~mirrored], labels[~mirrored])
    assert torch.allclose(once[0][mirrored], images[mirrored].flip(2 + flipped), atol=1e-5)
    twice = augmentation.apply(*once, parameters)
    assert torch.equal(twice[1], labels)
    assert torch.allclose(twice[0], images, atol=1e-5)


def test_sides_are_swapped_also_in_items_that_are_turned():
    images, labels = batch((14, 24, 19), items=12)
    plain = replace(ALWAYS, classes=("a", "b", "c"))
    sided = replace(ALWAYS, classes=("left_a", "b", "right_a"))
    parameters = sided.sample(images, seeded())
    _, expected = plain.apply(images, labels, parameters)
    _, found = sided.apply(images, labels, parameters)
    flags = parameters.sides_swapped
    assert torch.equal(flags, torch.linalg.det(parameters.matrix) < 0)
    assert 2 < flags.sum() < 10
    assert torch.equal(found[flags], SIDED.byte()[expected.long()][flags])
    assert torch.equal(found[~flags], expected[~flags])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_largest_elastic_displacement_allowed_does_not_fold(shape):
    dims, spacing = len(shape), 8
    random = seeded()
    for _ in range(8):
        signs = torch.randint(0, 2, (dims, *control_shape(shape, spacing)), generator=random) * 2 - 1
        control = signs.numpy() * spacing * FOLD_FREE
        where = reference_coordinates(np.eye(dims), control, shape, spacing)
        jacobian = np.stack([np.stack(np.gradient(w)) for w in where])
        assert np.linalg.det(np.moveaxis(jacobian, (0, 1), (-2, -1))).min() > 0


def test_drawn_values_keep_their_limits_and_fill_them():
    images = torch.zeros(400, 2, 20, 30, 16)
    a = Augmentation()
    p = a.sample(images, seeded())
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
    assert 0.98 * a.elastic_voxels < p.control.abs().max() <= a.elastic_voxels
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
    plain = ALWAYS(images, labels, seeded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = ALWAYS(images, labels, seeded())
    assert cast[0].dtype == torch.float32
    assert torch.equal(plain[0], cast[0])
    assert torch.equal(plain[1], cast[1])


def test_channels_last_stays():
    images, labels = batch((14, 24, 19))
    images = images.contiguous(memory_format=torch.channels_last_3d)
    changed, _ = ALWAYS(images, labels, seeded())
    assert changed.is_contiguous(memory_format=torch.channels_last_3d)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
def test_labels_keep_type_and_values(dtype):
    images, _ = batch((30, 18))
    top = 200 if dtype == torch.uint8 else 30_001
    labels = torch.where(images[:, :1] > 0, top, 3).to(dtype)
    _, moved = ALWAYS(images, labels, seeded())
    assert moved.dtype == dtype
    assert set(moved.unique().tolist()) == {0, 3, top}


def test_no_gradient_is_recorded():
    images, labels = batch((30, 18))
    changed, _ = ALWAYS(images.requires_grad_(), labels, seeded())
    assert not changed.requires_grad


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"noise_sd": -0.1}, ["noise_sd = -0.1", "a number >= 0"]),
        ({"gamma": math.inf}, ["gamma = inf", "finite"]),
        ({"intensity_probability": 1.5}, ["intensity_probability = 1.5", ">= 0 and <= 1"]),
        ({"elastic_voxels": 9.0}, ["elastic_voxels is 9.0", "spacing_voxels 16", "above 6.45", "fold"]),
        ({"elastic_voxels": 0, "elastic_spacing_voxels": 0}, ["elastic_spacing_voxels = 0", "> 0"]),
        ({"mirror_axes": (0, 3)}, ["mirror_axes[1] = 3", "0, 1 or 2"]),
        ({"mirror_axes": (1, 1)}, ["mirror_axes is (1, 1)", "at most once"]),
    ],
)
def test_what_cannot_be_is_refused(options, words):
    with pytest.raises(InputError) as error:
        Augmentation(**options)
    assert all(word in str(error.value) for word in words)


def test_a_mirror_axis_that_the_patch_lacks_is_refused():
    images, labels = batch((30, 18))
    with pytest.raises(InputError, match=r"mirror_axes is \(2,\), but the patches have 2 axes; use 0 to 1"):
        Augmentation(mirror_axes=(2,))(images, labels, seeded())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"classes": ("left_lung", "spine")}, ["mirror_axes holds 0", "'left_lung'", "remove 0"]),
        ({"slice_axis": 0}, ["mirror_axes is [0]", "data.slice_axis is 0", "axes 1 and 2", "remove 0"]),
    ],
)
def test_a_mirror_that_would_lie_is_refused(options, words):
    with pytest.raises(InputError) as error:
        Augmentation(mirror_axes=(0,), **options)
    assert all(word in str(error.value) for word in words)
    axes = tuple({0, 1, 2} - {0, options.get("slice_axis")})
    augmentation = Augmentation(mirror_axes=axes, **options)
    shape = (14, 18) if "slice_axis" in options else (14, 18, 10)
    augmentation(*batch(shape), seeded())
