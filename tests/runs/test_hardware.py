"""Which precision a device computes in."""

from contextlib import nullcontext

import pytest
import torch

from medse.errors import InputError
from medse.runs.hardware import resolve_precision

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.mark.parametrize(
    ("native", "capability", "auto"),
    [(True, (8, 0), "bf16"), (False, (7, 5), "fp16"), (False, (7, 0), "fp16"), (False, (6, 1), "fp32")],
)
def test_auto_on_a_gpu_takes_what_it_computes_in(
    monkeypatch: pytest.MonkeyPatch, native: bool, capability: tuple[int, int], auto: str
) -> None:
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation
    )
    monkeypatch.setattr(torch.cuda, "device", nullcontext)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)
    assert resolve_precision("auto", CUDA) == auto
    assert [resolve_precision(name, CUDA) for name in ("bf16", "fp16", "fp32")] == ["bf16", "fp16", "fp32"]


@pytest.mark.parametrize(
    ("capabilities", "auto"),
    [({}, "fp32"), ({"avx512_bf16": True}, "bf16"), ({"avx512_bf16": False, "amx_bf16": True}, "bf16")],
)
def test_a_cpu(monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], auto: str) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert resolve_precision("auto", CPU) == auto
    with pytest.raises(InputError, match="fp16 on device 'cpu'"):
        resolve_precision("fp16", CPU)
