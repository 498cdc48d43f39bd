"""Images that a data set holds twice, by what they show and not by their names."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from medse.arrays import AnyArray, FloatArray, ImageArray
from medse.data.images.alignment import STEPS, align, likeness, start
from medse.data.images.cases import ImageCase
from medse.data.images.fingerprints import (
    BACK,
    BATCH,
    MIDDLE,
    ORIENTATIONS,
    SIDE,
    WHOLE,
    Fingerprints,
    fingerprints,
    small,
)
from medse.data.images.loading import open_image
from medse.data.images.placement import placed
from medse.data.images.scaling import scaled
from medse.errors import Refusals
from medse.machine import cores
from medse.volumes.reading import channels_of, grid_of, images_of

ALIKE = 0.955
"""Correlation of details from which two pictures are the same one.

Measured on 2,414 contrast-enhanced slices (Cheng et al., figshare 1512427), in all 8 orientations: the most alike of
all pairs, slices of one patient beside each other, reach 0.939. Of 150 copies each, at half and twice the size, as
JPEG of quality 50 and 20, brighter, with 0.6 to 1.5 times the contrast, with gamma 0.7 and 1.4, with borders of a
tenth, cropped by 2, 4 and 8 % on each side, and mixtures, all that were looked at reach 0.959, and 99 in 100 reach
0.967; with noise of standard deviation 12 of 255, four in five reach the threshold.
"""
PROMISING = 0.75
"""The same at half the resolution, after coarse alignment, below which a pair is dropped; copies reached 0.81."""
LEAST, VERY = 0.4, 0.98
"""Correlation of coarse details below which no pair is looked at closely, and from which each is; between, those
most alike."""
CLOSE = 0.95
"""The same, from which a pair is also compared as it is, without laying it over each other."""
ROWS = 512
"""Pictures that are compared with all others at a time."""

_Coarse = tuple[FloatArray, ImageArray]
"""Boxes of pictures, and the coarse details in them."""
Kind = Literal["identical", "pixels", "similar"]


@dataclass(frozen=True)
class Duplicate:
    """Two cases that show one image.

    Attributes:
        one: Id of the first.
        other: Id of the second.
        kind: ``identical`` files; the same ``pixels`` in different files or orientations; or a ``similar`` picture.
        how: How the first is laid to become the other, and how alike they are; may be empty.
    """

    one: str
    other: str
    kind: Kind
    how: str = ""


@dataclass(frozen=True)
class _Seen:
    """What is kept of an image: of its file, of its values in any order, and of a picture what it looks like."""

    file: bytes
    values: tuple[object, ...]
    look: ImageArray | None


def find_duplicates(cases: Sequence[ImageCase], slice_axis: int = 2) -> tuple[Duplicate, ...]:
    """Find the cases whose images are the same.

    Pictures and slices are the same if one becomes the other by turns of 90 degrees, mirroring, rescaling,
    recompression, another brightness or contrast, or a small border more or less; volumes if their voxels are,
    mirrored or not. Of several copies, each is paired with one of the others at least.

    Args:
        slice_axis: As of :class:`medse.data.images.loading.ImageLoader`.

    Raises:
        InputError: Images cannot be read; one sentence for each.
    """
    seen = _see_all(cases, slice_axis)
    found = [*_same_files(cases, seen)]
    copied = {duplicate.other for duplicate in found}
    left = [k for k, case in enumerate(cases) if case.id not in copied]
    exact = [*_same_values(cases, seen, left, slice_axis)]
    copied |= {duplicate.other for duplicate in exact}
    pictures = [k for k in left if cases[k].id not in copied and seen[k].look is not None]
    looks = [look for k in pictures if (look := seen[k].look) is not None]
    similar = [
        Duplicate(cases[pictures[i]].id, cases[pictures[j]].id, "similar", how)
        for i, j, how in _similar(looks)
    ]
    return (*found, *exact, *similar)


def _values(case: ImageCase, slice_axis: int) -> AnyArray:
    """Return the image as displayed, ``(C, rows, columns)``, or the volume ``(C, X, Y, Z)`` in RAS order."""
    opened = open_image(case.image)
    grid = grid_of(opened, channels_of(opened))
    flat = case.slice is not None or 1 in grid.canonical_shape
    return placed(grid, (1, 1) if flat else (1, 1, 1), slice_axis, case.slice).cut(images_of([opened], grid))


def _see_all(cases: Sequence[ImageCase], slice_axis: int) -> list[_Seen]:
    refused = Refusals()

    def see(case: ImageCase) -> _Seen | None:
        with refused:
            return _see(case, slice_axis)
        return None

    with ThreadPoolExecutor(cores()) as pool:
        seen = list(pool.map(see, cases))
    refused.raise_any()
    return [one for one in seen if one is not None]


def _see(case: ImageCase, slice_axis: int) -> _Seen:
    values = np.ascontiguousarray(_values(case, slice_axis))
    with case.image.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(f"{case.slice}".encode())
    bits = values.view(np.uint32).astype(np.uint64).ravel()
    in_any_order = (*sorted(values.shape[1:]), len(values), int(bits.sum()), int((bits * bits).sum()))
    return _Seen(digest.digest(), in_any_order, small(values) if values.ndim == 3 else None)


def _same_files(cases: Sequence[ImageCase], seen: Sequence[_Seen]) -> Iterator[Duplicate]:
    first: dict[bytes, int] = {}
    for k, one in enumerate(seen):
        if (j := first.setdefault(one.file, k)) != k:
            yield Duplicate(cases[j].id, cases[k].id, "identical")


def _same_values(
    cases: Sequence[ImageCase], seen: Sequence[_Seen], among: Sequence[int], slice_axis: int
) -> Iterator[Duplicate]:
    """Yield the cases whose values are the same in some orientation; where they are in any order, they are read."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for k in among:
        alike.setdefault(seen[k].values, []).append(k)
    for numbers in alike.values():
        firsts: list[tuple[int, AnyArray]] = []
        for k in numbers if len(numbers) > 1 else ():
            values = _values(cases[k], slice_axis)
            match = next(((j, how) for j, other in firsts if (how := _turn(values, other)) is not None), None)
            if match is None:
                firsts.append((k, values))
            else:
                yield Duplicate(cases[match[0]].id, cases[k].id, "pixels", match[1])


