"""From a configuration to objects."""

import numpy as np
import pytest

from medse.config.run import load_config
from medse.config.sections import Data
from medse.data.cases import Dataset
from medse.labels import Labels
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


@pytest.mark.parametrize(
    ("changes", "patch_size", "spacing_mm"),
    [
        (["data.patch_size=[16, 24, 8]", "data.spacing_mm=none"], (16, 24, 8), (1, 2, 5)),
        (["data.patch_size=[16, 24]", "data.spacing_mm=none"], (16, 24), (1, 2)),
        (["data.patch_size=[16, 24]", "data.spacing_mm=none", "data.slice_axis=1"], (16, 24), (1, 5)),
        (["data.patch_size=[16, 24]", "data.spacing_mm=[7, 8]", "data.slice_axis=1"], (16, 24), (7, 8)),
    ],
)
def test_the_augmentation_knows_the_spacing_of_the_patch_s_axes(
    changes: list[str], patch_size: tuple[int, ...], spacing_mm: tuple[float, ...]
) -> None:
    config = load_config("hippocampus_unet_scse.yaml", [*changes, "trainer.augmentation.mirror_axes=[]"])
    way = build.preprocessing(config.data, GRIDS)
    cases = Dataset("balls", ("mr",), Labels(names=("ball",), values=(1,)), ())
    augmentation = build.augmentation(config, cases, way.spacing_mm, True)
    assert augmentation is not None
    assert (augmentation.patch_size, augmentation.spacing_mm) == (patch_size, spacing_mm)
    assert augmentation.elastic_spacing_voxels == tuple(16 / mm for mm in spacing_mm)
