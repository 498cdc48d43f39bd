"""What all blocks share."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention.ops import tracing
from medse.attention.papers import Paper
from medse.errors import InputError
from medse.layers.lengths import check_spatial_dims
from medse.registry import check_options

Purpose = Literal[
    "segmentation",
    "segmentation of 3-D volumes",
    "classification",
    "mobile and embedded networks",
    "hardly any parameters",
    "a baseline to compare with",
]
"""What a block may be the first to try for."""


DERIVED = frozenset({"self", "spatial_dims", "channels"})
"""Parameters of a block that follow from the network around it."""


PLAIN = (nn.Conv2d, nn.Conv3d)
"""Layers whose weights a block may use in its own way."""


class AttentionBlock(nn.Module):
    """A block that weighs the features of ``(B, C, *spatial)`` and keeps shape, type and memory format.

    A block is its :meth:`formula` and what its class says about it; both stand in one file. Means and what is
    computed from them are in float32 or better, whatever autocast is on. Scores per voxel and products with the
    features may be in the features' own type. Features and parameters may be of different types: layers compute in
    that of their weights.

    Its layers are ordinary modules, which may be quantized, wrapped, parametrized, pruned or hooked: what is not
    exactly PyTorch's own layer is called as a module.

    Attributes:
        title: Its name in words.
        papers: Where it was published, the original first; none for a block of medse's own.
        what: What it does, with the formula in words.
        use: When to use it.
        ours: What in it is not from the papers; empty where nothing is.
        suits: What it is among the first to try for.
        parameter_formula: How many parameters it has, from ``C`` (channels), ``d`` (spatial dimensions) and its
            options under their names, in the syntax of Python with ``·`` for a product; abbreviations follow after
            "with", the last to be computed first. Valid for the defaults of the options that it does not name.
        published: For each code of the authors that :func:`medse.attention.load_author_weights` reads, our
            modules' names and theirs.

    Args:
        spatial_dims: 2 or 3.
        channels: C.

    Raises:
        InputError: ``spatial_dims`` is neither, ``channels`` is below 1, or an option does not fit them.
        TypeError: When a class is made that leaves out an attribute without a default.
    """

    title: ClassVar[str]
    papers: ClassVar[tuple[Paper, ...]]
    what: ClassVar[str]
    use: ClassVar[str]
    parameter_formula: ClassVar[str]
    ours: ClassVar[str] = ""
    suits: ClassVar[tuple[Purpose, ...]] = ()
    published: ClassVar[tuple[Mapping[str, str], ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        told = ("title", "papers", "what", "use", "parameter_formula")
        if missing := [name for name in told if not hasattr(cls, name)]:
            raise TypeError(f"The class {cls.__name__} does not say its {', '.join(missing)}.")
        check_options(cls, DERIVED)

    def __init__(self, spatial_dims: int, channels: int) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        if channels < 1:
            raise InputError(f"channels is {channels}; at least 1 is needed.")
        self.spatial_dims = spatial_dims
        self.channels = channels
        self.axes = tuple(range(2, 2 + spatial_dims))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` recalibrated, in the same shape and type.

        Raises:
            InputError: ``x`` is not ``(B, C, *spatial)``, or not of floating point.
        """
        recalibrate = self.formula
        if tracing.eager():
            recalibrate = self.lean
            if x.ndim != 2 + self.spatial_dims or x.shape[1] != self.channels or not x.is_floating_point():
                axes = ", ".join(("depth", "height", "width")[-self.spatial_dims :])
                raise InputError(
                    f"{type(self).__name__} was given features {tuple(x.shape)} of {x.dtype}; allowed are (batch, "
                    f"{self.channels}, {axes}) of floating point; convert them, or build the block for them."
                )
        device = x.device.type
        if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
            return recalibrate(x)
        with torch.autocast(device, enabled=False):
            return recalibrate(x)

    @abstractmethod
    def formula(self, x: Tensor) -> Tensor:
        """Recalibrate ``x`` by the formula of the paper: what compilers and exporters trace."""

    def lean(self, x: Tensor) -> Tensor:
        """Compute the formula in eager mode, with less memory and time where a block knows how."""
        return self.formula(x)

    def per_channel(self, gates: Tensor) -> Tensor:
        """Return the gates ``(B, C)`` as ``(B, C, 1, ..., 1)``."""
        return gates.reshape(*gates.shape, *(1,) * self.spatial_dims)


def hidden_channels(channels: int, reduction: int) -> int:
    """Return the width of a bottleneck, ``channels // reduction``.

    Raises:
        InputError: It would be 0.
    """
    if reduction > channels:
        raise InputError(
            f"reduction {reduction} does not fit {channels} channels; allowed are 1 to {channels}; "
            "choose a smaller reduction or a wider network."
        )
    return channels // reduction


def is_plain(layer: nn.Module) -> bool:
    """Return whether calling a layer does nothing but its arithmetic with ``weight`` and ``bias``.

    It does more where it is of another class (quantized, wrapped, parametrized) or has hooks (pruned, weight norm).
    """
    hooks = layer._forward_pre_hooks, layer._forward_hooks, layer._backward_pre_hooks, layer._backward_hooks
    return type(layer) in PLAIN and not any(hooks)


def typed_for(layer: nn.Module, x: Tensor) -> Tensor:
    """Return ``x`` in the type of the layer's weights; as it is where they are not of floating point."""
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor):  # wrapped or quantized
        weight = next(layer.parameters(), None)
    return x.to(weight.dtype) if weight is not None and weight.is_floating_point() else x


def normalize(norm: nn.Module, x: Tensor) -> Tensor:
    """Apply batch normalisation, or what stands in its place, to ``(B, C, ...)``.

    One value per channel has no variance: then the running statistics are used, and left as they are, also in
    training.
    """
    x = typed_for(norm, x)
    if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d) and norm.training and x.numel() <= x.shape[1]:
        return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
    return norm(x)  # type: ignore[no-any-return]
