"""Prints how far every convention is from the package it is named after: ``python -m tests.conformance.table``."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from medse.metrics.conventions.table import CONVENTIONS
from medse.metrics.mask_pair import SurfaceDistances
from tests.conformance.packages import PACKAGES, Package, deepmind_surfaces, old_names
from tests.support.pairs import Pair, all_pairs


@dataclass(frozen=True)
class Line:
    """One score of one convention beside its package's, over many pairs.

    Attributes:
        compared: Pairs that were compared; 0 where the package has no such score.
        finite: Those of them where the package gives a number, not NaN or infinity.
        defects: Why the other pairs were not compared, and how many.
        difference: The largest, relative to the package's value where that is not 0; infinite where one of the two is
            undefined, infinite or missing and the other is not.
        worst: The pair that has it.
    """

    score: str
    compared: int
    finite: int
    defects: dict[str, int]
    difference: float
    worst: str


def compare(convention: str, pairs: Sequence[Pair]) -> dict[str, Line]:
    """Return a line for each score of :class:`medse.metrics.mask_pair.Measures`."""
    package, measure = PACKAGES[convention], CONVENTIONS[convention].measure
    found = [asdict(measure(pair.masks())) for pair in pairs]
    return {score: _line(score, package, pairs, [ours[score] for ours in found]) for score in found[0]}


def _line(score: str, package: Package, pairs: Sequence[Pair], ours: list[float | None]) -> Line:
    if score not in package.ask:
        missing = max(0.0 if value is None else math.inf for value in ours)
        return Line(score, 0, 0, {}, missing, "")
    defects: Counter[str] = Counter()
    differences, finite = {}, 0
    for pair, value in zip(pairs, ours, strict=True):
        if defect := package.defect(score, pair):
            defects[defect.reason] += 1
            continue
        theirs = package.ask[score](pair)
        finite += math.isfinite(theirs)
        differences[pair.name] = difference(value, theirs)
    worst = max(differences, key=differences.__getitem__)
    return Line(score, len(differences), finite, dict(defects), differences[worst], worst)


def difference(ours: float | None, theirs: float) -> float:
    """Return the difference relative to ``theirs`` where that is not 0; infinite where it is none."""
    if ours is None or math.isnan(ours) or math.isnan(theirs):
        return 0.0 if ours is not None and math.isnan(ours) and math.isnan(theirs) else math.inf
    if ours == theirs:
        return 0.0
    return abs(ours - theirs) / (abs(theirs) if theirs and math.isfinite(theirs) else 1.0)


def surface_differences(pair: Pair) -> tuple[float, float]:
    """Return the largest difference from DeepMind of the distances (mm) and of the areas (mm2; 2-D: mm)."""
    theirs = deepmind_surfaces(pair)
    ours: SurfaceDistances = pair.masks().elements(planar=False)
    far, large = 0.0, 0.0
    for mm, weights, their_mm, their_weights in (
        (ours.reference_mm, ours.reference_weights, "distances_gt_to_pred", "surfel_areas_gt"),
        (ours.prediction_mm, ours.prediction_weights, "distances_pred_to_gt", "surfel_areas_pred"),
    ):
        if len(mm) != len(theirs[their_mm]):
            return math.inf, math.inf
        first, first_areas = _in_order(mm, weights)
        second, second_areas = _in_order(theirs[their_mm], theirs[their_weights])
        far = max(far, float(np.abs(first - second).max()))
        large = max(large, float(np.abs(first_areas - second_areas).max()))
    return far, large


def _in_order(mm: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((weights.round(6), mm.round(6)))
    return mm[order], weights[order]


def main() -> None:
    """Print the table."""
    pairs = all_pairs()
    print(f"{len(pairs)} pairs")
    print(
        f"{'convention':38}{'score':9}{'compared':>9}{'finite':>8}{'not asked':>11}{'max. relative difference':>26}"
    )
    for name in PACKAGES:
        _print(name, compare(name, pairs))
    with old_names():
        _print("deepmind, np.Inf and np.NaN put back", compare("deepmind", pairs))
    both = [surface_differences(pair) for pair in pairs if not any(pair.empty)]
    far, large = (max(each) for each in zip(*both, strict=True))
    print(
        f"deepmind, every surface element of {len(both)} pairs: distances within {far:.1e} mm, areas {large:.1e} mm2"
    )


def _print(title: str, lines: dict[str, Line]) -> None:
    for line in lines.values():
        left = sum(line.defects.values())
        numbers = f"{line.compared:9}{line.finite:8}{left:11}{line.difference:26.1e}"
        numbers = numbers if line.compared else f"{'no such score':>54}"
        print(f"{title:38}{line.score:9}{numbers}  {line.worst if line.difference else ''}")
        for reason, count in line.defects.items():
            print(f"{'':38}{count} pairs not asked: {reason}")


if __name__ == "__main__":
    main()
