"""Every block compiled, exported and traced, against the block in eager mode.

Eager mode runs closed-form gradients, tracers see the plain formulas: equality checks one against the other.
"""

import copy
import io
import itertools
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from medse.attention import ATTENTION, make_attention
from medse.nets.unet import UNet

Block = str | Mapping[str, Any]

VARIANTS: list[Block] = [
    *({"name": "scse", "combine": combine} for combine in ("add", "mul", "concat")),
    {"name": "scse", "bias": False},
    {"name": "eca", "shared": False},
    {"name": "rgse", "grid": 1},
    {"name": "fca", "selection": "nas"},
    {"name": "fca", "selection": "low", "size": 3},
    {"name": "se", "gate": "hard_sigmoid"},
    {"name": "pe", "gate": "relu"},
    {"name": "simam", "lambda": 0.1, "gate": "tanh"},
    {"name": "hybrid", "blocks": ["pe", "cbam"], "combine": "max"},
    {"name": "hybrid", "blocks": ["scse", "simam"], "combine": "add"},
]
SIZES = {2: [(7, 5), (6, 9), (2, 2)], 3: [(5, 3, 4), (6, 9, 8), (2, 2, 2)]}
"""The first is the size of the example that tracers see."""

LEAN = ["_Scale", "_GateVoxels", "_GateGrid", "_SimAM"]
CHANNELS = 16


def titled(block: Block) -> str:
    if isinstance(block, str):
        return block
    return "-".join("+".join(v) if isinstance(v, list) else str(v) for v in block.values())


def over(blocks: list[Block]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("block", "dims"),
        [pytest.param(b, d, id=f"{titled(b)}-{d}d") for b, d in itertools.product(blocks, SIZES)],
    )


EVERY = over([*ATTENTION, *VARIANTS])
NAMED = over(list(ATTENTION))
inductor = pytest.mark.skipif(
    shutil.which("g++") is None, reason="the compiler behind torch.compile is missing"
)


@pytest.fixture(autouse=True)
def _fresh_compiler() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def made(block: Block, dims: int) -> nn.Module:
    """Build a block whose gates are neither all the same nor saturated."""
    torch.manual_seed(0)
    module = make_attention(block, dims, CHANNELS)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module


def features(dims: int, batch: int, size: int) -> Tensor:
    return torch.randn(batch, CHANNELS, *SIZES[dims][size])


def backward(module: nn.Module, x: Tensor, amp: bool = False) -> dict[str, Tensor]:
    """Run forward and backward; return the output and all gradients, in float32."""
    module.zero_grad()
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=amp):
        y = module(x.bfloat16() if amp else x)
    y.backward(torch.linspace(-1, 2, y.numel()).view(y.shape).to(y.dtype))
    assert y.dtype == (torch.bfloat16 if amp else x.dtype)
    gradients = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    return {"y": y.detach().float(), "x": x.grad.clone(), **gradients}  # type: ignore[union-attr]


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor], tolerance: float) -> None:
    """Compare; a parameter's gradient may err in proportion to the largest one.

    Batch normalisation removes the biases before it, so that their gradients are rounding errors.
    """
    theirs = {name.removeprefix("_orig_mod."): value for name, value in theirs.items()}
    assert ours.keys() == theirs.keys()
    largest = max(ours[name].abs().max().item() for name in ours if name not in "xy") if len(ours) > 2 else 0
    for name, value in ours.items():
        scale = value.abs().max().item() if name in "xy" else largest
        torch.testing.assert_close(theirs[name], value, rtol=0, atol=tolerance * scale, msg=f"{name} differs")


def near(exact: dict[str, Tensor], rounded: dict[str, Tensor]) -> None:
    """Compare in the mean over voxels: where scSE's products nearly tie, rounding decides which one passes."""
    rounded = {name.removeprefix("_orig_mod."): value for name, value in rounded.items()}
    largest = max((exact[name].norm().item() for name in exact if name not in "xy"), default=0)
    for name, value in exact.items():
        scale = value.norm().item() if name in "xy" else largest
        assert (rounded[name] - value).norm().item() <= 2e-2 * scale, name


@EVERY
def test_plain_formula_is_what_eager_mode_computes(block: Block, dims: int) -> None:
    module = made(block, dims)
    x = features(dims, 2, 0)
    plain = torch.compile(copy.deepcopy(module), backend="eager", fullgraph=True)
    same(backward(module, x), backward(plain, x), 1e-5)
    torch.testing.assert_close(dict(plain._orig_mod.named_buffers()), dict(module.named_buffers()))


@NAMED
def test_exported_block_is_the_block(block: Block, dims: int) -> None:
    module, x = made(block, dims).eval(), features(dims, 2, 0)
    program = torch.export.export(module, (x,), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False)
    for batch in (2, 3):
        x = features(dims, batch, 0)
        torch.testing.assert_close(program.module()(x), module(x))


