"""The attention blocks written a second time, from their formulas alone: float64 NumPy, any number of axes.

Every function takes ``x`` of ``(B, C, *spatial)``, the block's state dict as arrays, ``at`` (the prefix of its names
there), and options. In training, batch normalisation writes its running statistics into the state.
"""

from collections.abc import Callable
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate
from scipy.special import expit

Array = NDArray[np.float64]
State = dict[str, Array]

GATES: dict[str, Callable[[Array], Array]] = {
    "sigmoid": expit,
    "hard_sigmoid": lambda v: np.clip(v + 3, 0, 6) / 6,
    "relu": lambda v: np.maximum(v, 0),
    "tanh": np.tanh,
}


def spatial_axes(x: Array) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


def voxelwise(x: Array, state: State, at: str) -> Array:
    """Return ``W x + b`` at each position: a linear layer, or a convolution with a kernel of one voxel."""
    weight = state[f"{at}.weight"]
    y = np.einsum("oc,bc...->bo...", weight.reshape(weight.shape[:2]), x)
    return y + state[f"{at}.bias"].reshape(-1, *(1,) * (x.ndim - 2)) if f"{at}.bias" in state else y


def batch_norm(x: Array, state: State, at: str, training: bool, momentum: float) -> Array:
    """Normalise each channel; one number per channel has no variance and takes the running statistics."""
    axes, count = (0, *range(2, x.ndim)), x.size // x.shape[1]
    mean, variance = state[f"{at}.running_mean"], state[f"{at}.running_var"]
    if training and count > 1:
        old = 1 - momentum
        state[f"{at}.running_mean"] = old * mean + momentum * x.mean(axes)
        state[f"{at}.running_var"] = old * variance + momentum * x.var(axes, ddof=1)
        mean, variance = x.mean(axes), x.var(axes)
    shape = (-1, *(1,) * (x.ndim - 2))
    normal = (x - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + 1e-5)
    return normal * state[f"{at}.weight"].reshape(shape) + state[f"{at}.bias"].reshape(shape)


def two_layers(z: Array, state: State, at: str) -> Array:
    return voxelwise(np.maximum(voxelwise(z, state, f"{at}fc1"), 0), state, f"{at}fc2")


def per_channel(gates: Array, x: Array) -> Array:
    return gates.reshape(*gates.shape, *(1,) * (x.ndim - 2))


def channel_gate(x: Array, state: State, at: str, gate: str) -> Array:
    return per_channel(GATES[gate](two_layers(x.mean(spatial_axes(x)), state, at)), x)


def se(x: Array, state: State, at: str = "", *, gate: str = "sigmoid", **_: Any) -> Array:
    return x * channel_gate(x, state, at, gate)


def sse(x: Array, state: State, at: str = "", *, gate: str = "sigmoid", **_: Any) -> Array:
    return x * GATES[gate](voxelwise(x, state, f"{at}conv"))


def scse(
    x: Array, state: State, at: str = "", *, gate: str = "sigmoid", combine: str = "max", **_: Any
) -> Array:
    s = channel_gate(x, state, f"{at}channel.", gate)
    q = GATES[gate](voxelwise(x, state, f"{at}spatial.conv"))
    if combine == "concat":
        return voxelwise(np.concatenate([x * s, x * q], 1), state, f"{at}merge")
    return {"max": np.maximum(x * s, x * q), "add": x * s + x * q, "mul": x * s * q}[combine]


def profiles(x: Array) -> list[Array]:
    """Return for each axis the means over all others, with those of length one."""
    axes = spatial_axes(x)
    return [x.mean(tuple(a for a in axes if a != kept), keepdims=True) for kept in axes]


def pe(x: Array, state: State, at: str = "", *, gate: str = "sigmoid", **_: Any) -> Array:
    z = np.broadcast_to(sum(profiles(x)), x.shape)
    hidden = np.maximum(voxelwise(z, state, f"{at}reduce"), 0)
    return x * GATES[gate](voxelwise(hidden, state, f"{at}expand"))


def eca(x: Array, state: State, at: str = "", *, gate: str = "sigmoid", **_: Any) -> Array:
    taps, channels, means = state[f"{at}conv.weight"], x.shape[1], x.mean(spatial_axes(x))
    reach = taps.shape[2] // 2
    scores = np.zeros_like(means)
    for c, k in product(range(channels), range(-reach, reach + 1)):
        if 0 <= c + k < channels:
            scores[:, c] += taps[c if len(taps) > 1 else 0, 0, k + reach] * means[:, c + k]
    return x * per_channel(GATES[gate](scores), x)


