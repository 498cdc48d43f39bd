"""The segmentation task: Dice of index maps, and labels of any integer type."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from medse.errors import InputError
from medse.nets.unet import UNet
from medse.tasks.losses import DeepSupervision, DiceCE
from medse.tasks.optimizers import poly
from medse.tasks.segmentation import SegmentationTask, dice_per_class


def test_dice_of_two_empty_masks_is_undefined_and_of_one_is_zero() -> None:
    found, truth = np.zeros((2, 3, 3, 3), np.uint8)
    found[0, 0, 0] = 1
    np.testing.assert_array_equal(dice_per_class(found, truth, 2), [0, np.nan])


def test_dice_is_the_f1_score_of_each_class_over_voxels_that_are_not_ignored() -> None:
    random = np.random.default_rng(0)
    found, truth = random.integers(0, 3, (9, 8, 7)), random.integers(0, 4, (9, 8, 7))
    counted = truth < 3
    expected = f1_score(truth[counted], found[counted], labels=[1, 2], average=None)
    np.testing.assert_allclose(dice_per_class(found, truth, 2), expected, rtol=1e-6)
    assert np.isnan(dice_per_class(found, np.full_like(truth, 3), 2)).all()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
def test_labels_of_any_integer_type_give_the_same_loss(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    net = UNet(3, 1, 3, channels=(8, 16, 16), deep_supervision=True)
    arguments: dict[str, Any] = {"make_optimizer": None, "decay": poly, "share_done": None, "augment": None}
    task = SegmentationTask(
        net,
        DeepSupervision(DiceCE(ignored=False)),
        scores=None,
        classes=("a", "b"),
        **arguments,  # type: ignore[arg-type]
    )
    task.log = lambda *_given, **_options: None  # type: ignore[method-assign]
    image, label = torch.randn(2, 1, 8, 8, 8), torch.randint(0, 3, (2, 1, 8, 8, 8))
    loss = task.training_step({"image": image, "label": label.to(dtype)}, 0)
    levels = net(image)
    assert [logits.shape[2] for logits in levels] == [8, 4]
    expected = sum(
        (2 / 3, 1 / 3)[i]
        * DiceCE()(
            logits, torch.nn.functional.interpolate(label.float(), logits.shape[2:], mode="nearest-exact")
        )
        for i, logits in enumerate(levels)
    )
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_poly_goes_from_one_to_zero() -> None:
    assert poly(0) == 1
    assert poly(0.5) == pytest.approx(0.5**0.9)
    assert poly(1) == poly(1.2) == 0


def test_a_case_that_does_not_fit_into_memory_is_left_out_of_the_validation(
    caplog: pytest.LogCaptureFixture,
) -> None:
    label = np.array([0, 1, 2, 2], np.uint8).reshape(1, 4, 1, 1)

    def scores(image: np.ndarray, source: str) -> np.ndarray:
        if source != "small":
            raise InputError(f"{source} takes 9 GB more memory and 1 GB are free; crop it.")
        return np.eye(3, dtype=np.float32)[label[0]].transpose(3, 0, 1, 2)

    arguments: dict[str, Any] = {"make_optimizer": None, "decay": poly, "share_done": None, "augment": None}
    task = SegmentationTask(
        torch.nn.Identity(), DiceCE(ignored=False), scores=scores, classes=("a", "b"), **arguments
    )
    logged: dict[str, float] = {}
    task.log = lambda name, value, **_options: logged.update({name: value})  # type: ignore[method-assign]
    cases = {
        name: {"id": name, "image": np.zeros((1, 4, 1, 1), np.float32), "label": label}
        for name in ("big", "small")
    }
    task.on_validation_epoch_start()
    for number, case in enumerate(cases.values()):
        task.validation_step(case, number)
    task.on_validation_epoch_end()
    assert logged == {"dice_a": 1, "dice_b": 1, "dice": 1}
    assert [record.getMessage() for record in caplog.records if "big takes 9 GB" in record.getMessage()]
    task.on_validation_epoch_start()
    task.validation_step(cases["big"], 0)
    with pytest.raises(InputError, match="^big takes 9 GB"):
        task.on_validation_epoch_end()
