"""The U-Net's variants and presets."""

from typing import Any

import pytest
import torch
from monai.networks.blocks import UnetResBlock
from torch import nn

from medse.attention import ATTENTION
from medse.nets import NETS

ROY: dict[str, Any] = {
    "channels": (64,) * 5,
    "kernel_size": 5,
    "downsampling": "max",
    "upsampling": "linear",
    "activation": "relu_first",
    "norm": "batch",
}
"""The U-Net of Roy et al. (MICCAI 2018)."""


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(("blocks", "count"), [((2, 2, 2, 2, 1), 2_054_684), (2, 2_157_276)])
def test_parameters_of_the_unet_of_roy(blocks: Any, count: int) -> None:
    with torch.device("meta"):
        plain = NETS["unet"](2, 1, 28, blocks=blocks, **ROY)
        scse = NETS["unet"](2, 1, 28, blocks=blocks, **ROY, attention="scse")
    assert parameters(plain) == count
    assert parameters(scse) - count == 34_056  # 8 blocks of 4257
    assert 0.015 < 34_056 / count < 0.017


def test_layers_of_the_unet_of_roy() -> None:
    block = NETS["unet"](2, 1, 28, **ROY).encoders[1]
    assert [type(m).__name__ for m in block.modules() if not list(m.children())] == [
        "MaxPool2d",
        *["Conv2d", "ReLU", "BatchNorm2d"] * 2,
        "Identity",
    ]


def test_attention_stands_after_every_encoder_and_decoder_block_but_not_the_bottleneck() -> None:
    net = NETS["unet"](3, 1, 2, channels=(16, 32, 32, 64), attention="sse")
    places = [name for name, module in net.named_modules() if type(module) is ATTENTION["sse"]]
    assert places == [f"encoders.{i}.2" for i in range(3)] + [f"decoders.{i}.2" for i in range(3)]


@pytest.mark.parametrize(
    ("variant", "encoder", "decoder"), [("plain", 0, 0), ("residual", 6, 2), ("residual_encoder", 6, 0)]
)
def test_residual_blocks_are_where_the_variant_says(variant: str, encoder: int, decoder: int) -> None:
    net = NETS["unet"](3, 1, 2, channels=(8, 8, 8), blocks=(1, 2, 3), decoder_blocks=1, variant=variant)
    for part, count in ((net.encoders, encoder), (net.decoders, decoder)):
        assert sum(isinstance(module, UnetResBlock) for module in part.modules()) == count


def test_decoder_blocks_count_the_convolutions_finest_first() -> None:
    net = NETS["unet"](2, 1, 2, channels=(8, 8, 8), decoder_blocks=(3, 1))
    assert [sum(isinstance(m, nn.Conv2d) for m in decoder.modules()) for decoder in net.decoders] == [1, 3]


def test_linear_upsampling_interpolates() -> None:
    """Between voxel centres, as images are resampled: a ramp stays a ramp but at its ends."""
    net = NETS["unet"](2, 1, 2, channels=(8, 8), upsampling="linear")
    ramp = torch.arange(6.0).expand(1, 8, 4, 6)
    up = net.ups[0](ramp)
    assert up.shape == (1, 8, 8, 12)
    torch.testing.assert_close(up[0, 0, 3, 1:-1], torch.arange(0.25, 5, 0.5))
    assert parameters(net.ups) == 0
    assert parameters(NETS["unet"](2, 1, 2, channels=(8, 16), upsampling="linear").ups) == 16 * 8 + 8
