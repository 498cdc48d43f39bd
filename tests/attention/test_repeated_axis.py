"""A picture repeated along a new axis: how the 3-D block's result follows from the 2-D block's, exactly.

The new axis is put before, between or behind the picture's own two axes.
"""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention import make_attention

REPEATS = 5
NEW_AXIS = pytest.mark.parametrize("axis", [2, 3, 4])
TRAINING = pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])


def pair(options: dict[str, Any], axis: int, training: bool = False) -> tuple[Any, Any]:
    """Return a 2-D and a 3-D block, float64; the 3-D one has the 2-D one's weights where those have no space."""
    torch.manual_seed(axis)
    flat, deep = (make_attention(options, dims, 6).double().train(training) for dims in (2, 3))
    for tensor in (*flat.state_dict().values(), *deep.state_dict().values()):
        if tensor.is_floating_point():
            tensor.normal_().abs_().add_(0.1)
    for tensor in (*flat.parameters(), *deep.parameters()):
        nn.init.normal_(tensor)
    own = deep.state_dict()
    same = {name: tensor for name, tensor in flat.state_dict().items() if tensor.numel() == own[name].numel()}
    deep.load_state_dict({**own, **{name: tensor.reshape(own[name].shape) for name, tensor in same.items()}})
    return flat, deep


def picture(batch: int = 3) -> Tensor:
    return torch.randn(batch, 6, 7, 5, dtype=torch.float64) + 0.5


def repeat(x: Tensor, axis: int) -> Tensor:
    return x.unsqueeze(axis).repeat_interleave(REPEATS, axis)


