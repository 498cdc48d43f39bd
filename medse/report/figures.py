"""Drawing the scores: Dice by class, and volumes of prediction against reference."""

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from medse.metrics.scores import ClassScores, Scores
from medse.metrics.statistics import FloatArray
from medse.metrics.summaries import column

POINT, BOX, MEAN = "#0072B2", "#222222", "#D55E00"
WIDTH_INCHES = 4.4
MOST_POINTS = 3000
"""Points that are drawn as vectors; more are drawn as pixels, to keep the page small."""
MOST_LINES = 25
MOST_PANELS = 12
LIMITS = 1.96
"""Limits of agreement in standard deviations: 95 % of normally distributed differences lie within."""

_STYLE: dict[Any, Any] = {"svg.fonttype": "path", "svg.hashsalt": "medse", "font.size": 8.5}


def draw_distribution(scores: Scores) -> tuple[bytes, int]:
    """Draw every case's Dice by class with box, mean and interval, as SVG.

    Returns:
        The drawing, and how many classes it shows: all, or when there are more than :data:`MOST_LINES` that
        many with the lowest mean, lowest first.
    """
    dice, classes = column(scores.rows, "dice"), scores.summaries.classes
    if len(classes) > MOST_LINES:
        chosen = np.argsort([entry.dice.mean for entry in classes], kind="stable")[:MOST_LINES]  # NaN last
        dice, classes = dice[:, chosen], tuple(classes[k] for k in chosen)
    with rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 0.42 * len(classes)), layout="constrained")
        axes = figure.add_subplot()
        names = []
        for k, entry in enumerate(classes):
            values = dice[np.isfinite(dice[:, k]), k]
            names.append(f"{_short(entry.label)}\nn = {len(values)}")
            if not len(values):
                continue
            jitter = np.random.default_rng(k).uniform(-0.22, 0.22, len(values))
            many = dice.size > MOST_POINTS
            axes.scatter(values, k + jitter, s=11, c=POINT, alpha=0.45, linewidths=0, rasterized=many)
            if len(values) > 1:
                line = {"color": BOX, "linewidth": 1}
                axes.boxplot(
                    values, positions=[k], orientation="horizontal", widths=0.62, showfliers=False,
                    boxprops=line, whiskerprops=line, capprops=line, medianprops={**line, "linewidth": 1.8},
                )  # fmt: skip
            _draw_mean(axes, k, entry)
        axes.set_yticks(range(len(classes)), names)
        _plain(axes.get_yticklabels())
        axes.set_ylim(len(classes) - 0.4, -0.6)
        least = float(np.nanmin(dice)) if np.isfinite(dice).any() else 0.0
        axes.set_xlim((np.floor(least * 10) / 10 if least > 0.5 else 0) - 0.02, 1.02)
        axes.set_xlabel("Dice")
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        return _svg(figure), len(classes)


def draw_volumes(scores: Scores) -> tuple[bytes, int]:
    """Draw difference against mean of the two volumes, one panel per class, as SVG.

    Returns:
        The drawing, and how many classes it shows: the first :data:`MOST_PANELS`, those with the largest
        mean relative difference first when there are more.
    """
    classes = list(enumerate(scores.summaries.classes))
    if len(classes) > MOST_PANELS:
        classes.sort(key=lambda pair: -np.nan_to_num(abs(pair[1].volume_difference_percent.mean)))
    classes = classes[:MOST_PANELS]
    reference, prediction = (column(scores.rows, f"volume_{of}_ml") for of in ("reference", "prediction"))
    columns = min(2, len(classes))
    lines = -(-len(classes) // columns)
    with rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, 0.3 + 2.0 * lines), layout="constrained")
        for place, (k, entry) in enumerate(classes):
            axes = figure.add_subplot(lines, columns, place + 1)
            _draw_agreement(axes, entry, reference[:, k], prediction[:, k])
        figure.supxlabel("mean of the two volumes (ml)", fontsize=8.5)
        figure.supylabel("prediction − reference (ml)", fontsize=8.5)
        return _svg(figure), len(classes)


def _draw_mean(axes: Axes, height: float, entry: ClassScores) -> None:
    summary = entry.dice
    if np.isfinite(summary.low_95):
        axes.plot([summary.low_95, summary.high_95], [height, height], color=MEAN, linewidth=2.4, zorder=4)
    axes.plot(summary.mean, height, marker="D", markersize=5, color=MEAN, markeredgecolor="white", zorder=5)


def _draw_agreement(axes: Axes, entry: ClassScores, reference: FloatArray, prediction: FloatArray) -> None:
    mean, difference = (reference + prediction) / 2, prediction - reference
    one_empty = (reference == 0) != (prediction == 0)
    both = (reference > 0) & (prediction > 0)
    axes.scatter(mean[both], difference[both], s=11, c=POINT, alpha=0.5, linewidths=0)
    axes.scatter(mean[one_empty], difference[one_empty], s=26, c=MEAN, marker="x", linewidths=1.4)
    axes.axhline(0, color="#888888", linewidth=0.8)
    summary = entry.volume_difference_ml
    if summary.n:
        axes.axhline(summary.mean, color=BOX, linewidth=1.2)
    if summary.n > 1:
        for side in (-LIMITS, LIMITS):
            axes.axhline(summary.mean + side * summary.sd, color=BOX, linewidth=1, linestyle=(0, (4, 3)))
    _plain([axes.set_title(_short(entry.label), fontsize=8.5)])


def _short(label: str) -> str:
    return label if len(label) <= 28 else label[:27] + "…"


def _plain(texts: Iterable[Text]) -> None:
    """Keep names that hold a dollar sign from being read as formulas."""
    for text in texts:
        text.set_parse_math(False)


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", dpi=200, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