def _turn(values: AnyArray, other: AnyArray) -> str | None:
    """Return how ``other``, which was listed before, is laid to become ``values``; None if it cannot."""
    if values.ndim == 3:
        for orientation in ORIENTATIONS:
            if np.array_equal(values, orientation.picture(other)):
                return orientation.how
        return None
    for number in range(8):
        axes = [axis for axis in range(3) if number >> axis & 1]
        if np.array_equal(values, np.flip(other, tuple(1 + axis for axis in axes))):
            return f"mirrored along {' and '.join('XYZ'[axis] for axis in axes)}" if axes else ""
    return None


def _similar(looks: Sequence[ImageArray]) -> Iterator[tuple[int, int, str]]:
    """Yield the pairs of small pictures that are the same one, and how."""
    if len(looks) < 2:
        return
    prints = fingerprints(looks)
    pairs = _companions(prints)
    for first in range(0, len(pairs), BATCH):
        batch = pairs[first : first + BATCH]
        scores = _scores(prints, batch)
        for pair, score in zip(batch, scores, strict=True):
            if score >= ALIKE:
                one, other = sorted((pair.one, pair.other))
                from_one = BACK[pair.orientation] if one == pair.one else pair.orientation
                how = ORIENTATIONS[from_one].how
                yield one, other, f"{how}{', ' * bool(how)}details correlate by {score:.3f}"


