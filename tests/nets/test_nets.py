"""The contract every network keeps, with and without every attention block, in 2-D and 3-D."""

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from medse.attention import ATTENTION
from medse.attention.block import AttentionBlock
from medse.errors import InputError
from medse.nets import NETS, SEGMENTATION_NETS
from tests.support.tiny_nets import COARSE, build, has, image, sizes

EVERY = pytest.mark.parametrize(
    ("name", "spatial_dims", "attention"), list(itertools.product(NETS, (2, 3), [None, *ATTENTION]))
)
NORM = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d

BIASES_BEFORE_NORMS = {"quicknat", "resnetv2", "mobilenetv2", "densenet"}
"""Networks whose published layout has biases that a later normalisation removes again."""


@EVERY
@torch.no_grad()
def test_any_size(name: str, spatial_dims: int, attention: str | None) -> None:
    net = build(name, spatial_dims, attention).eval()
    for size in sizes(name, spatial_dims):
        expected = (1, 3, *size) if name in SEGMENTATION_NETS else (1, 3)
        assert net(torch.randn(1, 2, *size)).shape == expected


@EVERY
def test_every_parameter_gets_a_gradient(name: str, spatial_dims: int, attention: str | None) -> None:
    """In double precision, where a gradient that is 0 but for rounding cannot be taken for a small one."""
    supervised = {"deep_supervision": True} if has(name, "deep_supervision") else {}
    net = build(name, spatial_dims, attention, **supervised).double().train()
    for block in net.modules():
        if isinstance(block, AttentionBlock):
            for module in block.modules():
                if isinstance(module, NORM):
                    module.eval()  # it would remove the biases before it
            if isinstance(fc1 := getattr(block, "fc1", None), nn.Linear) and fc1.bias is not None:
                nn.init.ones_(fc1.bias)  # no gate whose hidden units are all dead
    logits = net(image(name, spatial_dims).double())
    levels = logits if isinstance(logits, list) else [logits]
    torch.stack([(level * torch.randn_like(level)).sum() for level in levels]).sum().backward()
    gradients = {key: p.grad for key, p in net.named_parameters() if p.grad is not None}
    assert gradients.keys() == dict(net.named_parameters()).keys()
    largest = max(g.abs().max().item() for g in gradients.values())
    blocks = tuple(key for key, module in net.named_modules() if isinstance(module, AttentionBlock))
    for key, gradient in gradients.items():
        removed = name in BIASES_BEFORE_NORMS and key.endswith(".bias") and not key.startswith(blocks)
        assert removed or gradient.abs().max().item() > 1e-12 * largest, key


@EVERY
def test_each_tensor_is_named_once_and_survives_a_round_trip(
    name: str, spatial_dims: int, attention: str | None
) -> None:
    net = build(name, spatial_dims, attention).eval()
    state = net.state_dict()
    assert len({tensor.data_ptr() for tensor in state.values()}) == len(state)
    other = build(name, spatial_dims, attention).eval()
    nn.init.zeros_(next(other.parameters()))
    other.load_state_dict(state)
    x = image(name, spatial_dims, batch=1)
    torch.testing.assert_close(other(x), net(x), rtol=0, atol=0)


@EVERY
def test_a_bf16_step_is_finite(name: str, spatial_dims: int, attention: str | None) -> None:
    net = build(name, spatial_dims, attention, **COARSE.get(name, {})).train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = net(image(name, spatial_dims)).float().square().mean()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@EVERY
def test_only_named_attention_is_built(name: str, spatial_dims: int, attention: str | None) -> None:
    kinds = {type(m) for m in build(name, spatial_dims, attention).modules() if isinstance(m, AttentionBlock)}
    assert (ATTENTION[attention] in kinds) if attention else not kinds


@pytest.mark.parametrize("norm", ["instance", "batch", "group"])
@pytest.mark.parametrize("name", [name for name in NETS if has(name, "norm")])
def test_norms(name: str, norm: str) -> None:
    net = build(name, 3, None, norm=norm)
    kinds = {type(m).__name__ for m in net.modules()}
    assert {"instance": "InstanceNorm", "batch": "BatchNorm3d", "group": "GroupNorm"}[norm] in " ".join(kinds)


