"""Drawing the scores of every case by class, and the volumes of prediction against reference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from medse.arrays import BoolArray, FloatArray
from medse.pages.figures import (
    GROUND,
    LINE,
    MARK,
    MOST_LINES,
    MOST_POINTS,
    POINT,
    STYLE,
    WIDTH_INCHES,
    plain,
    short,
    to_svg,
)
from medse.scores.scores import ClassScores, Scores
from medse.scores.statistics import Summary
from medse.scores.summaries import column
from medse.scores.table import SCORES, Score

MOST_PANELS = 12
LIMITS = 1.96
"""Limits of agreement in standard deviations: 95 % of normally distributed differences lie within."""
LEAST_VIOLIN = 15
"""Cases with both masks from which a density is drawn; of fewer it would be invented."""
_LONG_TAIL = 10
"""Distances get a logarithmic axis where the largest is this many times the median."""
_TICKS_MM = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class Distribution:
    """A drawing of one score.

    Attributes:
        shown: Number of classes in it: all, or the worst :data:`MOST_LINES`, worst first.
        logarithmic: Whether its axis is, from 1 mm on.
        violins: Whether a class has enough cases for a density.
    """

    score: str
    svg: bytes
    shown: int
    logarithmic: bool
    violins: bool


def draw_distribution(scores: Scores, name: str) -> Distribution:
    """Draw every case's score by class, with box, mean and interval."""
    score, values, classes = SCORES[name], column(scores.rows, name), scores.summaries.classes
    empty = column(scores.rows, "reference_empty") != column(scores.rows, "prediction_empty")
    if len(classes) > MOST_LINES:
        means = np.array([found.mean if (found := entry.summary(name)) else np.nan for entry in classes])
        badness = means if score.higher_is_better else -means
        chosen = np.argsort(badness, kind="stable")[:MOST_LINES]  # NaN last
        values, empty, classes = values[:, chosen], empty[:, chosen], tuple(classes[k] for k in chosen)
    finite = values[np.isfinite(values)]
    typical = max(1.0, np.median(finite)) if finite.size else np.inf
    tail = bool(score.unit and finite.max(initial=0) > _LONG_TAIL * typical)
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 0.42 * len(classes)), layout="constrained")
        axes = figure.add_subplot()
        _set_scale(axes, score, finite, logarithmic=tail)
        for k, entry in enumerate(classes):
            defined = np.isfinite(values[:, k])
            _draw_class(axes, k, values[defined, k], empty[defined, k], rasterized=values.size > MOST_POINTS)
            if summary := entry.summary(name):
                _draw_mean(axes, k, summary)
        _name_lines(axes, classes, values)
        return Distribution(
            score=score.heading,
            svg=to_svg(figure),
            shown=len(classes),
            logarithmic=tail,
            violins=bool(((np.isfinite(values) & ~empty).sum(axis=0) >= LEAST_VIOLIN).any()),
        )


def _set_scale(axes: Axes, score: Score, finite: FloatArray, *, logarithmic: bool) -> None:
    axes.set_xlabel(score.heading + (" (logarithmic from 1 mm on)" if logarithmic else ""))
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    largest = float(finite.max()) if finite.size else 1.0
    if logarithmic:
        axes.set_xscale("symlog", linthresh=1, linscale=0.5)
        ticks = [tick for tick in _TICKS_MM if tick <= largest * 1.1]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.set_xlim(-0.1, largest * 1.15)
    elif score.unit:
        axes.set_xlim(-0.02 * largest, max(largest, 1e-6) * 1.04)
    else:
        least = float(finite.min()) if finite.size else 0.0
        axes.set_xlim((np.floor(least * 10) / 10 if least > 0.5 else 0) - 0.02, 1.02)


def _draw_class(
    axes: Axes, height: int, values: FloatArray, one_empty: BoolArray, *, rasterized: bool
) -> None:
    both = values[~one_empty]
    if len(both) >= LEAST_VIOLIN and np.ptp(both) > 0:
        _draw_violin(axes, height, both)
    places = height + np.random.default_rng(height).uniform(-0.2, 0.2, len(values))
    axes.scatter(
        both, places[~one_empty], s=9, c=POINT, alpha=0.5, linewidths=0, rasterized=rasterized, zorder=3
    )  # fmt: skip
    axes.scatter(
        values[one_empty], places[one_empty], s=22, c=MARK, marker="x", linewidths=1.2,
        rasterized=rasterized, zorder=3,
    )  # fmt: skip
    if len(values) > 1:
        line = {"color": LINE, "linewidth": 1}
        axes.boxplot(
            values, positions=[height], orientation="horizontal", widths=0.3, showfliers=False, zorder=3.5,
            boxprops=line, whiskerprops=line, capprops=line, medianprops={**line, "linewidth": 1.8},
        )  # fmt: skip


def _draw_violin(axes: Axes, height: int, values: FloatArray) -> None:
    """Fill the density of the values along the axis as it is drawn, cut at the outermost ones."""
    transform = axes.xaxis.get_transform()
    seen = np.asarray(transform.transform(values))
    along = np.linspace(seen.min(), seen.max(), 80)
    density = gaussian_kde(seen)(along)
    half = 0.42 * density / density.max()
    axes.fill_between(
        transform.inverted().transform(along), height - half, height + half,
        facecolor=GROUND, edgecolor="#7FA8C4", linewidth=0.7,
    )  # fmt: skip


def _draw_mean(axes: Axes, height: float, summary: Summary) -> None:
    if np.isfinite(summary.low_95):
        axes.plot([summary.low_95, summary.high_95], [height, height], color=MARK, linewidth=2.4, zorder=4)
    axes.plot(summary.mean, height, marker="D", markersize=5, color=MARK, markeredgecolor="white", zorder=5)


def _name_lines(axes: Axes, classes: Sequence[ClassScores], values: FloatArray) -> None:
    names = []
    for k, entry in enumerate(classes):
        infinite = int(np.isinf(values[:, k]).sum())
        counted = f"n = {int(np.isfinite(values[:, k]).sum())}" + (f", {infinite} × ∞" if infinite else "")
        names.append(f"{short(entry.label)}\n{counted}")
    axes.set_yticks(range(len(classes)), names)
    plain(axes.get_yticklabels())
    axes.set_ylim(len(classes) - 0.4, -0.6)


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
