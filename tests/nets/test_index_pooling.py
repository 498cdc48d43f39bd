"""Pooling with indices and unpooling, against PyTorch's own modules."""

import pytest
import torch
from torch import nn

from medse.nets.blocks.unpooling_net import max_pool, max_unpool

SIZES = pytest.mark.parametrize(
    ("spatial", "size"),
    [
        ((20, 18), (2, 2)),
        ((21, 17), (2, 2)),
        ((12, 9), (3, 1)),
        ((8, 10, 12), (2, 2, 2)),
        ((9, 7, 5), (2, 3, 1)),
    ],
)


@SIZES
@pytest.mark.parametrize("last", [False, True], ids=["contiguous", "channels_last"])
def test_equals_max_unpool_of_pytorch_bit_for_bit(
    spatial: tuple[int, ...], size: tuple[int, ...], last: bool
) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, *spatial)
    if last:
        x = x.to(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)
    pool, unpool = (nn.MaxPool2d, nn.MaxUnpool2d) if x.ndim == 4 else (nn.MaxPool3d, nn.MaxUnpool3d)
    weights = torch.randn(2, 3, *spatial)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    maxima, indices = max_pool(ours, size)
    y = max_unpool(maxima, indices, spatial)
    expected_maxima, expected_indices = pool(size, return_indices=True)(theirs)
    expected = unpool(size)(expected_maxima, expected_indices, output_size=spatial)
    assert torch.equal(maxima, expected_maxima)
    assert torch.equal(indices, expected_indices)
    assert torch.equal(y, expected)
    (y * weights).sum().backward()
    (expected * weights).sum().backward()
    assert torch.equal(ours.grad, theirs.grad)


@pytest.mark.parametrize("kept", [torch.bfloat16, torch.float16, torch.float64])
def test_unpooling_keeps_the_type_of_what_is_unpooled_under_autocast(kept: torch.dtype) -> None:
    x = torch.randn(1, 2, 6, 8, dtype=kept)
    with torch.autocast("cpu", torch.bfloat16):
        maxima, indices = max_pool(x, (2, 2))
        y = max_unpool(maxima.float(), indices, (6, 8))
        assert max_unpool(maxima, indices, (6, 8)).dtype == kept
    assert y.dtype == torch.float32
    assert torch.equal(y[y != 0], x[y != 0].float())