def coord(
    x: Array, state: State, at: str = "", *, gate: str = "sigmoid", training: bool = False, **_: Any
) -> Array:
    flat = [profile.reshape(*x.shape[:2], -1) for profile in profiles(x)]
    v = batch_norm(
        voxelwise(np.concatenate(flat, 2), state, f"{at}reduce"), state, f"{at}norm", training, 0.1
    )
    v = v * np.clip(v + 3, 0, 6) / 6
    y, start = x, 0
    for axis, length in enumerate(x.shape[2:]):
        a = GATES[gate](voxelwise(v[:, :, start : start + length], state, f"{at}expand.{axis}"))
        shape = [1] * (x.ndim - 2)
        shape[axis] = length
        y, start = y * a.reshape(*x.shape[:2], *shape), start + length
    return y


def simam(
    x: Array, state: State, at: str = "", *, gate: str = "sigmoid", lambda_: float = 1e-4, **_: Any
) -> Array:
    axes = spatial_axes(x)
    d = (x - x.mean(axes, keepdims=True)) ** 2
    v = d.sum(axes, keepdims=True) / max(np.prod(x.shape[2:]) - 1, 1)
    return x * GATES[gate](d / (4 * (v + lambda_)) + 0.5)


def grid_means(x: Array, count: int) -> Array:
    """Return ``(B, C, count, count, ...)``: bin i holds voxels from floor(i L / n) to ceil((i + 1) L / n) - 1."""
    out = np.empty((*x.shape[:2], *(count,) * (x.ndim - 2)))
    for index in product(range(count), repeat=x.ndim - 2):
        part = tuple(
            slice(i * n // count, -(-(i + 1) * n // count)) for i, n in zip(index, x.shape[2:], strict=True)
        )
        out[(..., *index)] = x[(..., *part)].mean(spatial_axes(x))
    return out


def weighed(x: Array, count: int, state: State, at: str) -> Array:
    """Return the sum of a grid's bins, each channel with its own weights."""
    total = (grid_means(x, count) * state[f"{at}.weight"][None, :, 0]).sum(spatial_axes(x))
    return total + state.get(f"{at}.bias", 0)


def spse(
    x: Array,
    state: State,
    at: str = "",
    *,
    gate: str = "sigmoid",
    levels: tuple[int, ...] = (1, 2, 4),
    training: bool = False,
    **_: Any,
) -> Array:
    total = sum(weighed(x, count, state, f"{at}weigh.{n}") for n, count in enumerate(levels))
    z = np.maximum(batch_norm(total, state, f"{at}norm", training, 0.1), 0)
    return x * per_channel(GATES[gate](two_layers(z, state, at)), x)


def rgse(
    x: Array,
    state: State,
    at: str = "",
    *,
    gate: str = "sigmoid",
    grid: int = 4,
    training: bool = False,
    **_: Any,
) -> Array:
    z = x.mean(spatial_axes(x))
    if grid > 1:
        z = batch_norm(weighed(x, grid, state, f"{at}weigh"), state, f"{at}norm", training, 0.1)
    return x * per_channel(GATES[gate](two_layers(np.maximum(z, 0), state, at)), x)


def cbam(
    x: Array, state: State, at: str = "", *, gate: str = "sigmoid", training: bool = False, **_: Any
) -> Array:
    axes = spatial_axes(x)
    scores = two_layers(x.mean(axes), state, at) + two_layers(x.max(axes), state, at)
    x = x * per_channel(GATES[gate](scores), x)
    kernel = state[f"{at}conv.weight"][0]
    maps = np.stack(
        [
            correlate(sample.max(0), kernel[0], mode="constant")
            + correlate(sample.mean(0), kernel[1], mode="constant")
            for sample in x
        ]
    )
    return x * GATES[gate](batch_norm(maps[:, None], state, f"{at}norm", training, 0.01))


def hybrid(
    x: Array,
    state: State,
    at: str = "",
    *,
    blocks: tuple[Any, ...] = ("eca", "coord"),
    combine: str = "sequence",
    training: bool = False,
    **_: Any,
) -> Array:
    results = []
    for n, block in enumerate(blocks):
        options = {"name": block} if isinstance(block, str) else dict(block)
        y = transcribe(x, state, options, f"{at}blocks.{n}.", training)
        results.append(y)
        x = y if combine == "sequence" else x
    return x if combine == "sequence" else reduce(np.maximum if combine == "max" else np.add, results)


BLOCKS: dict[str, Callable[..., Array]] = {
    "se": se,
    "cse": se,
    "sse": sse,
    "scse": scse,
    "pe": pe,
    "eca": eca,
    "coord": coord,
    "simam": simam,
    "spse": spse,
    "rgse": rgse,
    "cbam": cbam,
    "hybrid": hybrid,
}


def transcribe(
    x: Array, state: State, options: dict[str, Any], at: str = "", training: bool = False
) -> Array:
    """Run the block of a configuration, ``{"name": ..., **options}``."""
    given = {key.replace("lambda", "lambda_"): value for key, value in options.items() if key != "name"}
    return BLOCKS[options["name"]](x, state, at, training=training, **given)
