"""QuickNAT: its sizes, the sizes it takes, its published names, and what it refuses."""

from typing import Any

import pytest
import torch
from torch import nn

from medse.errors import InputError
from medse.nets.blocks.dense import DenseBlock
from medse.nets.blocks.encoder_decoder import AS_ROY
from medse.nets.published_names import QUICKNAT_UNUSED, quicknat_names
from medse.nets.quicknat import QuickNAT

APPLIED_EVERYWHERE = ("encoder", "bottleneck", "decoder")


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("attention", "classes", "count", "each"),
    [
        (None, 28, 3_516_971, 0),
        ("cse", 28, 3_554_699, 4192),
        ("sse", 28, 3_517_556, 65),
        ("scse", 28, 3_555_284, 4257),
        (None, 33, 3_517_296, 0),
        ("cse", 33, 3_555_024, 4192),
        ("sse", 33, 3_517_881, 65),
        ("scse", 33, 3_555_609, 4257),
    ],
)
def test_parameters_are_those_of_the_released_network(
    attention: str | None, classes: int, count: int, each: int
) -> None:
    """The authors count attention in the middle block, which they never apply; ours has it only where it is."""
    assert parameters(QuickNAT(2, 1, classes, attention=attention, placement=APPLIED_EVERYWHERE)) == count
    assert parameters(QuickNAT(2, 1, classes, attention=attention)) == count - each


def test_parameters_of_each_part() -> None:
    net = QuickNAT(2, 1, 28, attention="scse", placement=APPLIED_EVERYWHERE)
    assert [parameters(part) for part in net.encoders] == [118_696, 324_706, 324_706, 324_706]
    assert parameters(net.bottleneck) == 324_706
    assert [parameters(part) for part in net.decoders] == [533_986] * 4
    assert parameters(net.heads) == 1820


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_dense_block_has_one_slope_and_the_parameters_it_states(spatial_dims: int) -> None:
    c, width, weights = 3, 5, 3**spatial_dims
    block = DenseBlock(spatial_dims, c, width, kernel_size=3, norm="batch")
    convolutions = weights * c * width + weights * (c + width) * width + (c + 2 * width) * width + 3 * width
    assert parameters(block) == convolutions + 2 * (3 * c + 3 * width) + 1
    assert [tuple(m.weight.shape) for m in block.modules() if isinstance(m, nn.PReLU)] == [(1,)]
    assert block.activation.weight.item() == 0.25


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_dropout_zeroes_whole_channels_after_encoders_and_decoders_only(spatial_dims: int) -> None:
    torch.manual_seed(0)
    net = QuickNAT(spatial_dims, 1, 2, channels=16, kernel_size=1, dropout=0.5).double().train()
    share = {}
    for name in [f"{part}s.{n}.layers" for part in ("encoder", "decoder") for n in range(4)] + ["bottleneck"]:

        def look(_: nn.Module, __: Any, y: torch.Tensor, name: str = name) -> None:
            dropped = (y == 0).flatten(2)
            assert torch.equal(dropped.any(-1), dropped.all(-1))
            share[name] = dropped.float().mean().item()

        net.get_submodule(name).register_forward_hook(look)
    net(torch.randn(4, 1, *(16,) * spatial_dims, dtype=torch.float64))
    assert share.pop("bottleneck") == 0
    assert len(share) == 8
    assert all(0.2 < each < 0.8 for each in share.values())
    x = torch.randn(1, 1, *(16,) * spatial_dims, dtype=torch.float64)
    assert torch.equal(net.eval()(x), net(x))


@pytest.mark.parametrize("attention", [None, "cse", "sse", "scse"])
def test_each_weight_has_its_own_published_name(attention: str | None) -> None:
    names = quicknat_names(QuickNAT(2, 1, 3, channels=8, attention=attention))
    state = QuickNAT(2, 1, 3, channels=8, attention=attention).state_dict()
    assert sorted(names) == sorted(state)
    assert len(set(names.values())) == len(names)
    assert {name.split(".")[0] for name in names.values()} == {
        *(f"{part}code{n}" for part in ("en", "de") for n in range(1, 5)),
        "bottleneck",
        "classifier",
    }
    assert not any(name.startswith(QUICKNAT_UNUSED) for name in names.values())


def test_published_names_of_the_decoders_are_in_the_order_they_are_applied() -> None:
    names = quicknat_names(QuickNAT(2, 1, 3, channels=8, attention="scse"))
    first = [names[f"decoders.{n}.layers.0.convs.0.conv.weight"] for n in range(4)]
    assert first == [f"decode{n}.conv1.weight" for n in (4, 1, 2, 3)]
    assert names["encoders.2.layers.0.norms.1.running_var"] == "encode3.batchnorm2.running_var"
    assert names["encoders.0.layers.0.activation.weight"] == "encode1.prelu.weight"
    assert names["decoders.1.layers.1.channel.fc2.bias"] == "decode1.SELayer.cSE.fc2.bias"
    assert names["heads.0.conv.bias"] == "classifier.conv.bias"


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"attention": "sse", "placement": ("skip",)}, "skips.0.conv.weight"),
        ({"attention": "sse", "placement": APPLIED_EVERYWHERE}, "bottleneck.1.conv.weight"),
        ({"attention": "eca", "placement": AS_ROY}, "encoders.0.layers.1.conv.weight"),
    ],
)
def test_what_the_published_network_does_not_have_is_explained(options: dict[str, Any], name: str) -> None:
    with pytest.raises(
        InputError, match=f"The published QuickNAT has no weight like {name} of this network; "
    ):
        quicknat_names(QuickNAT(2, 1, 3, channels=8, **options))


def test_a_dense_block_puts_what_is_new_behind_what_it_was_made_from() -> None:
    """Input x, then 10 x, then 3 of those: the last convolution reads them with weights 1, 100 and 10000."""
    block = DenseBlock(2, 1, 1, kernel_size=1, norm="batch").eval()
    block.activation.weight.data.fill_(1)  # the identity
    for norm in block.norms:
        norm.eps = 0
    for conv, weights in zip(block.convs, ([10], [0, 3], [1, 100, 10_000]), strict=True):
        conv.conv.weight.data.copy_(torch.tensor(weights, dtype=torch.float32).reshape(1, -1, 1, 1))
        conv.conv.bias.data.zero_()
    x = torch.tensor([[[[1.0, 2.0]]]])
    torch.testing.assert_close(block(x), x * (1 + 100 * 10 + 10_000 * 30))
