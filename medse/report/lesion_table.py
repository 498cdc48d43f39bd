"""The table of lesions, worst first."""

import math
from dataclasses import dataclass

from medse.scores.rows import LesionRow
from medse.scores.scores import Scores

MOST_LESIONS = 300


@dataclass(frozen=True)
class LesionLine:
    """A lesion, or a pair that belongs together.

    Attributes:
        outcome: Matched, missed or hallucinated.
        reference: The lesion in the reference; None where it is hallucinated.
        prediction: The lesion in the prediction; None where it is missed.
        dice: Of the pair; 0 without a partner.
    """

    case: str
    label: str
    outcome: str
    reference: LesionRow | None
    prediction: LesionRow | None
    dice: float

    @property
    def volume_ml(self) -> float:
        """Volume of the lesion; of a pair, that of the reference; NaN where unknown."""
        found = self.reference or self.prediction
        return math.nan if found is None else found.volume_ml


def worst_lesions(scores: Scores) -> tuple[list[LesionLine], int]:
    """Return the worst :data:`MOST_LESIONS` lines, and how many there are.

    Lesions without a partner come first, large ones before small ones; then pairs by rising Dice.
    """
    place = {(row.case, row.label, row.side, row.lesion): row for row in scores.lesions}
    lines, paired = [], set()
    for row in scores.lesions:
        if row.side == "reference":
            partner = place.get((row.case, row.label, "prediction", row.partner or 0))
            lines.append(LesionLine(row.case, row.label, row.outcome, row, partner, row.dice))
            if partner is not None:
                paired.add((row.case, row.label, partner.lesion))
    for row in scores.lesions:
        if row.side == "prediction" and (row.case, row.label, row.lesion) not in paired:
            partner = place.get((row.case, row.label, "reference", row.partner or 0))
            lines.append(LesionLine(row.case, row.label, row.outcome, partner, row, row.dice))
    lines.sort(key=lambda line: (line.outcome == "matched", line.dice, -_known(line.volume_ml)))
    return lines[:MOST_LESIONS], len(lines)


def _known(volume_ml: float) -> float:
    return 0.0 if math.isnan(volume_ml) else volume_ml
