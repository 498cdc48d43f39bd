"""Drawing the paired differences of two models, and the average ranks of more."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medse.arrays import FloatArray
from medse.compare.ranks import Ranks, alike
from medse.compare.result import Comparison, PairRow
from medse.compare.verdicts import Cohort, case_scores
from medse.pages.figures import LINE, MARK, MOST_LINES, MOST_POINTS, POINT, STYLE, plain, short, to_svg
from medse.scores.table import SCORES

WIDTH_INCHES = 6.4


def draw_differences(comparison: Comparison, cohort: Cohort) -> tuple[bytes, int]:
    """Draw every case's difference between two models by class with its mean and interval, as SVG.

    Returns:
        The drawing, and how many classes it shows: all, or when there are more than :data:`MOST_LINES` that
        many with the largest mean difference.
    """
    overall, *classes = comparison.found.rows
    columns = cohort.columns()
    places = list(range(1, len(columns)))
    if len(places) > MOST_LINES:
        places.sort(key=lambda k: -np.nan_to_num(abs(classes[k - 1].difference)))
        places = places[:MOST_LINES]
    lines = [(overall, columns[0])] + [(classes[k - 1], columns[k]) for k in places]
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, 1.1 + 0.42 * len(lines)), layout="constrained")
        axes = figure.add_subplot()
        for height, (row, column) in enumerate(lines):
            differences = case_scores(column[row.first]) - case_scores(column[row.second])
            _draw_line(axes, height, row, differences, pixels=row.n * len(lines) > MOST_POINTS)
        names = [f"{short(row.label or 'mean of classes')}\nn = {row.n}" for row, _ in lines]
        axes.set_yticks(range(len(lines)), names)
        plain(axes.get_yticklabels())
        axes.set_ylim(len(lines) - 0.4, -0.6)
        reach = float(np.abs(axes.get_xlim()).max())
        axes.set_xlim(-reach, reach)
        axes.axvline(0, color=LINE, linewidth=1)
        axes.axhline(0.5, color="#bbbbbb", linewidth=0.8)
        score = SCORES[comparison.score]
        good, bad = (overall.first, overall.second)[:: 1 if score.higher_is_better else -1]
        axes.set_xlabel(
            f"{score.heading}: {short(overall.first)} − {short(overall.second)}\n"
            f"← {short(bad)} better        {short(good)} better →",
            parse_math=False,
        )
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        return to_svg(figure), len(places)


def draw_ranks(ranks: Ranks) -> bytes:
    """Draw the average ranks on a line; bars join models that the critical difference does not tell apart."""
    ordered = sorted(ranks.average.items(), key=lambda pair: pair[1])
    count, bars = len(ordered), alike(ranks)
    half = -(-count // 2)
    below = 0.55 + 0.28 * len(bars)
    bottom = below + 0.45 * half
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, 0.42 * (bottom + 2.2)), layout="constrained")
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.set_xlim(1 - 0.45 * (count - 1), count + 0.45 * (count - 1))
        axes.set_ylim(bottom + 0.2, -1.9)
        axes.plot([1, count], [0, 0], color=LINE, linewidth=1.2)
        for tick in range(1, count + 1):
            axes.plot([tick, tick], [-0.15, 0], color=LINE, linewidth=1.2)
            axes.text(tick, -0.25, str(tick), ha="center", va="bottom")
        end = 1 + ranks.critical_difference
        axes.plot([1, end], [-1.15, -1.15], color=LINE, linewidth=1.2, marker="|", markersize=6)
        axes.text(1, -1.35, f"critical difference {ranks.critical_difference:.2f}", va="bottom")
        for k, (name, rank) in enumerate(ordered):
            left = k < half
            level = below + 0.45 * (k if left else count - 1 - k) + 0.2
            edge = 1 - 0.06 * (count - 1) if left else count + 0.06 * (count - 1)
            axes.plot([rank, rank, edge], [0, level, level], color=POINT, linewidth=1)
            side = "right" if left else "left"
            text = f" {short(name)}  {rank:.2f} "
            axes.text(edge, level, text, ha=side, va="center", parse_math=False)
        for k, (first, last) in enumerate(bars):
            height = 0.35 + 0.28 * k
            axes.plot([first, last], [height, height], color=MARK, linewidth=4, solid_capstyle="round")
        return to_svg(figure)


def _draw_line(axes: Axes, height: int, row: PairRow, differences: FloatArray, *, pixels: bool) -> None:
    values = differences[np.isfinite(differences)]
    jitter = np.random.default_rng(height).uniform(-0.22, 0.22, len(values))
    axes.scatter(values, height + jitter, s=11, c=POINT, alpha=0.45, linewidths=0, rasterized=pixels)
    if np.isfinite(row.low_95):
        axes.plot([row.low_95, row.high_95], [height, height], color=MARK, linewidth=2.4, zorder=4)
    if row.n:
        axes.plot(
            row.difference, height, marker="D", markersize=5, color=MARK, markeredgecolor="white", zorder=5
        )
