"""Label maps whose values nothing names: which classes they have, and whether both sides mean the same by them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medse.errors import InputError, Refusals, count, some
from medse.evaluate.classes import MOST_UNNAMED

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundValues:
    """The values other than 0 in the two label maps of a case."""

    reference: frozenset[int]
    prediction: frozenset[int]


def names_of_values(
    found: Mapping[str, FoundValues], references: Path, predictions: Path, problems: dict[str, str]
) -> tuple[str, ...]:
    """Return every value of any case as the name of a class, ascending.

    A value of one side means what the same value of the other does; nothing else tells. So both sides must have one
    in common, and a case whose sides have none in common is not scored if one of them has only values that the other
    side has in no case: that is another way of writing masks, and its scores would be 0 whatever they show.

    Args:
        found: Of the cases that could be read.
        problems: Why cases cannot be scored; some are added.

    Raises:
        InputError: No case remains, both sides have values and share none, or the values are no classes.
    """
    if not found:
        Refusals(problems.values()).raise_any()
    reference = frozenset[int]().union(*(case.reference for case in found.values()))
    prediction = frozenset[int]().union(*(case.prediction for case in found.values()))
    values = sorted(reference | prediction)
    if not values or len(values) > MOST_UNNAMED or values[0] < 0:
        raise InputError(
            f"{references} and the predictions hold {len(values)} different values other than 0; without named "
            f"classes 1 to {MOST_UNNAMED} values above 0 are expected; name the classes with --labels, or check that "
            "these files are label maps."
        )
    if reference and prediction and not reference & prediction:
        raise InputError(_apart(references, reference, predictions, prediction))
    for name, case in found.items():
        foreign = not case.prediction & reference or not case.reference & prediction
        if case.reference and case.prediction and not case.reference & case.prediction and foreign:
            where = f"case {name!r} in"
            problems[name] = _apart(f"{where} {references}", case.reference, predictions, case.prediction)
    kept = {name: case for name, case in found.items() if name not in problems}
    if not kept:
        Refusals(problems.values()).raise_any()
    further = {
        name: case.prediction - reference for name, case in kept.items() if case.prediction - reference
    }
    if further:
        extra = sorted(frozenset[int]().union(*further.values()))
        log.info(
            "Predictions hold %s that no reference has: %s, in %s: %s.",
            count(list(map(str, extra)), "value", "values"), some(list(map(str, extra))),
            count(list(further), "case", "cases"), some(list(further)),
        )  # fmt: skip
    return tuple(
        str(value)
        for value in sorted(frozenset[int]().union(*(c.reference | c.prediction for c in kept.values())))
    )


def _apart(
    references: Path | str, reference: frozenset[int], predictions: Path, prediction: frozenset[int]
) -> str:
    sides = [some([str(value) for value in sorted(values)]) for values in (reference, prediction)]
    remedy = (
        "read them as masks of one class with --binary, or " if len(reference) == len(prediction) == 1 else ""
    )
    return (
        f"Beside 0, {references} holds {sides[0]} and the prediction in {predictions} {sides[1]}; unnamed values are "
        f"compared by their numbers, so every score would be 0; {remedy}save both with the same values, or name the "
        "classes with --labels."
    )
