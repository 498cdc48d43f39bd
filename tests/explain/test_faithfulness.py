"""Insertion and deletion of a linear model, computed by hand."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from medse.errors import InputError
from medse.explain import insertion_deletion
from medse.explain.faithfulness import blurred, random_order


class Linear(nn.Module):
    """The probability of class 1 is the logistic function of a weighted sum of the pixels."""

    def __init__(self, weight: np.ndarray) -> None:
        super().__init__()
        self.weight = torch.as_tensor(weight, dtype=torch.float32)
        self.largest = 0

    def forward(self, x: Tensor) -> Tensor:
        self.largest = max(self.largest, len(x))
        score = (x * self.weight).flatten(1).sum(1)
        return torch.stack((torch.zeros_like(score), score), dim=1)


def logistic(score: float) -> float:
    return 1 / (1 + np.exp(-score))


def test_two_by_two_by_hand() -> None:
    """Pixels 4, 2, 1, 1 with weights 1, 1, 0, 0: scores 6, 4, 4, 4, 4 when the mean of 2 replaces them in order."""
    image = torch.tensor([[[4.0, 2.0], [1.0, 1.0]]])
    weight = np.array([[1.0, 1.0], [0.0, 0.0]])
    heat = np.array([[1.0, 0.5], [0.2, 0.1]], dtype=np.float32)
    found = insertion_deletion(Linear(weight), image, heat, 1, steps=4)
    six, four = logistic(6), logistic(4)
    assert found.deletion == pytest.approx((six / 2 + four + four + four + four / 2) / 4, rel=1e-6)
    start = blurred(image)[0].numpy()
    scores = [start[0, 0] + start[0, 1], 4 + start[0, 1], 6, 6, 6]
    steps = [logistic(score) for score in scores]
    assert found.insertion == pytest.approx(np.trapezoid(steps) / 4, rel=1e-6)


@pytest.mark.parametrize("shape", [(12, 9), (8, 6, 5)])
def test_the_true_map_beats_a_random_one_and_the_opposite(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    weight = np.where(rng.random(shape) < 0.2, 1.0, 0.0)
    image = torch.as_tensor(rng.normal(0, 1, (1, *shape)), dtype=torch.float32) * 0.2
    image[0][torch.as_tensor(weight) > 0] += 1
    net = Linear(weight / weight.sum() * 8)
    best, other, worst = (
        insertion_deletion(net, image, heat.astype(np.float32), 1)
        for heat in (weight, random_order(shape, 3), -weight)
    )
    assert best.insertion > other.insertion > worst.insertion
    assert best.deletion < other.deletion < worst.deletion
    assert net.largest == 33


def test_the_class_is_the_one_asked_for() -> None:
    image, weight = torch.ones(1, 4, 4), np.ones((4, 4))
    image[0, 0] = 3
    heat = image[0].numpy()
    one, other = (insertion_deletion(Linear(weight), image, heat, target) for target in (1, 0))
    assert one.deletion + other.deletion == pytest.approx(1)
    assert one.insertion + other.insertion == pytest.approx(1)


@pytest.mark.parametrize("shape", [(56, 40), (45, 20, 33)])
def test_the_blur_is_a_gaussian_of_the_stated_width(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(1).random((2, *shape))
    found = blurred(torch.as_tensor(image, dtype=torch.float32)).numpy()
    sigma = 5 / 224 * max(shape)
    expected = [gaussian_filter(channel, sigma, mode="nearest", truncate=4) for channel in image]
    np.testing.assert_allclose(found, expected, atol=0.02)  # MONAI's integrates the Gaussian over each voxel
    assert np.abs(found - image).max() > 0.2


def test_random_orders_are_coarse_and_repeat() -> None:
    one = random_order((64, 64), 0)
    np.testing.assert_array_equal(one, random_order((64, 64), 0))
    assert not np.array_equal(one, random_order((64, 64), 1))
    assert np.abs(np.diff(one, axis=0)).max() < 0.2
    assert one.std() > 0.1


def test_a_map_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(3, 4\)"):
        insertion_deletion(Linear(np.ones((4, 4))), torch.ones(1, 4, 4), np.ones((3, 4), dtype=np.float32), 0)
