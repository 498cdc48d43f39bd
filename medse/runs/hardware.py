"""Which device computes, and in which precision."""

from typing import Literal, get_args

import torch

from medse.errors import InputError
from medse.machine import Device


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


def resolve_precision(precision: str, device: torch.device) -> Literal["bf16-mixed", "32-true"]:
    """Turn ``auto``, ``bf16`` or ``fp32`` into Lightning's name; auto is bf16 where hardware computes in it.

    Elsewhere bf16 is emulated and slower than float32. Where it is native a step takes half the time; a
    channels-last layout gained nothing on top, so there is no setting for it (tests/benchmarks/results).
    """
    if precision == "auto":
        native = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_computes_bf16()
        precision = "bf16" if native else "fp32"
    return "bf16-mixed" if precision == "bf16" else "32-true"


def _cpu_computes_bf16() -> bool:
    query = getattr(torch.cpu, "get_capabilities", None)  # absent from the oldest supported releases
    capabilities = query() if query else {}
    return any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16"))
