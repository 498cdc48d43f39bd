"""Times each attention block, forward and backward, against the plain formula in eager PyTorch, and its memory.

Run alone on an idle machine: python tests/benchmarks/attention.py [--device cuda] [--rounds 15]

Columns: time beyond that of a copy, of the plain formula, of ours in eager mode, and of ours compiled; peak memory
beyond that of the same loss without a block, in units of the input. The limit is the time in which a copy at the
bandwidth measured here moves the bytes that must move: the input read twice (statistics, then products) and the
output written; then gradient and input read, once more for what depends on all voxels, and the result written.
"""

import argparse
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime

import torch
from plain_formulas import BLOCKS, Plain
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from medse.attention import make_attention
from medse.runs.provenance import cpu_name

CASES = (
    ((8, 64, 64, 64), torch.float32, torch.contiguous_format),
    ((2, 32, 32, 32, 32), torch.float32, torch.contiguous_format),
    ((8, 64, 64, 64), torch.bfloat16, torch.channels_last),
)


class Copy(nn.Module):
    """What every block does at least."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


def step(module: nn.Module, x: Tensor, r: Tensor) -> Callable[[], None]:
    """Return a training step of the loss ``sum(module(x) * r)``."""

    def run() -> None:
        x.grad = None
        module.zero_grad(set_to_none=True)
        (module(x) * r).sum().backward()
        x.grad = None
        if x.is_cuda:
            torch.cuda.synchronize()

    return run


def times_ms(runs: list[Callable[[], None]], rounds: int) -> list[float]:
    """Return the best time of each, all taking turns."""
    for run in runs:
        for _ in range(3):
            run()
    best = [float("inf")] * len(runs)
    for _ in range(rounds):
        for i, run in enumerate(runs):
            started = time.perf_counter()
            run()
            best[i] = min(best[i], 1000 * (time.perf_counter() - started))
    return best


def peak_bytes(run: Callable[[], None], cuda: bool) -> int:
    """Return the highest memory during ``run`` beyond that before it."""
    run()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        run()
    events = recorded.profiler.kineto_results.events()
    now = top = 0
    for _, size in sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"):
        now += size
        top = max(top, now)
    return top


def bandwidth(device: str, rounds: int) -> float:
    """Return the bytes per ms that a copy reads and writes, of a tensor too large for any cache."""
    source = torch.ones(2**26, device=device)
    target = torch.empty_like(source)

    def run() -> None:
        target.copy_(source)
        if source.is_cuda:
            torch.cuda.synchronize()

    return 2 * source.numel() * source.element_size() / times_ms([run], rounds)[0]


def row(title: str, x: Tensor, r: Tensor, rounds: int, speed: float) -> list[str]:
    """Measure one block."""
    choice, formula, moves = BLOCKS[title]
    torch.manual_seed(0)
    torch.compiler.reset()
    blocks = [make_attention(choice, x.ndim - 2, x.shape[1]).to(x.device) for _ in range(2)]
    blocks[1].load_state_dict(blocks[0].state_dict())
    plain, compiled = Plain(blocks[1].to(x.dtype), formula), torch.compile(blocks[0], fullgraph=True)
    torch.testing.assert_close(
        blocks[0](x), plain(x), rtol=2e-2, atol=1e-4 if x.dtype == torch.float32 else 5e-2
    )
    runs = [step(module, x, r) for module in (Copy(), plain, blocks[0], compiled)]
    copy, *ms = times_ms(runs, rounds)
    ms = [max(value - copy, 0.001) for value in ms]
    size = x.numel() * x.element_size()
    base = peak_bytes(step(nn.Identity(), x, r), x.is_cuda)
    peaks = [(peak_bytes(run, x.is_cuda) - base) / size for run in runs[1:]]
    return [f"{v:.2f}" for v in (*ms, *(ms[0] / v for v in ms[1:]), moves * size / speed, *peaks)]


def main() -> None:
    """Print one table per input."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--blocks", nargs="*", default=list(BLOCKS), choices=list(BLOCKS))
    arguments = parser.parse_args()
    cuda = arguments.device == "cuda"
    if not cuda:
        torch.set_num_threads(2)
    name = torch.cuda.get_device_name() if cuda else f"{cpu_name()}, {torch.get_num_threads()} threads"
    print(
        f"{name}; torch {torch.__version__}; Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}"
    )
    speed = bandwidth(arguments.device, arguments.rounds)
    print(f"a copy of 256 MiB moves {speed / 1e6:.1f} GB/s")
    for shape, dtype, layout in CASES:
        x, r = (
            torch.randn(shape, device=arguments.device, dtype=dtype).to(memory_format=layout) for _ in "xr"
        )
        kind = f"{dtype}, {layout}".replace("torch.", "").replace(", contiguous_format", "")
        print(f"\n{shape}, {kind}\n")
        print("| block | plain ms | eager ms | compiled ms | eager gain | compiled gain | limit ms ", end="")
        print("| plain peak | eager peak | compiled peak |\n|---|---|---|---|---|---|---|---|---|---|")
        x.requires_grad_()
        for title in arguments.blocks:
            print(f"| {title} | {' | '.join(row(title, x, r, arguments.rounds, speed))} |", flush=True)


if __name__ == "__main__":
    main()
