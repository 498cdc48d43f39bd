"""Which device computes, and in which precision."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, cast

import torch

from medse.errors import InputError
from medse.machine import DEVICE, Precision

LIGHTNING: dict[Precision, Literal["bf16-mixed", "16-mixed", "32-true"]] = {
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
    "fp32": "32-true",
}
"""Name of a precision in a configuration -> Lightning's; that of fp16 scales the gradients."""
TENSOR_CORES = (7, 0)
"""Compute capability from which NVIDIA's GPUs have units for products of fp16; before, some are slower in it."""


def resolve_device(device: str) -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps`` into a device that exists.

    ``auto`` is the first CUDA GPU, or the CPU; never ``mps``, for which PyTorch lacks some operations in 3-D.

    Raises:
        InputError: The device does not exist here, or the name is another.
    """
    gpus = (
        [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    here = ["auto", "cpu", *(["cuda", *gpus] if gpus else [])]
    if torch.backends.mps.is_available():
        here.append("mps")
    allowed = f"allowed here are {', '.join(here)}"
    if not re.fullmatch(DEVICE, device):
        raise InputError(f"Unknown device {device!r}; {allowed}; give one of them.")
    if device.startswith("cuda") and not gpus:
        raise InputError(
            f"Device {device!r} was asked for but PyTorch sees no CUDA GPU; {allowed}; choose one of these, or "
            "install a CUDA build of PyTorch and its driver."
        )
    if device not in here:
        raise InputError(
            f"Device {device!r} was asked for but PyTorch does not see it; {allowed}; choose one of these."
        )
    if device == "auto":
        return torch.device("cuda" if gpus else "cpu")
    return torch.device(device)


def accelerator(device: torch.device) -> tuple[str, list[int] | int]:
    """Return Lightning's ``accelerator`` and ``devices`` for a device."""
    kind = "gpu" if device.type == "cuda" else device.type
    return kind, 1 if device.index is None else [device.index]


@contextmanager
def fixed_sizes(device: torch.device) -> Iterator[None]:
    """Let cuDNN try its algorithms for each size of convolution once, as patches have one size; then as before.

    On a CPU nothing changes.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = before or device.type == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def resolve_precision(precision: str, device: torch.device) -> Precision:
    """Turn ``auto``, ``bf16``, ``fp16`` or ``fp32`` into a precision that the device computes in.

    Auto is bf16 where hardware computes in it, fp16 on GPUs that have tensor cores for that alone (V100, T4, RTX 20),
    and else fp32: what is emulated is slower than float32. Where bf16 is native a step takes half the time; a
    channels-last layout gained nothing on top, so there is no setting for it (tests/benchmarks/results).

    Raises:
        InputError: fp16 was asked for on a device for which PyTorch does not scale its gradients.
    """
    if precision == "auto":
        return _native(device)
    if precision == "fp16" and device.type != "cuda":
        raise InputError(
            f"trainer.precision is fp16 on device {device.type!r}; fp16 needs scaled gradients, which there are "
            "for CUDA GPUs alone; choose bf16, fp32 or auto."
        )
    return cast(Precision, precision)


def _native(device: torch.device) -> Precision:
    if device.type == "cuda":
        with torch.cuda.device(device):
            if torch.cuda.is_bf16_supported(including_emulation=False):
                return "bf16"
        return "fp16" if torch.cuda.get_device_capability(device) >= TENSOR_CORES else "fp32"
    return "bf16" if device.type == "cpu" and _cpu_computes_bf16() else "fp32"


def _cpu_computes_bf16() -> bool:
    query = getattr(torch.cpu, "get_capabilities", None)  # absent from the oldest supported releases
    capabilities = query() if query else {}
    return any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16"))
