"""Every score: its title, its unit, which way is better, and what it says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """What headings, sentences and axes say of a score.

    Attributes:
        words: What it is, in a line.
        unit: Of lengths; empty for shares between 0 and 1.
        by_convention: Whether conventions differ in it; by these scores models can be compared.
    """

    title: str
    words: str
    unit: str = ""
    higher_is_better: bool = True
    by_convention: bool = True

    @property
    def heading(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def decimals(self) -> int:
        """Decimals that it is written with where a column needs the same number of them everywhere."""
        return 2 if self.unit else 3


SCORES: dict[str, Score] = {
    "dice": Score("Dice", "2|A∩B| / (|A|+|B|)"),
    "iou": Score("IoU", "|A∩B| / |A∪B|"),
    "precision": Score("Precision", "|A∩B| / |prediction|", by_convention=False),
    "recall": Score("Recall", "|A∩B| / |reference|", by_convention=False),
    "hd95_mm": Score("HD95", "95th percentile of the distances between both surfaces", "mm", False),
    "assd_mm": Score("ASSD", "mean distance over both surfaces", "mm", False),
    "hd_mm": Score("HD", "largest distance between both surfaces", "mm", False),
    "nsd": Score("NSD", "share of both surfaces within the tolerance of the other"),
    "centreline_dice": Score(
        "Centreline Dice",
        "share of the centreline of each mask in the other, joined as F1",
        by_convention=False,
    ),
}
"""Column of the tables -> the score, in the order of the page.

A further score is computed, has a field in the rows and in ``ClassScores``, and a line here.
"""
OF_CONVENTIONS = tuple(name for name, score in SCORES.items() if score.by_convention)
