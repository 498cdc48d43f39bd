"""Which values a label map holds, and how often."""

from collections import Counter

import numpy as np

from medse.arrays import LabelArray

CHUNK = 1 << 18
"""Voxels counted at a time: bounds the memory beyond a label map to some MB."""
MOST_BINS = 1 << 16
"""Values up to which counting needs no sorting."""


def count_values(array: LabelArray) -> dict[int, int]:
    """Return value -> voxels, values ascending.

    Only the first voxel of each run of equal ones is looked at: label maps have few runs.
    """
    flat = array.ravel(order="K")
    counts: Counter[int] = Counter()
    for start in range(0, flat.size, CHUNK):
        chunk = flat[start : start + CHUNK]
        firsts = np.flatnonzero(np.concatenate(([True], chunk[1:] != chunk[:-1])))
        values, lengths = chunk[firsts], np.diff(firsts, append=chunk.size)
        if values.min() >= 0 and values.max() < MOST_BINS:
            bins = np.bincount(values.astype(np.intp), weights=lengths)  # NumPy below 2.3 takes no uint64
            distinct = np.flatnonzero(bins)
            voxels = bins[distinct]
        else:
            distinct, positions = np.unique(values, return_inverse=True)
            voxels = np.bincount(positions, weights=lengths)
        counts.update(dict(zip(distinct.tolist(), voxels.astype(np.int64).tolist(), strict=True)))
    return dict(sorted(counts.items()))