@pytest.mark.parametrize("name", [name for name in NETS if has(name, "deep_supervision")])
@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_deep_supervision_returns_finest_first_only_while_training(name: str, spatial_dims: int) -> None:
    net = build(name, spatial_dims, None, deep_supervision=True)
    x = torch.randn(2, 2, *(32, 16, 16)[:spatial_dims])
    levels = net.train()(x)
    assert [tuple(level.shape) for level in levels] == [
        (2, 3, *(n // 2**i for n in x.shape[2:])) for i in range(len(levels))
    ]
    assert len(levels) > 1
    assert net.eval()(x).shape == (2, 3, *x.shape[2:])


@pytest.mark.parametrize("name", [name for name in SEGMENTATION_NETS if has(name, "strides", "kernel_size")])
def test_strides_may_differ_between_axes(name: str) -> None:
    count = 4 if name == "quicknat" else 2
    strides = ((1, 2, 2), (2, 2, 1), *[(1, 1, 1)] * (count - 2))
    net = build(name, 3, "scse", strides=strides, kernel_size=((1, 3, 3), *[3] * count)).eval()
    assert net.stride == (2, 4, 2)
    assert net(torch.randn(1, 2, 3, 9, 5)).shape == (1, 3, 3, 9, 5)


@pytest.mark.parametrize("name", [name for name in SEGMENTATION_NETS if has(name, "placement")])
@pytest.mark.parametrize("placement", [("encoder",), ("bottleneck",), ("decoder",), ("skip",)])
def test_each_place_adds_attention_to_the_same_net(name: str, placement: tuple[str, ...]) -> None:
    """The blocks that run are those that are registered, and all others run as without attention."""
    net = build(name, 2, "sse", placement=placement).eval()
    plain = build(name, 2, None).eval()
    blocks = {key: m for key, m in net.named_modules() if isinstance(m, AttentionBlock)}
    depth = {"quicknat": 4}.get(name, 2)
    assert len(blocks) == (1 if placement == ("bottleneck",) else depth)
    missing, unexpected = plain.load_state_dict(net.state_dict(), strict=False)
    assert not missing
    assert {key.rsplit(".", 2)[0] for key in unexpected} == set(blocks)
    x, ran = image(name, 2), []
    for block in blocks.values():
        block.register_forward_hook(lambda module, given, _out: (ran.append(module), given[0])[1])
    torch.testing.assert_close(net(x), plain(x))
    assert set(ran) == set(blocks.values())
    assert len(ran) == len(blocks)


COMMON: tuple[tuple[str, Any, str], ...] = (
    ("kernel_size", 4, "each length must be odd"),
    ("kernel_size", (3,) * 9, "kernel_size has "),
    ("strides", (2,) * 11, "strides has 11 entries"),
    ("attention", {"name": "se", "reduction": 9999}, "reduction 9999 does not fit"),
)
"""What every network refuses that has the option, beside what its annotation forbids: option, value, words."""

OWN: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("unet", {"kernel_size": ((3, 3), 2, 3)}, "must be odd"),
    ("unet", {"strides": ((2, 2, 2), 2)}, r"strides .* \(2, 2, 2\); .* each of the 2 axes"),
    ("unet", {"blocks": (1, 2, 3, 4)}, r"blocks is \(1, 2, 3, 4\); .* 3 of them"),
    (
        "unet",
        {"variant": "residual", "activation": "relu_first"},
        "variant 'plain' or activation 'leaky_relu'",
    ),
    ("unet", {"kernel_size": (3, (1, 3), 3)}, "as far as it steps"),
    ("fcdensenet", {"layers": (4, 4)}, r"layers is \(4, 4\); .* 3 of them"),
    ("fcdensenet", {"block": "roy", "init_channels": None}, "layers is 2 .* 'roy'"),
    ("fcdensenet", {"block": "roy", "layers": None}, "init_channels is 16 .* 'roy'"),
    ("resnetv2", {"blocks": (2, 2)}, "strides has 6 entries; .* 4"),
)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [(name, {key: value}, words) for name in NETS for key, value, words in COMMON if has(name, key)]
    + list(OWN),
)
def test_bad_options_are_explained(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build(name, 2, **{"attention": None, **options})


@pytest.mark.parametrize("name", NETS)
def test_other_dimensions_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="spatial_dims is 1; allowed are 2 and 3"):
        build(name, 1, None)


