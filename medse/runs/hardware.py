"""Which device computes, and in which precision."""

from typing import Literal, cast, get_args

import torch

from medse.errors import InputError
from medse.machine import Device, Precision

LIGHTNING: dict[Precision, Literal["bf16-mixed", "16-mixed", "32-true"]] = {
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
    "fp32": "32-true",
}
"""Name of a precision in a configuration -> Lightning's; that of fp16 scales the gradients."""
TENSOR_CORES = (7, 0)
"""Compute capability from which NVIDIA's GPUs have units for products of fp16; before, some are slower in it."""


def resolve_device(device: str) -> torch.device:
    """Turn ``auto``, ``cpu`` or ``cuda`` into a device that exists.

    Raises:
        InputError: ``cuda`` was asked for where there is none, or the name is another.
    """
    if device not in get_args(Device):
        raise InputError(
            f"Unknown device {device!r}; allowed are {', '.join(get_args(Device))}; give one of them."
        )
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "Device 'cuda' was asked for but PyTorch sees no CUDA GPU here; choose 'cpu' or 'auto', or install "
            "a CUDA build of PyTorch and its driver."
        )
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


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
