"""The sliding window, against MONAI's and on its own."""

import numpy as np
import pytest
import torch
from monai.inferers import sliding_window_inference
from torch import nn

from medse.inference.torch_backend import TorchBackend
from medse.inference.window import sliding_window


@pytest.mark.parametrize("shape", [(24, 24, 24), (16, 40, 32), (32, 16, 48)])
def test_equals_monai_where_windows_coincide(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    net = nn.Conv3d(2, 3, 3, padding=1).eval()
    image = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    ours = sliding_window(image, (16, 16, 16), 3, TorchBackend(net), overlap=0.5, batch_size=2)
    distance = np.stack(np.meshgrid(*[np.arange(16) - 7.5] * 3, indexing="ij"))
    weight = torch.from_numpy(np.exp(-(distance**2).sum(0) / (2 * (16 / 8) ** 2)).astype(np.float32))
    with torch.inference_mode():
        theirs = sliding_window_inference(
            torch.from_numpy(image)[None], (16, 16, 16), 2, net, overlap=0.5, roi_weight_map=weight
        )
    np.testing.assert_allclose(ours, theirs[0].numpy(), atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 9, 40), (16, 16, 16), (33, 17, 18)])
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.75])
def test_a_network_that_looks_at_single_voxels_is_reproduced_exactly(
    shape: tuple[int, int, int], overlap: float
) -> None:
    image = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    found = sliding_window(image, (16, 16, 16), 2, lambda windows: 3 * windows, overlap=overlap, batch_size=3)
    np.testing.assert_allclose(found, 3 * image, rtol=1e-5, atol=1e-6)


def test_windows_of_two_dimensions() -> None:
    image = np.random.default_rng(0).normal(size=(1, 21, 30)).astype(np.float32)
    found = sliding_window(image, (8, 16), 1, lambda windows: windows)
    np.testing.assert_allclose(found, image, rtol=1e-5, atol=1e-6)


def test_the_backend_restores_the_mode_of_the_net_and_uses_evaluation() -> None:
    net = nn.Sequential(nn.Dropout(1.0), nn.Identity()).train()
    windows = np.ones((1, 1, 4, 4, 4), np.float32)
    np.testing.assert_array_equal(TorchBackend(net)(windows), windows)
    assert net.training
