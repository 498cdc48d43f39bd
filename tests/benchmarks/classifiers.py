"""Times a training step of the classifiers of two configurations, as they are trained and in other layouts of memory.

Beside ResNet50V2-SE stands MONAI's SEResNet50. All take turns. Run alone on an idle machine:
python tests/benchmarks/classifiers.py [--device cuda] [--rounds 11].
"""

import argparse
import platform
from collections.abc import Callable
from datetime import UTC, datetime

import torch
from monai.networks.nets import SEResNet50
from torch import Tensor, nn
from training_step import times_ms

from medse.config.classification import ClassificationConfig
from medse.config.run import load_config
from medse.nets.outlined import Outlined
from medse.runs.classification import classifier
from medse.runs.provenance import cpu_name
from medse.tasks.classification_losses import CrossEntropy

CLASSES = 3


def stepper(
    net: nn.Module, batch: int, size: tuple[int, ...], device: torch.device, bf16: bool
) -> Callable[[], None]:
    """Return a function that makes one training step; a net that draws outlines learns them too."""
    net = net.to(device)
    loss = CrossEntropy(outline=1.0, counts=[1] * CLASSES)
    optimizer = torch.optim.AdamW(net.parameters())
    images = torch.randn(batch, 1, *size, device=device)
    targets = torch.eye(CLASSES, device=device)[torch.arange(batch) % CLASSES]
    masks = (torch.rand(images.shape, device=device) > 0.9).float()

    def outputs() -> tuple[Tensor, Tensor | None]:
        return net.both(images) if isinstance(net, Outlined) else (net(images), None)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits, drawn = outputs()
        loss(logits, targets, drawn, masks).backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def nets(name: str, overrides: list[str]) -> tuple[ClassificationConfig, dict[str, nn.Module]]:
    """Return a configuration and its network: as it is trained, with contiguous maps, and without the outline."""
    config, bare = load_config(name, overrides), load_config(name, [*overrides, "loss.outline=0"])
    assert isinstance(config, ClassificationConfig)
    assert isinstance(bare, ClassificationConfig)
    return config, {
        "as trained": classifier(config, 1, CLASSES),
        "channels first": classifier(config, 1, CLASSES).to(memory_format=torch.contiguous_format),  # type: ignore[call-overload]
        "without outline": classifier(bare, 1, CLASSES),
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    gpu = device.type == "cuda"
    name = torch.cuda.get_device_name() if gpu else f"{cpu_name()}, {torch.get_num_threads()} threads"
    print(
        f"{name}; torch {torch.__version__}; Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}"
    )
    print(f"one training step; medians of {arguments.rounds}, taking turns")
    print(
        "| configuration | batch | precision | net | ms per step | / as trained |\n|---|---|---|---|---|---|"
    )
    for chosen, batch in (("tumour_small_se.yaml", 32), ("tumour_resnet50v2_se.yaml", 32 if gpu else 4)):
        for bf16 in (False, True):
            torch.manual_seed(0)
            config, built = nets(chosen, [])
            if chosen == "tumour_resnet50v2_se.yaml":
                built["MONAI SEResNet50"] = SEResNet50(spatial_dims=2, in_channels=1, num_classes=CLASSES)
            steps = [stepper(net, batch, config.data.size, device, bf16) for net in built.values()]
            taken = times_ms(steps, arguments.rounds)
            for title, ms in zip(built, taken, strict=True):
                precision = "bf16" if bf16 else "fp32"
                print(
                    f"| {chosen} | {batch} | {precision} | {title} | {ms:.0f} | {ms / taken[0]:.2f}x |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
