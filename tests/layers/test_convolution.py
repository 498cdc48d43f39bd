"""Instance norm with leaky ReLU, against torch's two operations."""

import io
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from medse.layers.convolution import SLOPE, InstanceNormLeakyReLU, widen_thin_maps


def made(channels: int = 3, dtype: torch.dtype = torch.float32) -> InstanceNormLeakyReLU:
    torch.manual_seed(0)
    layer = InstanceNormLeakyReLU(channels).to(dtype)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    return layer


def plain(layer: InstanceNormLeakyReLU, x: Tensor) -> Tensor:
    return F.leaky_relu(F.instance_norm(x, weight=layer.weight, bias=layer.bias, eps=layer.eps), SLOPE)


@pytest.mark.parametrize("spatial", [(4, 5), (3, 4, 5)], ids=str)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.preserve_format])
def test_output_and_gradients_are_those_of_the_two_operations(
    spatial: tuple[int, ...], layout: torch.memory_format
) -> None:
    layer = made()
    x = torch.randn(2, 3, *spatial) * 3 + 1
    if layout == torch.preserve_format:
        x = x.movedim(1, -1).contiguous().movedim(-1, 1)
    r = torch.randn_like(x)
    found = []
    for run in (layer, lambda x: plain(layer, x)):
        layer.zero_grad()
        given = x.clone().requires_grad_()
        y = run(given)
        y.backward(r)
        found.append([y, given.grad, layer.weight.grad, layer.bias.grad])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_no_gradient_mode_gives_the_same() -> None:
    layer, x = made(), torch.randn(2, 3, 4, 4, 4)
    given = x.clone()
    with torch.no_grad():
        y = layer(x)
    torch.testing.assert_close(y, layer(x))
    torch.testing.assert_close(x, given, rtol=0, atol=0)


def test_bf16_stays_bf16_and_near() -> None:
    layer, x = made(), torch.randn(2, 3, 6, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x.bfloat16())
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), plain(layer, x), rtol=2e-2, atol=2e-2)


def test_only_input_and_output_are_kept() -> None:
    layer, x = made(), torch.randn(2, 3, 8, 8, 8, requires_grad=True)
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        layer(x)
    assert sorted(n for n in kept.values() if n >= x.numel()) == [x.numel()] * 2


def test_a_single_voxel_is_refused_while_training_as_torch_does() -> None:
    with pytest.raises(ValueError, match="more than 1"):
        made()(torch.randn(2, 3, 1, 1))


def test_compiled_and_exported() -> None:
    layer, x = made(), torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(torch.compile(layer, backend="eager", fullgraph=True)(x), layer(x))
    program = torch.export.export(layer, (x,))
    assert torch.ops.aten.instance_norm.default in [node.target for node in program.graph.nodes]
    saved = io.BytesIO()
    torch.export.save(program, saved)
    torch.testing.assert_close(program.module()(x), layer(x))


def test_no_map_is_copied() -> None:
    """Both ways; after a view, the activation in place would copy in its backward pass."""
    copied: list[str] = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            if (
                func.overloadpacket.__name__ in ("clone", "copy_", "new_empty_strided")
                and out.numel() >= x.numel()
            ):
                copied.append(str(func))
            return out

    layer, x = made(), torch.randn(2, 3, 8, 8, 8, requires_grad=True)
    with Watch():
        layer(x).backward(torch.randn_like(x))
    assert not copied


SIZES = [(1, 1), (4, 1), (2, 2), (1, 1, 1), (3, 4, 1), (2, 1, 2), (3, 1, 2), (2, 2, 2), (2, 4, 3)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("steps", [(2, 2), (1, 2), (1, 1)], ids=str)
def test_a_strided_convolution_of_a_thin_map_has_all_of_its_gradient_in_bf16(
    size: tuple[int, ...], steps: tuple[int, int]
) -> None:
    """In every call: what is left unwritten holds what was in that memory before."""
    torch.manual_seed(0)
    stride = (*steps[:1] * (len(size) - 1), steps[1])  # the last axis has its own
    conv = (torch.nn.Conv2d if len(size) == 2 else torch.nn.Conv3d)(16, 32, 3, stride, padding=1)
    x = torch.randn(2, 16, *size)
    y = conv(x)
    weight = torch.randn_like(y)
    (exact,) = torch.autograd.grad(y, conv.weight, weight)
    widen_thin_maps(conv)
    torch.testing.assert_close(conv(x), y)
    for _ in range(5):
        dirt = [torch.full((conv.weight.numel(),), 1e30) for _ in range(3)]
        del dirt
        with torch.autocast("cpu", torch.bfloat16):
            half = conv(x)
        (gradient,) = torch.autograd.grad(half, conv.weight, weight.bfloat16())
        assert (gradient - exact).norm() <= 2e-2 * exact.norm()
