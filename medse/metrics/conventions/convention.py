"""What a convention is."""

from collections.abc import Callable
from dataclasses import dataclass

from medse.metrics.conventions import ConventionName
from medse.metrics.mask_pair import MaskPair, Measures


@dataclass(frozen=True)
class Convention:
    """The rules of one scoring tool.

    Attributes:
        measure: Scores one class of one case by these rules.
        source: Package and version, or paper, that the rules are taken from.
        summary: One sentence for the report: surface, weights, percentile, empty masks.
    """

    name: ConventionName
    measure: Callable[[MaskPair], Measures]
    source: str
    summary: str
