"""Every block and every network on a GPU: output and gradients are those of the CPU in float32."""

import copy
import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medse.attention import ATTENTION
from medse.nets import NETS
from tests.support import attention_cases, tiny_nets
from tests.support.attention_cases import DIMS, EVERY, LAYOUT

PRECISIONS = pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 1e-4), (torch.bfloat16, 3e-2), (torch.float16, 5e-3)],
    ids=["fp32", "bf16", "fp16"],
)
FORMATS = pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
EIGHTS = pytest.mark.parametrize(("name", "spatial_dims"), list(itertools.product(NETS, (2, 3))))


def results(
    module: nn.Module, x: Tensor, weight: Tensor, device: torch.device, dtype: torch.dtype
) -> dict[str, Tensor]:
    """Run forward and backward on a device, under autocast but in float32; return everything on the CPU."""
    module = copy.deepcopy(module).to(device)
    x = x.to(device, copy=True).requires_grad_()
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        y = module(x)
    (y * weight.to(device, y.dtype)).sum().backward()
    found = {name: p.grad for name, p in module.named_parameters()} | {"x": x.grad, "y": y.detach()}
    return {name: value.float().cpu() for name, value in found.items() if value is not None}


def compare(ours: dict[str, Tensor], exact: dict[str, Tensor], tolerance: float) -> None:
    """Compare norms of differences: rounding decides which side of a maximum or a ReLU passes single values."""
    assert ours.keys() == exact.keys()
    largest = max(value.norm() for name, value in exact.items() if name not in "xy") if len(exact) > 2 else 0
    for name, value in exact.items():
        scale = value.norm() if name in "xy" else largest
        assert ours[name].isfinite().all(), name
        assert (ours[name] - value).norm() <= tolerance * scale, name


@FORMATS
@PRECISIONS
@DIMS
@EVERY
def test_block(
    options: dict[str, Any],
    spatial_dims: int,
    dtype: torch.dtype,
    tolerance: float,
    last: bool,
    device: torch.device,
) -> None:
    """The features are of the type, the parameters of float32, as behind a convolution under autocast."""
    block = attention_cases.build(options, spatial_dims, 8).eval()
    layout = LAYOUT[spatial_dims] if last else torch.contiguous_format
    x = attention_cases.features(spatial_dims).to(dtype).contiguous(memory_format=layout)
    weight = torch.randn_like(x)
    exact = results(block, x.float(), weight.float(), torch.device("cpu"), torch.float32)
    ours = results(block, x, weight, device, dtype)
    if options["name"] == "hybrid" and dtype != torch.float32:  # of its maximum, rounding picks other sides
        ours, exact = ({key: found[key] for key in "y"} for found in (ours, exact))
    compare(ours, exact, tolerance)
    y = copy.deepcopy(block).to(device)(x.to(device))
    assert y.dtype == dtype
    assert y.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=["bf16", "fp16"])
@DIMS
@pytest.mark.parametrize("name", ATTENTION)
def test_statistics_are_not_rounded(
    name: str, spatial_dims: int, half: torch.dtype, device: torch.device
) -> None:
    if name in ("sse", "hybrid"):
        return  # the score of sse is a product with the features, in their type; a hybrid's second block gets y
    block = attention_cases.build(attention_cases.small(name), spatial_dims, 16).eval()
    x = (attention_cases.features(spatial_dims, 16) + 30).to(half)  # a mean far above the deviations
    y = copy.deepcopy(block).to(device)(x.to(device)).float().cpu()
    assert (y - block(x.float())).norm() <= 2e-2 * y.norm()


@FORMATS
@PRECISIONS
@pytest.mark.parametrize("attention", [None, "scse"])
@EIGHTS
def test_network(
    name: str,
    spatial_dims: int,
    attention: str | None,
    dtype: torch.dtype,
    tolerance: float,
    last: bool,
    device: torch.device,
) -> None:
    """In half precision only the logits, and that gradients are finite: the gradients of many layers err by more."""
    net = tiny_nets.build(name, spatial_dims, attention, **tiny_nets.COARSE.get(name, {})).eval()
    x = tiny_nets.image(name, spatial_dims)
    if last:
        net, x = net.to(memory_format=LAYOUT[spatial_dims]), x.contiguous(memory_format=LAYOUT[spatial_dims])
    with torch.no_grad():
        weight = torch.randn_like(net(x))
    exact = results(net, x, weight, torch.device("cpu"), torch.float32)
    ours = results(net, x, weight, device, dtype)
    if dtype == torch.float32:
        compare(ours, exact, 1e-3)
    else:
        assert all(value.isfinite().all() for value in ours.values())
        compare({"y": ours["y"]}, {"y": exact["y"]}, 3 * tolerance)


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("half", [False, True], ids=["fp32", "bf16"])
def test_network_with_every_block_takes_a_step(attention: str, half: bool, device: torch.device) -> None:
    net = tiny_nets.build("unet", 3, attention).to(device).train()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
    x = tiny_nets.image("unet", 3).to(device)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            loss = (net(x).float() - 1).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
