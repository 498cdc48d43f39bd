"""How much of the image a network's result can depend on."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from medse.errors import InputError
from medse.profiling.field_rules import Call, field_after, positions_fit
from medse.profiling.fields import Field, together

START, MOST = 1024, 2**15
"""Voxels along each axis of the image that is tried first, longer than common fields, and of the last."""


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
        InputError: The module uses an operator for which there is no rule in :mod:`.field_rules`, brings the
            result of a global pooling back to a map, or sees too far.
    """
    tensors = {id(tensor): tensor.to("meta") for tensor in (*module.parameters(), *module.buffers())}
    runs = copy.deepcopy(module, tensors).eval()
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    length = START
    while True:
        x = torch.empty(1, in_channels, *(length,) * spatial_dims, dtype=like.dtype, device="meta")
        with torch.no_grad(), _Tracer(x, Field.of_image(x.shape[2:])) as tracer:
            found = tracer.field(runs(x))
        widest = found.widest if found else (0,) * spatial_dims
        if 2 * max(widest) <= length:  # so the voxels in the middle do not see the borders
            return widest
        if length == MOST:
            raise InputError(
                f"The receptive field of the module cannot be found; it is longer than {MOST // 2} voxels or grows "
                "with the image; allowed are shorter ones; use layers that keep voxels apart."
            )
        length *= 2


class _Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Knows the field of every tensor that operators made from the image; None where it does not depend on it."""

    def __init__(self, image: Tensor, field: Field) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.known: dict[int, tuple[Tensor, Field | None]] = {id(image): (image, field)}

    def field(self, tensor: Tensor) -> Field | None:
        _, field = self.known.get(id(tensor), (tensor, None))
        return field

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        inside = [tensor for arg in args for tensor in (arg if isinstance(arg, list | tuple) else [arg])]
        given = [(t, field) for t in inside if isinstance(t, Tensor) and (field := self.field(t))]
        results = [t for t in (out if isinstance(out, tuple | list) else [out]) if isinstance(t, Tensor)]
        if results:
            call = Call(func, args, results[0], given)
            field = self._after(call) if given and call.name not in _WITHOUT_VALUES else None
            for result in results:  # beside maps these are statistics, which do not count
                fits = field and positions_fit(result, field)
                self._note(func, result, field if fits else None)
        return out

    def _after(self, call: Call) -> Field:
        field = field_after(call)
        if field:
            return field
        if any(field.pooled for _, field in call.given):
            raise InputError(
                f"The receptive field of the module cannot be found; the operator {call.func} brings the result of a "
                "global pooling back to a map, so that each voxel sees the whole image; allowed is such pooling at "
                "the end; build the module without attention."
            )
        raise InputError(
            f"The receptive field of the module cannot be found; it uses the operator {call.func} in a way for which "
            "there is no rule; allowed are convolutions, pooling, interpolation, padding, slices and whatever keeps "
            "voxels apart; replace the operator by such."
        )

    def _note(self, func: Any, result: Tensor, field: Field | None) -> None:
        """Note the field of a result; where it was written into a tensor, also for what shares its memory."""
        if func._schema.is_mutable and field is not (before := self.field(result)):
            storage = result.untyped_storage()._cdata
            sharing = [(t, f) for t, f in self.known.values() if t.untyped_storage()._cdata == storage]
            if any(f is not before or t.numel() != result.numel() for t, f in sharing):
                raise InputError(
                    f"The receptive field of the module cannot be found; the operator {func} writes to a part of a "
                    "tensor; allowed is writing to the whole of it; join the parts instead."
                )
            field = together([f for f in (before, field) if f]) if before and field else field or before
            self.known.update({id(t): (t, field) for t, _ in sharing})
        self.known[id(result)] = (result, field)


_WITHOUT_VALUES = frozenset(
    ["zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty"]
)
"""Operators that take no more than the shape of what they are given."""
