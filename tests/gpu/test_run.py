"""A training of twenty steps, its prediction on GPU and CPU, and the memory of a step, on a GPU."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from torch import nn

import medse
from medse.profiling.step_memory import step_memory
from medse.runs.directory import RunDir
from tests.support.generated import TINY


@pytest.fixture(params=["fp32", "bf16", "auto"])
def trained(
    request: pytest.FixtureRequest, make_msd: Callable[..., Path], tmp_path: Path, device: torch.device
) -> Path:
    """Train for 20 steps; return the run's folder."""
    config = tmp_path / "tiny.yaml"
    text = TINY.format(root=make_msd()).replace("steps_per_epoch: 3", "steps_per_epoch: 10")
    config.write_text(text + f"  device: {device}\n  precision: {request.param}\n")
    medse.train_run(config, tmp_path / "run")
    return tmp_path / "run"


def test_prediction_is_that_of_the_cpu(trained: Path, tmp_path: Path, device: torch.device) -> None:
    scan = sorted((tmp_path / "balls" / "imagesTr").glob("*.nii.gz"))[0]
    labels = [
        np.asarray(medse.load_run(trained, device=where).segment(scan).dataobj)
        for where in (str(device), "cpu")
    ]
    assert labels[0].shape == nib.load(scan).shape
    assert (labels[0] != labels[1]).mean() <= 1e-3
    assert RunDir(trained).weights.is_file()


@pytest.mark.parametrize("half", [False, True], ids=["fp32", "bf16"])
@pytest.mark.parametrize("attention", [None, "se", "scse", "pe", "simam"])
def test_memory_of_a_step_is_what_was_estimated(
    attention: str | None, half: bool, device: torch.device
) -> None:
    """At most twice the estimate, which leaves out what operators need while they run, and at least 0.8 of it."""
    if device.type != "cuda":
        pytest.skip("only a CUDA GPU counts what was allocated")
    net = medse.NETS["unet"](3, 1, 3, channels=(16, 32, 64), attention=attention)
    shape = (2, 1, 64, 64, 64)
    estimate = step_memory(net, shape, half=half, device="cuda")
    net.to(device).train()
    x = torch.randn(shape, device=device)
    run_step(net, x, half)  # cuDNN's own memory, and the optimizer's
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    run_step(net, x, half)
    torch.cuda.synchronize(device)
    held = estimate.activations + estimate.weights + estimate.gradients
    assert 0.8 * held <= torch.cuda.max_memory_allocated(device) - x.nbytes <= 2 * held


def run_step(net: nn.Module, x: torch.Tensor, half: bool) -> None:
    net.zero_grad()
    with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
        loss = net(x).float().square().mean()
    loss.backward()
