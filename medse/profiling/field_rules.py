"""How the fields of the results of PyTorch's operators follow from those of their arguments.

Two things are left out by convention, since with them every field is the whole image: the statistics of
normalisation, and global pooling, whose result keeps the widest interval of what was pooled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medse.profiling.fields import Field, Ints, together


@dataclass(frozen=True)
class Call:
    """A call of an operator.

    Attributes:
        func: The overload.
        args: Its positional arguments.
        out: Its (first) result.
        given: The tensors among the arguments that depend on the image, with their fields; at least one.
    """

    func: Any
    args: tuple[Any, ...]
    out: Tensor
    given: list[tuple[Tensor, Field]]

    @property
    def name(self) -> str:
        """Name of the operator, the same for all overloads, in place or not."""
        return str(self.func.overloadpacket.__name__).removesuffix("_")

    @property
    def map(self) -> Field:
        """The field of the first tensor that has one."""
        return self.given[0][1]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Positions of the result along each spatial axis."""
        return tuple(self.out.shape[-len(self.map.axes) :])

    def argument(self, position: int, default: Any) -> Any:
        """Return an argument that the call may leave out."""
        return self.args[position] if len(self.args) > position else default

    def lists(self, *numbers: Sequence[int]) -> list[tuple[int, ...]]:
        """Return for each spatial axis its number of each of ``numbers``, where one may be for all axes."""
        dims = len(self.map.axes)
        return list(zip(*(list(n) * dims if len(n) == 1 else list(n) for n in numbers), strict=True))

    def spatial(self, axes: Sequence[int]) -> set[int]:
        """Return those of ``axes`` of the first tensor that are spatial, counted from the last one."""
        tensor, field = self.given[0]
        counted = {axis % tensor.ndim - tensor.ndim for axis in axes}
        return {axis for axis in counted if axis >= -len(field.axes)}


Rule = Callable[[Call], Field | None]
"""A call -> the field of its result; None where the rule does not say."""


def field_after(call: Call) -> Field | None:
    """Return the field of the result of ``call``, None where there is no rule."""
    pooled = {field.pooled for _, field in call.given}
    if pooled == {True}:
        return together([field for _, field in call.given])
    if True in pooled:
        return None
    rule = _RULES.get(call.name, _apart if torch.Tag.pointwise in call.func.tags else None)
    flat = any(field.flat_in(tensor) for tensor, field in call.given)
    if rule is None or (flat and rule not in (_apart, _same_positions, _unpooled)):
        return None
    found = rule(call)
    return found if found and positions_fit(call.out, found) else None


def positions_fit(tensor: Tensor, field: Field) -> bool:
    """Return whether the last axes of ``tensor`` are those of ``field``, or its last one has all its positions."""
    return field.pooled or not field.flat_in(tensor) or tensor.shape[-1] == prod(field.lengths)


def _apart(call: Call) -> Field | None:
    """Positions are kept apart."""
    alike = len({field.flat_in(tensor) for tensor, field in call.given}) == 1
    return together([field for _, field in call.given]) if alike else None


def _same_positions(call: Call) -> Field:
    """The shape changes in front of the spatial axes, or these become one, or several again."""
    return call.map


def _across(position: int) -> Rule:
    """Something along the axis that is this argument, which must not be spatial."""
    return lambda call: None if call.spatial([call.argument(position, 0)]) else _apart(call)


def _reduced(call: Call) -> Field | None:
    """Over no spatial axis, or over all: global pooling."""
    given = call.argument(1, None)
    axes = call.spatial([given] if isinstance(given, int) else given or range(call.args[0].ndim))
    return _global(call) if len(axes) == len(call.map.axes) else None if axes else call.map


def _adaptive(call: Call) -> Field | None:
    return _global(call) if prod(call.args[1]) == 1 else None


def _global(call: Call) -> Field:
    return call.map.globally_pooled()


def _windows(call: Call, *numbers: Sequence[int]) -> list[Ints]:
    """Return for each axis the positions in each window of a kernel, stride, padding and dilation."""
    return [
        np.arange(length)[:, None] * stride - padding + dilation * np.arange(kernel)
        for length, (kernel, stride, padding, dilation) in zip(
            call.lengths, call.lists(*numbers), strict=True
        )
    ]


