"""Drawing the differences between classifiers by the scores that decide."""

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from medse.compare.classification_result import ClassificationComparison
from medse.compare.figures import WIDTH_INCHES
from medse.pages.figures import LINE, MARK, STYLE, plain, short, to_svg
from medse.scores.classification_table import CLASSIFIER_SCORES

MOST_ROWS = 30


def draw_score_differences(comparison: ClassificationComparison) -> bytes:
    """Draw the difference of every pair by every score with its interval, as SVG; of more than 30, the first."""
    rows = comparison.rows[:MOST_ROWS]
    two = len(comparison.models) == 2
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, 1.0 + 0.36 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        for height, row in enumerate(rows):
            axes.plot([row.low_95, row.high_95], [height, height], color=MARK, linewidth=2.4)
            axes.plot(row.difference, height, "D", markersize=5, color=MARK, markeredgecolor="white")
        titles = [CLASSIFIER_SCORES[row.score].title for row in rows]
        pairs = ["" if two else f"\n{short(row.first)} − {short(row.second)}" for row in rows]
        axes.set_yticks(range(len(rows)), [title + pair for title, pair in zip(titles, pairs, strict=True)])
        plain(axes.get_yticklabels())
        axes.set_ylim(len(rows) - 0.4, -0.6)
        ends = np.array([[row.low_95, row.high_95, row.difference] for row in rows])
        reach = max(float(np.nanmax(np.abs(ends), initial=0)), 1e-3) * 1.1
        axes.set_xlim(-reach, reach)
        axes.axvline(0, color=LINE, linewidth=1)
        first, second = (short(name) for name in (rows[0].first, rows[0].second))
        if not two:
            first, second = "first", "second"
        axes.set_xlabel(f"{first} − {second}\n← {second} better        {first} better →", parse_math=False)
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        return to_svg(figure)
