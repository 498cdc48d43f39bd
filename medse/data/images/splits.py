"""Folds of images, each with every class on both sides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from medse.data.images.cases import TEST, ImageCase
from medse.data.splits import Split, make_folds
from medse.errors import InputError

ImageMethod = Literal["random", "contiguous", "images"]
GIVEN = "given"
"""How images were dealt where the data has folds of its own."""


@dataclass(frozen=True)
class _Member:
    id: str
    group: str
    stratum: str
    fold: int | None


def make_image_folds(
    cases: Sequence[ImageCase], folds: int, seed: int, method: ImageMethod
) -> tuple[Split, ...]:
    """Part ``cases`` into folds that validate on every case once; those of a test set are in none.

    Where the cases have a ``fold`` of their own, that counts and ``folds``, ``seed`` and ``method`` do not, unless it
    is ``images``.

    Args:
        seed: What decides the random deal, together with the names of groups and classes.
        method: ``random`` and ``contiguous`` as of :func:`medse.data.splits.make_folds`, where a group belongs to the
            class that most of its images have. ``images`` deals every image by itself, whatever its group: what one
            patient is trained on, it is validated on, so that scores are too good; only to show by how much.

    Raises:
        InputError: As :func:`medse.data.splits.make_folds`; or a fold would train or validate on no image of a class.
    """
    dealt = [case for case in cases if case.fold != TEST]
    by_image = method == "images"
    given = method_of(cases, method) == GIVEN
    most = _most_frequent(dealt)
    members = [
        _Member(
            case.id,
            case.id if by_image else case.group,
            case.label if by_image else most[case.group],
            case.fold if given else None,
        )
        for case in dealt
    ]
    splits = make_folds(members, folds, seed, "random" if method == "images" else method)
    homes = {(case.label, case.id if by_image else case.group) for case in dealt}
    groups = Counter(label for label, _ in homes)
    if not given and (few := [label for label in sorted(groups) if groups[label] < 2]):
        what = "image" if by_image else "group"
        raise InputError(
            f"Class {few[0]!r} has one {what}; two or more are needed, to train and to validate on; add cases of "
            f"other {what}s, or remove the class from the data."
        )
    remedy = (
        "correct the folds that the data gives"
        if given
        else "lower data.folds, add cases of the class, or remove it from the data"
    )
    _check_classes(splits, dealt, remedy)
    return splits


def method_of(cases: Sequence[ImageCase], method: ImageMethod) -> str:
    """Return how :func:`make_image_folds` deals the cases: by ``method``, or as the data gives it."""
    own = any(case.fold not in (None, TEST) for case in cases)
    return GIVEN if own and method != "images" else method


def _most_frequent(cases: Sequence[ImageCase]) -> dict[str, str]:
    """Return group -> the label that most of its cases have, the alphabetically first of equally frequent ones."""
    labels: dict[str, Counter[str]] = {}
    for case in cases:
        labels.setdefault(case.group, Counter())[case.label] += 1
    return {group: min(its, key=lambda label: (-its[label], label)) for group, its in labels.items()}


def _check_classes(splits: Sequence[Split], cases: Sequence[ImageCase], remedy: str) -> None:
    labels = {case.id: case.label for case in cases}
    classes = sorted(set(labels.values()))
    for fold, split in enumerate(splits):
        for names, what in ((split.training, "trains"), (split.validation, "validates")):
            here = {labels[name] for name in names}
            if lacking := [name for name in classes if name not in here]:
                raise InputError(
                    f"Fold {fold} {what} on no case of class {lacking[0]!r}; every fold needs cases of each class to "
                    f"train and to validate on; {remedy}."
                )
