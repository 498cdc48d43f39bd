"""The mean over classes counts no voxel of a class twice because a union of classes is scored beside it."""

import pytest

from medse.scores.summaries import mean_classes

PARTS = {"kidneys": ["left", "right"], "all": ["left", "right", "liver"]}


@pytest.mark.parametrize(
    ("labels", "counted"),
    [
        (["left", "right", "liver", "kidneys"], [0, 1, 2]),
        (["liver", "kidneys"], [0, 1]),
        (["all", "kidneys"], [0, 1]),
        (["all", "liver"], [1]),
    ],
)
def test_unions_count_unless_a_part_is_scored(labels, counted):
    assert mean_classes(labels, PARTS) == counted
