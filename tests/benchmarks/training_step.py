"""Times one training step of the U-Net of configs/hippocampus_unet_scse.yaml, with and without attention.

Run alone on an idle machine: python tests/benchmarks/training_step.py [--device cuda] [--steps 9] [--attention pe]
"""

import argparse
import itertools
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import torch
from plain_formulas import BLOCKS, Plain
from torch import nn

from medse.attention import make_attention
from medse.config.run import Config, load_config
from medse.nets import NETS
from medse.runs.provenance import cpu_name
from medse.tasks.losses import DeepSupervision, DiceCE

PLAIN = "plain "
"""Before a block's name: the same block by the formula that its authors write."""
CONFIG = Path(__file__).parents[2] / "configs" / "hippocampus_unet_scse.yaml"


def stepper(
    config: Config, device: torch.device, attention: str | None, bf16: bool, compiled: bool
) -> Callable[[], None]:
    """Return a function that makes one training step."""
    torch.manual_seed(0)
    options = {"channels": config.net.channels, "deep_supervision": config.net.deep_supervision}
    plain = attention is not None and attention.startswith(PLAIN)
    name = attention.removeprefix(PLAIN) if attention else None

    def block(dims: int, channels: int) -> nn.Module:
        built = make_attention(name, dims, channels)
        return Plain(built, BLOCKS[name if name in BLOCKS else f"{name} max"][1]) if plain else built

    net: nn.Module = NETS["unet"](3, 1, 3, attention=block if name else None, **options).to(device)
    run = torch.compile(net) if compiled else net
    optimizer = torch.optim.AdamW(net.parameters())
    loss = DeepSupervision(DiceCE(ignored=False))
    shape = (config.trainer.batch_size, 1, *config.data.patch_size)
    image = torch.randn(shape, device=device)
    label = torch.randint(0, 3, shape, device=device).float()

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = run(image)
        loss(logits, label).backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def times_ms(steps: list[Callable[[], None]], rounds: int) -> list[float]:
    """Return the median time of each, all taking turns, after two rounds that are not counted."""
    times: list[list[float]] = [[] for _ in steps]
    for _ in range(rounds + 2):
        for step, taken in zip(steps, times, strict=True):
            started = time.perf_counter()
            step()
            taken.append(1000 * (time.perf_counter() - started))
    return [statistics.median(taken[2:]) for taken in times]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--attention", nargs="+", default=["scse", PLAIN + "scse"])
    arguments = parser.parse_args()
    device, config = torch.device(arguments.device), load_config(CONFIG)
    name = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"{cpu_name()}, {torch.get_num_threads()} threads"
    )
    print(
        f"{name}; torch {torch.__version__}; Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}"
    )
    print(f"{CONFIG.name}: one step, medians of {arguments.steps}, all nets of a mode taking turns")
    print("| precision | mode | attention | ms per step | against none |\n|---|---|---|---|---|")
    for bf16, compiled in itertools.product((False, True), repeat=2):
        nets = [None, *arguments.attention]
        taken = times_ms([stepper(config, device, net, bf16, compiled) for net in nets], arguments.steps)
        for net, ms in zip(nets, taken, strict=True):
            mode = ("bf16" if bf16 else "fp32", "compiled" if compiled else "eager", net or "none")
            print(f"| {' | '.join(mode)} | {ms:.0f} | {ms / taken[0]:.3f}x |", flush=True)


if __name__ == "__main__":
    main()
