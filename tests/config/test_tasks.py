"""One line of a configuration decides what the others may be."""

from pathlib import Path

import pytest

from medse.config.classification import ClassificationConfig
from medse.config.run import SegmentationConfig, load_config
from medse.errors import InputError

TUMOUR, QUICK = "tumour_small_se.yaml", "quickstart.yaml"


def test_the_task_decides() -> None:
    assert isinstance(load_config(TUMOUR), ClassificationConfig)
    assert isinstance(load_config(QUICK), SegmentationConfig)
    with pytest.raises(InputError, match="segmentaton.*did you mean 'segmentation'"):
        load_config(QUICK, ["task=segmentaton"])


@pytest.mark.parametrize(
    ("config", "override", "task"),
    [
        (TUMOUR, "data.patch_size=[32, 32]", "segmentation"),
        (TUMOUR, "inference.overlap=0.5", "segmentation"),
        (TUMOUR, "evaluation.tolerance_mm=2", "segmentation"),
        (QUICK, "trainer.mixup=0.4", "classification"),
        (QUICK, "data.size=[32, 32]", "classification"),
    ],
)
def test_what_is_for_the_other_task_is_refused_with_the_reason(config: str, override: str, task: str) -> None:
    with pytest.raises(InputError) as caught:
        load_config(config, [override])
    key = override.partition("=")[0]
    assert f"{key} = " in str(caught.value)
    assert f"it is for task {task}" in str(caught.value)


def test_a_key_that_no_task_has_is_unknown() -> None:
    with pytest.raises(InputError, match="trainer.mixpu.*did you mean 'mixup'"):
        load_config(TUMOUR, ["trainer.mixpu=0.4"])


@pytest.mark.parametrize(
    ("overrides", "pattern"),
    [
        (["inference.mirror_axes=[2]"], "inference.mirror_axes is \\[2\\].*no such axis"),
        (["trainer.augmentation.mirror_axes=[0, 0]"], "each axis counts once"),
        (["data.size=[32, 32, 32]", "data.slice_axis=0"], "no slices"),
        (["data.classes=[glioma, glioma]"], "twice"),
        (["data.classes=[glioma]"], "2 or more"),
        (["trainer.averaging=1"], "averaging = 1"),
        (["inference.closer=[2]", "loss.outline=0"], "give loss.outline"),
        (["inference.closer=[]", "trainer.closer=0.5"], "inference.closer does not say"),
        (["inference.closer=[1]"], "closer.*> 1"),
    ],
)
def test_what_does_not_fit_is_refused(overrides: list[str], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        load_config(TUMOUR, overrides)


def test_paths_are_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config(TUMOUR, ["data.root=here", "trainer.weights=net.h5"])
    assert isinstance(config, ClassificationConfig)
    assert config.data.root == tmp_path / "here"
    assert config.trainer.weights == tmp_path / "net.h5"
