"""Folders as ``medse evaluate`` writes them, with scores of the test's choice."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from medse.scores.files import write_scores
from medse.scores.scores import ClassScores, EmptyMasks, ScoreRow, Scores, Settings, Summaries
from medse.scores.statistics import Summary

_NOTHING = Summary(
    n=0, mean=math.nan, sd=math.nan, median=math.nan, q1=math.nan, q3=math.nan, minimum=math.nan,
    low_95=math.nan, high_95=math.nan,
)  # fmt: skip
_FULL = EmptyMasks(both_empty=0, false_negatives=0, false_positives=0, mean_dice={})


def write_evaluated(
    folder: Path,
    dice: ArrayLike,
    *,
    classes: Sequence[str] = ("liver", "spleen"),
    groups: Sequence[str] | None = None,
    volume_ml: float = 2.0,
    hd95_mm: ArrayLike | None = None,
    convention: str = "medse",
    settings: Mapping[str, Any] | None = None,
    not_scored: Mapping[str, str] | None = None,
    first_case: int = 0,
) -> Path:
    """Write ``scores.csv`` and ``scores.json`` with these Dice, ``(cases, classes)``; NaN is empty in both."""
    table = np.asarray(dice, dtype=float)
    distances = None if hd95_mm is None else np.asarray(hd95_mm, dtype=float)
    rows = []
    for i, line in enumerate(table):
        case = f"case_{first_case + i:03}"
        for k, (label, value) in enumerate(zip(classes, line, strict=True)):
            empty = math.isnan(value)
            rows.append(
                ScoreRow(
                    case=case, group=groups[i] if groups else case, label=label, value=k + 1, dice=value, iou=value,
                    precision=math.nan if empty else value, recall=math.nan if empty else value,
                    hd95_mm=None if distances is None else distances[i, k],
                    volume_reference_ml=0.0 if empty else volume_ml, volume_prediction_ml=0.0 if empty else 1.0,
                )
            )  # fmt: skip
    entry = dict.fromkeys(
        ("dice", "iou", "precision", "recall", "volume_difference_ml", "volume_difference_percent"), _NOTHING
    )
    scores = Scores(
        convention=convention, created="2026-01-01T00:00:00+00:00", versions={"medse": "0.1.0"},
        settings=Settings(
            references="r", predictions="p", cases_file=None, interval_method="m", interval_level=0.95,
            interval_resamples=10, interval_seed=1, **{"labels": None, **(settings or {})},
        ),
        summaries=Summaries(
            cases=len(table), groups=len(table), mean_dice=_NOTHING, empty_masks=_FULL,
            classes=tuple(ClassScores(label=label, value=1, empty_masks=_FULL, **entry) for label in classes),
        ),
        not_scored=dict(not_scored or {}), rows=tuple(rows),
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    write_scores(folder, scores)
    return folder
