"""Whether a map lies on the tumour, where its outline is known."""

import numpy as np

from medse.arrays import AnyArray, BoolArray
from medse.errors import InputError
from medse.registry import check_arguments


@check_arguments("heat", "mask")
def inside_share(heat: AnyArray, mask: BoolArray) -> float:
    """Return which share of a map lies inside a mask; NaN for a map that is 0 everywhere.

    A map that is the same everywhere has the share ``mask.mean()``, which tells what the number is worth.

    Args:
        heat: ``(*spatial)``, not negative.
        mask: The same shape.

    Raises:
        InputError: The shapes differ.

    Reference:
        Wang et al., Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks (CVPR Workshops
        2020), the energy-based pointing game; theirs is of boxes, this of outlines.

    Example:
        >>> heat = np.array([[1.0, 3.0], [0.0, 4.0]])
        >>> inside_share(heat, heat > 2)
        0.875
    """
    _check(heat, mask)
    total = float(heat.sum(dtype=np.float64))
    return float(heat[mask].sum(dtype=np.float64)) / total if total > 0 else float("nan")


@check_arguments("heat", "mask")
def pointing_hit(heat: AnyArray, mask: BoolArray, *, tolerance_pixels: float = 0.0) -> bool:
    """Return whether the largest value of a map lies inside a mask, or as near to it as is tolerated.

    Of several largest values, the first counts; a map that is 0 everywhere points nowhere and never hits.

    Args:
        heat: ``(*spatial)``, not negative.
        mask: The same shape.
        tolerance_pixels: Distance from the mask that still counts. Zhang et al. take 15; medse reports 0.

    Raises:
        InputError: The shapes differ.

    Reference:
        Zhang et al., Top-down Neural Attention by Excitation Backprop (ECCV 2016), section 4.1.

    Example:
        >>> heat = np.array([0.0, 1.0, 5.0, 1.0, 0.0])
        >>> pointing_hit(heat, heat == 5), pointing_hit(heat, heat == 0)
        (True, False)
        >>> pointing_hit(heat, heat == 0, tolerance_pixels=2)
        True
    """
    _check(heat, mask)
    inside = np.argwhere(mask)
    if not len(inside) or not heat.max() > 0:
        return False
    top = np.array(np.unravel_index(int(heat.argmax()), heat.shape))
    return bool(np.linalg.norm(inside - top, axis=1).min() <= tolerance_pixels)


def _check(heat: AnyArray, mask: BoolArray) -> None:
    if heat.shape != mask.shape or mask.dtype != bool:
        raise InputError(
            f"The map has the shape {heat.shape}, the mask {mask.shape} of {mask.dtype}; a mask of True and False in "
            "the map's shape is expected; bring both onto one grid."
        )
