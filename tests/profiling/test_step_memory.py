"""Estimated memory of a training step against what a real one keeps."""

import math

import pytest
import torch
from torch import Tensor, nn

from medse.attention import ATTENTION
from medse.nets.sdnet import SDNet
from medse.nets.unet import UNet
from medse.profiling.step_memory import step_memory

SHAPES = {2: (2, 1, 30, 32), 3: (2, 1, 12, 16, 12)}


def kept(net: nn.Module, shape: tuple[int, ...], bf16: bool) -> int:
    """Bytes of the storages that autograd keeps in a real forward pass, weights and statistics left out."""
    storages: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with (
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
        torch.autograd.graph.saved_tensors_hooks(keep, keep),
    ):
        _ = net.train()(torch.randn(shape))  # held, so that nothing is freed before it is counted
    own = {tensor.untyped_storage().data_ptr() for tensor in (*net.parameters(), *net.buffers())}
    return sum(storage.nbytes() for address, storage in storages.items() if address not in own)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("attention", [None, *ATTENTION])
def test_what_is_kept_is_what_a_real_step_keeps(attention: str | None, spatial_dims: int, bf16: bool) -> None:
    shape = SHAPES[spatial_dims]
    with torch.device("meta"):
        plan = UNet(spatial_dims, 1, 2, channels=(32, 32), blocks=1, attention=attention)
    torch.manual_seed(0)
    real = kept(UNet(spatial_dims, 1, 2, channels=(32, 32), blocks=1, attention=attention), shape, bf16)
    found = step_memory(plan, shape, half=bf16).activations
    norms = 4  # in bf16 the plan has their means and deviations in 2 bytes, a CPU in 4
    assert real - found == (norms * 2 * 2 * (shape[0] * 32) if bf16 else 0)


@pytest.mark.parametrize(
    "net",
    [
        UNet(3, 1, 2, channels=(8, 16), variant="residual", norm="group", deep_supervision=True),
        UNet(3, 1, 2, channels=(8, 16), norm="batch", upsampling="linear", downsampling="max"),
        SDNet(3, 1, 2, channels=(8, 8), dropout=0.2),
    ],
)
def test_other_layers(net: nn.Module) -> None:
    torch.manual_seed(0)
    assert step_memory(net, SHAPES[3]).activations == kept(net, SHAPES[3], False)


def test_weights_gradients_and_optimizer() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3, bias=False).requires_grad_(False)
    )
    found = step_memory(net, (1, 1, 16, 16))
    learned = 4 * 9 + 4 + 4 + 4
    assert (
        found.weights == 4 * (learned + 4 * 2 * 9 + 4 + 4) + 8
    )  # running statistics, and a count of 8 bytes
    assert (found.gradients, found.optimizer) == (4 * learned, 8 * learned)
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad])
    net(torch.randn(1, 1, 16, 16)).sum().backward()
    optimizer.step()
    states = [t for state in optimizer.state.values() for t in state.values() if t.ndim]
    assert found.optimizer == sum(t.nbytes for t in states)
    assert found.total == found.weights + found.gradients + found.optimizer + found.activations


def test_the_module_stays_as_it_is_and_large_steps_take_nothing() -> None:
    net = UNet(3, 1, 2, channels=(2, 2), norm="batch").eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    small, large = (step_memory(net, (1, 1, *(length,) * 3)).activations for length in (32, 512))
    assert math.isclose(large, small * 16**3, rel_tol=1e-3)
    assert not net.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
