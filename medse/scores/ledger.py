"""Where a mask was empty, and what other tools would have made of it."""

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from medse.arrays import BoolArray, FloatArray
from medse.scores.statistics import Number, case_means

RULES: dict[str, Callable[[FloatArray, BoolArray, BoolArray], FloatArray]] = {
    "medse": lambda dice, _reference, _prediction: dice,
    "both_empty_is_1": lambda dice, reference, prediction: np.where(reference & prediction, 1.0, dice),
    "reference_empty_left_out": lambda dice, reference, _prediction: np.where(reference, np.nan, dice),
}
"""Name of a rule -> Dice after it, from Dice by ``medse`` and where reference and prediction are empty.

``both_empty_is_1`` is what medpy, MetricsReloaded and BraTS 2023 do; ``reference_empty_left_out`` is the
default of MONAI's DiceMetric.
"""


class Ledger(BaseModel):
    """Counts the empty masks of one class.

    Attributes:
        both_empty: Cases where neither mask has a voxel.
        missed: Cases where only the reference has voxels.
        hallucinated: Cases where only the prediction has voxels.
        mean_dice: Rule of :data:`RULES` -> mean Dice over cases by that rule.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    both_empty: int
    missed: int
    hallucinated: int
    mean_dice: dict[str, Number]


def ledger(
    dice: FloatArray, reference_empty: BoolArray, prediction_empty: BoolArray, counted: Sequence[int]
) -> list[Ledger]:
    """Return one ledger per class and, last, the one of the counted classes together.

    The last one's ``mean_dice`` is the mean over classes per case, then over cases.

    Args:
        dice: ``(cases, classes)`` by any convention: where a mask is empty it does not count.
        reference_empty: Where the reference has no voxel of the class, same shape.
        prediction_empty: The same of the prediction.
        counted: Positions of the classes that enter the last one.
    """
    one_empty = reference_empty ^ prediction_empty
    dice = np.where(reference_empty & prediction_empty, np.nan, np.where(one_empty, 0.0, dice))
    by_rule = {name: rule(dice, reference_empty, prediction_empty) for name, rule in RULES.items()}

    def entry(columns: Sequence[int]) -> Ledger:
        empty, blank = reference_empty[:, columns], prediction_empty[:, columns]
        return Ledger(
            both_empty=int((empty & blank).sum()),
            missed=int((~empty & blank).sum()),
            hallucinated=int((empty & ~blank).sum()),
            mean_dice={name: _mean(case_means(table[:, columns])) for name, table in by_rule.items()},
        )

    return [*(entry([k]) for k in range(dice.shape[1])), entry(counted)]


def _mean(values: FloatArray) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else float("nan")
