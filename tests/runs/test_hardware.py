"""Which device computes, and in which precision."""

from contextlib import nullcontext, suppress

import pytest
import torch
from pydantic import ValidationError

from medse.config.sections import Schedule
from medse.errors import InputError
from medse.runs.hardware import accelerator, fixed_sizes, resolve_device, resolve_precision

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


def machine(monkeypatch: pytest.MonkeyPatch, gpus: int, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("asked", "gpus", "mps", "found", "lightning"),
    [
        ("auto", 0, True, "cpu", ("cpu", 1)),
        ("auto", 2, False, "cuda", ("gpu", 1)),
        ("cuda", 1, False, "cuda", ("gpu", 1)),
        ("cuda:1", 2, False, "cuda:1", ("gpu", [1])),
        ("mps", 0, True, "mps", ("mps", 1)),
        ("cpu", 2, True, "cpu", ("cpu", 1)),
    ],
)
def test_devices(
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    gpus: int,
    mps: bool,
    found: str,
    lightning: tuple[str, object],
) -> None:
    machine(monkeypatch, gpus, mps)
    assert resolve_device(asked) == torch.device(found)
    assert accelerator(resolve_device(asked)) == lightning
    assert Schedule(max_epochs=1, device=asked).device == asked


@pytest.mark.parametrize(
    ("asked", "gpus", "words"),
    [
        (
            "cuda:2",
            2,
            "'cuda:2' .* does not see it; allowed here are auto, cpu, cuda, cuda:0, cuda:1; choose",
        ),
        ("cuda:0", 0, "'cuda:0' .* no CUDA GPU; allowed here are auto, cpu; choose"),
        ("mps", 1, "'mps' .* does not see it; allowed"),
        ("gpu", 1, "Unknown device 'gpu'; allowed here are auto, cpu, cuda, cuda:0"),
        ("cuda:-1", 1, "Unknown device"),
    ],
)
def test_a_device_that_is_not_here(
    monkeypatch: pytest.MonkeyPatch, asked: str, gpus: int, words: str
) -> None:
    machine(monkeypatch, gpus, mps=False)
    with pytest.raises(InputError, match=words):
        resolve_device(asked)


def test_a_configuration_names_a_device() -> None:
    with pytest.raises(ValidationError, match="device is 'gpu'; allowed are auto, cpu, cuda, cuda:0"):
        Schedule(max_epochs=1, device="gpu")


@pytest.mark.parametrize("before", [False, True])
def test_cudnn_tries_algorithms_while_a_gpu_trains_and_not_after(
    monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", before)
    with fixed_sizes(CPU):
        assert torch.backends.cudnn.benchmark is before
    with suppress(KeyError), fixed_sizes(CUDA):
        assert torch.backends.cudnn.benchmark
        raise KeyError
    assert torch.backends.cudnn.benchmark is before
