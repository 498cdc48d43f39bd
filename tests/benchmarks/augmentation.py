"""Time the batch augmentation beside MONAI's and TorchIO's, and as a share of a training step.

Run ``python tests/benchmarks/augmentation.py``. Peers work sample by sample on the CPU, as they do in a data
loader, with like strengths and chances; times are per batch, the median of the repeats. Prints only.
"""

import argparse
import importlib.util
import math
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medse.data.augmentation.augmentation import Augmentation
from medse.data.patches import PatchDataset, gather

OURS = Augmentation(patch_size=(40, 56, 40), spacing_mm=(1, 1, 1), mirror_axes=(0,))
Batch = tuple[Tensor, Tensor]


def median_ms(run: Callable[[], object], repeats: int, device: torch.device) -> float:
    times = []
    for repeat in range(repeats + 2):
        start = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if repeat >= 2:  # two to warm up
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def cut_batches(augmentation: Augmentation, size: int, count: int) -> list[dict[str, Any]]:
    """Batches of pieces cut from a volume twice as long as the patch along each axis."""
    shape = [2 * n for n in augmentation.patch_size]
    random = np.random.default_rng(0)
    label = random.integers(0, 3, (1, *shape)).astype(np.uint8)
    image = random.normal(size=(1, *shape)).astype(np.float32)
    case = {"image": image, "label": label, "centres": [np.flatnonzero(label == k) for k in range(3)]}
    x, y, z = augmentation.patch_size
    patches = PatchDataset([case], (x, y, z), 3, 0.67, None, augmentation)  # type: ignore[arg-type]
    return [gather([patches[0, size * number + item] for item in range(size)]) for number in range(count)]


def to(batch: dict[str, Any], device: torch.device) -> dict[str, Any]:
    return {**batch, **{key: [piece.to(device) for piece in batch[key]] for key in ("image", "label")}}


def monai_peer(elastic: bool) -> Callable[[Tensor, Tensor], object]:
    """MONAI's dictionary transforms: one resampling for affine and elastic, as ours."""
    from monai import transforms as mt

    angle, top = math.radians(OURS.rotation_degrees), OURS.scale + OURS.stretch
    space = {
        "keys": ["image", "label"],
        "prob": OURS.spatial_probability,
        "rotate_range": (angle,) * 3,
        "scale_range": (top,) * 3,
        "mode": ["bilinear", "nearest"],
        "padding_mode": "zeros",
    }
    # sigma and magnitude chosen for about the displacement of ours (root mean square 0.8 voxels)
    move = mt.Rand3DElasticd(sigma_range=(5, 7), magnitude_range=(80, 180), **space)
    chance = {"keys": "image", "prob": OURS.intensity_probability}
    width = (0.0, OURS.blur_voxels)
    chain = mt.Compose(
        [
            move if elastic else mt.RandAffined(**space),
            mt.RandFlipd(keys=["image", "label"], prob=0.5, spatial_axis=0),
            mt.RandGaussianSmoothd(sigma_x=width, sigma_y=width, sigma_z=width, **chance),
            mt.RandAdjustContrastd(gamma=(1 / (1 + OURS.gamma), 1 + OURS.gamma), retain_stats=True, **chance),
            mt.RandScaleIntensityd(factors=OURS.contrast, **chance),
            mt.RandShiftIntensityd(offsets=OURS.brightness, **chance),
            mt.RandGaussianNoised(std=OURS.noise_sd, **chance),
        ]
    )
    return lambda images, labels: [
        chain({"image": x, "label": y.float()}) for x, y in zip(images, labels, strict=True)
    ]


def torchio_peer() -> Callable[[Tensor, Tensor], object]:
    """TorchIO's transforms; affine and elastic are two resamplings there."""
    import torchio as tio

    chance, top = OURS.intensity_probability, OURS.scale + OURS.stretch
    chain = tio.Compose(
        [
            tio.RandomAffine(scales=top, degrees=OURS.rotation_degrees, p=OURS.spatial_probability),
            tio.RandomElasticDeformation(max_displacement=OURS.elastic_mm, p=OURS.spatial_probability),
            tio.RandomFlip(axes=(0,)),
            tio.RandomBlur(std=OURS.blur_voxels, p=chance),
            tio.RandomGamma(log_gamma=math.log1p(OURS.gamma), p=chance),
            tio.RandomNoise(std=OURS.noise_sd, p=chance),
        ]
    )
    return lambda images, labels: [
        chain(tio.Subject(image=tio.ScalarImage(tensor=x), label=tio.LabelMap(tensor=y)))
        for x, y in zip(images, labels, strict=True)
    ]


def training_step(batch: Batch, bf16: bool) -> Callable[[], object]:
    """Forward, loss, backward and update of the 3-D U-Net with scSE blocks."""
    from medse.nets.unet import UNet
    from medse.tasks.losses import DiceCE

    images, labels = batch
    net = UNet(3, images.shape[1], 3, channels=(16, 32, 64, 128), attention="scse").to(images.device)
    images = images.contiguous(memory_format=torch.channels_last_3d)
    net = net.to(memory_format=torch.channels_last_3d)
    loss, optimizer = DiceCE(ignored=False), torch.optim.AdamW(net.parameters())

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=bf16):
            logits = net(images)
        loss(logits, labels).backward()
        optimizer.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--patch", type=int, nargs=3, default=(40, 56, 40))
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bf16", action="store_true", help="training step under bf16 autocast")
    parser.add_argument(
        "--step-ms", type=float, help="a known time of a training step, instead of measuring it"
    )
    given = parser.parse_args()
    device = torch.device(given.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "CPU"
    shape = (given.batch, 1, *given.patch)
    threads = torch.get_num_threads()
    print(f"batch {shape} float32 on {device} ({name}), {threads} threads, torch {torch.__version__}")

    random = torch.Generator().manual_seed(0)
    cpu = (
        torch.randn(shape, generator=random),
        torch.randint(0, 3, shape, generator=random, dtype=torch.uint8),
    )
    here = cpu[0].to(device), cpu[1].to(device)
    augmentation = replace(OURS, patch_size=tuple(given.patch))
    batches = cycle(cut_batches(augmentation, given.batch, given.repeats + 2))
    ours = median_ms(lambda: augmentation(to(next(batches), device)), given.repeats, device)
    print(f"{'medse, affine + elastic':34}{ours:9.1f} ms")

    peers = {"MONAI, affine + elastic": monai_peer(True), "MONAI, affine only": monai_peer(False)}
    if importlib.util.find_spec("torchio"):
        peers["TorchIO, affine, elastic"] = torchio_peer()
    for peer, run in peers.items():
        taken = median_ms(lambda run=run: run(*cpu), given.repeats, torch.device("cpu"))  # type: ignore[misc]
        print(f"{peer:34}{taken:9.1f} ms   {taken / ours:6.1f} x medse")

    step = given.step_ms
    if step is None and importlib.util.find_spec("medse.nets.unet"):
        step = median_ms(training_step(here, given.bf16), max(3, given.repeats // 3), device)
    if step is not None:
        share = f"augmentation adds {ours / step:.1%} (goal: < 20 %)"
        print(f"{'training step of the U-Net':34}{step:9.1f} ms   {share}")


if __name__ == "__main__":
    main()
