"""Ignored voxels leave no trace in the loss, and neither does the number of resolutions in its size."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from monai.losses import DiceCELoss

from medse.tasks.losses import DeepSupervision, DiceCE, level_weights

CLASSES = 4


def sample(batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(batch, CLASSES, 5, 6, 7, generator=generator, requires_grad=True)
    label = torch.randint(0, CLASSES, (batch, 1, 5, 6, 7), generator=generator).float()
    return logits, label


OPTIONS: list[dict[str, Any]] = [
    {},
    {"include_background": True, "dice_weight": 0.3, "ce_weight": 2.0},
    {"batch": False},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_without_ignored_voxels_it_is_monais_loss_bit_for_bit(options: dict[str, Any]) -> None:
    logits, label = sample()
    weights = {f"lambda_{of}": options.get(f"{of}_weight", 1.0) for of in ("dice", "ce")}
    shared = {
        "include_background": options.get("include_background", False),
        "batch": options.get("batch", True),
    }
    expected = DiceCELoss(to_onehot_y=True, softmax=True, **shared, **weights)(logits, label)
    assert torch.equal(DiceCE(**options, ignored=False)(logits, label), expected)
    torch.testing.assert_close(DiceCE(**options)(logits, label), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("options", OPTIONS)
def test_ignored_voxels_do_not_count(options: dict[str, Any]) -> None:
    """The reference is MONAI's loss of a volume that holds the other voxels alone, in a row."""
    logits, label = sample()
    ignored = torch.rand(label[:1].shape, generator=torch.Generator().manual_seed(1)).expand_as(label) < 0.4
    hidden = label.masked_fill(ignored, CLASSES)
    loss = DiceCE(**options)(logits, hidden)
    kept = ~ignored[0, 0]  # alike in both patches, so that the rest of each has one length
    expected = DiceCE(**options)(logits[:, :, kept], label[:, :, kept])
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-7)
    (gradient,) = torch.autograd.grad(loss, logits)
    (wanted,) = torch.autograd.grad(expected, logits)
    assert torch.count_nonzero(gradient.movedim(1, -1)[ignored[:, 0]]) == 0
    torch.testing.assert_close(gradient, wanted)


def test_unlike_numbers_of_ignored_voxels_are_weighed_by_voxel() -> None:
    logits, label = sample()
    label[0, :, :4] = CLASSES
    kept = label[:, 0] < CLASSES
    flat = logits.movedim(1, -1)[kept].T[None], label[:, 0][kept][None, None]
    torch.testing.assert_close(DiceCE()(logits, label), DiceCE()(*flat), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("options", OPTIONS)
def test_nothing_but_ignored_voxels_is_finite_and_teaches_nothing(options: dict[str, Any]) -> None:
    logits, label = sample()
    loss = DiceCE(**options)(logits, torch.full_like(label, CLASSES))
    assert torch.isfinite(loss)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.count_nonzero(gradient) == 0


@pytest.mark.parametrize("levels", [2, 3, 4, 5])
def test_a_loss_means_the_same_with_deep_supervision(levels: int) -> None:
    weights = level_weights(levels)
    assert sum(weights) == pytest.approx(1)
    assert [a / b for a, b in pairwise(weights)] == pytest.approx([2] * (levels - 1))
    logits, label = sample()
    one = DiceCE()(logits, label)
    torch.testing.assert_close(DeepSupervision(DiceCE())([logits] * levels, label), one, rtol=1e-6, atol=0)
    assert torch.equal(DeepSupervision(DiceCE())(logits, label), one)
