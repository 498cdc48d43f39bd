"""Scores of two masks that are arrays: the numbers that a report has for them."""

import math
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from medse.arrays import BoolArray
from medse.errors import InputError
from medse.metrics.conventions import ConventionName
from medse.metrics.conventions.table import CONVENTIONS
from medse.metrics.mask_pair import MaskPair
from medse.registry import pick


def dice(
    reference: npt.ArrayLike, prediction: npt.ArrayLike, *, convention: ConventionName = "medse"
) -> float:
    """Return how much two masks overlap: ``2|A and B| / (|A| + |B|)``, 0 to 1.

    By ``medse`` it is 0 where one mask is empty and NaN where both are; other conventions have other rules.
    ``brats2023`` takes voxels of 1 mm3, as its volumes have.

    Args:
        reference: True or 1 inside the structure, False or 0 outside.
        prediction: The same, of the same shape.
        convention: Whose rules: ``medse``, ``nnunet``, ``monai``, ``deepmind``, ``medpy``, ``metrics_reloaded`` or
            ``brats2023``.

    Shape:
        ``(X, Y)`` or ``(X, Y, Z)``, both the same.

    Raises:
        InputError: An array is no mask, the shapes differ, or there is no such convention.

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
    first, second = _masks(reference, prediction)
    return _score("dice", MaskPair.of(first, second, (1.0,) * first.ndim, distances=False), convention)


def hd95(
    reference: npt.ArrayLike,
    prediction: npt.ArrayLike,
    spacing_mm: Sequence[float],
    *,
    convention: ConventionName = "medse",
) -> float:
    """Return how far two surfaces lie apart, in mm, but for the furthest 5 %: the larger of both directions.

    By ``medse`` each piece of surface counts by its area, and where one mask is empty the distance is the diagonal of
    the image; NaN where both are. ``medpy`` pools both directions, and an empty mask is infinitely far for
    ``deepmind``.

    Args:
        reference: True or 1 inside the structure, False or 0 outside.
        prediction: The same, of the same shape.
        spacing_mm: Distance of voxel centres along each axis.
        convention: Whose rules, as of :func:`dice`; ``nnunet`` has no distances.

    Shape:
        ``(X, Y)`` or ``(X, Y, Z)``, both the same; ``spacing_mm`` has a length per axis.

    Raises:
        InputError: An array is no mask, the shapes differ, a length is none, or the convention has no such score.

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
    reference: npt.ArrayLike,
    prediction: npt.ArrayLike,
    spacing_mm: Sequence[float],
    tolerance_mm: float,
    *,
    convention: ConventionName = "medse",
) -> float:
    """Return the share of both surfaces that lies within a tolerance of the other, 0 to 1 (NSD).

    A distance equal to the tolerance is within it. By ``medse`` each piece of surface counts by its area; it is 0
    where one mask is empty and NaN where both are.

    Args:
        reference: True or 1 inside the structure, False or 0 outside.
        prediction: The same, of the same shape.
        spacing_mm: Distance of voxel centres along each axis.
        tolerance_mm: Distance that counts as agreement, for instance that between two human readers.
        convention: Whose rules, as of :func:`dice`; ``nnunet``, ``medpy`` and ``brats2023`` have no such score.

    Shape:
        ``(X, Y)`` or ``(X, Y, Z)``, both the same; ``spacing_mm`` has a length per axis.

    Raises:
        InputError: An array is no mask, the shapes differ, a length is none, or the convention has no such score.

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
    if not isinstance(tolerance_mm, int | float | np.number) or not 0 <= tolerance_mm < math.inf:
        raise InputError(f"tolerance_mm is {tolerance_mm}; a length of 0 or more is expected; give it in mm.")
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
    reference: npt.ArrayLike,
    prediction: npt.ArrayLike,
    spacing_mm: Sequence[float],
    *,
    tolerance_mm: float | None = None,
) -> MaskPair:
    first, second = _masks(reference, prediction)
    given = np.ravel(spacing_mm)
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


def _masks(reference: npt.ArrayLike, prediction: npt.ArrayLike) -> tuple[BoolArray, BoolArray]:
    masks = []
    for name, given in (("reference", reference), ("prediction", prediction)):
        array = np.asarray(given)
        if array.dtype.kind not in "biuf":
            raise InputError(
                f"The {name} is a {type(given).__name__}, no array of numbers; masks of True and False, or 0 and 1, "
                "are expected; of a file give read_volume(path)[0], of an image its voxels."
            )
        if array.ndim not in (2, 3) or not array.size:
            raise InputError(
                f"The {name} has shape {array.shape}; 2 or 3 axes with voxels are expected; give one channel of one "
                "case."
            )
        if (wrong := array[(array != 0) & (array != 1)]).size:
            raise InputError(
                f"The {name} is no mask: it holds {wrong[0]}; True and False, or 0 and 1, are expected; choose a "
                f"class, for instance with array == {wrong[0]}."
            )
        masks.append(array.astype(bool))
    first, second = masks
    if first.shape != second.shape:
        raise InputError(
            f"The reference has shape {first.shape} and the prediction {second.shape}; both must be the same; bring "
            "them onto one grid."
        )
    return first, second
