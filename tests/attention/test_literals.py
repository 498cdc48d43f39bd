"""Numbers copied from files made with the authors' code, so that equality with it stands without those files.

They have six digits (the authors' code ran in float32); each test names repository, commit and file. A gate is y / x.
Where a mechanism sees means only, the map here is a small one that has the same means. For the mechanisms with too
many weights to copy see ``test_sine_literals.py``.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medse.attention import make_attention
from tests.support.golden_numbers import CSE, ECA, PE, RGSE, SCSE, SIMAM, SSE


def loaded(options: dict[str, Any], dims: int, channels: int, **weights: Tensor) -> nn.Module:
    """Return a float64 block with these first rows of its tensors (dots written ``__``), and zeros elsewhere."""
    block = make_attention(options, dims, channels).double().eval()
    for name, tensor in block.state_dict().items():
        given = weights[name.replace(".", "__")].flatten()
        tensor.zero_().flatten()[: len(given)].copy_(given)
    return block


def point(values: Tensor, dims: int) -> Tensor:
    """Return a map of one voxel."""
    return values.reshape(1, -1, *(1,) * dims)


def close(ours: Tensor, golden: list[float]) -> None:
    expected = torch.tensor(golden, dtype=torch.float64)
    torch.testing.assert_close(ours.detach().flatten(), expected, rtol=2e-5, atol=2e-5)


def test_simam() -> None:
    """ZjjConan/SimAM ae98f43: simam_module(e_lambda=1e-4), 3x48x7x7, sample 0, channel 0."""
    x = SIMAM["x"].reshape(1, 1, 7, 7).requires_grad_()
    y = make_attention("simam", 2, 1)(x)
    (y * SIMAM["r"].reshape(1, 1, 7, 7)).sum().backward()
    assert x.grad is not None
    rows, columns = [0, 2, 3, 6], [0, 5, 3, 2]
    close(y[0, 0, rows, columns], [-0.312744, -2.12263, -0.211906, -2.27815])
    close(x.grad[0, 0, rows, columns], [-0.287826, -0.115122, -1.76505, 1.74301])


@pytest.mark.parametrize("dims", [2, 3])
def test_sse(dims: int) -> None:
    """ai-med/squeeze_and_excitation acdd26e: SpatialSELayer(48), 3x48x7x7, sample 1, voxel (2, 3), 6 channels."""
    block = loaded({"name": "sse"}, dims, 48, conv__weight=SSE["w"], conv__bias=torch.tensor([-0.384058]))
    close(block(point(SSE["x"], dims))[0, :6], [-0.812288, 0.921095, 1.18763, -0.729367, -0.64395, -0.226543])


@pytest.mark.parametrize("dims", [2, 3])
def test_eca(dims: int) -> None:
    """BangguWu/ECANet b332f6b: eca_module and eca_ns, k_size=3, 3x48x7x7, gates of channels 0, 1, 24, 47."""
    x, channels = point(ECA["z"], dims), [0, 1, 24, 47]
    taps = torch.tensor([1.01865, -0.651783, -0.0363534])
    block = loaded({"name": "eca", "kernel_size": 3}, dims, 48, conv__weight=taps)
    close((block(x) / x)[0, channels], [0.630391, 0.394796, 0.773388, 0.584942])
    own = torch.zeros(48, 1, 3)
    own[channels, 0] = torch.tensor(
        [
            [-0.134829, -0.150141, -0.206068],
            [1.88524, 0.667148, -1.15102],
            [-0.420648, -0.217029, 0.752665],
            [0.745831, -0.64793, 0.179046],
        ]
    )
    block = loaded({"name": "eca", "kernel_size": 3, "shared": False}, dims, 48, conv__weight=own)
    close((block(x) / x)[0, channels], [0.557793, 0.204674, 0.61143, 0.58561])


@pytest.mark.parametrize("name", ["cse", "se"])
@pytest.mark.parametrize("dims", [2, 3])
def test_cse(name: str, dims: int) -> None:
    """ai-med/squeeze_and_excitation acdd26e: ChannelSELayer(32, 8), 2x32x28x28, channels 0, 13, 31 (moved to 0-2)."""
    block = loaded({"name": name, "reduction": 8}, dims, 32, **two_layers(CSE, "fc1", "fc2"))
    x = point(CSE["z"], dims)
    close((block(x) / x)[0, :3], [0.588262, 0.295811, 0.318147])


def two_layers(golden: dict[str, Tensor], first: str, second: str) -> dict[str, Tensor]:
    names = {
        "w1": f"{first}__weight",
        "b1": f"{first}__bias",
        "w2": f"{second}__weight",
        "b2": f"{second}__bias",
    }
    return {ours: golden[theirs] for theirs, ours in names.items()}


def test_scse() -> None:
    """ai-med/squeeze_and_excitation acdd26e: ChannelSpatialSELayer3D(16), 2x16x12x10x8, sample 0, voxel (5, 4, 3)."""
    block = loaded(
        {"name": "scse"},
        3,
        16,
        **two_layers(SCSE, "channel__fc1", "channel__fc2"),
        spatial__conv__weight=SCSE["w"],
        spatial__conv__bias=torch.tensor([-0.866682]),
    )
    x = torch.stack((SCSE["x"], 2 * SCSE["z"] - SCSE["x"]), 1).reshape(1, 16, 2, 1, 1)  # the mean is z
    close(block(x)[0, :4, 0], [-0.0160723, 0.711083, -0.0648878, 2.53425])


def test_project_excite() -> None:
    """ai-med/squeeze_and_excitation acdd26e: ProjectExciteLayer(16), 2x16x12x10x8, channels 0, 7, 15 of a voxel."""
    block = loaded({"name": "pe"}, 3, 16, **two_layers(PE, "reduce", "expand"))
    x = point(PE["z"] / 3, 3)  # the three profiles add up to z
    close((block(x) / x)[0, :3], [0.00682173, 0.838854, 0.241545])


@pytest.mark.parametrize("dims", [2, 3])
def test_rgse_of_one_bin(dims: int) -> None:
    """megvii-research/RG-SENet_SP-SENet 49b6ed2: rgse_resnet, grid 1, 2x16x7x7, gates of channels 0, 5, 10, 15."""
    block = loaded({"name": "rgse", "grid": 1, "reduction": 8}, dims, 16, **two_layers(RGSE, "fc1", "fc2"))
    x = point(RGSE["z"], dims)
    close((block(x) / x)[0, ::5], [0.51418, 0.374581, 0.596271, 0.725905])