def _convolution(call: Call) -> Field | None:
    _, weight, _, stride, padding, dilation, transposed, *_ = call.args
    kernel = weight.shape[2:]
    if len(call.given) > 1 or len(kernel) != len(call.map.axes):
        return None
    if not transposed:
        return call.map.seen_from(_windows(call, kernel, stride, padding, dilation))
    taps = []
    numbers = call.lists(kernel, stride, padding, dilation)
    for length, (size, step, before, gap) in zip(call.lengths, numbers, strict=True):
        scattered = np.arange(length)[:, None] + before - gap * np.arange(size)
        taps.append(np.where(scattered % step == 0, scattered // step, -1))
    return call.map.seen_from(taps)


def _average_pool(call: Call) -> Field:
    kernel = call.args[1]
    return call.map.seen_from(
        _windows(call, kernel, call.argument(2, []) or kernel, call.argument(3, [0]), [1])
    )


def _maximum_pool(call: Call) -> Field:
    kernel = call.args[1]
    padding, dilation = call.argument(3, [0]), call.argument(4, [1])
    taps = _windows(call, kernel, call.argument(2, []) or kernel, padding, dilation)
    windows = tuple(zip(taps, call.map.lengths, strict=True))
    return Field(call.map.seen_from(taps).axes, windows)


def _unpooled(call: Call) -> Field | None:
    """What scatters along the one axis of all positions, or unpools, to where maxima were."""
    fields = [field for _, field in call.given]
    indices = call.args[2 if call.name == "scatter" else 1]
    windows = next((field.windows for tensor, field in call.given if tensor is indices), ())
    alike = len(fields) == 2 and fields[0].lengths == fields[1].lengths
    return together(fields).unpooled(windows) if windows and alike else None


def _scales(call: Call, position: int) -> list[tuple[int, int, int, int]]:
    """Return for each axis the old and the new length, and the step on the old grid as a fraction."""
    found = []
    given = call.args[position:] or (None,) * len(call.map.axes)
    for old, new, factor in zip(call.map.lengths, call.lengths, given, strict=True):
        step = Fraction(old, new) if factor is None else 1 / Fraction(factor).limit_denominator(1000)
        found.append((old, new, step.numerator, step.denominator))
    return found


def _nearest(shift: int) -> Rule:
    """The voxel around ``shift`` halves of a step after the start of each."""

    def rule(call: Call) -> Field:
        taps = [
            np.minimum((2 * np.arange(new) + shift) * over // (2 * under), old - 1)[:, None]
            for old, new, over, under in _scales(call, 2)
        ]
        return call.map.seen_from(taps)

    return rule


def _linear(call: Call) -> Field:
    """The two voxels around the centre of each; one where the centres meet."""
    taps = []
    for old, new, over, under in _scales(call, 3):
        if call.args[2]:  # the corners are aligned
            at, unit = np.arange(new) * (old - 1), max(new - 1, 1)
        else:
            at, unit = np.maximum((2 * np.arange(new) + 1) * over - under, 0), 2 * under
        low = np.minimum(at // unit, old - 1)
        taps.append(np.stack([low, np.minimum(low + (at % unit > 0), old - 1)], axis=1))
    return call.map.seen_from(taps)


def _padded(mode: str | None) -> Rule:
    """Padding with what ``np.pad`` calls ``mode``, None for a constant; negative padding cuts off."""

    def rule(call: Call) -> Field | None:
        pads: list[int] = call.args[1]
        taps = []
        for axis, length in enumerate(call.map.lengths):
            start = 2 * (len(call.map.axes) - 1 - axis)
            before, after = pads[start : start + 2] or (0, 0)
            at = np.arange(-before, length + after)
            if mode:
                at = np.pad(np.arange(length), (before, after), mode)  # type: ignore[call-overload]
            taps.append(at[:, None])
        return call.map.seen_from(taps)

    return rule


def _sliced(call: Call) -> Field:
    spatial = call.spatial([call.argument(1, 0)])
    cut = slice(*(call.argument(position, None) for position in (2, 3, 4)))
    dims = len(call.map.axes)
    every = [np.arange(length) for length in call.map.lengths]
    return call.map.seen_from(
        (at[cut] if axis - dims in spatial else at)[:, None] for axis, at in enumerate(every)
    )


_RULES: dict[str, Rule] = {
    name: rule
    for rule, names in (
        (_apart, "clone copy _to_copy dropout native_dropout _prelu_kernel hardtanh"),
        (_apart, "native_batch_norm native_group_norm _native_batch_norm_legit_no_training"),
        (_same_positions, "view _unsafe_view alias detach unsqueeze squeeze expand repeat"),
        (_across(1), "_softmax _log_softmax cat stack select cumsum"),
        (_across(2), "split split_with_sizes chunk"),
        (_across(1), "unbind"),
        (_reduced, "mean sum amax amin max min var var_mean std std_mean linalg_vector_norm"),
        (_adaptive, "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d"),
        (_convolution, "convolution"),
        (_average_pool, "avg_pool2d avg_pool3d"),
        (_maximum_pool, "max_pool2d_with_indices max_pool3d_with_indices"),
        (_unpooled, "scatter max_unpool2d max_unpool3d"),
        (_nearest(0), "upsample_nearest1d upsample_nearest2d upsample_nearest3d"),
        (_nearest(1), "_upsample_nearest_exact2d _upsample_nearest_exact3d"),
        (_linear, "upsample_bilinear2d upsample_trilinear3d"),
        (_padded(None), "constant_pad_nd"),
        (_padded("reflect"), "reflection_pad2d reflection_pad3d"),
        (_padded("edge"), "replication_pad2d replication_pad3d"),
        (_sliced, "slice"),
    )
    for name in names.split()
}
"""Name of an operator that is not tagged as element-wise -> its rule."""