@dataclass(frozen=True)
class _Pair:
    """Two pictures worth a close look.

    Attributes:
        orientation: Of the second, to lie as the first.
        boxes: What of the first is like what of the second, ends along rows and columns in shares of the sides.
        score: Correlation of their coarse details.
    """

    one: int
    other: int
    orientation: int
    boxes: tuple[FloatArray, FloatArray]
    score: float


def _companions(prints: Fingerprints) -> list[_Pair]:
    """Return each picture with those that are most like it: as a whole, in its box, or in a middle."""
    whole = np.broadcast_to(WHOLE, prints.boxes.shape), prints.whole
    inner = prints.boxes, prints.inner
    middle = np.broadcast_to(MIDDLE, prints.boxes.shape), prints.middle
    found: dict[tuple[int, int], _Pair] = {}
    for most, ways in (
        (2, ((whole, whole),)),
        (1, ((inner, inner),)),
        (1, ((whole, middle), (middle, whole))),
    ):
        for pair in _nearest(ways, most):
            key = min(pair.one, pair.other), max(pair.one, pair.other)
            if key not in found or found[key].score < pair.score:
                found[key] = pair
    return list(found.values())


def _nearest(ways: Sequence[tuple[_Coarse, _Coarse]], most: int) -> Iterator[_Pair]:
    """Yield for each picture the ``most`` that are like it in one of the ways, and all that are very much."""
    count = len(ways[0][0][1])
    for begin in range(0, count, ROWS):
        rows = slice(begin, min(begin + ROWS, count))
        best = np.full((rows.stop - begin, count), -1, np.float32)
        how = np.zeros(best.shape, np.int8)
        for number in range(len(ways) * len(ORIENTATIONS)):
            way, orientation = divmod(number, len(ORIENTATIONS))
            (_, first), (_, second) = ways[way]
            laid = np.ascontiguousarray(ORIENTATIONS[orientation].picture(second)).reshape(count, -1)
            scores = first[rows].reshape(len(best), -1) @ laid.T
            better = scores > best
            best[better], how[better] = scores[better], number
        best[np.arange(len(best)), np.arange(begin, rows.stop)] = -1
        last = np.partition(best, -min(most, count - 1), axis=1)[:, -min(most, count - 1), None]
        for row, j in np.argwhere(best >= np.clip(last, LEAST, VERY)).tolist():
            way, orientation = divmod(int(how[row, j]), len(ORIENTATIONS))
            (box, _), (other, _) = ways[way]
            boxes = box[begin + row], ORIENTATIONS[orientation].box(other[j])
            yield _Pair(begin + row, j, orientation, boxes, float(best[row, j]))


def _scores(prints: Fingerprints, pairs: Sequence[_Pair]) -> FloatArray:
    """Return how alike the details of each pair are, laid over each other as well as may be."""
    ones = [pair.one for pair in pairs]
    first = prints.pictures[ones]
    second = np.stack([ORIENTATIONS[pair.orientation].picture(prints.pictures[pair.other]) for pair in pairs])
    as_is = np.tile(np.array([1.0, 0.0]), (len(pairs), 2, 1))
    best = np.full(len(pairs), -1.0)
    close = np.flatnonzero([pair.score >= CLOSE for pair in pairs])
    if len(close):
        best[close] = likeness(first[close], second[close], as_is[close])
    boxes = [np.stack(those) for those in zip(*(pair.boxes for pair in pairs), strict=True)]
    fit = align(first, second, start(boxes[0], boxes[1]), STEPS[:1])
    half = [scaled(pictures, (SIDE // 2, SIDE // 2)) for pictures in (first, second)]
    good: npt.NDArray[np.intp] = np.flatnonzero(
        (likeness(half[0], half[1], fit) >= PROMISING) & (best < ALIKE)
    )
    if len(good):
        mended = align(first[good], second[good], fit[good], STEPS[1:])
        best[good] = np.maximum(best[good], likeness(first[good], second[good], mended))
    return best
