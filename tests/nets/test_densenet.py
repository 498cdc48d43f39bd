"""DenseNet: attention after each dense block and nothing else beside MONAI's, least sizes, refusals."""

from typing import Any

import pytest
import torch
from monai.networks import nets
from torch import nn

from medse.errors import InputError
from medse.nets.densenet import DenseNet
from tests.support.randomized import Sine, randomized

SMALL: dict[str, Any] = {"blocks": (2, 1, 2, 1), "growth": 8, "init_channels": 16}


def monai(spatial_dims: int) -> nets.DenseNet:
    return nets.DenseNet(spatial_dims, 2, 3, init_features=16, growth_rate=8, block_config=(2, 1, 2, 1))


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_121_layers_are_monais(spatial_dims: int) -> None:
    with torch.device("meta"):
        ours, theirs = DenseNet(spatial_dims, 3, 1000), nets.DenseNet121(spatial_dims, 3, 1000)
    assert {k: t.shape for k, t in ours.state_dict().items()} == {
        k: t.shape for k, t in theirs.state_dict().items()
    }
    if spatial_dims == 2:
        assert sum(p.numel() for p in ours.parameters()) == 7_978_856  # torchvision's table


@pytest.mark.parametrize("spatial_dims", [2, 3])
@torch.no_grad()
def test_attention_after_each_dense_block(spatial_dims: int) -> None:
    theirs = randomized(monai(spatial_dims))
    x = torch.randn(2, 2, *(33, 40, 29)[:spatial_dims])
    plain, gated = (
        DenseNet(spatial_dims, 2, 3, **SMALL).eval(),
        DenseNet(spatial_dims, 2, 3, **SMALL, attention=Sine).eval(),
    )
    for net in (plain, gated):
        net.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(plain(x), theirs(x), rtol=0, atol=0)
    y = x
    for name, part in theirs.features.named_children():
        y = part(y)
        if name.startswith("denseblock"):
            y = 2 * y.sin()
    torch.testing.assert_close(gated(x), theirs.class_layers(y))


@pytest.mark.parametrize(("count", "least"), [(1, 1), (2, 5), (4, 29), (5, 61)])
@torch.no_grad()
def test_least_size(count: int, least: int) -> None:
    net = DenseNet(2, 1, 2, blocks=(1,) * count, growth=8, init_channels=16).eval()
    assert net(torch.randn(1, 1, least, least)).isfinite().all()
    if least > 1:
        with pytest.raises(
            InputError, match=f"with {count} dense blocks allowed are {least} or more along each"
        ):
            net(torch.randn(1, 1, 64, least - 1))
        with pytest.raises(RuntimeError):  # the sentence is not too strict
            net.class_layers(net.features(torch.randn(1, 1, 64, least - 1)))


@pytest.mark.parametrize(("norm", "batch"), [("batch", 1), ("instance", 2)])
@torch.no_grad()
def test_one_voxel_per_channel_is_refused_where_the_norm_needs_more(norm: Any, batch: int) -> None:
    net = DenseNet(2, 1, 2, **SMALL, norm=norm)
    small, enough = torch.randn(batch, 1, 60, 29), torch.randn(batch, 1, 61, 29)
    with pytest.raises(InputError, match="60 x 29 voxels becomes .* at least 61 along axis 0"):
        net(small)
    with pytest.raises(ValueError, match="Expected more than 1"):  # the sentence is not too strict
        net.features(small)
    assert net(enough).isfinite().all()


@torch.no_grad()
def test_group_norm_divides_the_channels_of_every_layer() -> None:
    net = DenseNet(
        2, 1, 2, **{**SMALL, "blocks": (1, 1)}, norm="group"
    )  # 12 and 20 channels after the transition
    assert {module.num_groups for module in net.modules() if isinstance(module, nn.GroupNorm)} == {4}
    assert net(torch.randn(1, 1, 8, 8)).isfinite().all()
