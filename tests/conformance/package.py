"""What a package is asked, and where it is known to be wrong."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.hand_made_pairs import Pair


@dataclass(frozen=True)
class Defect:
    """A known fault of a package, which its convention does not copy.

    Attributes:
        reason: What is wrong.
        scores: Which scores have it.
        affects: Whether a pair meets it.
        present: Whether the versions that are running have it.
    """

    reason: str
    scores: tuple[str, ...]
    affects: Callable[[Pair], bool]
    present: Callable[[], bool]


@dataclass(frozen=True)
class Package:
    """How a convention's package is asked.

    Attributes:
        module: What has to be importable.
        ask: Score of :class:`medse.metrics.mask_pair.Measures` -> what the package says; without those it has not.
        defects: Where it is not asked.
    """

    module: str
    ask: dict[str, Callable[[Pair], float]]
    defects: tuple[Defect, ...] = ()

    def defect(self, score: str, pair: Pair) -> Defect | None:
        """Return the fault that keeps the package from scoring the pair."""
        found = (
            each for each in self.defects if score in each.scores and each.affects(pair) and each.present()
        )
        return next(found, None)
