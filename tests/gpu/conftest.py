"""The device of the tests in this folder.

They are skipped where there is no CUDA GPU. ``MEDSE_GPU_TESTS=cpu`` runs them on the CPU all the same: that proves
the tests, not the GPU.
"""

import os
from collections.abc import Iterator

import pytest
import torch

CHOSEN = "MEDSE_GPU_TESTS"


@pytest.fixture(scope="session")
def device() -> torch.device:
    """The first CUDA GPU, or what ``MEDSE_GPU_TESTS`` says."""
    if CHOSEN in os.environ:
        return torch.device(os.environ[CHOSEN])
    if not torch.cuda.is_available():
        pytest.skip("PyTorch sees no CUDA GPU here")
    return torch.device("cuda")


@pytest.fixture(autouse=True)
def exact_float32() -> Iterator[None]:
    """Compute float32 in float32 and not in TF32, so that what is compared with a CPU is."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
