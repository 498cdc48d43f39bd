"""Loss, mixing, averaging and schedule of a classifier, each against a plain computation of its own."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medse.nets import CLASSIFICATION_NETS
from medse.nets.outlined import Outlined
from medse.tasks.averaging import moving_average
from medse.tasks.classification_losses import CrossEntropy
from medse.tasks.mixing import Mixing
from medse.tasks.optimizers import cosine
from tests.support.randomized import randomized


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("balanced", [False, True])
def test_the_loss_is_the_weighted_cross_entropy(smoothing: float, balanced: bool) -> None:
    torch.manual_seed(0)
    counts = [2, 6, 4]
    logits, targets = torch.randn(5, 3), torch.rand(5, 3)
    targets /= targets.sum(1, keepdim=True)
    loss = CrossEntropy(label_smoothing=smoothing, balanced=balanced, counts=counts)
    logs = [[value - math.log(sum(map(math.exp, row))) for value in row] for row in logits.tolist()]
    weights = [12 / (3 * n) if balanced else 1.0 for n in counts]
    expected = -sum(
        w * (t * (1 - smoothing) + smoothing / 3) * log
        for row, its in zip(logs, targets.tolist(), strict=True)
        for w, t, log in zip(weights, its, row, strict=True)
    ) / len(logs)
    assert loss(logits, targets, None, torch.empty(0)).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(8, 6), (4, 6, 8)])
def test_the_outline_is_learnt_where_it_is_known(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    drawn = torch.randn(3, 1, *(n // 2 for n in shape))
    masks = (torch.rand(3, 1, *shape) > 0.6).float()
    masks[1] = torch.nan
    loss = CrossEntropy(outline=2.0, counts=[1, 1])
    logits, targets = torch.zeros(3, 2), torch.full((3, 2), 0.5)
    each = []
    for k in (0, 2):
        share, mask = torch.sigmoid(drawn[k, 0]).numpy(), masks[k, 0].numpy()
        for axis in range(mask.ndim):  # the mean of two neighbours, along each axis
            mask = (
                np.take(mask, range(0, mask.shape[axis], 2), axis)
                + np.take(mask, range(1, mask.shape[axis], 2), axis)
            ) / 2
        entropy = -(mask * np.log(share) + (1 - mask) * np.log(1 - share)).mean()
        each.append(entropy + 1 - (2 * (share * mask).sum() + 1) / (share.sum() + mask.sum() + 1))
    expected = math.log(2) + 2 * np.mean(each)
    assert loss(logits, targets, drawn, masks).item() == pytest.approx(expected, rel=1e-5)
    masks[:] = torch.nan
    assert loss(logits, targets, drawn, masks).item() == pytest.approx(math.log(2))


def batch(shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    images = torch.rand(6, 1, *shape, generator=random)
    masks = (torch.rand(6, 1, *shape, generator=random) > 0.5).float()
    masks[0] = torch.nan
    return images, torch.eye(6), masks


@pytest.mark.parametrize("shape", [(7, 9), (5, 6, 7)])
def test_mixup_adds_two_images_by_the_share_of_their_classes(shape: tuple[int, ...]) -> None:
    images, targets, masks = batch(shape)
    mixed, shares, outlines = Mixing(mixup=0.8)(images, targets, masks, seed=3)
    assert torch.allclose(shares.sum(1), torch.ones(6))
    for k in range(6):
        expected = sum(share * images[j] for j, share in enumerate(shares[k]))
        assert torch.allclose(mixed[k], expected, atol=1e-6)
        known = shares[k, 0] == 0
        assert outlines[k].isfinite().all() == known
    again = Mixing(mixup=0.8)(images, targets, masks, seed=3)
    assert torch.equal(mixed, again[0])
    assert not torch.equal(mixed, Mixing(mixup=0.8)(images, targets, masks, seed=4)[0])


@pytest.mark.parametrize("shape", [(7, 9), (5, 6, 7)])
def test_cutmix_puts_a_box_of_another_image_in_place(shape: tuple[int, ...]) -> None:
    images, targets, masks = batch(shape)
    before = images.clone()
    seen = set()
    for seed in range(20):
        mixed, shares, outlines = Mixing(cutmix=1.0)(images, targets, masks, seed)
        for k in range(6):
            foreign = (mixed[k] != images[k])[0]
            seen.add(bool(foreign.any()))
            if not foreign.any():
                continue
            partner = int((shares[k] - targets[k]).argmax())
            assert torch.equal(mixed[k, 0][foreign], images[partner, 0][foreign])
            assert shares[k, partner].item() == pytest.approx(foreign.float().mean().item(), abs=1e-6)
            box = foreign.nonzero()
            extents = box.max(0).values - box.min(0).values + 1
            assert extents.prod() == len(box)
            if 0 not in (k, partner):
                assert torch.equal(outlines[k, 0][foreign], masks[partner, 0][foreign])
    assert seen == {True, False}
    assert torch.equal(images, before)


def test_without_mixing_nothing_changes() -> None:
    given = batch((4, 5))
    assert all(one is other for one, other in zip(Mixing()(*given, seed=0), given, strict=True))


def test_the_average_follows_with_a_growing_decay() -> None:
    net = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    averaged = moving_average(net, 0.5)
    expected: dict[str, Tensor] = {}
    for step in range(12):
        with torch.no_grad():
            for tensor in net.state_dict().values():
                tensor.add_(step + 1)
        averaged.update_parameters(net)
        decay = min(0.5, (1 + step) / (10 + step))
        for name, value in net.state_dict().items():
            if step == 0 or not value.is_floating_point():
                expected[name] = value.clone()
            else:
                expected[name] = decay * expected[name] + (1 - decay) * value
    for name, value in averaged.module.state_dict().items():
        torch.testing.assert_close(value, expected[name])
    assert not averaged.training


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine() -> None:
    assert [cosine(share, 0.2) for share in (0.05, 0.1, 0.2)] == pytest.approx([0.25, 0.5, 1.0])
    assert [cosine(share, 0.2) for share in (0.4, 0.6, 1.0)] == pytest.approx([0.5 + 0.5 * 2**-0.5, 0.5, 0.0])
    assert 0 < cosine(0.0, 0.2) <= 0.01
    assert cosine(0.0, 0.0) == 1


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("name", CLASSIFICATION_NETS)
def test_the_outline_lies_on_the_finest_map_and_every_weight_learns(name: str, spatial_dims: int) -> None:
    torch.manual_seed(0)
    net = Outlined(CLASSIFICATION_NETS[name](spatial_dims, 1, 3), spatial_dims)
    x = torch.randn(2, 1, *{2: (64, 70), 3: (36, 40, 34)}[spatial_dims])
    maps = net.feature_maps(x)
    logits, drawn = net.both(x)
    assert drawn.shape == (2, 1, *maps[0].shape[2:])
    (drawn.square().mean() + logits.square().mean()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    assert all(lateral.weight.grad.abs().max() > 0 for lateral in net.lateral)
    net.eval()
    with torch.no_grad():
        coarse = [torch.zeros_like(one) for one in maps[:-1]]
        one_hot = torch.zeros_like(maps[-1])
        one_hot[:, :, 0] = 1
        moved = net.outline([*coarse, one_hot]) - net.outline([*coarse, torch.zeros_like(maps[-1])])
    first, last = (moved[:, 0, k].abs().sum() for k in (0, -1))
    assert first > last  # what lies at one side of the coarsest map is drawn there


class Given(Outlined):
    """Draws the outline that it is given."""

    drawn: Tensor

    def outline(self, maps: list[Tensor]) -> Tensor:  # noqa: ARG002
        return self.drawn


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("name", CLASSIFICATION_NETS)
@torch.no_grad()
def test_the_class_is_that_of_the_place(name: str, spatial_dims: int) -> None:
    """The class is of the mean over the cells within the outline and beside it; of all where there is no outline."""
    torch.manual_seed(0)
    bare = randomized(CLASSIFICATION_NETS[name](spatial_dims, 1, 3))
    net = Given(bare, spatial_dims).eval()
    x = torch.randn(1, 1, *((160,) * 2 if spatial_dims == 2 else (100,) * 3))
    last = bare.feature_maps(x)[-1]
    cells = last.shape[2:]
    assert min(cells) >= 3
    net.drawn = torch.full((1, 1, *(2 * n for n in cells)), -40.0)
    torch.testing.assert_close(net(x), bare(x), rtol=1e-4, atol=1e-3)
    net.drawn[(0, 0, *(slice(0, 2),) * spatial_dims)] = 40.0  # the first cell, and so those beside it
    weights = np.full(cells, 0.01)
    weights[(slice(0, 2),) * spatial_dims] = 1.01
    scaled = torch.from_numpy(weights / weights.mean()).float()
    torch.testing.assert_close(net(x), bare.classify(last * scaled), rtol=1e-4, atol=1e-3)
    assert not torch.allclose(net(x), bare(x), rtol=1e-3)
