"""Drawing what a classifier's probabilities are worth: ROC, precision and recall, calibration, net benefit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binomtest

from medse.pages.figures import LINE, MARK, POINT, STYLE, WIDTH_INCHES, plain, short, to_svg
from medse.pages.numbers import format_score
from medse.scores.classification import CalibrationBin, ClassResult, Curve, Estimate

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#AA4499", "#222222", "#56B4E9", "#E69F00")
"""Of lines on white, told apart with every colour vision; the dashes tell them apart without any."""
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)), (0, (3, 3)), (0, (1, 2)))
OTHERS = "#B5BBC1"
"""Of the lines of all classes beyond those."""
MOST_PANELS = 12
_CLOSE_UP = 0.96
"""Where the lowest number of a drawing is higher, its corner is drawn once more, enlarged."""
_CORNER = 0.2


@dataclass(frozen=True)
class Drawing:
    """A drawing of several classes.

    Attributes:
        shown: How many classes it has.
        close_up: Whether it has an enlarged corner.
    """

    svg: bytes
    shown: int
    close_up: bool = False


def line_styles(classes: Sequence[ClassResult]) -> dict[str, int]:
    """Return class -> its place in :data:`COLOURS`; those with the lowest AUC where there are more than colours."""
    if len(classes) > len(COLOURS):
        defined = [entry for entry in classes if np.isfinite(entry.auc.value)]
        classes = sorted(defined, key=lambda entry: entry.auc.value)[: len(COLOURS)]
    return {entry.label: k for k, entry in enumerate(classes)}


def draw_roc(classes: Sequence[ClassResult]) -> Drawing | None:
    """Draw sensitivity against 1 - specificity of each class; None where no class has cases and others."""
    shown = [entry for entry in classes if np.isfinite(entry.auc.value)]
    if not shown:
        return None
    with rc_context(STYLE):
        figure, axes = _square("1 − specificity", "Sensitivity")
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=(0, (2, 2)))
        close = _close_up(axes, shown, lambda entry: entry.auc, 0.0)
        for part in filter(None, (axes, close)):
            _draw_curves(part, shown, classes, lambda entry: entry.roc, "default")
            for entry in shown:
                if (k := line_styles(classes).get(entry.label)) is not None:
                    at = entry.at_threshold
                    part.plot(
                        1 - at.specificity.value, at.sensitivity.value, "o", markersize=5, color=COLOURS[k],
                        markeredgecolor="white", markeredgewidth=0.8, zorder=5,
                    )  # fmt: skip
        _legend(figure, shown, classes, "AUC", lambda entry: entry.auc)
        return Drawing(to_svg(figure), len(shown), close is not None)


def draw_precision_recall(classes: Sequence[ClassResult]) -> Drawing | None:
    """Draw precision against recall of each class, its share of the cases marked; None where no class has cases."""
    shown = [entry for entry in classes if np.isfinite(entry.average_precision.value)]
    if not shown:
        return None
    total = sum(entry.n for entry in classes)
    with rc_context(STYLE):
        figure, axes = _square("Recall (sensitivity)", "Precision (PPV)")
        close = _close_up(axes, shown, lambda entry: entry.average_precision, 1 - _CORNER)
        for part in filter(None, (axes, close)):
            _draw_curves(part, shown, classes, lambda entry: entry.precision_recall, "steps-pre")
        for entry in shown:
            if (k := line_styles(classes).get(entry.label)) is not None:
                axes.plot(1.012, entry.n / total, "<", markersize=5, color=COLOURS[k], clip_on=False)
        _legend(figure, shown, classes, "AP", lambda entry: entry.average_precision)
        return Drawing(to_svg(figure), len(shown), close is not None)


def draw_calibration(bins: Sequence[CalibrationBin]) -> bytes:
    """Draw the share that is right against the highest probability, and below how many cases each bin has."""
    filled = [one for one in bins if one.n]
    right = [round(one.accuracy * one.n) for one in filled]
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, WIDTH_INCHES * 1.3), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
        above.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=(0, (2, 2)))
        for one, correct in zip(filled, right, strict=True):
            interval = binomtest(correct, one.n).proportion_ci(method="wilson")
            above.plot([one.confidence] * 2, [interval.low, interval.high], color="#7FA8C4", linewidth=1.6)
        places = [one.confidence for one in filled]
        above.plot(
            places, [one.accuracy for one in filled], color=POINT, marker="o", markersize=4.5, linewidth=1.2
        )
        above.set_ylim(-0.02, 1.02)
        above.set_ylabel("Share that is right")
        wide = [one.high - one.low for one in filled]
        left = [one.low for one in filled]
        wrong = [one.n - correct for one, correct in zip(filled, right, strict=True)]
        rim = {"align": "edge", "edgecolor": "white", "linewidth": 0.6}
        below.bar(left, right, wide, color=POINT, label="right", **rim)
        below.bar(left, wrong, wide, bottom=right, color=MARK, hatch="////", label="wrong", **rim)
        below.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 0.97), ncols=2, fontsize=8)
        below.set_ylabel("Cases")
        below.set_xlabel("Highest probability (confidence)")
        least = min(left, default=0.0)
        below.set_xlim(least - 0.02, 1.02)
        for axes in (above, below):
            axes.grid(color="#dddddd", linewidth=0.6)
            axes.set_axisbelow(True)
        return to_svg(figure)


def draw_decisions(classes: Sequence[ClassResult]) -> Drawing | None:
    """Draw the net benefit of acting on a class over thresholds, a panel per class; None where not computed."""
    with_curve = [entry for entry in classes if entry.decision_curve and entry.n]
    if not with_curve:
        return None
    shown = sorted(with_curve, key=lambda entry: entry.auc.value)[:MOST_PANELS]
    if len(with_curve) <= MOST_PANELS:
        shown = with_curve
    columns = min(2, len(shown))
    lines = -(-len(shown) // columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, 0.7 + 2.0 * lines), layout="constrained")
        for place, entry in enumerate(shown):
            axes = figure.add_subplot(lines, columns, place + 1)
            _draw_benefit(axes, entry)
            plain([axes.set_title(short(entry.label), fontsize=7.5)])
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower left", ncols=3, frameon=False, fontsize=8)
        return Drawing(to_svg(figure), len(shown))


def _draw_benefit(axes: Axes, entry: ClassResult) -> None:
    curve = entry.decision_curve
    if curve is None:
        return
    axes.plot(curve.every.x, curve.every.y, color=MARK, linewidth=1, linestyle=DASHES[1], label="all")
    axes.axhline(0, color=LINE, linewidth=1, linestyle=DASHES[2], label="none")
    axes.plot(curve.model.x, curve.model.y, color=POINT, linewidth=1.6, label="by the model")
    most = max(float(np.nanmax(curve.model.y)), float(np.nanmax(curve.every.y)), 0.01)
    axes.set_ylim(-0.25 * most, 1.1 * most)
    axes.set_xlim(0, 1)
    axes.set_xlabel("Threshold")
    axes.set_ylabel("Net benefit")
    axes.grid(color="#dddddd", linewidth=0.6)


def _square(across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH_INCHES, WIDTH_INCHES), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _close_up(
    axes: Axes,
    shown: Sequence[ClassResult],
    number: Callable[[ClassResult], Estimate],
    left: float,
) -> Axes | None:
    """Make axes for the upper corner that good curves hug, beside it; None where it would show nothing more."""
    if not _CLOSE_UP <= min(number(entry).value for entry in shown) < 1:
        return None
    start = 0.4 if left == 0 else 0.1
    inner = axes.inset_axes((start, 0.1, 0.5, 0.5))
    inner.set_xlim(left - 0.004, left + _CORNER + 0.004)
    inner.set_ylim(1 - _CORNER - 0.004, 1.004)
    inner.tick_params(labelsize=7)
    inner.grid(color="#dddddd", linewidth=0.5)
    axes.indicate_inset_zoom(inner, edgecolor="#888888")
    return inner


def _draw_curves(
    axes: Axes,
    shown: Sequence[ClassResult],
    classes: Sequence[ClassResult],
    curve: Callable[[ClassResult], Curve],
    style: str,
) -> None:
    own = line_styles(classes)
    for entry in sorted(shown, key=lambda entry: entry.label in own):
        points, k = curve(entry), own.get(entry.label)
        look = (
            {"color": OTHERS, "linewidth": 0.9}
            if k is None
            else {"color": COLOURS[k], "linestyle": DASHES[k], "linewidth": 1.6}
        )
        axes.plot(points.x, points.y, drawstyle=style, **look)


def _legend(
    figure: Figure,
    shown: Sequence[ClassResult],
    classes: Sequence[ClassResult],
    title: str,
    number: Callable[[ClassResult], Estimate],
) -> None:
    own, axes = line_styles(classes), figure.axes[0]
    handles, names = [], []
    for entry in shown:
        if (k := own.get(entry.label)) is not None:
            handles += axes.plot([], [], color=COLOURS[k], linestyle=DASHES[k], linewidth=1.8)
            found = number(entry)
            between = (
                ""
                if np.isnan(found.low_95)
                else f" [{format_score(found.low_95)}, {format_score(found.high_95)}]"
            )
            names.append(f"{short(entry.label)}: {title} {format_score(found.value)}{between}")
    if left := len(shown) - len(handles):
        handles += axes.plot([], [], color=OTHERS)
        names.append(f"{left} classes with higher AUC")
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.19 * len(names))
    plain(figure.legend(handles, names, loc="outside lower left", frameon=False, fontsize=8).get_texts())
