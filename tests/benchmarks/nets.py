"""Times one training step of our 3-D U-Net beside MONAI's DynUNet and BasicUNet and nnU-Net's PlainConvUNet.

All have the same widths, convolutions per block, patch and batch, instance norm and leaky ReLU, and take turns.
Run alone on an idle machine: python tests/benchmarks/nets.py [--device cuda] [--rounds 11]. PlainConvUNet is timed
where dynamic-network-architectures is installed (pip install nnunetv2).
"""

import argparse
import itertools
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec

import torch
from monai.networks.nets import BasicUNet, DynUNet
from torch import nn
from training_step import times_ms

from medse.nets import NETS
from medse.runs.provenance import cpu_name
from medse.tasks.losses import DiceCE

IMAGES, CLASSES, BATCH = 1, 3, 2
SETTINGS = {"cpu": ((16, 32, 64, 128, 256), 64), "cuda": ((32, 64, 128, 256, 320), 128)}
"""Device -> widths, finest first, and length of the cubic patch."""
LEAKY = ("leakyrelu", {"negative_slope": 0.01, "inplace": True})
INSTANCE = ("instance", {"affine": True})


def ours(widths: tuple[int, ...]) -> nn.Module:
    return NETS["unet"](3, IMAGES, CLASSES, channels=widths)


def dyn_unet(widths: tuple[int, ...]) -> nn.Module:
    depth = len(widths)
    return DynUNet(
        3, IMAGES, CLASSES, kernel_size=[3] * depth, strides=[1] + [2] * (depth - 1),
        upsample_kernel_size=[2] * (depth - 1), filters=widths, norm_name=INSTANCE, act_name=LEAKY,
    )  # fmt: skip


def basic_unet(widths: tuple[int, ...]) -> nn.Module:
    return BasicUNet(3, IMAGES, CLASSES, features=(*widths, widths[0]), act=LEAKY, norm=INSTANCE)


def plain_conv_unet(widths: tuple[int, ...]) -> nn.Module:
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    depth = len(widths)
    built: nn.Module = PlainConvUNet(
        IMAGES, depth, widths, nn.Conv3d, 3, [1] + [2] * (depth - 1), 2, CLASSES, 2, conv_bias=True,
        norm_op=nn.InstanceNorm3d, norm_op_kwargs={"eps": 1e-5, "affine": True}, nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True}, deep_supervision=False,
    )  # fmt: skip
    return built


PEERS: dict[str, Callable[[tuple[int, ...]], nn.Module]] = {
    "medse unet": ours,
    "MONAI DynUNet": dyn_unet,
    "MONAI BasicUNet": basic_unet,
    "nnU-Net PlainConvUNet": plain_conv_unet,
}


def stepper(
    net: nn.Module, patch: int, device: torch.device, bf16: bool, compiled: bool
) -> Callable[[], None]:
    """Return a function that makes one training step."""
    net = net.to(device)
    run = torch.compile(net) if compiled else net
    optimizer, loss = torch.optim.AdamW(net.parameters()), DiceCE(ignored=False)
    shape = (BATCH, IMAGES, patch, patch, patch)
    image = torch.randn(shape, device=device)
    label = torch.randint(0, CLASSES, shape, device=device).float()

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = run(image)
        loss(logits, label).backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--compiled", action="store_true", help="time compiled nets too")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    widths, patch = SETTINGS[device.type]
    name = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"{cpu_name()}, {torch.get_num_threads()} threads"
    )
    peers = dict(PEERS)
    if find_spec("dynamic_network_architectures") is None:
        print("PlainConvUNet is left out: dynamic-network-architectures is not installed.")
        del peers["nnU-Net PlainConvUNet"]
    print(
        f"{name}; torch {torch.__version__}; Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}"
    )
    print(
        f"one step: widths {widths}, patch {patch}^3, batch {BATCH}; medians of {arguments.rounds}, taking turns"
    )
    print("| precision | mode | net | parameters | ms per step | theirs / ours |\n|---|---|---|---|---|---|")
    for bf16, compiled in itertools.product((False, True), (False, True)[: 1 + arguments.compiled]):
        torch.manual_seed(0)
        nets = [build(widths) for build in peers.values()]
        taken = times_ms([stepper(net, patch, device, bf16, compiled) for net in nets], arguments.rounds)
        for title, net, ms in zip(peers, nets, taken, strict=True):
            count = sum(p.numel() for p in net.parameters())
            mode = ("bf16" if bf16 else "fp32", "compiled" if compiled else "eager", title, f"{count:,}")
            print(f"| {' | '.join(mode)} | {ms:.0f} | {ms / taken[0]:.3f}x |", flush=True)


if __name__ == "__main__":
    main()
