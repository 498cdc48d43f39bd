"""A convolution with its normalisation and activation."""

import math
from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from monai.networks.blocks import Convolution
from torch import Tensor, nn
from torch.nn import functional as F

from medse.layers.lengths import Lengths
from medse.registry import pick

Norm = Literal["instance", "batch", "group"]
Act = str | tuple[str, dict[str, Any]]
"""An activation as MONAI's factory takes it."""

TWO = "_sees_two_voxels"
"""Name under which a convolution remembers, from its input to its output, that its map was widened."""
SLOPE = 0.01
"""Factor of leaky ReLU for values below 0, as in nnU-Net."""
GROUPS = 8
"""Groups of the group normalisation, where channels can be divided into so many."""
LEAKY: Act = ("leakyrelu", {"negative_slope": SLOPE, "inplace": True})
_NORMS: dict[str, tuple[str, dict[str, object]]] = {
    "instance": ("instance", {"affine": True}),
    "batch": ("batch", {}),
    "group": ("group", {}),
}


def norm_layer(norm: Norm, channels: Sequence[int]) -> tuple[str, dict[str, object]]:
    """Return a normalisation as MONAI's factory takes it.

    Args:
        norm: Its name.
        channels: All numbers of channels that it is used on; group normalisation has :data:`GROUPS` groups where
            that divides them all, and else as many as their greatest common divisor with it.

    Raises:
        InputError: There is no such normalisation.
    """
    name, options = pick(_NORMS, norm, "norm")
    return name, {**options, "num_groups": math.gcd(GROUPS, *channels)} if norm == "group" else options


def conv_norm_act(
    spatial_dims: int,
    in_channels: int,
    out_channels: int,
    *,
    kernel_size: Lengths = 3,
    stride: Lengths = 1,
    norm: Norm = "instance",
    act: Act | None = LEAKY,
    act_first: bool = False,
) -> Convolution:
    """Return convolution, normalisation and activation, in that order.

    The convolution has a bias only with ``act_first``: a normalisation right after it would remove the bias.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd lengths of the kernel.
        stride: Step of the convolution.
        norm: Normalisation.
        act: Activation; None for none.
        act_first: Put the activation before the normalisation.

    Shape:
        ``(B, in_channels, *spatial)`` to ``(B, out_channels, *ceil(spatial / stride))``.
    """
    fused = norm == "instance" and act == LEAKY and not act_first
    order = "AN" if act_first else "NA"
    built = Convolution(
        spatial_dims,
        in_channels,
        out_channels,
        strides=stride,
        kernel_size=kernel_size,
        adn_ordering=order if act else "N",
        act=act,
        norm=norm_layer(norm, [out_channels]),
        bias=act_first,
        conv_only=fused,
    )
    if fused:
        built.add_module("norm_act", InstanceNormLeakyReLU(out_channels))
    return built


def widen_thin_maps(net: nn.Module) -> None:
    """Let all convolutions of a net see one voxel more where a CPU would compute a wrong gradient of their weights.

    It is 0, as the padding that it takes the place of, and what is computed of it is cut off: the output does not
    change. On CPUs whose oneDNN computes in bf16 and fp16, torch 2.13 leaves part of the gradient of a kernel's
    weights unwritten where a map has one voxel along an axis of stride 2, or in 3-D two voxels along the first axis
    at a stride of 1: the training of a small patch diverges, or goes wrong without a word.

    Args:
        net: A network or a part of one.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d) and max(module.kernel_size) > 1:
            module.register_forward_pre_hook(_widen)
            module.register_forward_hook(_cut)


def _widen(convolution: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
    (x,) = given
    lengths, steps = x.shape[2:], cast(tuple[int, ...], convolution.stride)
    two = len(lengths) == 3 and lengths[0] == 2 and steps[0] == 1 and _same(convolution, 0)
    low = x.dtype != torch.float32 or torch.is_autocast_enabled("cpu")
    if torch.compiler.is_compiling() or x.device.type != "cpu":
        return given
    convolution.__dict__[TWO] = two and low
    thin = [
        step == 2 and n == 1 and _same(convolution, axis)
        for axis, (n, step) in enumerate(zip(lengths, steps, strict=True))
    ]
    thin[0] |= two and low
    if not any(thin):
        return given
    return (F.pad(x, [n for more in reversed(thin) for n in (0, int(more))]),)


def _cut(convolution: nn.Module, _given: tuple[Tensor], y: Tensor) -> Tensor:
    return y[:, :, :2] if convolution.__dict__.pop(TWO, False) else y


def _same(convolution: nn.Module, axis: int) -> bool:
    """Whether a kernel is odd and its padding keeps the size at a stride of 1; a stride of 2 needs a kernel of 3."""
    padding, kernel, stride = (
        cast(Any, getattr(convolution, name))[axis] for name in ("padding", "kernel_size", "stride")
    )
    return bool(kernel % 2 and kernel > 1 and padding == kernel // 2 and (stride == 1 or kernel == 3))


class InstanceNormLeakyReLU(nn.Module):
    """Normalises each channel of each sample over its voxels, scales, shifts, and activates.

    Instance normalisation is batch normalisation of the channels of all samples side by side, in PyTorch too; here
    the activation stands in place before they are parted again. In place after that it would act on a view, and its
    backward pass would copy whole maps; out of place it would keep a third map.

    Args:
        channels: Channels of the feature map.

    Shape:
        ``(B, channels, *spatial)`` to the same.

    Reference:
        Ulyanov et al., Instance Normalization (2016), equation 8; Maas et al., Rectifier Nonlinearities (2013).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.eps = 1e-5
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise and activate."""
        if torch.compiler.is_compiling():  # exported graphs keep the one operation that ONNX has for it
            return F.leaky_relu(F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps), SLOPE)
        batch = x.shape[0]
        if not batch:  # no statistics to take; instance and batch norm of PyTorch stumble over that
            return F.leaky_relu(F.group_norm(x, len(self.weight), self.weight, self.bias, self.eps), SLOPE)
        rows = x.reshape(1, batch * x.shape[1], *x.shape[2:])
        weight, bias = self.weight.repeat(batch), self.bias.repeat(batch)
        y = F.batch_norm(rows, None, None, weight, bias, training=True, eps=self.eps)
        return F.leaky_relu(y, SLOPE, inplace=True).view(x.shape)
