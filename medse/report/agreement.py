"""Drawing the volumes of prediction against reference, after Bland and Altman."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medse.arrays import FloatArray
from medse.pages.figures import LINE, MARK, POINT, STYLE, WIDTH_INCHES, plain, short, to_svg
from medse.scores.scores import ClassScores, Scores
from medse.scores.summaries import column

MOST_PANELS = 12
LIMITS = 1.96
"""Limits of agreement in standard deviations: 95 % of normally distributed differences lie within."""


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
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, 0.3 + 2.15 * lines), layout="constrained")
        for place, (k, entry) in enumerate(classes):
            axes = figure.add_subplot(lines, columns, place + 1)
            _draw_agreement(axes, entry, reference[:, k], prediction[:, k])
        figure.supxlabel("mean of the two volumes (ml)", fontsize=8.5)
        figure.supylabel("prediction − reference (ml)", fontsize=8.5)
        return to_svg(figure), len(classes)


def _draw_agreement(axes: Axes, entry: ClassScores, reference: FloatArray, prediction: FloatArray) -> None:
    mean, difference = (reference + prediction) / 2, prediction - reference
    one_empty = (reference == 0) != (prediction == 0)
    both = (reference > 0) & (prediction > 0)
    axes.scatter(mean[both], difference[both], s=11, c=POINT, alpha=0.5, linewidths=0)
    axes.scatter(mean[one_empty], difference[one_empty], s=26, c=MARK, marker="x", linewidths=1.4)
    axes.axhline(0, color="#888888", linewidth=0.8)
    summary = entry.volume_difference_ml
    if summary.n:
        axes.axhline(summary.mean, color=LINE, linewidth=1.2)
    if summary.n > 1:
        for side in (-LIMITS, LIMITS):
            axes.axhline(summary.mean + side * summary.sd, color=LINE, linewidth=1, linestyle=(0, (4, 3)))
    plain([axes.set_title(f"{short(entry.label)}\nn = {summary.n}", fontsize=8.5)])