@pytest.mark.parametrize("name", [name for name in NETS if has(name, "norm") and name != "densenet"])
@torch.no_grad()
def test_one_voxel_is_refused_where_the_norm_needs_more(name: str) -> None:
    """DenseNet's pooling leaves one voxel of more than its stride; its own tests say of how many."""
    net = build(name, 2, None, norm="batch").train()
    one = torch.randn(1, 2, *net.stride)
    allowed = " or ".join(f"{step + 1} along axis {axis}" for axis, step in enumerate(net.stride))
    with pytest.raises(InputError, match=f"norm 'batch' cannot .* at least {allowed}; .* two or more images"):
        net(one)
    larger = torch.randn(1, 2, net.stride[0] + 1, net.stride[1])
    for enough in (net(one.repeat(2, 1, 1, 1)), net(larger), net.eval()(one)):
        assert all(level.isfinite().all() for level in enough)
    with pytest.raises(InputError, match=r"norm 'instance' cannot .* larger inputs or norm 'group'"):
        build(name, 2, None, norm="instance").eval()(one.repeat(2, 1, 1, 1))
    assert build(name, 2, None, norm="group").train()(one).isfinite().all()


@pytest.mark.parametrize("attention", [None, "se", "scse"])
@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("name", NETS)
def test_no_image_at_all(name: str, spatial_dims: int, attention: str | None) -> None:
    net, x = build(name, spatial_dims, attention).train(), image(name, spatial_dims)[:0]
    y = net(x)
    assert y.shape == ((0, 3, *x.shape[2:]) if name in SEGMENTATION_NETS else (0, 3))
    y.sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in net.parameters())
    assert net.eval()(x).shape == y.shape


@pytest.mark.parametrize("name", NETS)
@torch.no_grad()
def test_images_of_another_type_are_refused(name: str) -> None:
    net, x = build(name, 2, "scse").eval(), image(name, 2, batch=1)
    for dtype in (torch.float64, torch.float16, torch.uint8):
        with pytest.raises(InputError, match=f"is of {dtype}; .* weights of torch.float32 .* convert"):
            net(x.to(dtype))
    with torch.autocast("cpu", torch.bfloat16):
        for dtype in (torch.float32, torch.bfloat16):
            assert net(x.to(dtype)).isfinite().all()
        with pytest.raises(InputError, match="torch.float64"):
            net(x.double())
    assert net.double()(x.double()).dtype == torch.float64


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("name", NETS)
@torch.no_grad()
def test_quantized_it_is_nearly_the_network(name: str, spatial_dims: int) -> None:
    net, x = build(name, spatial_dims, {"name": "se", "reduction": 2}).eval(), image(name, spatial_dims)
    quantized = torch.ao.quantization.quantize_dynamic(net, {nn.Linear})
    assert any(type(module).__module__.startswith("torch.ao") for module in quantized.modules())
    assert (quantized(x) - net(x)).norm() <= 0.03 * net(x).norm()


@pytest.mark.parametrize("name", NETS)
def test_transforms_of_the_whole_network(name: str) -> None:
    net, x = build(name, 2, "scse").double().eval(), image(name, 2).double()
    with torch.no_grad():
        torch.testing.assert_close(torch.vmap(net)(x[:, None])[:, 0], net(x))
    step = torch.randn_like(x)
    y, along = torch.func.jvp(net, (x,), (step,))
    weight = torch.randn_like(y)
    (backwards,) = torch.autograd.grad((net(x.requires_grad_()) * weight).sum(), x)
    torch.testing.assert_close((along * weight).sum(), (backwards * step).sum(), rtol=1e-6, atol=0)
