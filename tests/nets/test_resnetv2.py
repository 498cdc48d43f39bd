"""ResNet50V2: Keras' counts, zeros around the pooling, strides in the last block of a stage, refusals."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from medse.nets.resnetv2 import ResNetV2


def test_keras_counts() -> None:
    with torch.device("meta"):
        net = ResNetV2(2, 3, 1000)
    every = {name: t.numel() for name, t in net.state_dict().items() if not name.endswith("tracked")}
    head = sum(p.numel() for p in net.classifier.parameters())
    assert sum(every.values()) == 25_613_800  # Keras counts running statistics among the parameters
    assert sum(every.values()) - head == 23_564_800
    assert sum(p.numel() for p in net.parameters()) == 25_613_800 - 45_440


@pytest.mark.parametrize("spatial_dims", [2, 3])
@torch.no_grad()
def test_zeros_surround_the_pooling(spatial_dims: int) -> None:
    net = ResNetV2(spatial_dims, 1, 2, channels=8, blocks=(1,), strides=2)
    nn.init.constant_(net.stem[0].conv.bias, -100.0)
    pooled = net.stem(torch.randn(1, 1, *(16,) * spatial_dims))
    assert (pooled.select(-1, 0) == 0).all()
    assert (pooled[..., *(slice(1, None),) * spatial_dims] < -50).all()


@torch.no_grad()
def test_the_last_block_of_a_stage_strides() -> None:
    net = ResNetV2(2, 1, 2, channels=8).eval()
    sizes: list[int] = []
    for stage in net.stages:
        for block in stage:
            block.register_forward_hook(lambda _, __, out: sizes.append(out.shape[-1]))
    net(torch.randn(1, 1, 128, 128))
    assert sizes == [32, 32, 16, *[16] * 3, 8, *[8] * 5, 4, 4, 4, 4]
    x = torch.randn(1, 32, 5, 5)
    torch.testing.assert_close(net.stages[0][2].shortcut(x), x[:, :, ::2, ::2])
    assert isinstance(net.stages[3][2].shortcut, nn.Identity)


@torch.no_grad()
def test_anisotropic_volumes() -> None:
    flat = ((1, 2, 2), (1, 2, 2), (1, 2, 2), 2)
    net = ResNetV2(3, 1, 2, channels=8, blocks=(2, 1), strides=flat, kernel_size=(1, 3, 3)).eval()
    x = torch.randn(2, 1, 3, 40, 33)
    assert net.stride == (2, 16, 16)
    assert {m.kernel_size for m in net.stages.modules() if isinstance(m, nn.Conv3d)} == {(1, 3, 3), (1, 1, 1)}
    stem = net.stem[0](x)
    padded = [F.pad(stem[:, :, z], (1, 1, 1, 1)) for z in range(3)]
    pooled = torch.stack([F.max_pool2d(one, 3, 2) for one in padded], dim=2)
    torch.testing.assert_close(net.stem(x), pooled)
    assert net.stages[1](net.stages[0](pooled)).shape == (2, 64, 2, 3, 3)
    assert net(x).shape == (2, 2)
