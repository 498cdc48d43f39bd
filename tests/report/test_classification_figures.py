"""What the figures of a classifier's page draw, compared with scikit-learn's curves and with counts."""

import numpy as np
import pytest
from sklearn import metrics

from medse.config.classification_scoring import ClassificationEvaluation
from medse.report import classification_figures as figures
from tests.support.made_up_classifier import collect_classified, guesses

CLASSES = ("a", "b_$x$", "c")


@pytest.fixture
def drawn(monkeypatch):
    """Have the figures themselves returned in place of their SVG."""
    monkeypatch.setattr(figures, "to_svg", lambda figure: figure)


def sample(classes=CLASSES, n=60, gain=1.0, **more):
    references = [classes[k % len(classes)] for k in range(n)]
    probabilities = guesses(references, classes, gain=gain)
    return references, probabilities, collect_classified(references, probabilities, classes, **more)


def lines(axes, colour):
    return [line for line in axes.lines if line.get_color() == colour and len(line.get_xdata()) > 1]


@pytest.mark.usefixtures("drawn")
def test_roc_curves_and_their_dots():
    references, probabilities, scores = sample()
    axes = figures.draw_roc(scores.classes).svg.axes[0]
    for k, entry in enumerate(scores.classes):
        (line,) = lines(axes, figures.COLOURS[k])
        positive = np.array(references) == entry.label
        x, y, _ = metrics.roc_curve(positive, probabilities[:, k], drop_intermediate=False)
        drawn_points, points = (
            {(round(a, 9), round(b, 9)) for a, b in zip(*pair, strict=True)}
            for pair in (line.get_data(), (x, y))
        )
        assert drawn_points <= points
        area = np.trapezoid(line.get_ydata(), line.get_xdata())
        assert area == pytest.approx(metrics.roc_auc_score(positive, probabilities[:, k]))
        (dot,) = [
            line for line in axes.lines if line.get_marker() == "o" and line.get_color() == figures.COLOURS[k]
        ]
        called = probabilities[:, k] >= 0.5
        assert dot.get_xdata()[0] == pytest.approx((called & ~positive).sum() / (~positive).sum())
        assert dot.get_ydata()[0] == pytest.approx((called & positive).sum() / positive.sum())


@pytest.mark.usefixtures("drawn")
def test_the_steps_of_precision_and_recall_enclose_the_average_precision():
    references, probabilities, scores = sample()
    axes = figures.draw_precision_recall(scores.classes).svg.axes[0]
    for k, entry in enumerate(scores.classes):
        line, *_ = lines(axes, figures.COLOURS[k])
        assert line.get_drawstyle() == "steps-pre"
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        expected = metrics.average_precision_score(np.array(references) == entry.label, probabilities[:, k])
        assert (np.diff(x) * y[1:]).sum() == pytest.approx(expected)
        (mark,) = [
            one for one in axes.lines if one.get_marker() == "<" and one.get_color() == figures.COLOURS[k]
        ]
        assert mark.get_ydata() == [entry.n / 60]


@pytest.mark.usefixtures("drawn")
def test_calibration_bins_and_their_counts():
    references, probabilities, scores = sample()
    above, below = figures.draw_calibration(scores.calibration).axes
    right = np.array([CLASSES[k] for k in probabilities.argmax(1)]) == references
    confidence = probabilities.max(1)
    of_bin = np.minimum(np.ceil(confidence * 15) - 1, 14)
    bins = sorted(set(of_bin))
    (line,) = [line for line in above.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(line.get_xdata(), [confidence[of_bin == k].mean() for k in bins])
    np.testing.assert_allclose(line.get_ydata(), [right[of_bin == k].mean() for k in bins])
    heights = [bar.get_height() for bar in below.patches]
    assert heights == [(of_bin[right] == k).sum() for k in bins] + [(of_bin[~right] == k).sum() for k in bins]


@pytest.mark.usefixtures("drawn")
def test_more_classes_than_colours_leave_the_best_ones_grey():
    classes = tuple(f"k{k}" for k in range(10))
    *_, scores = sample(classes, 100)
    ranked = sorted(scores.classes, key=lambda entry: entry.auc.value)
    own = figures.line_styles(scores.classes)
    assert list(own) == [entry.label for entry in ranked[:7]]
    drawing = figures.draw_roc(scores.classes)
    assert drawing.shown == 10
    assert len(lines(drawing.svg.axes[0], figures.OTHERS)) == 3
    names = [text.get_text() for text in drawing.svg.legends[0].get_texts()]
    assert len(names) == 8
    assert names[-1].startswith("3 classes")


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize(("gain", "enlarged"), [(1.0, False), (2.5, True), (30.0, False)])
def test_good_curves_are_enlarged(gain, enlarged):
    *_, scores = sample(gain=gain)
    for drawing in (figures.draw_roc(scores.classes), figures.draw_precision_recall(scores.classes)):
        assert drawing.close_up == enlarged
        assert bool(drawing.svg.axes[0].child_axes) == enlarged


@pytest.mark.usefixtures("drawn")
def test_decision_curves_are_drawn_where_there_are_any():
    *_, scores = sample()
    assert figures.draw_decisions(scores.classes) is None
    *_, scores = sample(options=ClassificationEvaluation(decision_curve=True))
    panels = figures.draw_decisions(scores.classes).svg.axes
    assert [axes.get_title() for axes in panels] == list(CLASSES)
    model = next(line for line in panels[0].lines if line.get_label() == "by the model")
    assert tuple(model.get_ydata()) == scores.classes[0].decision_curve.model.y


def test_without_two_classes_there_is_no_roc_curve():
    scores = collect_classified(["a"] * 4, guesses(["a"] * 4, ("a", "b")), ("a", "b"))
    assert figures.draw_roc(scores.classes) is None
    assert figures.draw_precision_recall(scores.classes).shown == 1


def test_the_same_scores_give_the_same_drawing():
    *_, scores = sample()
    assert figures.draw_roc(scores.classes) == figures.draw_roc(scores.classes)