@pytest.mark.parametrize("dims", SIZES)
def test_eager_mode_stays_lean_after_tracing(dims: int) -> None:
    for name in ("se", "scse", "pe", "simam"):
        module, x = made(name, dims), features(dims, 2, 0).requires_grad_()
        torch.compile(module, backend="eager", fullgraph=True)(x)
        torch.export.export(module, (x.detach(),))
        torch.jit.trace(module, x.detach(), check_trace=False)
        assert type(module(x).grad_fn).__name__.removesuffix("Backward") in LEAN, name


@pytest.mark.slow
@inductor
@NAMED
def test_compiled_block_trains_at_any_size(block: Block, dims: int) -> None:
    """The compiler may compile convolutions anew for another size; see the next test."""
    module = made(block, dims)
    compiled = torch.compile(copy.deepcopy(module), fullgraph=True, dynamic=True)
    for batch, size in ((2, 0), (3, 1)):
        x = features(dims, batch, size)
        same(backward(module, x), backward(compiled, x), 1e-4)
    torch.testing.assert_close(dict(compiled._orig_mod.named_buffers()), dict(module.named_buffers()))


@pytest.mark.slow
@NAMED
def test_one_graph_holds_for_all_sizes(block: Block, dims: int) -> None:
    module = made(block, dims)
    traced = torch.compile(copy.deepcopy(module), fullgraph=True, dynamic=True, backend="aot_eager")
    with torch._dynamo.config.patch(error_on_recompile=True):
        for batch, size in ((2, 0), (3, 1)):
            x = features(dims, batch, size)
            same(backward(module, x), backward(traced, x), 1e-4)


@pytest.mark.slow
@inductor
@over(VARIANTS)
def test_compiled_variant_trains(block: Block, dims: int) -> None:
    module, x = made(block, dims), features(dims, 2, 0)
    compiled = torch.compile(copy.deepcopy(module), fullgraph=True)
    same(backward(module, x), backward(compiled, x), 1e-4)


@pytest.mark.slow
@inductor
@NAMED
def test_compiled_block_in_bf16(block: Block, dims: int) -> None:
    module, x = made(block, dims).eval(), features(dims, 2, 1).bfloat16().float()
    compiled = torch.compile(copy.deepcopy(module), fullgraph=True)
    exact, ours, theirs = backward(module, x), backward(module, x, amp=True), backward(compiled, x, amp=True)
    for result in (ours, theirs):
        near(exact, result)


@pytest.mark.slow
@inductor
@NAMED
def test_compiled_block_predicts(block: Block, dims: int) -> None:
    module, x = made(block, dims).eval(), features(dims, 2, 0)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(module, fullgraph=True)(x), module(x), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
@EVERY
def test_saved_program_holds_for_all_sizes(block: Block, dims: int, strict: bool) -> None:
    module = made(block, dims).eval()
    free = dict.fromkeys((0, *range(2, 2 + dims)), Dim.DYNAMIC)
    program = torch.export.export(module, (features(dims, 2, 0),), dynamic_shapes=(free,), strict=strict)
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    for batch, size in ((2, 0), (1, 1), (3, 2)):
        x = features(dims, batch, size)
        torch.testing.assert_close(loaded(x), module(x), rtol=1e-4, atol=1e-5)
    one = torch.randn(2, CHANNELS, *(1,) * dims)
    torch.testing.assert_close(loaded(one), module(one), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@EVERY
def test_traced_block_is_the_block(block: Block, dims: int) -> None:
    module = made(block, dims).eval()
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(module, features(dims, 2, 0)), file)
    file.seek(0)
    traced = torch.jit.load(file)
    for batch, size in ((2, 0), (3, 1)):
        x = features(dims, batch, size)
        torch.testing.assert_close(traced(x), module(x), rtol=1e-4, atol=1e-5)


def small_net() -> UNet:
    torch.manual_seed(0)
    return UNet(3, 1, 3, channels=(4, 8, 16), attention="scse")


@pytest.mark.slow
@inductor
def test_net_with_attention_compiles_whole() -> None:
    net, x = small_net(), torch.randn(2, 1, 8, 12, 16)
    compiled = torch.compile(copy.deepcopy(net), fullgraph=True)
    same(backward(net, x), backward(compiled, x), 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
def test_net_with_attention_exports(strict: bool) -> None:
    """Sizes stay free within multiples of the net's stride: whether it pads is decided when it is traced."""
    net, x = small_net().eval(), torch.randn(2, 1, 8, 12, 16)
    free = dict.fromkeys((0, 2, 3, 4), Dim.DYNAMIC)
    exported = torch.export.export(net, (x,), dynamic_shapes=(free,), strict=strict).module()
    for shape in ((2, 1, 8, 12, 16), (1, 1, 16, 8, 12)):
        x = torch.randn(shape)
        torch.testing.assert_close(exported(x), net(x), rtol=1e-4, atol=1e-5)
