"""Every network compiled, exported, and written as ONNX, against the network in eager mode."""

import copy
import io
import itertools
import shutil
from collections.abc import Iterator

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from medse.nets import NETS, SEGMENTATION_NETS
from tests.support.tiny_nets import build, image

pytestmark = pytest.mark.slow
EVERY = pytest.mark.parametrize(
    ("name", "spatial_dims", "attention"), list(itertools.product(NETS, (2, 3), (None, "scse")))
)
inductor = pytest.mark.skipif(
    shutil.which("g++") is None, reason="the compiler behind torch.compile is missing"
)


@pytest.fixture(autouse=True)
def _fresh_compiler() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def backward(net: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Run forward and backward; return output, parameter gradients and running statistics."""
    net.zero_grad()
    y = net(x)
    y.backward(torch.linspace(-1, 2, y.numel()).view(y.shape).to(y))
    found = {"y": y.detach()}
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        found[key.removeprefix("_orig_mod.")] = parameter.grad.clone()
    return found | {key.removeprefix("_orig_mod."): value.clone() for key, value in net.named_buffers()}


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor], tolerance: float) -> None:
    """Compare; a gradient may err in proportion to the largest one."""
    assert ours.keys() == theirs.keys()
    largest = max(value.abs().max().item() for key, value in ours.items() if key != "y")
    for key, value in ours.items():
        scale = value.abs().max().item() if key == "y" else largest
        torch.testing.assert_close(
            theirs[key], value, rtol=tolerance, atol=tolerance * scale, msg=f"{key} differs"
        )


@EVERY
def test_traced_whole_it_trains_the_same(name: str, spatial_dims: int, attention: str | None) -> None:
    """In double precision, so that the order of sums does not matter."""
    net = build(name, spatial_dims, attention).double().train()
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    x = image(name, spatial_dims).double()
    traced = torch.compile(copy.deepcopy(net), fullgraph=True, backend="aot_eager")
    same(backward(net, x), backward(traced, x), 1e-6)


@inductor
@pytest.mark.parametrize("name", NETS)
def test_compiled_it_predicts_the_same(name: str) -> None:
    net, x = build(name, 2, "scse").eval(), image(name, 2)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(net, fullgraph=True)(x), net(x), rtol=1e-3, atol=1e-4)


@EVERY
def test_exported_it_holds_for_other_sizes(name: str, spatial_dims: int, attention: str | None) -> None:
    """Sizes of segmentation networks stay free within multiples of the stride; padding is decided when traced."""
    net, x = build(name, spatial_dims, attention).eval(), image(name, spatial_dims)
    x = torch.cat((x, x), dim=-1)  # no two sizes alike
    free = dict.fromkeys((0, *range(2, 2 + spatial_dims)) if name in SEGMENTATION_NETS else (0,), Dim.DYNAMIC)
    program = torch.export.export(net, (x,), dynamic_shapes=(free,))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    other = x.repeat(1, 1, 2, *(1,) * (spatial_dims - 1)) if name in SEGMENTATION_NETS else x
    for given in (x, other[:1], other.repeat(2, *(1,) * (1 + spatial_dims))):
        torch.testing.assert_close(loaded(given), net(given), rtol=1e-4, atol=1e-5)


@EVERY
def test_it_runs_in_onnx(name: str, spatial_dims: int, attention: str | None) -> None:
    net, x = build(name, spatial_dims, attention).eval(), image(name, spatial_dims)
    program = torch.onnx.export(net, (x,), dynamo=True, dynamic_shapes=({0: Dim.DYNAMIC},), verbose=False)
    assert program is not None
    session = onnxruntime.InferenceSession(
        program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (given,) = (entry.name for entry in session.get_inputs())
    for batch in (2, 3):
        x = torch.randn(batch, *x.shape[1:])
        (result,) = session.run(None, {given: x.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(result, net(x).numpy(), rtol=1e-3, atol=1e-4)
