"""Centreline Dice: whether the centrelines of two tubes lie inside each other, however thick the tubes are."""

import math

import numpy as np
from scipy.ndimage import binary_dilation, label
from skimage.morphology import skeletonize

from medse.arrays import BoolArray, bounding_box


def centreline_dice(reference: BoolArray, prediction: BoolArray) -> float:
    """Return the clDice of two masks: NaN where both are empty, 0 where one is.

    Topology precision is the share of the prediction's centreline that lies in the reference, topology
    sensitivity the share of the reference's centreline that lies in the prediction; clDice is their harmonic
    mean.

    Args:
        reference: Mask of two or three dimensions.
        prediction: Mask of the same shape, or the same part of both that holds every voxel of them. Masks that
            lie in one slice are compared in its plane.

    Reference:
        Shit et al., clDice (CVPR 2021), equations 1 to 3. The centreline is the hard skeleton (Zhang and Suen in
        2-D, Lee et al. in 3-D), as in their evaluation and not the soft one of their loss. Deviations: scikit-image
        wipes some objects out, above all straight tubes of even thickness (its issue 3757); these get a centreline
        here, see :func:`skeleton`. Thinning knows no millimetres: the centreline lies in the middle counted in
        voxels and each of its voxels counts once, so with thick slices a course along the plane of the slices
        counts more per mm than one across, and a tube that is round in mm is thinned like a flat one. Resample
        both masks first where that matters.
    """
    either = reference | prediction
    if not either.any():
        return math.nan
    box = bounding_box(either)
    first, second = _in_plane(reference[box]), _in_plane(prediction[box])
    if not first.any() or not second.any():
        return 0.0
    precision = float(first[skeleton(second)].mean())
    sensitivity = float(second[skeleton(first)].mean())
    total = precision + sensitivity
    return 2 * precision * sensitivity / total if total else 0.0


def skeleton(mask: BoolArray) -> BoolArray:
    """Return the voxels on the centrelines of a mask, at least one of every connected component.

    A component that scikit-image wipes out is thickened by a voxel towards one side of each axis, which makes an
    even thickness odd, and thinned again; one that is wiped out again stays as it is.
    """
    thin: BoolArray = skeletonize(mask)
    lost = _untouched(mask, thin)
    if lost.any():
        padded = np.pad(lost, 1)
        inner = (slice(1, -1),) * mask.ndim
        again = skeletonize(binary_dilation(padded, np.ones((2,) * mask.ndim)))[inner] & lost
        thin = thin | again | _untouched(lost, again)
    return thin


def _in_plane(mask: BoolArray) -> BoolArray:
    """Return a volume of one slice as a plane."""
    return mask.squeeze(mask.shape.index(1)) if mask.ndim == 3 and 1 in mask.shape else mask


def _untouched(mask: BoolArray, thin: BoolArray) -> BoolArray:
    """Return the connected components of ``mask`` in which ``thin`` has no voxel."""
    found, count = label(mask, np.ones((3,) * mask.ndim))
    untouched = np.ones(count + 1, dtype=bool)
    untouched[0] = False
    untouched[found[thin]] = False
    components: BoolArray = untouched[found]
    return components
