"""What a classification network shows of itself: a map per resolution, the last of which gives the logits."""

import pytest
import torch

from medse.nets import CLASSIFICATION_NETS

SIZES = {2: (70, 64), 3: (36, 34, 33)}


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("name", CLASSIFICATION_NETS)
@torch.no_grad()
def test_maps_get_coarser_and_the_last_gives_the_logits(name: str, spatial_dims: int) -> None:
    torch.manual_seed(0)
    net = CLASSIFICATION_NETS[name](spatial_dims, 1, 3, attention="se").eval()
    seen = {}
    net.get_submodule(net.last_map).register_forward_hook(lambda _m, _x, y: seen.update(last=y))
    x = torch.randn(2, 1, *SIZES[spatial_dims])
    maps = net.feature_maps(x)
    assert tuple(one.shape[1] for one in maps) == net.map_channels
    sizes = [one.shape[2:].numel() for one in maps]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) >= len(sizes) - 1
    assert torch.equal(seen["last"], maps[-1])
    assert torch.equal(net(x), net.classify(maps[-1]))
    assert not torch.equal(net(x), net.classify(maps[-1] + 1))
