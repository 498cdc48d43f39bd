"""The sliding window, against MONAI's and on its own."""

import tracemalloc

import numpy as np
import pytest
import torch
from monai.inferers import sliding_window_inference
from torch import nn

from medse.inference import torch_backend
from medse.inference.torch_backend import TensorSums, TorchBackend
from medse.inference.window import ArraySums, sliding_window


@pytest.mark.parametrize("shape", [(24, 24, 24), (16, 40, 32), (32, 16, 48)])
def test_equals_monai_where_windows_coincide(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    net = nn.Conv3d(2, 3, 3, padding=1).eval()
    image = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    ours = sliding_window(image, (16, 16, 16), TorchBackend(net).sums((3, *shape)), overlap=0.5, batch_size=2)
    distance = np.stack(np.meshgrid(*[np.arange(16) - 7.5] * 3, indexing="ij"))
    weight = torch.from_numpy(np.exp(-(distance**2).sum(0) / (2 * (16 / 8) ** 2)).astype(np.float32))
    with torch.inference_mode():
        theirs = sliding_window_inference(
            torch.from_numpy(image)[None], (16, 16, 16), 2, net, overlap=0.5, roi_weight_map=weight
        )
    np.testing.assert_allclose(ours, theirs[0].numpy(), atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 9, 40), (16, 16, 16), (33, 17, 18), (21, 30)])
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.75])
def test_a_network_that_looks_at_single_voxels_is_reproduced_exactly(
    shape: tuple[int, ...], overlap: float
) -> None:
    patch = (16, 16, 16) if len(shape) == 3 else (8, 16)
    image = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    found = sliding_window(
        image, patch, ArraySums(lambda w: 3 * w, (2, *shape)), overlap=overlap, batch_size=3
    )
    np.testing.assert_allclose(found, 3 * image, rtol=1e-5, atol=1e-6)


def test_the_backend_restores_the_mode_of_the_net_and_uses_evaluation() -> None:
    net = nn.Sequential(nn.Dropout(1.0), nn.Identity()).train()
    windows = np.ones((1, 1, 4, 4, 4), np.float32)
    np.testing.assert_array_equal(TorchBackend(net)(windows), windows)
    assert net.training


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_slice_goes_once_through_a_network_in_two_dimensions(axis: int) -> None:
    torch.manual_seed(0)
    net = nn.Conv2d(2, 3, 3, padding=1).eval()
    image = np.random.default_rng(0).normal(size=(2, 10, 11, 12)).astype(np.float32)
    size = [16, 16, 16]
    size[axis] = 1
    backend, batches = TorchBackend(net, axis), []

    def infer(windows: np.ndarray) -> np.ndarray:
        batches.append(len(windows))
        return backend(windows)

    found = sliding_window(image, tuple(size), ArraySums(infer, (3, 10, 11, 12)), overlap=0.75, batch_size=4)
    assert batches == [4, 4, image.shape[1 + axis] - 8]
    before = [(p - n) // 2 if p > 1 else 0 for p, n in zip(size, image.shape[1:], strict=True)]
    after = [(p - n + 1) // 2 if p > 1 else 0 for p, n in zip(size, image.shape[1:], strict=True)]
    padded = np.pad(image, [(0, 0), *zip(before, after, strict=True)])
    with torch.inference_mode():
        slices = torch.from_numpy(np.moveaxis(padded, 1 + axis, 0).copy())
        expected = np.moveaxis(net(slices).numpy(), 0, 1 + axis)
    inside = tuple(slice(b, b + n) for b, n in zip(before, image.shape[1:], strict=True))
    np.testing.assert_allclose(found, expected[(slice(None), *inside)], atol=1e-6)


@pytest.mark.parametrize("patch_size", [(8, 8, 8), (48, 16, 16), (48, 48, 1)])
def test_memory_is_that_of_the_scores(patch_size: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).normal(size=(1, 40, 36, 32)).astype(np.float32)
    classes = 50

    def infer(windows: np.ndarray) -> np.ndarray:
        return np.broadcast_to(windows, (len(windows), classes, *patch_size))

    tracemalloc.start()
    scores = sliding_window(image, patch_size, ArraySums(infer, (classes, *image.shape[1:])))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scores.base is None
    assert scores.nbytes < peak < 1.15 * scores.nbytes
    np.testing.assert_allclose(scores[[0, -1]], np.repeat(image, 2, axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [None, 0, 2])
def test_sums_in_the_memory_of_a_device_are_those_of_numpy(axis: int | None) -> None:
    torch.manual_seed(0)
    net = (nn.Conv3d if axis is None else nn.Conv2d)(2, 5, 3, padding=1)
    size = [16, 8, 12]
    if axis is not None:
        size[axis] = 1
    patch = (size[0], size[1], size[2])
    image = np.random.default_rng(0).normal(size=(2, 21, 6, 30)).astype(np.float32)
    backend, shape = TorchBackend(net, axis), (5, *image.shape[1:])
    expected = sliding_window(image, patch, ArraySums(backend, shape), batch_size=3)
    sums = TensorSums(backend, shape, torch.device("cpu"))
    found = sliding_window(image, patch, sums, batch_size=3)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert isinstance(backend.sums(shape), ArraySums)  # the network is on no GPU


def test_a_gpu_adds_up_where_the_sums_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is free: never more than half of it."""
    backend = TorchBackend(nn.Conv3d(1, 2, 1))
    monkeypatch.setattr(TorchBackend, "device", torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (3_000_000, 9_000_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _device: 5_000_000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _device: 4_000_000)
    made: list[tuple[int, ...]] = []
    monkeypatch.setattr(torch_backend, "TensorSums", lambda _backend, shape, _device: made.append(shape))
    backend.sums((4, 50, 50, 49))
    assert made == [(4, 50, 50, 49)]
    assert isinstance(backend.sums((4, 50, 50, 51)), ArraySums)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_progress_counts_windows(batch_size: int) -> None:
    image = np.zeros((1, 24, 16, 16), np.float32)
    seen: list[tuple[int, int]] = []
    sums = ArraySums(lambda windows: windows, (1, 24, 16, 16))
    sliding_window(
        image,
        (8, 8, 8),
        sums,
        batch_size=batch_size,
        progress=lambda done, number: seen.append((done, number)),
    )
    number = 5 * 3 * 3
    assert seen == [
        (min(done, number), number) for done in range(batch_size, number + batch_size, batch_size)
    ]