def same(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@NEW_AXIS
@pytest.mark.parametrize(
    "options",
    [
        {"name": "se", "reduction": 3},
        {"name": "cse"},
        {"name": "eca", "kernel_size": 3},
        {"name": "eca", "shared": False},
        {"name": "sse"},
        *({"name": "scse", "combine": combine} for combine in ("max", "add", "mul", "concat")),
        {"name": "rgse", "reduction": 2, "grid": 1},
        {"name": "hybrid", "blocks": ("eca", "scse"), "combine": "sequence"},
        {"name": "hybrid", "blocks": ("eca", "sse"), "combine": "max"},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_means_and_single_voxels_do_not_see_the_new_axis(options: dict[str, Any], axis: int) -> None:
    """The 2-D result, repeated; and the gradient of the picture is that of one slice times their number."""
    flat, deep = pair(options, axis)
    x = picture().requires_grad_()
    weight = picture()
    y = flat(x)
    (expected,) = torch.autograd.grad((y * weight).sum(), x)
    z = deep(repeat(x, axis))
    same(z, repeat(y, axis))
    (gradient,) = torch.autograd.grad((z * repeat(weight, axis)).sum(), x)
    same(gradient, REPEATS * expected)


@NEW_AXIS
@pytest.mark.parametrize("lambda_", [1e-4, 0.1])
def test_simam_divides_by_one_voxel_less(lambda_: float, axis: int) -> None:
    """With M voxels, repeated n times, the variance is that of the picture times k = n (M - 1) / (n M - 1).

    So 3-D with ``lambda`` has the scores of 2-D with ``lambda / k``, less 1/2, divided by k.
    """
    x = picture()
    voxels = x[0, 0].numel()
    k = REPEATS * (voxels - 1) / (REPEATS * voxels - 1)
    flat, deep = (
        make_attention({"name": "simam", "lambda": value}, dims, 6)
        for dims, value in ((2, lambda_ / k), (3, lambda_))
    )
    gates = torch.sigmoid((torch.logit(flat(x) / x) - 0.5) / k + 0.5)
    same(deep(repeat(x, axis)), repeat(x * gates, axis))


@NEW_AXIS
def test_project_and_excite_adds_the_mean(axis: int) -> None:
    """The new axis' profile is the mean of the picture: the 2-D block with ``W1 mean`` added to its first bias."""
    flat, deep = pair({"name": "pe"}, axis)
    for sample in picture().split(1):
        moved = copy.deepcopy(flat)
        with torch.no_grad():
            moved.reduce.bias += (flat.reduce.weight.flatten(1) @ sample.mean((2, 3)).T).flatten()
        same(deep(repeat(sample, axis)), repeat(moved(sample), axis))
        centred = sample - sample.mean((2, 3), keepdim=True)
        same(deep(repeat(centred, axis)), repeat(flat(centred), axis))


@NEW_AXIS
def test_coordinate_attention_gains_a_channel_gate(axis: int) -> None:
    """The new axis' profile is the mean of the picture everywhere: its gate is one number per channel.

    In evaluation; in training the copies of the mean also enter the statistics of the normalisation.
    """
    flat, deep = pair({"name": "coord", "min_channels": 3}, axis)
    own = [n for n in range(3) if n != axis - 2]
    for ours, theirs in zip(flat.expand, (deep.expand[n] for n in own), strict=True):
        theirs.load_state_dict(ours.state_dict())
    x = picture()
    hidden = F.hardswish(flat.norm(flat.reduce(x.mean((2, 3), keepdim=True))))
    gates = deep.expand[axis - 2](hidden).sigmoid()
    same(deep(repeat(x, axis)), repeat(flat(x) * gates, axis))


@NEW_AXIS
@TRAINING
@pytest.mark.parametrize(
    "options", [{"name": "spse", "reduction": 2}, {"name": "rgse", "reduction": 2, "grid": 3}]
)
def test_pooling_kernels_add_up_along_the_new_axis(
    options: dict[str, Any], training: bool, axis: int
) -> None:
    """All bins along the new axis are equal: any 3-D kernel acts as its sum along that axis."""
    flat, deep = pair(options, axis, training)
    kernels = (flat.weigh, deep.weigh) if options["name"] == "spse" else ([flat.weigh], [deep.weigh])
    for ours, theirs in zip(*kernels, strict=True):
        nn.init.normal_(theirs.weight)
        ours.weight.data = theirs.weight.data.sum(axis)
    x = picture()
    same(deep(repeat(x, axis)), repeat(flat(x), axis))
    same(deep.norm.running_mean, flat.norm.running_mean)
    same(deep.norm.running_var, flat.norm.running_var)


@NEW_AXIS
@TRAINING
def test_cbam_with_the_picture_in_the_kernels_middle(training: bool, axis: int) -> None:
    """Means and maxima do not change, and a kernel of one slice sees one slice: the 2-D result.

    The running variance is the sample's, of n times as many values.
    """
    flat, deep = pair({"name": "cbam", "reduction": 2, "kernel_size": 3}, axis, training)
    before = flat.norm.running_var.clone()
    deep.conv.weight.data.zero_().select(axis, 1).copy_(flat.conv.weight.data)
    x = picture()
    same(deep(repeat(x, axis)), repeat(flat(x), axis))
    same(deep.norm.running_mean, flat.norm.running_mean)
    if training:
        values, rest = x.numel() // 6, (1 - flat.norm.momentum) * before
        factor = REPEATS * (values - 1) / (REPEATS * values - 1)
        same(deep.norm.running_var - rest, (flat.norm.running_var - rest) * factor)


@NEW_AXIS
def test_cbam_with_any_kernel_away_from_the_border(axis: int) -> None:
    """Where the kernel does not reach the zeros around the volume, it acts as its sum along the new axis."""
    flat, deep = pair({"name": "cbam", "reduction": 2, "kernel_size": 3}, axis)
    flat.conv.weight.data = deep.conv.weight.data.sum(axis)
    x = picture()
    inside = deep(repeat(x, axis)).narrow(axis, 1, REPEATS - 2)
    same(inside, repeat(flat(x), axis).narrow(axis, 1, REPEATS - 2))
