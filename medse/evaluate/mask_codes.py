"""Overlapping masks in one map."""

from collections.abc import Mapping

import numpy as np

from medse.arrays import BoolArray, LabelArray
from medse.metrics.value_counts import count_values


class MaskCodes:
    """Numbers for the combinations of classes that meet in a voxel; 0 for none.

    Args:
        alone: Class -> its number where it is alone.
        first: Number of the first combination of several; larger than all others.
    """

    def __init__(self, alone: Mapping[str, int], first: int) -> None:
        self._classes = {0: frozenset[str]()} | {code: frozenset((name,)) for name, code in alone.items()}
        self._codes = {classes: code for code, classes in self._classes.items()}
        self._next = first

    @property
    def members(self) -> dict[str, frozenset[int]]:
        """Class -> the numbers of the combinations that it is part of."""
        names = [name for classes in self._classes.values() if len(classes) == 1 for name in classes]
        return {
            name: frozenset(code for code, classes in self._classes.items() if name in classes)
            for name in names
        }

    def add(self, codes: LabelArray, mask: BoolArray, name: str) -> LabelArray:
        """Add class ``name`` where ``mask`` is to a map of numbers, which is changed, or replaced by a wider one."""
        before = codes[mask]
        after = {code: self._code(self._classes[code] | {name}) for code in count_values(before)}
        widest = np.min_scalar_type(max(after.values(), default=0))
        wide: LabelArray = codes.astype(np.promote_types(codes.dtype, widest), copy=False)
        changed = np.empty(before.shape, wide.dtype)
        for code, new in after.items():
            changed[before == code] = new
        wide[mask] = changed
        return wide

    def _code(self, classes: frozenset[str]) -> int:
        if classes not in self._codes:
            self._codes[classes], self._classes[self._next] = self._next, classes
            self._next += 1
        return self._codes[classes]
