"""Times training steps of every segmentation network with every block, in both memory formats, on one GPU.

The table has steps per second and how much longer a step takes than without attention. Written to stand in
tests/benchmarks/results; run alone: python tests/benchmarks/gpu.py [--device cuda:0] [--rounds 11] > TABLE.md.
``--dry`` takes tiny networks and one round, on any device: it proves the script and measures nothing.
"""

import argparse
import itertools
import platform
from datetime import UTC, datetime

import torch
from nets import stepper
from torch import nn
from training_step import times_ms

from medse.attention import ATTENTION
from medse.nets import NETS, SEGMENTATION_NETS
from medse.runs.hardware import fixed_sizes, resolve_device
from medse.runs.provenance import cpu_name

IMAGES, CLASSES = 1, 3
PATCH, DRY_PATCH = 96, 16
WIDE = {"unet": {"channels": (32, 64, 128, 256)}}
TINY = {
    "unet": {"channels": (16, 32)},
    "fcdensenet": {"depth": 2, "growth": 16, "layers": 1, "init_channels": 16},
    "sdnet": {"channels": (16, 32), "kernel_size": 3},
    "quicknat": {"channels": 16, "kernel_size": 3, "strides": (2, 1, 1, 1)},
}


def build(name: str, attention: str | None, dry: bool) -> nn.Module:
    """Return a network; without options of its own it has its defaults."""
    torch.manual_seed(0)
    options = (TINY if dry else WIDE).get(name, {})
    return NETS[name](3, IMAGES, CLASSES, **options, attention=attention)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--dry", action="store_true")
    arguments = parser.parse_args()
    device, rounds = resolve_device(arguments.device), 1 if arguments.dry else arguments.rounds
    patch = DRY_PATCH if arguments.dry else PATCH
    what = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()
    print(
        f"{what}; torch {torch.__version__}; Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}"
    )
    print(
        f"one training step, patch {patch}^3; medians of {rounds}, each taking turns with the plain network"
    )
    if arguments.dry:
        print("DRY: tiny networks, one round; the numbers mean nothing")
    print("| net | precision | layout | attention | steps per second | time / without attention |")
    print("|---|---|---|---|---|---|")
    for name, bf16, last in itertools.product(SEGMENTATION_NETS, (False, True), (False, True)):
        layout = torch.channels_last_3d if last else torch.contiguous_format
        for attention in (None, *ATTENTION):
            nets = [build(name, given, arguments.dry).to(memory_format=layout) for given in (None, attention)]
            with fixed_sizes(device):
                plain, ours = times_ms(
                    [stepper(net, patch, device, bf16, compiled=False) for net in nets], rounds
                )
            row = (
                name,
                "bf16" if bf16 else "fp32",
                "channels last" if last else "channels first",
                attention or "none",
                f"{1000 / ours:.2f}",
                f"{ours / plain:.3f}x",
            )
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
