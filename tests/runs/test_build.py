"""From a configuration to objects."""

import numpy as np
import pytest

from medse.config.sections import Data
from medse.runs import build
from medse.volumes.grid import Grid

GRIDS = [
    Grid("a", (4, 4, 4), np.diag([1.0, 2.0, 6.0, 1])),
    Grid("b", (4, 4, 4), np.diag([1.0, 2.0, 4.0, 1])),
    Grid("c", (4, 4, 4), np.diag([3.0, 2.0, 5.0, 1])),
]


@pytest.mark.parametrize(
    ("section", "spacing_mm", "across"),
    [
        ({"patch_size": (8, 8, 8)}, (1, 2, 5), None),
        ({"patch_size": (8, 8, 8), "spacing_mm": (7, 8, 9)}, (7, 8, 9), None),
        ({"patch_size": (8, 8)}, (1, 2, 5), 2),
        ({"patch_size": (8, 8), "spacing_mm": (7, 8)}, (7, 8, 5), 2),
        ({"patch_size": (8, 8), "spacing_mm": (7, 8), "slice_axis": 0}, (1, 7, 8), 0),
    ],
)
def test_the_spacing_is_the_median_unless_given(
    section: dict[str, object], spacing_mm: tuple[float, ...], across: int | None
) -> None:
    way = build.preprocessing(Data.model_validate({"root": ".", **section}), GRIDS)
    assert (way.spacing_mm, way.slice_axis) == (spacing_mm, across)
