"""Folds for cross-validation that keep groups together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medse.data.cases import Case
from medse.errors import InputError


@dataclass(frozen=True)
class Split:
    """Case ids of one fold, each sorted."""

    training: tuple[str, ...]
    validation: tuple[str, ...]


def make_folds(cases: Sequence[Case], folds: int, seed: int) -> tuple[Split, ...]:
    """Deal the groups of ``cases`` to ``folds`` folds of as equal size as groups allow.

    The deal depends on the group names and the seed alone, not on the order of ``cases``.

    Raises:
        InputError: There are fewer groups than folds.
    """
    sizes: dict[str, int] = {}
    for case in cases:
        sizes[case.group] = sizes.get(case.group, 0) + 1
    if len(sizes) < folds:
        raise InputError(
            f"{folds} folds were asked for but the data has {len(sizes)} groups; lower data.folds or add cases."
        )
    shuffled = np.random.default_rng(seed).permutation(sorted(sizes))
    totals = [0] * folds
    fold_of: dict[str, int] = {}
    for group in sorted(shuffled, key=lambda name: -sizes[name]):
        fold_of[group] = totals.index(min(totals))
        totals[fold_of[group]] += sizes[group]
    return tuple(
        Split(
            training=tuple(sorted(case.id for case in cases if fold_of[case.group] != fold)),
            validation=tuple(sorted(case.id for case in cases if fold_of[case.group] == fold)),
        )
        for fold in range(folds)
    )
