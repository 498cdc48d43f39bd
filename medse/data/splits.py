"""Folds for cross-validation that keep groups together."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from medse.data.cases import Case
from medse.errors import InputError, Refusals

Method = Literal["random", "contiguous"]
Strata = Mapping[str, Counter[str]]
"""Stratum -> group -> number of cases, both sorted."""


class Member(Protocol):
    """What folds are made of; the attributes are as of :class:`medse.data.cases.Case`."""

    @property
    def id(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def stratum(self) -> str: ...
    @property
    def fold(self) -> int | None: ...


@dataclass(frozen=True)
class Split:
    """Case ids of one fold, each sorted; cases that it leaves out are in neither."""

    training: tuple[str, ...]
    validation: tuple[str, ...]


def make_folds(cases: Sequence[Member], folds: int, seed: int, method: Method) -> tuple[Split, ...]:
    """Part ``cases`` into folds that validate on every case once.

    Where the cases have a ``fold`` of their own, that counts and ``folds``, ``seed`` and ``method`` do not.

    Args:
        seed: What decides the random deal, together with the names of groups and strata.
        method: ``random`` deals the groups of each stratum so that its folds get as equally many cases as groups
            allow. ``contiguous`` puts the groups of each stratum in the natural order of their names; fold k
            validates on the k-th of ``folds`` contiguous parts and leaves the groups on either side of it out of
            its training, since a patient may straddle two neighbouring groups.

    Raises:
        InputError: There are fewer groups than folds, a group has two strata, or a fold would have no cases to
            train or validate on.
    """
    if any(case.fold is not None for case in cases):
        return _checked(_given(cases), "correct the folds that the data gives")
    strata = _strata(cases)
    groups = sum(map(len, strata.values()))
    if groups < folds:
        raise InputError(
            f"{folds} folds were asked for but the data has {groups} group{'s' * (groups != 1)}; lower data.folds or "
            "add cases."
        )
    if method == "contiguous":
        remedy = "lower data.folds, add cases or set data.split=random"
        return _checked(_contiguous(cases, strata, folds), remedy)
    return _random(cases, strata, folds, seed)


def some_of(names: Sequence[str], count: int | None, seed: int, fold: int) -> tuple[str, ...]:
    """Return ``count`` of ``names``, in alphabetical order, which seed and fold decide alone; all for None."""
    order = np.random.default_rng((seed, fold)).permutation(sorted(names)).tolist()
    return tuple(sorted(order[:count]))


def copies(split: Split, cases: Mapping[str, Case], contents: Mapping[str, bytes]) -> list[str]:
    """Say which scans are trained on under one name and validated on under another.

    Args:
        cases: Id -> case.
        contents: Case id -> what is alike for copies; of as many cases as are known.

    Returns:
        A sentence for each pair, the same one whichever of the two is trained on.
    """
    trained = {contents[name]: name for name in split.training if name in contents}
    pairs = sorted(
        sorted((name, trained[contents[name]])) for name in split.validation if contents.get(name) in trained
    )
    return [
        f"{cases[one].images[0]} and {cases[other].images[0]} are the same scan; one is trained on and the other "
        "validated on, though no scan may be both; remove one of the two, or give both one group in a table."
        for one, other in pairs
    ]


def refuse_copies(found: Sequence[str]) -> None:
    """Raise what :func:`copies` has to say, if anything.

    Raises:
        InputError: There are copies.
    """
    refused = Refusals()
    refused.sentences.extend(found)
    refused.raise_any()


def natural(name: str) -> list[str | tuple[int, str]]:
    """Sort key by which ``g2`` comes before ``g10``."""
    parts = re.split("([0-9]+)", name)
    return [(len(number := part.lstrip("0")), number) if i % 2 else part for i, part in enumerate(parts)]


def _strata(cases: Sequence[Member]) -> Strata:
    strata: dict[str, Counter[str]] = {}
    stratum_of: dict[str, str] = {}
    for case in sorted(cases, key=lambda case: (case.stratum, case.group)):
        if (other := stratum_of.setdefault(case.group, case.stratum)) != case.stratum:
            raise InputError(
                f"Group {case.group!r} has cases of two strata, {other!r} and {case.stratum!r}; a group must have "
                "one, since it is not split; correct the data or leave the stratum out of data.format."
            )
        strata.setdefault(case.stratum, Counter())[case.group] += 1
    return strata


def _given(cases: Sequence[Member]) -> tuple[Split, ...]:
    count = 1 + max(case.fold for case in cases if case.fold is not None)
    return tuple(_split(cases, {case.group for case in cases if case.fold == fold}) for fold in range(count))


def _random(cases: Sequence[Member], strata: Strata, folds: int, seed: int) -> tuple[Split, ...]:
    random = np.random.default_rng(seed)
    totals = [0] * folds
    fold_of: dict[str, int] = {}
    for sizes in strata.values():
        here = [0] * folds
        for group in sorted(random.permutation(list(sizes)), key=lambda name: -sizes[name]):
            fold = min(range(folds), key=lambda fold: (here[fold], totals[fold]))
            fold_of[group] = fold
            here[fold] += sizes[group]
            totals[fold] += sizes[group]
    return tuple(
        _split(cases, {group for group, its in fold_of.items() if its == fold}) for fold in range(folds)
    )


def _contiguous(cases: Sequence[Member], strata: Strata, folds: int) -> tuple[Split, ...]:
    splits = []
    for fold in range(folds):
        validation: set[str] = set()
        beside: set[str] = set()
        for sizes in strata.values():
            ordered = sorted(sizes, key=natural)
            first, end = (len(ordered) * part // folds for part in (fold, fold + 1))
            if first < end:
                validation.update(ordered[first:end])
                beside.update(ordered[max(0, first - 1) : end + 1])
        splits.append(_split(cases, validation, beside))
    return tuple(splits)


def _split(cases: Sequence[Member], validation: Collection[str], left_out: Collection[str] = ()) -> Split:
    """Validate on the groups ``validation``, train on all others but those ``left_out``."""
    return Split(
        training=tuple(sorted(c.id for c in cases if c.group not in validation and c.group not in left_out)),
        validation=tuple(sorted(c.id for c in cases if c.group in validation)),
    )


def _checked(splits: tuple[Split, ...], remedy: str) -> tuple[Split, ...]:
    for fold, split in enumerate(splits):
        for names, what in ((split.training, "train"), (split.validation, "validate")):
            if not names:
                raise InputError(f"Fold {fold} has no cases to {what} on; every fold needs some; {remedy}.")
    return splits
