"""The 48 ways in which a file can store the three axes of a volume."""

import itertools

import numpy as np

Order = tuple[tuple[int, int], ...]
"""For each axis of the file, the axis of the world that it runs along and in which direction."""

ORDERS: list[Order] = [
    tuple(zip(axes, signs, strict=True))
    for axes in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def matrix_of(order: Order, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """The 3x3 part of an affine, for spacings along the axes of the world."""
    matrix = np.zeros((3, 3))
    for column, (row, sign) in enumerate(order):
        matrix[row, column] = sign * spacing_mm[row]
    return matrix
