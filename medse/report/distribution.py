"""Drawing one score of every case, by class: violins, or strips where there are few cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from medse.arrays import BoolArray, FloatArray
from medse.pages.figures import GROUND, LINE, MARK, POINT, STYLE, WIDTH_INCHES, plain, short, to_svg
from medse.scores.scores import ClassScores, DistanceSummary, Scores
from medse.scores.statistics import Summary
from medse.scores.summaries import column

ScoreName = Literal["dice", "hd95_mm", "nsd"]
WORDS: dict[ScoreName, str] = {"dice": "Dice", "hd95_mm": "HD95, mm", "nsd": "NSD"}
MOST_LINES = 25
MOST_POINTS = 3000
"""Points that are drawn as vectors; more are drawn as pixels, to keep the page small."""
LEAST_VIOLIN = 15
"""Cases with both masks from which a density is drawn; of fewer it would be invented."""
_LONG_TAIL = 10
"""Distances get a logarithmic axis where the largest is this many times the median."""
_TICKS_MM = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class Distribution:
    """A drawing of one score.

    Attributes:
        score: What it shows.
        svg: The drawing.
        shown: Number of classes in it: all, or the worst :data:`MOST_LINES`, worst first.
        logarithmic: Whether its axis is, from 1 mm on.
        violins: Whether a class has enough cases for a density.
    """

    score: str
    svg: bytes
    shown: int
    logarithmic: bool
    violins: bool


def draw_distribution(scores: Scores, name: ScoreName) -> Distribution:
    """Draw every case's score by class, with box, mean and interval."""
    values, classes = column(scores.rows, name), scores.summaries.classes
    empty = column(scores.rows, "reference_empty") != column(scores.rows, "prediction_empty")
    if len(classes) > MOST_LINES:
        badness = [_summary(entry, name).mean * (-1 if name == "hd95_mm" else 1) for entry in classes]
        chosen = np.argsort(badness, kind="stable")[:MOST_LINES]  # NaN last
        values, empty, classes = values[:, chosen], empty[:, chosen], tuple(classes[k] for k in chosen)
    finite = values[np.isfinite(values)]
    tail = name == "hd95_mm" and finite.size > 0 and finite.max() > _LONG_TAIL * max(1.0, np.median(finite))
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 0.42 * len(classes)), layout="constrained")
        axes = figure.add_subplot()
        _set_scale(axes, name, finite, logarithmic=bool(tail))
        for k, entry in enumerate(classes):
            defined = np.isfinite(values[:, k])
            _draw_class(axes, k, values[defined, k], empty[defined, k], rasterized=values.size > MOST_POINTS)
            _draw_mean(axes, k, _summary(entry, name))
        _name_lines(axes, classes, values)
        return Distribution(
            score=WORDS[name],
            svg=to_svg(figure),
            shown=len(classes),
            logarithmic=bool(tail),
            violins=bool(((np.isfinite(values) & ~empty).sum(axis=0) >= LEAST_VIOLIN).any()),
        )


def _summary(entry: ClassScores, name: ScoreName) -> Summary:
    found = getattr(entry, name)
    if isinstance(found, DistanceSummary):
        return found.every
    return found if isinstance(found, Summary) else _NONE


_NONE = Summary(n=0, **dict.fromkeys(set(Summary.model_fields) - {"n"}, float("nan")))


def _set_scale(axes: Axes, name: ScoreName, finite: FloatArray, *, logarithmic: bool) -> None:
    axes.set_xlabel(WORDS[name] + (" (logarithmic from 1 mm on)" if logarithmic else ""))
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    largest = float(finite.max()) if finite.size else 1.0
    if logarithmic:
        axes.set_xscale("symlog", linthresh=1, linscale=0.5)
        ticks = [tick for tick in _TICKS_MM if tick <= largest * 1.1]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.set_xlim(-0.1, largest * 1.15)
    elif name == "hd95_mm":
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
