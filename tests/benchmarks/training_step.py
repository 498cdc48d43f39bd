"""Times one training step of the U-Net in every precision and memory format: the source of our defaults.

Run alone on an idle machine: python tests/benchmarks/training_step.py [--device cuda] [--steps 5]
"""

import argparse
import itertools
import platform
import time
from datetime import UTC, datetime

import torch
from monai.losses import DeepSupervisionLoss

from medse.losses import DiceCE
from medse.nets import NETS
from medse.provenance import cpu_name

SHAPE = (4, 1, 40, 56, 40)


def step_ms(
    device: torch.device, attention: str | None, bf16: bool, channels_last: bool, steps: int
) -> float:
    """Return the median time of a step in ms, after two that are not counted."""
    torch.manual_seed(0)
    layout = torch.channels_last_3d if channels_last else torch.contiguous_format
    net = NETS["unet"](3, 1, 3, attention=attention, deep_supervision=True).to(device, memory_format=layout)
    optimizer = torch.optim.AdamW(net.parameters())
    loss = DeepSupervisionLoss(DiceCE())
    image = torch.randn(SHAPE, device=device).to(memory_format=layout)
    label = torch.randint(0, 3, SHAPE, device=device).float()
    times = []
    for _ in range(steps + 2):
        started = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = net(image)
        loss(logits, label).backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(1000 * (time.perf_counter() - started))
    return sorted(times[2:])[steps // 2]


def main() -> None:
    """Print a table, fastest setting last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=5)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    name = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"{cpu_name()}, {torch.get_num_threads()} threads"
    )
    print(
        f"{name}; torch {torch.__version__}; Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}"
    )
    print(f"3-D U-Net 16-32-64-128, deep supervision, batch {SHAPE}, median of {arguments.steps} steps")
    print("| attention | precision | channels-last | ms per step | against fp32 |\n|---|---|---|---|---|")
    for attention in (None, "scse"):
        base = 0.0
        for bf16, channels_last in itertools.product((False, True), repeat=2):
            ms = step_ms(device, attention, bf16, channels_last, arguments.steps)
            base = base or ms
            row = (attention or "none", "bf16" if bf16 else "fp32", "yes" if channels_last else "no")
            print(f"| {' | '.join(row)} | {ms:.0f} | {base / ms:.2f}x |", flush=True)


if __name__ == "__main__":
    main()
