"""Pairs of left and right, found by name, and whether they lie that way round."""

import numpy as np
import pytest

from medse.labels.laterality import Misplaced, misplaced, one_sided, pairs


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("left_amygdala", "right_amygdala"),
        ("frontal_lobe_wm_left", "frontal_lobe_wm_right"),
        ("Left-Hippocampus", "Right-Hippocampus"),
        ("ctx-lh-insula", "ctx-rh-insula"),
        ("lh.pial", "rh.pial"),
        ("rib_left_1", "rib_right_1"),
        ("Precentral_L", "Precentral_R"),
        ("L_V1_ROI", "R_V1_ROI"),
        ("kidney (left)", "kidney (right)"),
        ("LeftKidney", "RightKidney"),
        ("kidneyLeft", "kidneyRight"),
        ("CSFLeft", "CSFRight"),
        ("HippocampusLH", "HippocampusRH"),
        ("lhInsula", "rhInsula"),
        ("rib1left", "rib1right"),
        ("LEFT ARM", "right arm"),
        ("left", "right"),
        ("L", "R"),
        ("left upper lobe of the left lung", "left upper lobe of the right lung"),
    ],
)
def test_names_of_a_pair(left: str, right: str) -> None:
    assert pairs(["other", right, left]) == ((2, 1),)
    assert pairs([left, "other", right]) == ((0, 2),)
    assert one_sided([left, "other", right]) == ()


@pytest.mark.parametrize(
    "names",
    [
        ["left_amygdala", "right_hippocampus"],
        ["vertebrae_L1", "vertebrae_R1"],
        ["L1", "R1"],
        ["cleft", "cright"],
        ["SFG_L_7_1", "SFG_R_7_1"],
        ["lhippocampus", "rhippocampus"],
        ["rib_left_1", "rib_right_2"],
        ["left_left", "right_right"],
        ["kidney", "right kidney of left kidney"],
    ],
)
def test_names_of_no_pair(names: list[str]) -> None:
    assert pairs(names) == ()


def test_an_uncertain_partner_is_none() -> None:
    names = ["kidney_left", "kidney-left", "kidney_right", "lung_left", "lung_right"]
    assert pairs(names) == ((3, 4),)
    assert one_sided(names) == (0, 1, 2)


def test_one_sided() -> None:
    names = ["lung_middle_lobe_right", "vertebrae_L5", "heart", "rib_left_1", "rib_right_1", "Vein_L"]
    assert one_sided(names) == (0, 5)


def test_misplaced_pairs_worst_first() -> None:
    names = ("left_a", "right_a", "left_b", "right_b", "left_c", "right_c", "left_d", "right_d", "e")
    x_mm = np.array([-5.0, 5.0, 1.0, 1.0, 20.0, -20.0, 3.0, np.nan, 0.0])
    assert misplaced(names, x_mm) == (
        Misplaced("left_c", "right_c", 20.0, -20.0),
        Misplaced("left_b", "right_b", 1.0, 1.0),
    )
