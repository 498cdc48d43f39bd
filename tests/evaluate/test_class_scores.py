"""One class of one case: which numbers stand in which line."""

import math

import numpy as np
import pytest

from medse.config.sections import Evaluation
from medse.evaluate.case_scores import CasePair, score_class
from medse.evaluate.classes import ScoredClass
from medse.metrics.mask_pair import LabelPair

SPACING = (1.0, 2.0, 3.0)


def case(measured: bool = True, voxel_ml: float = 0.006) -> CasePair:
    """Class x is 3 and 4, its prediction the same box a voxel further along an axis; y is 9, predicted only."""
    reference, prediction = np.zeros((2, 10, 9, 8), np.int16)
    reference[2:5, 2:4, 2:4], reference[5, 2:4, 2:4] = 3, 4
    prediction[3:7, 2:4, 2:4] = 4
    prediction[0, 8, 7] = 9
    members = {"x": frozenset({3, 4}), "y": frozenset({9}), "z": frozenset()}
    return CasePair(
        "s", LabelPair(reference, prediction, SPACING), members, frozenset(), {"x": 3}, voxel_ml, measured
    )


def scored(
    name: str, parts: tuple[str, ...] = (), tolerance: float | None = None, **further: bool
) -> ScoredClass:
    return ScoredClass(
        name, parts or (name,), tolerance, **{"centreline": False, "lesions": False, **further}
    )


def test_the_line_of_a_class() -> None:
    found = score_class(case(), Evaluation(), scored("x", tolerance=1.0))
    row = found.row
    assert (row.case, row.group, row.label, row.value) == ("s", "s", "x", 3)
    assert (row.dice, row.iou, row.precision, row.recall) == (0.75, 0.6, 0.75, 0.75)
    assert (row.volume_reference_ml, row.volume_prediction_ml) == pytest.approx((16 * 0.006,) * 2)
    assert (row.hd_mm, row.nsd) == (1.0, 1.0)
    assert (found.lesions, found.beside) == ((), ())
    assert (found.detail.centreline_dice, found.detail.lesions_reference) == (None, None)
    assert found.detail.mean_from_reference_mm == pytest.approx(row.assd_mm)


def test_in_a_single_slice_every_distance_is_one_in_its_plane() -> None:
    reference, prediction = np.zeros((2, 10, 9, 1), np.int16)
    reference[2:6, 2:4], prediction[3:7, 2:4] = 3, 3
    pair = LabelPair(reference, prediction, SPACING)
    flat = CasePair("s", pair, {"x": frozenset({3})}, frozenset(), {"x": 3}, 0.006, True)
    found = score_class(flat, Evaluation(), scored("x"))
    assert found.row.assd_mm is not None
    assert found.row.assd_mm > 0.3
    assert found.detail.mean_from_reference_mm == pytest.approx(found.row.assd_mm)


@pytest.mark.parametrize(
    ("name", "dice", "far"), [("y", 0.0, math.hypot(10, 18, 24)), ("z", math.nan, math.nan)]
)
def test_classes_without_a_reference(name: str, dice: float, far: float) -> None:
    found = score_class(case(), Evaluation(), scored(name, lesions=True, centreline=True))
    row, detail = found.row, found.detail
    np.testing.assert_equal((row.dice, row.recall, row.nsd), (dice, math.nan, None))
    assert row.hd_mm == pytest.approx(far, nan_ok=True)
    assert row.value is None
    assert detail.mean_from_reference_mm is None
    np.testing.assert_equal(detail.centreline_dice, dice)
    assert (detail.lesions_reference, detail.lesions_matched) == (0, 0)
    assert [lesion.outcome for lesion in found.lesions] == ["false positive"] * (name == "y")


def test_a_merged_class_is_one_class() -> None:
    row = score_class(case(), Evaluation(), scored("all", ("x", "y", "z"))).row
    assert (row.label, row.value, row.dice) == ("all", None, 2 * 12 / 33)


@pytest.mark.parametrize("options", [Evaluation(distances=False), Evaluation()])
def test_no_distances_where_none_are_asked_or_no_length_is_known(options: Evaluation) -> None:
    options = options.model_copy(update={"beside": ("deepmind", "monai")})
    found = score_class(case(not options.distances, math.nan), options, scored("x", tolerance=1.0))
    row = found.row
    assert (row.hd_mm, row.hd95_mm, row.assd_mm, row.nsd, row.dice) == (None,) * 4 + (0.75,)
    assert [(other.convention, other.hd95_mm, other.nsd, other.dice) for other in found.beside] == [
        ("deepmind", None, None, 0.75),
        ("monai", None, None, 0.75),
    ]
    assert found.detail.mean_from_prediction_mm is None
    assert math.isnan(row.volume_reference_ml)


def test_volumes_of_lesions_are_of_their_voxels() -> None:
    found = score_class(case(), Evaluation(), scored("all", ("x", "y"), lesions=True))
    assert [(one.side, one.lesion, one.outcome, one.partner, one.dice) for one in found.lesions] == [
        ("reference", 1, "matched", 1, 0.75),
        ("prediction", 1, "matched", 1, 0.75),
        ("prediction", 2, "false positive", None, 0.0),
    ]
    assert [one.volume_ml for one in found.lesions] == pytest.approx([0.096, 0.096, 0.006])
    assert found.detail.lesion_f1 == pytest.approx(2 / 3)
