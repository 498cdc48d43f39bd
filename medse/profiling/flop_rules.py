"""How many floating point operations (FLOPs) one operator of PyTorch is.

A FLOP is one addition, multiplication, division, comparison, or call of a function such as exp or sigmoid:

* matrix products and convolutions: 2 per multiply-add, bias included;
* element-wise operators: 1 per element of the output; addcmul, addcdiv and glu 2, lerp 3;
* sums, means and extrema: 1 per element of the input; norms 2, variances 4, softmax 5;
* normalisation: 2 per element with stored statistics, 6 with those of the input itself;
* pooling: 1 per element of each window; interpolation: 2 per neighbour of each element of the output;
* views, copies, conversions, padding, indexing, filling, and whatever returns no tensor: 0.

Elements are counted and not calls, so it does not matter whether a tensor is taken whole, in parts or in place.
"""

from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from medse.errors import InputError


def flops(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> int:
    """Count one call of an operator.

    Args:
        func: The overload that was called.
        args: Its positional arguments.
        kwargs: The others.
        out: What it returned.

    Raises:
        InputError: There is no rule for it.
    """
    product = _PRODUCTS.get(func.overloadpacket)
    if product is not None:
        return product(*args, **kwargs, out_val=out)
    results = out if isinstance(out, tuple | list) else [out]
    tensors = [result for result in results if isinstance(result, Tensor)]
    name = func.overloadpacket.__name__.removesuffix("_")
    if not tensors or func.is_view:
        return 0
    if name in _RULES:
        return _RULES[name](args, tensors[0])
    if torch.Tag.pointwise in func.tags:
        return tensors[0].numel()
    raise InputError(
        f"The FLOPs of the module cannot be counted; it uses the operator {func}, for which there is no rule; "
        f"allowed are convolutions, matrix products, normalisation, pooling, sums and element-wise operators; "
        "replace the operator by such."
    )


Rule = Callable[[tuple[Any, ...], Tensor], int]
"""Arguments of an operator and its (first) result -> FLOPs."""


def _per_output(each: int) -> Rule:
    return lambda _, out: each * out.numel()


def _per_input(each: int) -> Rule:
    return lambda args, _: each * int(args[0].numel())


def _batch_norm(args: tuple[Any, ...], out: Tensor) -> int:
    by_its_input = args[5]
    return (6 if by_its_input else 2) * out.numel()


def _windows(args: tuple[Any, ...], out: Tensor) -> int:
    return int(prod(args[1])) * out.numel()


def _adaptive_windows(args: tuple[Any, ...], out: Tensor) -> int:
    """Windows overlap where the lengths do not divide."""
    axes = range(-len(args[1]), 0)
    lengths = ((args[0].shape[axis], out.shape[axis]) for axis in axes)
    covered = (sum(-(-(i + 1) * n // m) - i * n // m for i in range(m)) for n, m in lengths)
    return int(prod(out.shape[: -len(axes)]) * prod(covered))


def _rules(table: Iterable[tuple[Rule, str]]) -> dict[str, Rule]:
    return {name: rule for rule, names in table for name in names.split()}


_RULES = _rules(
    [
        (
            _per_output(0),
            "empty empty_like empty_strided new_empty new_empty_strided zeros zeros_like new_zeros",
        ),
        (
            _per_output(0),
            "zero ones ones_like new_ones full full_like new_full fill scalar_tensor arange linspace",
        ),
        (
            _per_output(0),
            "lift_fresh clone copy _to_copy _unsafe_view unsafe_split unsafe_chunk cat stack repeat",
        ),
        (
            _per_output(0),
            "roll flip pixel_shuffle pixel_unshuffle channel_shuffle tril triu im2col embedding",
        ),
        (_per_output(0), "index index_select index_put gather scatter slice_scatter select_scatter"),
        (_per_output(0), "constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d"),
        (_per_output(0), "replication_pad1d replication_pad2d replication_pad3d max_unpool2d max_unpool3d"),
        (_per_output(0), "upsample_nearest1d upsample_nearest2d upsample_nearest3d"),
        (_per_output(0), "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d"),
        (_per_output(1), "hardswish _prelu_kernel log_sigmoid_forward floor_divide rsub"),
        (_per_output(2), "addcmul addcdiv glu"),
        (_per_output(3), "lerp"),
        (_per_input(1), "sum nansum mean prod amax amin aminmax max min argmax argmin all any cumsum"),
        (_per_input(2), "norm linalg_vector_norm logsumexp"),
        (_per_input(4), "var std var_mean std_mean"),
        (_per_input(5), "_softmax _log_softmax _safe_softmax"),
        (_batch_norm, "native_batch_norm"),
        (_per_input(6), "native_group_norm native_layer_norm"),
        (_windows, "max_pool2d_with_indices max_pool3d_with_indices avg_pool2d avg_pool3d"),
        (
            _adaptive_windows,
            "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d",
        ),
        (_per_output(2 * 2), "upsample_linear1d"),
        (_per_output(2 * 4), "upsample_bilinear2d"),
        (_per_output(2 * 8), "upsample_trilinear3d"),
        (_per_output(2 * 16), "upsample_bicubic2d"),
    ]
)
"""Name of an operator that is neither a view nor tagged as element-wise with 1 per element -> its rule."""


def _matrix_vector(matrix: torch.Size, *_: object, **__: object) -> int:
    return 2 * matrix.numel()


def _attention(query: torch.Size, key: torch.Size, value: torch.Size, *_: object, **__: object) -> int:
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


_PRODUCTS: dict[Any, Callable[..., int]] = FlopCounterMode(
    display=False,
    custom_mapping={
        torch.ops.aten.mv: _matrix_vector,
        torch.ops.aten.dot: _matrix_vector,
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    },
).flop_registry
"""Products and convolutions -> PyTorch's own formula, and ours for those that it lacks."""
