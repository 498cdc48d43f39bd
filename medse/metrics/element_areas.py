"""How much surface passes through a cell of 2x2 or 2x2x2 voxel centres, by which of them lie in the mask.

A cell stands between voxel centres. Its *code* has one bit for each corner. The surface cuts the edges between a
corner inside and one outside in the middle; corners that edges connect are cut off together, by the side with fewer
of them. This gives the areas of DeepMind's surface-distance 0.1 for every code and spacing (their tables list the
triangles' normals).
"""

import itertools
from collections.abc import Iterator
from functools import cache

import numpy as np

from medse.arrays import FloatArray

Corner = tuple[int, ...]
Point = tuple[FloatArray, int]
"""Middle of a cut edge, and how many corners of the mask its inner end is connected to."""


def corners(spatial_dims: int) -> list[Corner]:
    """Return the corners of a cell as offsets 0 or 1 along each axis; corner ``k`` is bit ``k`` of a code."""
    return list(itertools.product((0, 1), repeat=spatial_dims))


@cache
def element_areas(spacing_mm: tuple[float, ...]) -> FloatArray:
    """Return the area in mm2 (2-D: length in mm) of the surface in a cell, by code; of 2 or 3 axes."""
    normals = _normals(len(spacing_mm))
    spacing = np.array(spacing_mm)
    return np.asarray(np.linalg.norm(normals * (spacing.prod() / spacing), axis=-1).sum(axis=-1))


@cache
def _normals(spatial_dims: int) -> FloatArray:
    """Return the normals of the pieces of each code, as long as their area at spacing 1, padded with 0.

    Shape:
        ``(codes, pieces, axes)``.
    """
    every = corners(spatial_dims)
    pieces = []
    for code in range(2 ** len(every)):
        inside = {corner for bit, corner in enumerate(every) if code >> bit & 1}
        few = min(inside, set(every) - inside, key=len)
        pieces.append([normal for part in _connected(few) for normal in _cut(part, spatial_dims)])
    normals = np.zeros((len(pieces), max(map(len, pieces)), spatial_dims))
    for code, found in enumerate(pieces):
        normals[code, : len(found)] = np.reshape(found, (-1, spatial_dims))
    return normals


def _connected(left: set[Corner]) -> Iterator[set[Corner]]:
    """Take apart corners that no edges connect."""
    left = set(left)
    while left:
        part = {left.pop()}
        while near := {corner for corner in left if any(_apart(corner, other) == 1 for other in part)}:
            part |= near
            left -= near
        yield part


def _cut(part: set[Corner], spatial_dims: int) -> Iterator[FloatArray]:
    """Yield the normals of the pieces that cut off connected corners."""
    points = [
        (np.add(corner, other) / 2, sum(_apart(corner, friend) == 1 for friend in part))
        for corner in sorted(part)
        for other in corners(spatial_dims)
        if other not in part and _apart(corner, other) == 1
    ]
    if spatial_dims == 2:
        across, up = points[1][0] - points[0][0]
        yield np.array([up, -across])
        return
    loop = _in_order(points)
    # Three corners make a pentagon that folds where it leaves the middle one, which has one point; four in a zigzag a
    # hexagon that folds at every second point. All other polygons are flat.
    folds = {5: [k for k, (_, friends) in enumerate(loop) if friends == 2], 6: [0, 2, 4]}.get(len(loop), [])
    for k in folds:
        yield _normal([loop[k - 1], loop[k], loop[(k + 1) % len(loop)]])
    yield _normal([point for k, point in enumerate(loop) if k not in folds])


def _in_order(points: list[Point]) -> list[Point]:
    """Go round the polygon: neighbours lie on one face of the cell."""
    loop, left = points[:1], points[1:]
    while left:
        here, _ = loop[-1]
        after = next(k for k, (at, _) in enumerate(left) if any((at == here) & (at != 0.5)))
        loop.append(left.pop(after))
    return loop


def _normal(loop: list[Point]) -> FloatArray:
    """Return the normal of a flat polygon, as long as its area."""
    at = np.array([point for point, _ in loop])
    normal: FloatArray = np.cross(at[1:-1] - at[0], at[2:] - at[0]).sum(axis=0) / 2
    return normal


def _apart(first: Corner, second: Corner) -> int:
    return sum(a != b for a, b in zip(first, second, strict=True))
