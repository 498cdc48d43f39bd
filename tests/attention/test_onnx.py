"""Every block written as ONNX and run without torch."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from medse.attention import ATTENTION, make_attention
from medse.nets.unet import UNet

Block = str | Mapping[str, Any]

BLOCKS: list[Block] = [
    *ATTENTION,
    *({"name": "scse", "combine": combine} for combine in ("add", "mul", "concat")),
    {"name": "eca", "shared": False},
    {"name": "rgse", "grid": 1},
    {"name": "fca", "selection": "nas"},
    {"name": "se", "gate": "hard_sigmoid"},
    {"name": "hybrid", "blocks": ["pe", "cbam"], "combine": "max"},
]
SIZES = {2: [(7, 5), (6, 9)], 3: [(5, 3, 4), (6, 9, 8)]}
"""The first is the size of the example that the exporter sees."""

CHANNELS = 16

pytestmark = pytest.mark.slow
EVERY = pytest.mark.parametrize(("block", "dims"), list(itertools.product(BLOCKS, SIZES)), ids=str)


def made(block: Block, dims: int) -> nn.Module:
    torch.manual_seed(0)
    module = make_attention(block, dims, CHANNELS).eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module


def check(session: onnxruntime.InferenceSession, module: nn.Module, x: Tensor) -> None:
    (name,) = [given.name for given in session.get_inputs()]
    (result,) = session.run(None, {name: x.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(result, module(x).numpy(), rtol=1e-4, atol=1e-4)


def written(
    module: nn.Module, x: Tensor, free: dict[int, Any]
) -> tuple[onnxruntime.InferenceSession, set[str]]:
    """Return the exported model, and the operators it is made of."""
    program = torch.onnx.export(module, (x,), dynamo=True, dynamic_shapes=(free,), verbose=False)
    assert program is not None
    model = program.model_proto
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session, {node.op_type for node in model.graph.node}


@EVERY
def test_block_runs_in_onnx_at_any_size(block: Block, dims: int) -> None:
    module, (size, other) = made(block, dims), SIZES[dims]
    free = dict.fromkeys((0, *range(2, 2 + dims)), Dim.DYNAMIC)
    session, operators = written(module, torch.randn(2, CHANNELS, *size), free)
    assert not any("Pool" in operator for operator in operators)  # there is no adaptive pooling of volumes
    for shape in ((2, *size), (1, *size), (3, *other)):
        check(session, module, torch.randn(shape[0], CHANNELS, *shape[1:]))


@EVERY
def test_block_runs_in_onnx_at_one_size(block: Block, dims: int) -> None:
    module, size = made(block, dims), SIZES[dims][0]
    session, _ = written(module, torch.randn(2, CHANNELS, *size), {0: Dim.DYNAMIC})
    for batch in (2, 3):
        check(session, module, torch.randn(batch, CHANNELS, *size))


@EVERY
def test_block_passes_the_older_exporter(block: Block, dims: int, tmp_path: Path) -> None:
    module, size = made(block, dims), SIZES[dims][0]
    path = tmp_path / "block.onnx"
    x = torch.randn(2, CHANNELS, *size)
    torch.onnx.export(module, (x,), path, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "batch"}})
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for batch in (2, 3):
        check(session, module, torch.randn(batch, CHANNELS, *size))


@pytest.mark.parametrize("shape", [(2, 1, 8, 12, 16), (2, 1, 5, 9, 7)], ids=["multiples of 4", "padded"])
def test_net_with_attention_runs_in_onnx(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    net, x = UNet(3, 1, 3, channels=(4, 8, 16), attention="scse").eval(), torch.randn(shape)
    session, _ = written(net, x, {0: Dim.DYNAMIC})
    check(session, net, x)
    check(session, net, torch.randn(3, *shape[1:]))
