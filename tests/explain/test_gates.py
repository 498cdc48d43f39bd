"""Gates against those that the blocks compute inside, for every block, and what a net is afterwards."""

import numpy as np
import torch
from torch import Tensor, nn

from medse.attention import make_attention
from medse.attention.block import AttentionBlock
from medse.attention.ops.pools import profiles
from medse.explain import attention_gates
from medse.nets import build_net
from tests.support.attention_cases import DIMS, EVERY, build, features

PER_CHANNEL = {"se", "cse", "eca", "fca", "spse", "rgse"}


class Net(nn.Module):
    """A block between two layers, the first of which leaves many zeros."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.before = nn.ReLU()
        self.block = block
        self.after = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.block(self.before(x)))


@EVERY
@DIMS
def test_output_is_input_times_gate(options: dict[str, object], spatial_dims: int) -> None:
    block = build(options, spatial_dims, 8)
    found = attention_gates(Net(block), features(spatial_dims))
    if options["name"] == "hybrid":
        assert [gates.block for gates in found] == ["block.blocks.0", "block.blocks.1"]
        return
    if options.get("combine") == "concat":
        assert [gates.block for gates in found] == ["block.channel", "block.spatial"]
        return
    (gates,) = found
    assert gates.block == "block"
    assert gates.channels.shape == (3, 8)
    assert (gates.places is None) == (options["name"] in PER_CHANNEL)
    x = features(spatial_dims).relu() + 0.5  # none is 0
    plain = nn.Sequential(block)
    (gates,) = attention_gates(plain, x)
    with torch.no_grad():
        factor = (block.eval().double().formula(x.double()) / x.double()).numpy()
    np.testing.assert_allclose(gates.channels, factor.mean(axis=tuple(range(2, factor.ndim))), rtol=1e-4)
    if gates.places is not None:
        np.testing.assert_allclose(gates.places, factor.mean(axis=1), rtol=1e-4)


@DIMS
def test_known_gates_where_features_are_zero(spatial_dims: int) -> None:
    x = features(spatial_dims)
    x[:, :, :3] = 0
    sse, coord = (
        build({"name": "sse"}, spatial_dims, 8).eval(),
        build({"name": "coord"}, spatial_dims, 8).eval(),
    )
    with torch.no_grad():
        of_voxels = sse.excite(x)[:, 0].numpy()
        along = coord.excite(profiles(x), x.shape[2:])
        product = torch.ones_like(x)
        for one in along:
            product = product * one
    np.testing.assert_allclose(attention_gates(nn.Sequential(sse), x)[0].places, of_voxels, atol=1e-4)
    np.testing.assert_allclose(attention_gates(nn.Sequential(coord), x)[0].places, product.mean(1), atol=1e-4)


def test_gates_of_a_net_in_order_and_the_net_as_it_was() -> None:
    options = {
        "name": "resnetv2",
        "channels": 4,
        "blocks": [1, 2],
        "strides": 2,
        "attention": {"name": "se", "reduction": 2},
    }
    net = build_net(options, 2, 1, 3).train()
    net.stages[0].eval()
    modes = [module.training for module in net.modules()]
    hooks = [len(module._forward_hooks) for module in net.modules()]
    means = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    found = attention_gates(net, torch.rand(2, 1, 32, 32))
    blocks = [name for name, module in net.named_modules() if isinstance(module, AttentionBlock)]
    assert [gates.block for gates in found] == blocks
    assert len(blocks) == 3
    assert [module.training for module in net.modules()] == modes
    assert [len(module._forward_hooks) for module in net.modules()] == hooks
    assert all(torch.equal(tensor, means[name]) for name, tensor in net.state_dict().items())


def test_a_net_without_attention_has_none() -> None:
    assert attention_gates(nn.Sequential(make_attention(None, 2, 4)), torch.rand(1, 4, 8, 8)) == []
