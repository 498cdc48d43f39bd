"""A block is added with one file and its line in the table, and everything that goes over the table takes it.

That is done to a copy of the package, in a process of its own.
"""

from pathlib import Path

import pytest

from tests.support.copied_house import add_member, copied_house, run
from tests.support.generated import TINY, write_data_set

BLOCK = '''"""A made-up block: each channel is gated by its own mean."""

import torch
from pydantic import PositiveFloat
from torch import Tensor, nn

from medse.attention.block import AttentionBlock
from medse.attention.gates import GATES, Gate
from medse.attention.papers import Paper


class OwnMean(AttentionBlock):
    """Channel gate from the channel's own mean."""

    title = "Own mean"
    papers = (Paper("Doe, Roe", "Each Channel Its Own", "Nowhere", 2026),)
    what = "One gate per channel: a factor times the mean of the channel, and a sigmoid."
    use = "To show how a block is added."
    suits = ("hardly any parameters",)
    parameter_formula = "C"

    def __init__(
        self, spatial_dims: int, channels: int, *, steepness: PositiveFloat = 2.0, gate: Gate = "sigmoid"
    ) -> None:
        super().__init__(spatial_dims, channels)
        self.factor = nn.Parameter(torch.ones(channels))
        self.steepness = steepness
        self.gate = gate

    def formula(self, x: Tensor) -> Tensor:
        means = x.to(self.factor.dtype).mean(self.axes)
        return x * self.per_channel(GATES[self.gate](self.steepness * self.factor * means)).to(x.dtype)
'''
SUITES = (
    "test_attention.py",
    "test_numerics.py",
    "test_lean_formulas.py",
    "test_parameter_counts.py",
    "test_compile_export.py",
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the package and of its contract suites, with the block in it."""
    root = tmp_path_factory.mktemp("house")
    copied_house(root, "attention", "cli/test_attention_command.py")
    (root / "medse/attention/own_mean.py").write_text(BLOCK)
    add_member(
        root / "medse/attention/table.py",
        "from medse.attention.own_mean import OwnMean",
        '    "cbam": ConvolutionalBlockAttention,\n',
        '    "own_mean": OwnMean,\n',
    )
    return root


def test_the_command_knows_it(copy: Path) -> None:
    page = " ".join(run(copy, "medse", "attention", "own_mean", "--channels", "8").split())
    assert "own_mean: Own mean" in page
    assert "Doe, Roe: Each Channel Its Own. Nowhere, 2026." in page
    assert "8 = C; C channels" in page
    assert "steepness" in page


def test_a_configuration_takes_it(copy: Path, tmp_path: Path) -> None:
    write_data_set(tmp_path / "set", 4)
    config = tmp_path / "own.yaml"
    assert "attention: scse" in TINY
    chosen = "attention: {name: own_mean, steepness: 3}"
    config.write_text(TINY.format(root=tmp_path / "set").replace("attention: scse", chosen))
    adds = next(line for line in run(copy, "medse", "check", config).splitlines() if "attention adds" in line)
    assert " parameters (" in adds
    assert '"own_mean"' in run(copy, "medse", "schema")


def test_every_contract_suite_takes_it(copy: Path) -> None:
    """Among them: the list and page on the terminal, the schema, building, attaching, derivatives, tracing."""
    suites = [f"tests/attention/{name}" for name in SUITES] + ["tests/cli/test_attention_command.py"]
    told = run(copy, "pytest", "-q", "-p", "no:cacheprovider", "-k", "own_mean or all_blocks", *suites)
    assert int(told.rsplit(" passed", 1)[0].split()[-1]) > 60, told
