"""Scores of two masks that are arrays or images: the numbers that a report has for them."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from medse.arrays import BoolArray
from medse.errors import InputError
from medse.metrics.conventions import ConventionName
from medse.metrics.conventions.table import CONVENTIONS
from medse.metrics.mask_pair import MaskPair
from medse.registry import pick
from medse.volumes.entrance import is_image, open_given
from medse.volumes.grid import check_same_grid
from medse.volumes.names import PICTURES, suffix_of
from medse.volumes.reading import label_map_of


def dice(reference: Any, prediction: Any, *, convention: ConventionName = "medse") -> float:
    """Return how much two masks overlap: ``2|A and B| / (|A| + |B|)``, 0 to 1.

    By ``medse`` it is 0 where one mask is empty and NaN where both are; other conventions have other rules.
    ``brats2023`` takes voxels of 1 mm3, as its volumes have.

    Args:
        reference: True or 1 inside the structure, False or 0 outside: an array, or the path of a file, a nibabel or a
            SimpleITK image.
        prediction: The same, of the same shape; of images on the same grid.
        convention: Whose rules: ``medse``, ``nnunet``, ``monai``, ``deepmind``, ``medpy``, ``metrics_reloaded`` or
            ``brats2023``.

    Shape:
        ``(X, Y)`` or ``(X, Y, Z)``, both the same.

    Raises:
        InputError: An array or image is no mask, the shapes or grids differ, or there is no such convention.

    Reference:
        Dice, Measures of the amount of ecologic association between species (Ecology 1945).

    Example:
        >>> reference = np.zeros((8, 8), bool)
        >>> reference[2:6, 2:6] = True
        >>> dice(reference, np.roll(reference, 1, axis=0))
        0.75
        >>> dice(reference, reference & False), dice(reference & False, reference & False, convention="medpy")
        (0.0, 1.0)
    """
    first, second, _ = _masks(reference, prediction)
    return _score("dice", MaskPair.of(first, second, (1.0,) * first.ndim, distances=False), convention)


def hd95(
    reference: Any,
    prediction: Any,
    spacing_mm: Sequence[float] | None = None,
    *,
    convention: ConventionName = "medse",
) -> float:
    """Return how far two surfaces lie apart, in mm, but for the furthest 5 %: the larger of both directions.

    By ``medse`` each piece of surface counts by its area, and where one mask is empty the distance is the diagonal of
    the image; NaN where both are. ``medpy`` pools both directions, and an empty mask is infinitely far for
    ``deepmind``.

    Args:
        reference: True or 1 inside the structure, False or 0 outside: an array, or the path of a file, a nibabel or a
            SimpleITK image.
        prediction: The same, of the same shape; of images on the same grid.
        spacing_mm: Distance of voxel centres along each axis; images have their own.
        convention: Whose rules, as of :func:`dice`; ``nnunet`` has no distances.

    Shape:
        ``(X, Y)`` or ``(X, Y, Z)``, both the same; ``spacing_mm`` has a length per axis.

    Raises:
        InputError: An array or image is no mask, the shapes or grids differ, a length is none, or the convention has
            no such score.

    Reference:
        Nikolov et al., Deep learning to achieve clinically applicable segmentation of head and neck anatomy for
        radiotherapy (J Med Internet Res 2021), for the rules of ``medse`` and ``deepmind``.

    Example:
        >>> reference = np.zeros((8, 8), bool)
        >>> reference[2:6, 2:6] = True
        >>> hd95(reference, np.roll(reference, 1, axis=1), (0.5, 2.0))
        2.0
        >>> hd95(reference, reference & False, (0.5, 2.0))  # 4 mm by 16 mm
        16.492422502470642
    """
    return _score("hd95_mm", _measured(reference, prediction, spacing_mm), convention)


def surface_dice(
    reference: Any,
    prediction: Any,
    spacing_mm: Sequence[float] | None = None,
    tolerance_mm: float | None = None,
    *,
    convention: ConventionName = "medse",
) -> float:
    """Return the share of both surfaces that lies within a tolerance of the other, 0 to 1 (NSD).

    A distance equal to the tolerance is within it. By ``medse`` each piece of surface counts by its area; it is 0
    where one mask is empty and NaN where both are.

    Args:
        reference: True or 1 inside the structure, False or 0 outside: an array, or the path of a file, a nibabel or a
            SimpleITK image.
        prediction: The same, of the same shape; of images on the same grid.
        spacing_mm: Distance of voxel centres along each axis; images have their own.
        tolerance_mm: Distance that counts as agreement, for instance that between two human readers.
        convention: Whose rules, as of :func:`dice`; ``nnunet``, ``medpy`` and ``brats2023`` have no such score.

    Shape:
        ``(X, Y)`` or ``(X, Y, Z)``, both the same; ``spacing_mm`` has a length per axis.

    Raises:
        InputError: An array or image is no mask, the shapes or grids differ, a length is none, or the convention has
            no such score.

    Reference:
        Nikolov et al., Deep learning to achieve clinically applicable segmentation of head and neck anatomy for
        radiotherapy (J Med Internet Res 2021), equation 4.

    Example:
        >>> reference = np.zeros((8, 8), bool)
        >>> reference[2:6, 2:6] = True
        >>> prediction = np.roll(reference, 1, axis=1)
        >>> surface_dice(reference, prediction, (0.5, 2.0), 2.0)
        1.0
        >>> round(surface_dice(reference, prediction, (0.5, 2.0), 1.0), 3)
        0.814
    """
    number = isinstance(tolerance_mm, int | float | np.number) and not isinstance(tolerance_mm, bool)
    if not number or tolerance_mm is None or not 0 <= tolerance_mm < math.inf:
        raise InputError(
            f"tolerance_mm is {tolerance_mm!r}; a length of 0 or more is expected; give it in mm."
        )
    pair = _measured(reference, prediction, spacing_mm, tolerance_mm=float(tolerance_mm))
    return _score("nsd", pair, convention)


def _score(name: str, pair: MaskPair, convention: str) -> float:
    if not isinstance(convention, str):
        raise InputError(
            f"convention is {convention!r}; a name is expected: {', '.join(CONVENTIONS)}; give one."
        )
    value: float | None = asdict(pick(CONVENTIONS, convention, "convention").measure(pair))[name]
    if value is None:
        having = [key for key, one in CONVENTIONS.items() if asdict(one.measure(pair))[name] is not None]
        raise InputError(
            f"The convention {convention!r} has no {name}; these have it: {', '.join(having)}; choose one of them."
        )
    return value


def _measured(
    reference: Any, prediction: Any, spacing_mm: Sequence[float] | None, *, tolerance_mm: float | None = None
) -> MaskPair:
    first, second, own = _masks(reference, prediction)
    if own is not None and spacing_mm is not None:
        raise InputError(
            f"spacing_mm is {spacing_mm}, and was given with images, which have their own, {own}; one is allowed; "
            "leave it out."
        )
    try:
        given = np.ravel(np.asarray(spacing_mm if own is None else own))
    except ValueError:
        given = np.empty(0, object)
    if given.dtype.kind not in "iuf":
        raise InputError(
            f"spacing_mm is {spacing_mm!r}; {first.ndim} numbers are expected, one per axis; give mm."
        )
    spacing = tuple(map(float, given))
    if len(spacing) != first.ndim or not all(0 < mm < math.inf for mm in spacing):
        raise InputError(
            f"spacing_mm is {spacing}; {first.ndim} lengths above 0 are expected, one per axis; give them in mm."
        )
    return MaskPair.of(first, second, spacing, tolerance_mm=tolerance_mm)


def _masks(reference: Any, prediction: Any) -> tuple[BoolArray, BoolArray, tuple[float, ...] | None]:
    """Return both as masks of one shape, and their spacing where they say it."""
    images = is_image(reference), is_image(prediction)
    if all(images):
        return _of_images(reference, prediction)
    if any(images):
        raise InputError(
            f"The reference is a {type(reference).__name__} and the prediction a {type(prediction).__name__}; two "
            "images or two arrays are expected, because an array does not say where its voxels lie; give both alike."
        )
    first, second = _mask(reference, "reference"), _mask(prediction, "prediction")
    if first.shape != second.shape:
        raise InputError(
            f"The reference has shape {first.shape} and the prediction {second.shape}; both must be the same; bring "
            "them onto one grid."
        )
    return first, second, None


def _of_images(reference: Any, prediction: Any) -> tuple[BoolArray, BoolArray, tuple[float, ...] | None]:
    (first, grid), (second, other) = (label_map_of(open_given(image)) for image in (reference, prediction))
    check_same_grid(grid, other, copy_affine=None)
    masks = _mask(first, "reference", image=True), _mask(second, "prediction", image=True)
    if suffix_of(Path(grid.source)) in PICTURES:  # whose pixels have no size
        return masks[0][..., 0], masks[1][..., 0], None
    return *masks, grid.spacing_mm


def _mask(given: Any, name: str, *, image: bool = False) -> BoolArray:
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:  # lists of uneven lengths, tensors on a GPU
        raise InputError(
            f"The {name} is a {type(given).__name__} that is no array ({str(error).splitlines()[0]}); a mask of True "
            "and False, or 0 and 1, is expected; convert it to a NumPy array."
        ) from error
    if np.ma.is_masked(given):
        raise InputError(
            f"The {name} has masked voxels, which are neither inside nor outside; every voxel needs a value; fill "
            "them with array.filled(False)."
        )
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"The {name} is a {type(given).__name__}, no array of numbers; masks of True and False, or 0 and 1, "
            "are expected, or images of them; give one."
        )
    if array.ndim not in (2, 3) or not array.size:
        raise InputError(
            f"The {name} has shape {array.shape}; 2 or 3 axes with voxels are expected; give one channel of one "
            "case."
        )
    if (wrong := array[(array != 0) & (array != 1)]).size:
        if np.isnan(wrong).any():
            raise InputError(
                f"The {name} is no mask: it holds NaN, which is neither inside nor outside; True and False, or 0 and "
                "1, are expected; find out where it comes from, and fill it, for instance with np.nan_to_num(array)."
            )
        value = wrong[0].item()
        choice = f"array == {value:g}" if float(value).is_integer() else "array > 0.5"
        arrays = ", of both as arrays, which medse.read_volume(image, labels=True) gives with their grid"
        raise InputError(
            f"The {name} is no mask: it holds {value}; True and False, or 0 and 1, are expected; choose a class, for "
            f"instance with {choice}, or all that is not background with array > 0{arrays * image}."
        )
    mask: BoolArray = array.astype(bool)
    return mask
