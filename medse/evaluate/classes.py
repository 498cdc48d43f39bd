"""Which classes are scored, and what belongs to each."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from medse.config.sections import Evaluation
from medse.errors import InputError
from medse.registry import nearest
from medse.scores.names import check_names


@dataclass(frozen=True)
class ScoredClass:
    """A row of every case.

    Attributes:
        name: Its name.
        parts: The classes of the files whose union it is: itself, or those that are merged.
        tolerance_mm: For NSD; None without one.
        centreline: Whether it is a tube whose centrelines are compared.
        lesions: Whether it is taken apart into lesions.
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
    """Return the classes to score: those of ``options``, or all of the files and then the merged ones.

    Args:
        names: The classes of the files, in order.
        options: What is asked of them.

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


def _check(chosen: Collection[str], names: Collection[str], key: str) -> None:
    for name in chosen:
        if name not in names:
            raise InputError(
                f"evaluation.{key} names the class {name!r}, which does not exist;{nearest(name, names)} there are: "
                f"{', '.join(names)}; correct the name."
            )
