"""Every block and option in small, and what several files of tests do with them."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medse.attention import ATTENTION, DERIVED, make_attention
from medse.registry import options_model

HAND_MADE: list[dict[str, Any]] = [
    {"name": "se", "reduction": 2},
    {"name": "cse", "bias": False},
    {"name": "sse"},
    {"name": "sse", "bias": False, "gate": "tanh"},
    *({"name": "scse", "combine": combine} for combine in ("max", "add", "mul", "concat")),
    {"name": "scse", "bias": False, "gate": "relu"},
    {"name": "scse", "combine": "mul", "gate": "tanh"},
    {"name": "scse", "combine": "add", "gate": "hard_sigmoid"},
    {"name": "pe"},
    {"name": "pe", "reduction": 4, "gate": "hard_sigmoid"},
    {"name": "pe", "gate": "relu"},
    {"name": "eca"},
    {"name": "eca", "kernel_size": 3, "shared": False},
    {"name": "fca", "components": 4, "reduction": 2},
    {"name": "fca", "components": 3, "reduction": 4, "selection": "low", "size": 3, "gate": "tanh"},
    {"name": "fca", "components": 2, "reduction": 2, "selection": "nas"},
    {"name": "coord"},
    {"name": "coord", "reduction": 2, "min_channels": 1, "gate": "tanh"},
    {"name": "simam"},
    {"name": "simam", "lambda": 0.1, "gate": "tanh"},
    {"name": "simam", "gate": "hard_sigmoid"},
    {"name": "spse", "reduction": 2},
    {"name": "spse", "reduction": 1, "levels": (3,)},
    {"name": "rgse", "reduction": 2, "grid": 1},
    {"name": "rgse", "reduction": 2},
    {"name": "cbam", "reduction": 2, "kernel_size": 3},
    {"name": "hybrid"},
    {"name": "hybrid", "blocks": ("scse", "pe"), "combine": "max"},
    {"name": "hybrid", "blocks": ("sse", "simam"), "combine": "add"},
]


def small(name: str) -> dict[str, Any]:
    """Return a block's defaults, narrowed to fit few channels where its options can."""
    narrow = {"reduction": 2} if "reduction" in options_model(ATTENTION[name], DERIVED).model_fields else {}
    return {"name": name, **narrow}


OPTIONS = HAND_MADE + [small(name) for name in ATTENTION if name not in {case["name"] for case in HAND_MADE}]
EVERY = pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options.values())))
DIMS = pytest.mark.parametrize("spatial_dims", [2, 3])
LAYOUT = {2: torch.channels_last, 3: torch.channels_last_3d}


def build(options: dict[str, Any], spatial_dims: int, channels: int, seed: int = 0) -> nn.Module:
    """Return a block in training whose parameters and running statistics are random."""
    torch.manual_seed(seed)
    block = make_attention(options, spatial_dims, channels)
    for name, tensor in block.state_dict().items():
        if tensor.is_floating_point():
            tensor.normal_(std=0.5)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.5)
    return block


def features(spatial_dims: int, channels: int = 8, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(3, channels, *(6, 5, 4)[:spatial_dims], dtype=dtype)


def gradients(block: nn.Module, x: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """Return the output, and the gradients of its weighted sum for ``x`` and all parameters."""
    block = copy.deepcopy(block)
    x = x.detach().requires_grad_()
    y = block(x)
    (y * weight).sum().backward()
    found = {name: parameter.grad for name, parameter in block.named_parameters()} | {"x": x.grad}
    assert all(gradient is not None for gradient in found.values())
    return {name: gradient for name, gradient in found.items() if gradient is not None} | {"y": y.detach()}


def assert_close(ours: dict[str, Tensor], theirs: dict[str, Tensor], tolerance: float) -> None:
    assert ours.keys() == theirs.keys()
    largest = max(gradient.abs().max().item() for gradient in theirs.values())
    for name, tensor in ours.items():
        torch.testing.assert_close(
            tensor,
            theirs[name],
            rtol=tolerance,
            atol=tolerance * largest,
            msg=lambda text, name=name: f"{name}: {text}",
        )
