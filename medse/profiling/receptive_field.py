"""How much of the image a network's result can depend on.

A map's field says for each spatial axis and each position which interval of voxels that position can depend on; gaps
in it, as dilated kernels leave them, count as seen, and all channels of a position have one interval. There is a rule
for each operator that the networks of medse use.

Two things are left out by convention, since with them every field is the whole image: the statistics of
normalisation, and global pooling, whose result keeps the widest interval of what was pooled.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode  # the door to every operator has no public name

from medse.errors import InputError
from medse.profiling.cost import float_type, without_values

Ints = NDArray[np.int64]

START, MOST = 1024, 2**15
"""Voxels along each axis of the image that is tried first, longer than common fields, and of the last."""
NOTHING = 2**61
"""First voxel, and minus the last one, of an interval without voxels."""


def receptive_field(module: nn.Module, spatial_dims: int, in_channels: int) -> tuple[int, ...]:
    """Return the theoretical receptive field: how many voxels of the image one voxel of the result can depend on.

    It is the extent of the voxels along each axis, borders included, for that voxel of the result for which it is
    largest, in an image too large to limit it. Where the result is not a map because of a global pooling, it is the
    one of a voxel of the map that was pooled. Statistics of normalisation, which depend on the whole image, do not
    count; attention does that by design, so build the module without it.

    Nothing is computed: a copy of the module runs in evaluation mode on tensors that have shapes and no values.

    Args:
        module: Takes an image ``(B, in_channels, *spatial)`` of any size; the result is a tensor.
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.

    Returns:
        Voxels along each spatial axis.

    Raises:
        InputError: The module uses an operator for which there is no rule here, brings the result of a global
            pooling back to a map, or sees too far.
    """
    runs, length = without_values(module), START
    while True:
        shape = (1, in_channels, *(length,) * spatial_dims)
        x = torch.empty(shape, dtype=float_type(module), device="meta")
        with torch.no_grad(), Tracer(x) as tracer:
            found = tracer.field(runs(x))
        widest = found.widest if found else (0,) * spatial_dims
        if 2 * max(widest) <= length:  # so the voxels in the middle do not see the borders
            return widest
        if length == MOST:
            raise not_found(
                f"it is longer than {MOST // 2} voxels or grows with the image; allowed are shorter ones; use layers "
                "that keep voxels apart"
            )
        length *= 2


def not_found(why: str) -> InputError:
    return InputError(f"The receptive field of the module cannot be found; {why}.")


@dataclass(frozen=True, eq=False)
class Field:
    """Which voxels each position of a map can depend on.

    Attributes:
        axes: For each spatial axis ``(2, positions)``: the first voxel, and minus the last one.
        windows: Of indices of maxima: for each axis the positions in each window ``(positions, window)``, and the
            number of positions of the map that was pooled.
        pooled: Whether global pooling left no positions, but one interval per axis.
    """

    axes: tuple[Ints, ...]
    windows: tuple[tuple[Ints, int], ...] = ()
    pooled: bool = False

    @property
    def lengths(self) -> tuple[int, ...]:
        """Positions along each axis."""
        return tuple(axis.shape[1] for axis in self.axes)

    @property
    def widest(self) -> tuple[int, ...]:
        """Voxels in the widest interval of each axis."""
        return tuple(max(0, int((1 - axis.sum(axis=0)).max())) for axis in self.axes)

    def flat_in(self, tensor: Tensor) -> bool:
        """Return whether ``tensor``, whose field this is, has not the positions as its last axes."""
        return tuple(tensor.shape[-len(self.axes) :]) != self.lengths

    def suits(self, tensor: Tensor) -> bool:
        """Return whether the last axes of ``tensor`` are the positions, or its last one has all of them."""
        return self.pooled or not self.flat_in(tensor) or tensor.shape[-1] == prod(self.lengths)

    def seen_from(self, taps: Iterable[Ints]) -> "Field":
        """Return what positions see that look at the positions ``taps``, ``(positions, some)`` for each axis."""
        axes = []
        for axis, at in zip(self.axes, taps, strict=True):
            length = axis.shape[1]
            inside = np.where((at < 0) | (at >= length), length, at)
            axes.append(np.append(axis, [[NOTHING]] * 2, axis=1)[:, inside].min(axis=2))
        return Field(tuple(axes))


def _together(fields: Sequence[Field]) -> Field:
    """Return what positions see that see all of ``fields``; an axis of length 1 is for all positions of others."""
    if len(fields) == 1:
        return fields[0]
    axes = zip(*(field.axes for field in fields), strict=True)
    return Field(tuple(reduce(np.minimum, along) for along in axes), pooled=fields[0].pooled)


@dataclass(frozen=True)
class _Call:
    """A call of an operator.

    Attributes:
        args: Its positional arguments.
        out: Its (first) result.
        given: The tensors among the arguments that depend on the image, with their fields; at least one.
    """

    args: tuple[Any, ...]
    out: Tensor
    given: list[tuple[Tensor, Field]]

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

    def spatial(self, axis: int) -> bool:
        """Return whether this axis of the first tensor is a spatial one."""
        tensor, field = self.given[0]
        return axis % tensor.ndim >= tensor.ndim - len(field.axes)


_Rule = Callable[[_Call], Field | None]
"""A call -> the field of its result; None where the rule does not say."""


def _apart(call: _Call) -> Field | None:
    """Positions are kept apart."""
    alike = len({field.flat_in(tensor) for tensor, field in call.given}) == 1
    return _together([field for _, field in call.given]) if alike else None


def _reshaped(call: _Call) -> Field:
    """The shape changes in front of the spatial axes, or these become one, or several again."""
    return call.map


def _concatenated(call: _Call) -> Field | None:
    return None if call.spatial(call.argument(1, 0)) else _apart(call)


def _globally_pooled(call: _Call) -> Field | None:
    """The mean over all spatial axes keeps the widest interval of each."""
    if sum(map(call.spatial, call.argument(1, None) or [])) < len(call.map.axes):
        return None
    return Field(tuple(np.array([[0], [1 - width]]) for width in call.map.widest), pooled=True)


def _windows(call: _Call, *numbers: Sequence[int]) -> list[Ints]:
    """Return for each axis the positions in each window of a kernel, stride, padding and dilation."""
    each = (np.broadcast_to(number, len(call.map.axes)) for number in numbers)
    return [
        np.arange(length)[:, None] * stride - padding + dilation * np.arange(kernel)
        for length, kernel, stride, padding, dilation in zip(call.lengths, *each, strict=True)
    ]


def _convolution(call: _Call) -> Field | None:
    _, weight, _, stride, padding, dilation, transposed, *_ = call.args
    kernel = weight.shape[2:]
    if len(call.given) > 1 or len(kernel) != len(call.map.axes):
        return None
    if not transposed:
        return call.map.seen_from(_windows(call, kernel, stride, padding, dilation))
    taps = []
    for length, *numbers in zip(call.lengths, kernel, stride, padding, dilation, strict=True):
        size, step, before, gap = numbers
        scattered = np.arange(length)[:, None] + before - gap * np.arange(size)
        taps.append(np.where(scattered % step == 0, scattered // step, -1))
    return call.map.seen_from(taps)


def _averaged(call: _Call) -> Field:
    kernel, stride = call.args[1], call.argument(2, [])
    return call.map.seen_from(_windows(call, kernel, stride or kernel, call.argument(3, [0]), [1]))


def _maxima(call: _Call) -> Field:
    """Their indices remember the windows."""
    kernel, stride = call.args[1], call.argument(2, [])
    taps = _windows(call, kernel, stride or kernel, call.argument(3, [0]), call.argument(4, [1]))
    return Field(call.map.seen_from(taps).axes, tuple(zip(taps, call.map.lengths, strict=True)))


def _unpooled(call: _Call) -> Field | None:
    """What scatters values along the one axis of all positions to where the maxima of windows were."""
    fields = [field for _, field in call.given]
    windows = next((field.windows for tensor, field in call.given if tensor is call.args[2]), ())
    if not windows or len(fields) != 2 or fields[0].lengths != fields[1].lengths:
        return None
    axes = []
    for axis, (at, length) in zip(_together(fields).axes, windows, strict=True):
        seen = np.full((2, length), NOTHING)
        inside = (at >= 0) & (at < length)
        source = np.repeat(np.arange(axis.shape[1])[:, None], at.shape[1], axis=1)
        for row, given in zip(seen, axis, strict=True):
            np.minimum.at(row, at[inside], given[source[inside]])
        axes.append(seen)
    return Field(tuple(axes))


def _interpolated(call: _Call) -> Field | None:
    """The two voxels around the centre of each; one where the centres meet."""
    if call.args[2]:  # the corners are aligned
        return None
    taps = []
    for old, new in zip(call.map.lengths, call.lengths, strict=True):
        at, unit = np.maximum((2 * np.arange(new) + 1) * old - new, 0), 2 * new
        low = np.minimum(at // unit, old - 1)
        taps.append(np.stack([low, np.minimum(low + (at % unit > 0), old - 1)], axis=1))
    return call.map.seen_from(taps)


def _padded(call: _Call) -> Field:
    """Padding with a constant; negative padding cuts off."""
    pads: list[int] = call.args[1]
    before = [*pads[-2::-2]]  # of the axes that are padded, which are the last ones
    starts = [0] * (len(call.map.axes) - len(before)) + before
    return call.map.seen_from(
        np.arange(-start, length - start)[:, None] for start, length in zip(starts, call.lengths, strict=True)
    )


def _sliced(call: _Call) -> Field:
    axis, *cut = (call.argument(position, None) for position in (1, 2, 3, 4))
    taps = [np.arange(length)[:, None] for length in call.map.lengths]
    if call.spatial(axis):
        place = axis % call.out.ndim - call.out.ndim
        taps[place] = taps[place][slice(*cut)]
    return call.map.seen_from(taps)


_RULES: dict[str, _Rule] = {
    "_prelu_kernel": _apart,
    "hardtanh": _apart,
    "native_batch_norm": _apart,
    "native_group_norm": _apart,
    "view": _reshaped,
    "cat": _concatenated,
    "mean": _globally_pooled,
    "convolution": _convolution,
    "avg_pool2d": _averaged,
    "avg_pool3d": _averaged,
    "max_pool2d_with_indices": _maxima,
    "max_pool3d_with_indices": _maxima,
    "scatter": _unpooled,
    "upsample_bilinear2d": _interpolated,
    "upsample_trilinear3d": _interpolated,
    "constant_pad_nd": _padded,
    "slice": _sliced,
}
"""Name of an operator that is not tagged as element-wise -> its rule."""


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Knows the field of every tensor that operators made from the image; None where it does not depend on it."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        itself = tuple(np.stack([at := np.arange(length), -at]) for length in image.shape[2:])
        self.known: dict[int, tuple[Tensor, Field | None]] = {id(image): (image, Field(itself))}

    def field(self, tensor: Tensor) -> Field | None:
        _, field = self.known.get(id(tensor), (tensor, None))
        return field

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        inside = [tensor for arg in args for tensor in (arg if isinstance(arg, list | tuple) else [arg])]
        given = [(t, field) for t in inside if isinstance(t, Tensor) and (field := self.field(t))]
        results = [t for t in (out if isinstance(out, tuple | list) else [out]) if isinstance(t, Tensor)]
        if results:
            name = str(func.overloadpacket.__name__).removesuffix("_")  # the same in place or not
            takes_values = given and name != "new_zeros"
            field = self._after(func, name, _Call(args, results[0], given)) if takes_values else None
            for result in results:  # beside maps these are statistics, which do not count
                written = any(result is each for each in (*args, *kwargs.values()))
                self._note(func, result, field if field and field.suits(result) else None, written)
        return out

    def _after(self, func: Any, name: str, call: _Call) -> Field:
        """Return the field of the result of a call."""
        fields = [field for _, field in call.given]
        pooled = {field.pooled for field in fields}
        if pooled == {True}:
            return _together(fields)
        if True in pooled:
            raise not_found(
                f"the operator {func} brings the result of a global pooling back to a map, so that each voxel sees "
                "the whole image; allowed is such pooling at the end; build the module without attention"
            )
        rule = _RULES.get(name, _apart if torch.Tag.pointwise in func.tags else None)
        flat = any(field.flat_in(tensor) for tensor, field in call.given)
        takes = rule and (not flat or rule in (_apart, _reshaped, _unpooled))
        found = rule(call) if rule and takes else None
        if found is None or not found.suits(call.out):
            raise not_found(
                f"it uses the operator {func} in a way for which there is no rule; allowed are convolutions, "
                "pooling, linear interpolation, padding with zeros, slices and whatever keeps voxels apart; replace "
                "the operator by such"
            )
        return found

    def _note(self, func: Any, result: Tensor, field: Field | None, written: bool) -> None:
        """Note the field of a result; where it was written into a tensor, also for what shares its memory."""
        if written and field is not self.field(result):
            storage = result.untyped_storage()
            sharing = [t for t, _ in self.known.values() if t.untyped_storage() is storage]
            if any(t.numel() != result.numel() for t in sharing):
                raise not_found(
                    f"the operator {func} writes to a part of a tensor; allowed is writing to the whole of it; join "
                    "the parts instead"
                )
            self.known.update({id(t): (t, field) for t in sharing})
        self.known[id(result)] = (result, field)
