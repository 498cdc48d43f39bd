"""``medse check``: what it says about the network of a configuration."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from medse.check import dataset
from medse.cli import app as cli
from medse.cli.tables.quantities import memory, percent, short
from medse.config.run import load_config
from medse.nets.unet import UNet
from medse.profiling.cost import cost
from medse.profiling.step_memory import step_memory
from tests.support.commands import medse


@pytest.fixture
def said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny_config: Path
) -> Callable[..., str]:
    """Return a function that runs the check with overrides and returns what it prints."""

    def run(*overrides: str, columns: int = 120) -> str:
        monkeypatch.setattr(cli, "console", Console(width=columns))
        assert medse("check", tiny_config, *overrides, "trainer.precision=fp32", "trainer.device=cpu") == 0
        return capsys.readouterr().out

    return run


def test_what_the_network_needs_and_sees(said: Callable[..., str]) -> None:
    text = said()
    net, plain = (
        UNet(3, 1, 3, channels=(8, 16), deep_supervision=True, attention=attention)
        for attention in ("scse", None)
    )
    (found, without), shape = (cost(each, (1, 1, 16, 16, 16)) for each in (net, plain)), (2, 1, 16, 16, 16)
    step, plain_step = (step_memory(each, shape).total for each in (net, plain))
    new = found.parameters - without.parameters
    lines = " ".join(text.split())
    for part in (
        f"parameters {found.parameters:,} ",
        f"FLOPs {short(found.flops)} forward on a patch of 16 x 16 x 16",
        "receptive field 15 x 15 x 15 voxels; the patch covers it",
        f"step memory about {memory(step)} for 2 patches in fp32: activations",
        f"attention adds {new:,} parameters ({percent(new, without.parameters)}), "
        f"{percent(found.flops - without.flops, without.flops)} to the FLOPs, "
        f"{percent(step - plain_step, plain_step)} to the step memory",
        f"prepared cases {memory(4 * 18 * 22 * 16 * (4 + 1))}",
    ):
        assert part in lines


def test_a_2d_network_without_attention_on_a_narrow_terminal(said: Callable[..., str]) -> None:
    text = said("data.patch_size=[14, 16]", "net.attention=none", columns=80)
    assert max(map(len, text.splitlines())) <= 80
    lines = " ".join(text.split())
    assert "attention adds - " in lines
    assert "receptive field 15 x 15 voxels; the patch is shorter along axis 0 " in lines
    assert "the patch is shorter along every axis" in said("data.patch_size=[8, 8]", "net.attention=none")


def test_a_case_that_does_not_fit_into_memory_is_one_of_the_problems(
    tiny_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = dataset.survey_label

    def greedy(source: str, *given: Any) -> Any:
        return np.empty(1 << 60, np.uint8) if "ball_2" in source else survey(source, *given)

    monkeypatch.setattr(dataset, "survey_label", greedy)
    found = dataset.check(load_config(tiny_config, ["trainer.device=cpu"]))
    (problem,) = found.problems.sentences
    assert "ball_2.nii.gz takes more memory than there is" in problem
    assert found.labels.classes[1].cases == 3
