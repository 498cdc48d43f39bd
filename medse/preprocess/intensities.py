"""Intensities that a network can work with."""

from typing import Literal

import numpy as np

from medse.arrays import ImageArray
from medse.errors import InputError

Normalization = Literal["zscore", "zscore_nonzero", "hounsfield"] | None
AIR_HU, DENSE_HU, STEP_HU = -1000.0, 1000.0, 500.0
"""HU that ``hounsfield`` clips to, air and dense bone, and HU per unit of what it returns, from 0 to 4."""
SAME_INTENSITY = 1e-6
"""Standard deviation relative to the largest magnitude up to which an image is constant."""
LARGEST_VALUE = 1e15
"""Largest magnitude of intensities that are not normalised: squares of it stay finite in float32."""


def normalize(channel: ImageArray, box: tuple[slice, ...], how: Normalization, source: str) -> ImageArray:
    """Return the ``box`` of a channel, normalised.

    Args:
        channel: ``(X, Y, Z)`` in RAS order.
        box: What to return; outside of it all voxels are 0.
        how: ``zscore``: zero mean and unit variance in the box; ``zscore_nonzero``: the same over non-zero
            voxels, the others stay 0; ``hounsfield``: clipped to -1000..1000 HU, air 0 and 500 HU a unit, so that
            a tissue has one value whatever the scan shows, padding is air, and the standard deviation is about 1
            as augmentation expects; None: as it is.
        source: What to call the channel in messages.

    Raises:
        InputError: The channel is constant (after clipping), or too large to stay as it is.
    """
    cropped = np.ascontiguousarray(channel[box])  # RAS order in memory too, so that sums have one order
    match how:
        case "zscore":
            values = cropped
        case "zscore_nonzero":
            values = cropped[cropped != 0]
        case "hounsfield":
            values = cropped = np.clip(cropped, AIR_HU, DENSE_HU)
        case None:
            values = channel
    top = float(max(values.max(initial=0), -values.min(initial=0)))
    deviation = float(values.std(dtype=np.float64)) if top else 0.0
    if deviation <= SAME_INTENSITY * top:
        found = f"every voxel that is not 0 holds {float(values.flat[0]):g}" if top else "every voxel holds 0"
        raise InputError(
            f"{source} is constant: {found}; an image must have contrast; check that it is the intended file, or "
            "leave its case out."
        )
    if how is None:
        if top > LARGEST_VALUE:
            raise InputError(
                f"{source} holds a voxel of magnitude {top:g}; without normalization up to {LARGEST_VALUE:g} is "
                "allowed; correct the voxel or set data.normalization."
            )
        return cropped
    if how == "hounsfield":
        return (cropped - np.float32(AIR_HU)) / np.float32(STEP_HU)
    mean = values.mean(dtype=np.float64)
    normal = np.empty_like(cropped)
    for slab, result in zip(
        cropped, normal, strict=True
    ):  # float32 could overflow, and all in 64 bits be too much
        wide = np.subtract(slab, mean, dtype=np.float64)
        wide /= deviation
        result[...] = wide
    if how == "zscore_nonzero":
        normal[cropped == 0] = 0
    return normal
