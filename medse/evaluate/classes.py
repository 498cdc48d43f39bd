"""Which classes are scored, and which values of label maps belong to each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medse.arrays import LabelArray
from medse.config.sections import Evaluation
from medse.errors import InputError, nearest
from medse.labels import Labels
from medse.labels.value_counts import count_values
from medse.scores.files import check_names

MOST_UNNAMED = 1000
"""Most distinct values that are taken for classes when none are named; a file with more is an image."""


@dataclass(frozen=True)
class ScoredClass:
    """A row of every case.

    Attributes:
        parts: The classes of the files whose union it is: itself, or those that are merged.
        tolerance_mm: For NSD; None without one.
        centreline: Whether it is a tube whose centrelines are compared.
    """

    name: str
    parts: tuple[str, ...]
    tolerance_mm: float | None
    centreline: bool
    lesions: bool

    def members(self, of_parts: Mapping[str, frozenset[int]]) -> frozenset[int]:
        """Return the values of the class, from those of the classes of the files; absent ones have none."""
        return frozenset().union(*(of_parts.get(part, frozenset()) for part in self.parts))


def scored_classes(names: Collection[str], options: Evaluation) -> tuple[ScoredClass, ...]:
    """Return the classes to score: those of ``options``, or all of the files (``names``) and then the merged ones.

    Raises:
        InputError: An option names a class that does not exist, a merged class has the name of another, or a name
            cannot stand in a table.
    """
    for merged, parts in options.merged.items():
        if merged in names:
            raise InputError(
                f"evaluation.merged gives {merged!r} the classes {', '.join(parts)}, but the files have a class of "
                "that name; merged classes are further ones; choose another name."
            )
        _check(parts, names, f"merged.{merged}")
    every = [*names, *options.merged]
    check_names(every, "class")
    asked = options.classes if options.classes is not None else tuple(every)
    _check(asked, every, "classes")
    tolerance = options.tolerance_mm
    by_class = tolerance if isinstance(tolerance, dict) else dict.fromkeys(every, tolerance)
    for key, chosen in (
        ("tolerance_mm", by_class), ("centreline", options.centreline), ("lesions", options.lesions),
    ):  # fmt: skip
        _check(chosen, every, key)
    return tuple(
        ScoredClass(
            name=name,
            parts=options.merged.get(name, (name,)),
            tolerance_mm=by_class.get(name),
            centreline=name in options.centreline,
            lesions=name in options.lesions,
        )
        for name in asked
    )


def named_members(labels: Labels) -> dict[str, frozenset[int]]:
    """Return class -> its value and those that are merged into it."""
    merged = labels.merged or ((),) * len(labels.values)
    named = zip(labels.names, labels.values, merged, strict=True)
    return {name: frozenset((value, *more)) for name, value, more in named}


def found_members(maps: Sequence[tuple[LabelArray, Path]]) -> dict[str, frozenset[int]]:
    """Make every value above 0 a class that is named after it, values ascending.

    Raises:
        InputError: One of the maps has more than :data:`MOST_UNNAMED` values, or one below 0.
    """
    found: set[int] = set()
    for array, path in maps:
        values = list(count_values(array))
        if len(values) > MOST_UNNAMED or values[0] < 0:
            raise InputError(
                f"{path} holds {len(values)} different values from {values[0]} to {values[-1]}; without named "
                f"classes a label map has at most {MOST_UNNAMED} and none below 0; name the classes with --labels, "
                "or check that this is a label map."
            )
        found.update(values)
    return {str(value): frozenset((value,)) for value in sorted(found - {0})}


def check_declared(array: LabelArray, labels: Labels, path: Path) -> None:
    """Raise an :class:`InputError` that counts the voxels of undeclared values in a label map, if there are any."""
    declared, values = labels.indices, count_values(array)
    if undeclared := {value: n for value, n in values.items() if value not in declared}:
        sentence = labels.describe_undeclared(undeclared, str(path))
        if len(declared) == 2 and len(values.keys() | {0}) == 2:
            raise InputError(f"{sentence.removesuffix('.')}; or read masks of one class with --binary.")
        raise InputError(sentence)


def clear_ignored(
    reference: LabelArray, prediction: LabelArray, labels: Labels, source: str
) -> tuple[LabelArray, LabelArray]:
    """Return both maps, which may be changed, with 0 where the reference holds an ignored value.

    Raises:
        InputError: The prediction holds an ignored value where the reference does not.
    """
    ignored = np.isin(reference, labels.ignored)
    if outside := int(np.count_nonzero(np.isin(prediction, labels.ignored) & ~ignored)):
        raise InputError(
            f"{source} holds ignored values ({', '.join(map(str, labels.ignored))}) in {outside} voxels that the "
            "reference does not ignore; a prediction may ignore none of them; give these voxels a class or 0."
        )
    cleared = tuple(np.require(array, requirements="W") for array in (reference, prediction))
    for array in cleared:
        array[ignored] = 0
    return cleared[0], cleared[1]


def _check(chosen: Collection[str], names: Collection[str], key: str) -> None:
    for name in chosen:
        if name not in names:
            raise InputError(
                f"evaluation.{key} names the class {name!r}, which does not exist;{nearest(name, names)} there are: "
                f"{', '.join(names)}; correct the name."
            )
