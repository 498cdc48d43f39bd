"""QuickNAT and SD-Net written a second time, in plain PyTorch on state dicts with the authors' names, 2-D alone."""

import torch
from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]


def recalibrated(state: State, x: Tensor, prefix: str) -> Tensor:
    """Apply whichever of cSE, sSE and scSE has weights that begin with ``prefix``."""
    if f"{prefix}cSE.fc1.weight" in state:
        return torch.maximum(recalibrated(state, x, f"{prefix}cSE."), recalibrated(state, x, f"{prefix}sSE."))
    if f"{prefix}fc1.weight" in state:
        hidden = F.linear(x.mean((2, 3)), state[f"{prefix}fc1.weight"], state[f"{prefix}fc1.bias"]).relu()
        gate = F.linear(hidden, state[f"{prefix}fc2.weight"], state[f"{prefix}fc2.bias"]).sigmoid()
        return x * gate[:, :, None, None]
    if f"{prefix}conv.weight" in state:
        return x * F.conv2d(x, state[f"{prefix}conv.weight"], state[f"{prefix}conv.bias"]).sigmoid()
    return x


def block(state: State, x: Tensor, prefix: str = "", train: bool = False, attention: bool = True) -> Tensor:
    """Apply a block of QuickNAT or of SD-Net, whichever has weights that begin with ``prefix``."""

    def conv(name: str, x: Tensor) -> Tensor:
        weight = state[f"{prefix}{name}.weight"]
        return F.conv2d(x, weight, state[f"{prefix}{name}.bias"], padding=weight.shape[-1] // 2)

    def norm(name: str, x: Tensor) -> Tensor:
        keys = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(state[f"{prefix}{name}.{key}"] for key in keys), training=train)

    def prelu(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, state[f"{prefix}prelu.weight"] * x)

    if f"{prefix}conv.weight" in state:
        y = norm("batchnorm", prelu(conv("conv", x)))
    else:
        first = conv("conv1", prelu(norm("batchnorm1", x)))
        second = conv("conv2", prelu(norm("batchnorm2", torch.cat((x, first), 1))))
        y = conv("conv3", prelu(norm("batchnorm3", torch.cat((x, first, second), 1))))
    return recalibrated(state, y, f"{prefix}SELayer.") if attention else y


def encoder(state: State, x: Tensor, prefix: str = "", train: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    full = block(state, x, prefix, train)
    pooled, indices = F.max_pool2d(full, 2, return_indices=True)
    return pooled, full, indices


def decoder(
    state: State, low: Tensor, skip: Tensor, indices: Tensor, prefix: str = "", train: bool = False
) -> Tensor:
    unpooled = F.max_unpool2d(low, indices, 2, output_size=skip.shape[2:])
    return block(state, torch.cat((skip, unpooled), 1), prefix, train)


def quicknat(state: State, x: Tensor, train: bool) -> Tensor:
    kept = []
    for level in range(1, 5):
        x, *rest = encoder(state, x, f"encode{level}.", train)
        kept.append(rest)
    x = block(state, x, "bottleneck.", train, attention=False)
    for level in (4, 1, 2, 3):
        x = decoder(state, x, *kept.pop(), f"decode{level}.", train)
    return F.conv2d(x, state["classifier.conv.weight"], state["classifier.conv.bias"])
