"""The scores that the packages themselves give; each function imports its package when it is called."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from tests.support.pairs import Pair


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


def _nnunet(pair: Pair, name: str) -> float:
    """Ask nnU-Net's evaluator, which gets arrays instead of files."""
    from nnunetv2.evaluation.evaluate_predictions import compute_metrics

    class Masks:
        def read_seg(self, name: str) -> tuple[np.ndarray, dict[str, Any]]:
            return getattr(pair, name)[None].astype(np.uint8), {}

    return float(compute_metrics("reference", "prediction", Masks(), [1])["metrics"][1][name])


def _monai(pair: Pair, name: str, spacing: bool = True, nsd: bool = False, **options: Any) -> float:
    """Ask MONAI with its defaults and without background.

    It refuses axes longer than 32767 and surfaces of more than 16 million voxels; no pair here has them.
    """
    import torch
    from monai import metrics

    prediction, reference = (
        torch.from_numpy(np.stack([~mask, mask])[None]).float() for mask in (pair.prediction, pair.reference)
    )
    options |= {"spacing": list(pair.spacing_mm)} if spacing else {}
    options |= {"class_thresholds": [pair.tolerance_mm]} if nsd else {}
    with warnings.catch_warnings():  # that a mask is empty
        warnings.simplefilter("ignore")
        return float(getattr(metrics, name)(prediction, reference, include_background=False, **options))


def _medpy(pair: Pair, name: str, distance: bool = True) -> float:
    """Ask MedPy; what it refuses is NaN."""
    from medpy.metric import binary

    options = {"voxelspacing": pair.spacing_mm} if distance else {}
    try:
        return float(getattr(binary, name)(pair.prediction, pair.reference, **options))
    except RuntimeError as error:
        if "does not contain any binary object" not in str(error):
            raise
        return np.nan


@cache
def deepmind_surfaces(pair: Pair) -> dict[str, np.ndarray]:
    """Return distances and areas as surface-distance gives them."""
    from surface_distance import compute_surface_distances

    with warnings.catch_warnings():  # old names in SciPy
        warnings.simplefilter("ignore")
        found: dict[str, np.ndarray] = compute_surface_distances(
            pair.reference, pair.prediction, pair.spacing_mm
        )
    return found


def _deepmind_dice(pair: Pair) -> float:
    from surface_distance import compute_dice_coefficient

    return float(compute_dice_coefficient(pair.reference, pair.prediction))


def _deepmind_hausdorff(pair: Pair, percent: int) -> float:
    from surface_distance import compute_robust_hausdorff

    return float(compute_robust_hausdorff(deepmind_surfaces(pair), percent))


def _deepmind_nsd(pair: Pair) -> float:
    from surface_distance import compute_surface_dice_at_tolerance

    with np.errstate(invalid="ignore"):  # 0 / 0
        return float(compute_surface_dice_at_tolerance(deepmind_surfaces(pair), pair.tolerance_mm))


@contextmanager
def old_names() -> Iterator[None]:
    """Give NumPy the two names that surface-distance 0.1 still uses, as NumPy 1 had them."""
    missing = {name: value for name, value in (("Inf", np.inf), ("NaN", np.nan)) if not hasattr(np, name)}
    for name, value in missing.items():
        setattr(np, name, value)
    try:
        yield
    finally:
        for name in missing:
            delattr(np, name)
        deepmind_surfaces.cache_clear()


def _one_empty(pair: Pair) -> bool:
    return any(pair.empty) and not all(pair.empty)


def _needs(name: str, *defects: tuple[str, Callable[[Pair], bool]]) -> tuple[Defect, ...]:
    reason = f"surface-distance 0.1 needs np.{name}, which NumPy 2 does not have"
    return tuple(
        Defect(reason, (score,), affects, lambda: not hasattr(np, name)) for score, affects in defects
    )


PACKAGES: dict[str, Package] = {
    "nnunet": Package(
        "nnunetv2.evaluation.evaluate_predictions",
        {"dice": partial(_nnunet, name="Dice"), "iou": partial(_nnunet, name="IoU")},
    ),
    "monai": Package(
        "monai.metrics",
        {
            "dice": partial(_monai, name="compute_dice", spacing=False),
            "iou": partial(_monai, name="compute_iou", spacing=False),
            "hd_mm": partial(_monai, name="compute_hausdorff_distance"),
            "hd95_mm": partial(_monai, name="compute_hausdorff_distance", percentile=95),
            "assd_mm": partial(_monai, name="compute_average_surface_distance", symmetric=True),
            "nsd": partial(_monai, name="compute_surface_dice", nsd=True),
        },
    ),
    "medpy": Package(
        "medpy.metric.binary",
        {
            "dice": partial(_medpy, name="dc", distance=False),
            "iou": partial(_medpy, name="jc", distance=False),
            "hd_mm": partial(_medpy, name="hd"),
            "hd95_mm": partial(_medpy, name="hd95"),
            "assd_mm": partial(_medpy, name="assd"),
        },
        (
            Defect(
                "MedPy 0.5.2 waits for a ZeroDivisionError to return 1, and NumPy 2.4 gives NaN instead",
                ("dice",),
                lambda pair: all(pair.empty),
                lambda: isinstance(np.count_nonzero(np.zeros(1, bool)), np.generic),
            ),
        ),
    ),
    "deepmind": Package(
        "surface_distance",
        {
            "dice": _deepmind_dice,
            "hd_mm": partial(_deepmind_hausdorff, percent=100),
            "hd95_mm": partial(_deepmind_hausdorff, percent=95),
            "nsd": _deepmind_nsd,
        },
        (
            *_needs("NaN", ("dice", lambda pair: all(pair.empty))),
            *_needs(
                "Inf", ("hd_mm", lambda pair: any(pair.empty)), ("hd95_mm", lambda pair: any(pair.empty))
            ),
            *_needs("Inf", ("nsd", _one_empty)),
        ),
    ),
}
"""Convention -> its package."""
