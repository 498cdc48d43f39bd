"""Scores of models on the same cases, some of them trained several times."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from medse.arrays import BoolArray, FloatArray
from medse.scores.statistics import case_means, group_means


@dataclass(frozen=True)
class Training:
    """One training of a model, scored.

    Attributes:
        model: Its name; trainings of the same name differ in nothing but the seed.
        scores: ``(cases, classes)``; NaN or infinite where the score is undefined.
        empty: ``(cases, classes)``: the prediction has no voxel of the class.
    """

    model: str
    scores: FloatArray
    empty: BoolArray


@dataclass(frozen=True)
class Cohort:
    """The same cases, scored for every training.

    Attributes:
        classes: Names of the classes.
        groups: Group (patient) of each case; a case id where every case stands alone.
        reference_empty: ``(cases, classes)``: the reference has no voxel of the class.
        counted: Positions of the classes that enter the mean over classes.
        unit: What counts once in means: a case, or a group by the mean of its cases.
    """

    classes: tuple[str, ...]
    groups: tuple[str, ...]
    reference_empty: BoolArray
    trainings: tuple[Training, ...]
    counted: tuple[int, ...]
    unit: Literal["case", "group"] = "case"

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order of their first training."""
        return tuple(dict.fromkeys(training.model for training in self.trainings))

    def columns(self) -> list[dict[str, FloatArray]]:
        """Return model -> ``(trainings, cases)`` for the mean over classes, and then for every class.

        The mean over classes of a case is over those with a defined score, as in the report. Only a class that
        is undefined in another training for another reason than a correctly empty prediction is left out of it.
        """
        scores = np.stack([training.scores for training in self.trainings])
        correct = self.reference_empty & np.stack([training.empty for training in self.trainings])
        defined = np.isfinite(scores)
        kept = np.where(defined & (defined | correct).all(axis=0), scores, np.nan)
        table = np.concatenate(
            [[case_means(one)[:, None] for one in kept[:, :, list(self.counted)]], scores], axis=2
        )
        of_model = {
            name: [k for k, training in enumerate(self.trainings) if training.model == name]
            for name in self.models
        }
        return [
            {name: table[places, :, k] for name, places in of_model.items()} for k in range(table.shape[2])
        ]


def defined_in_all(scores: FloatArray) -> BoolArray:
    """Return where a score is defined in every line.

    Shape:
        ``(lines, cases)`` in, ``(cases,)`` out.
    """
    return np.asarray(np.isfinite(scores).all(axis=0))


def case_scores(trainings: FloatArray) -> FloatArray:
    """Return the mean over trainings; NaN where the score of one is undefined.

    Shape:
        ``(trainings, cases)`` in, ``(cases,)`` out.
    """
    means: FloatArray = np.where(defined_in_all(trainings), trainings, np.nan).mean(axis=0)
    return means


def seed_sd(column: Mapping[str, FloatArray], cohort: Cohort) -> float:
    """Return the sd between trainings of one model of their mean over cases, pooled over the models.

    The variances of the models are weighted by their trainings less one. NaN where no model was trained twice.

    Args:
        column: Model -> ``(trainings, cases)``.
        cohort: Where it comes from.
    """
    squares, degrees = 0.0, 0
    for scores in column.values():
        kept = defined_in_all(scores)
        if len(scores) > 1 and kept.any():
            means = [mean_over(one, kept, cohort) for one in scores]
            squares += (len(means) - 1) * float(np.var(means, ddof=1))
            degrees += len(means) - 1
    return math.sqrt(squares / degrees) if degrees else math.nan


def mean_over(values: FloatArray, kept: BoolArray, cohort: Cohort) -> float:
    """Return the mean of the kept values over what counts once; NaN without any."""
    if not kept.any():
        return math.nan
    if cohort.unit == "case":
        return float(values[kept].mean())
    groups = [group for group, keep in zip(cohort.groups, kept, strict=True) if keep]
    return float(group_means(values[kept], groups)[0].mean())
