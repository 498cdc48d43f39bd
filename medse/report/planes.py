"""Which three slices of a case to show: where the two label maps disagree most, cropped to the labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter

from medse.arrays import AnyArray, bounding_box
from medse.volumes.grid import Grid

MARGIN, SLICE_MARGIN = 0.15, 1.0
"""Rim kept around the labels, as a share of their largest extent; of a single slice, which has no neighbours
to show where it lies, wider."""
LEAST_MARGIN = 4
"""Rim in voxels that is always kept, so that a tiny structure is seen with its surroundings."""
NEIGHBOURHOOD = 6
"""Disagreement is counted in boxes of this fraction of the labels' extent along each axis."""

_AXES = {"Axial": (2, 0, 1), "Coronal": (1, 0, 2), "Sagittal": (0, 1, 2)}
"""Plane -> normal, horizontal and vertical axis of a volume in RAS order."""
_LETTERS = ("LR", "PA", "IS")


@dataclass(frozen=True)
class Plane:
    """One slice, indexed ``[horizontal, vertical]`` from the lower left corner.

    Attributes:
        name: Axial, coronal or sagittal, of the nearest axis where the scan is oblique; the file's axis that it
            is cut across where the file says no orientation; or picture.
        number: Position of the slice along its normal, counted from 1 at the left, posterior or inferior end.
        count: Number of slices along that normal.
        spacing_mm: Horizontal and vertical.
        letters: Patient direction at the left, right, bottom and top edge; empty where the file says none.
        in_mm: Whether lengths are known; False for a picture without a pixel size, where a pixel counts as 1.
    """

    name: str
    number: int
    count: int
    reference: AnyArray
    prediction: AnyArray
    image: AnyArray | None
    spacing_mm: tuple[float, float]
    letters: str
    in_mm: bool

    @property
    def caption(self) -> str:
        return f"{self.name}, slice {self.number} of {self.count}" if self.count > 1 else self.name

    @property
    def size_mm(self) -> tuple[float, float]:
        (columns, rows), (wide, high) = self.reference.shape, self.spacing_mm
        return columns * wide, rows * high


def cut_planes(
    reference: AnyArray,
    prediction: AnyArray,
    image: AnyArray | None,
    grid: Grid,
    *,
    picture: bool = False,
    pixel_mm: float | None = None,
) -> list[Plane]:
    """Cut an axial, a coronal and a sagittal slice through one point; only one if the file is a single slice.

    The point lies where disagreement is densest, or, where there is none, the labels. All slices show the
    box that holds every label of both maps, with a rim. Pictures say neither orientation nor spacing.

    Shape:
        Label maps and image are ``(X, Y, Z)`` on the file's own axes.
    """
    reference, prediction = grid.to_canonical(reference), grid.to_canonical(prediction)
    image = None if image is None else grid.to_canonical(image)
    spacing = grid.canonical_spacing_mm
    labelled = (reference != 0) | (prediction != 0)
    tight, box = label_boxes(labelled, spacing)
    wrong = (reference != prediction)[tight]
    focus = _densest(wrong if wrong.any() else labelled[tight])
    point = [part.start + offset for part, offset in zip(tight, focus, strict=True)]
    unit = pixel_mm or 1.0
    planes = []
    for name, (normal, across, up) in _AXES.items():
        if 1 in (reference.shape[across], reference.shape[up]) and sum(n > 1 for n in reference.shape) > 1:
            continue  # a single slice seen from its edge
        index: list[Any] = list(box)
        index[normal] = point[normal]
        at = tuple(index)
        planes.append(
            Plane(
                name="Picture" if picture else name if grid.oriented else f"Across axis {normal + 1}",
                number=point[normal] + 1,
                count=reference.shape[normal],
                reference=reference[at],
                prediction=prediction[at],
                image=None if image is None else image[at],
                spacing_mm=(spacing[across] * unit, spacing[up] * unit),
                letters=_LETTERS[across] + _LETTERS[up] if grid.oriented else "",
                in_mm=not picture or pixel_mm is not None,
            )
        )
    return planes


def label_boxes(
    labelled: AnyArray, spacing_mm: tuple[float, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the box that holds all labels, and that box with its rim; everything where there is no label.

    Shape:
        ``labelled`` is ``(X, Y, Z)``.
    """
    if not labelled.any():
        whole = tuple(slice(0, length) for length in labelled.shape)
        return whole, whole
    tight = bounding_box(labelled)
    margin = SLICE_MARGIN if 1 in labelled.shape else MARGIN
    rim_mm = margin * max((end.stop - end.start) * mm for end, mm in zip(tight, spacing_mm, strict=True))
    rims = [max(LEAST_MARGIN, round(rim_mm / mm)) for mm in spacing_mm]
    wide = tuple(
        slice(max(0, end.start - rim), min(length, end.stop + rim))
        for end, rim, length in zip(tight, rims, labelled.shape, strict=True)
    )
    return tight, wide


def _densest(mask: AnyArray) -> tuple[int, ...]:
    """Return the voxel of ``mask`` with the most others around it; the middle where there is none."""
    if not mask.any():
        return tuple(length // 2 for length in mask.shape)
    size = [max(1, length // NEIGHBOURHOOD) for length in mask.shape]
    density = uniform_filter(mask.astype(np.float32), size=size, mode="constant")
    return tuple(int(i) for i in np.unravel_index(np.argmax(np.where(mask, density, -1)), mask.shape))
