"""``medse attention``: the catalogue on the terminal."""

import re
from collections.abc import Callable

import pytest
from rich.console import Console

from medse.attention import ATTENTION
from medse.cli import app as cli
from medse.cli.tables.quantities import short
from tests.support.commands import medse, refused


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that runs the command on a terminal of so many columns and returns what it prints."""

    def command(*arguments: object, columns: int = 120) -> str:
        monkeypatch.setattr(cli, "console", Console(width=columns))
        assert medse("attention", *arguments) == 0
        return capsys.readouterr().out

    return command


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("dims", [2, 3])
def test_all_blocks(run: Callable[..., str], dims: int, columns: int) -> None:
    text = run("--dims", dims, columns=columns)
    voxels = {2: 64**2, 3: 32**3}[dims]
    assert max(map(len, text.splitlines())) <= columns
    rows = {cells[1].strip(): cells for line in text.splitlines() if len(cells := line.split("│")) == 7}
    assert [name for name in rows if name] == list(ATTENTION)
    assert rows["scse"][2].strip() == "4,257"
    assert rows["scse"][3].strip() == short(
        2 * 64 * voxels + 2 * 64 * 32 * 2
    )  # sSE, and the two layers of cSE
    assert "Roy et al. 2018" in rows["scse"][4]
    assert "…" not in text
    assert re.search(r"segmentation +│ scse, coord", text)
    assert "64 channels of " + " x ".join([{2: "64", 3: "32"}[dims]] * dims) in text


def test_a_block_that_does_not_fit_does_not_cost_the_others(run: Callable[..., str]) -> None:
    text = run("--channels", 8)
    assert re.search(r"│ se +│ +- │ +- │", text)
    assert re.search(r"│ sse +│ +9 │", text)
    assert "se: reduction 16 does not fit 8 channels; allowed are 1 to 8;" in text


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", ATTENTION)
def test_one_block(run: Callable[..., str], name: str, columns: int) -> None:
    text = run(name, columns=columns)
    assert max(map(len, text.splitlines())) <= columns
    assert text.startswith(f"{name}: ")
    assert f"attention: {name}}}" in text


def test_what_a_page_says(run: Callable[..., str]) -> None:
    text = " ".join(run("scse", "--channels", 32, "--dims", 2, "--size", 16).split())
    for part in (
        "Roy, Navab, Wachinger: Concurrent Spatial and Channel 'Squeeze & Excitation' in Fully Convolutional",
        "MICCAI, 2018.",
        "1,105 = 2·C·m + m + C + C + 1 with m = C // reduction",
        "on 32 channels of 16 x 16",
        f"{100 * 1105 / (32 * 32 * 9 + 32):.2g} % of the parameters",
        "of a 3x3 convolution",
        "ours With combine: concat",
        "attention: {name: scse, reduction: 2, combine: max, bias: true, gate: sigmoid}",
        "│ combine │ max │ one of add, concat, max or mul │",
        "│ reduction │ 2 │ a whole number > 0 │",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["scsee"], "Unknown attention block 'scsee'; did you mean 'scse'? available: "),
        (["se", "--channels", 8], "reduction 16 does not fit 8 channels; allowed are 1 to 8; choose"),
        (["--channels", 0], "channels is 0; allowed are 1 to 4096"),
        (["sse", "--size", 0], "size is 0; allowed are 1 to 256 in 3-D"),
        (["--size", 10000, "--dims", 2], "size is 10000; allowed are 1 to 4096 in 2-D"),
    ],
)
def test_refusals(capsys: pytest.CaptureFixture[str], arguments: list[object], pattern: str) -> None:
    refused(capsys, medse("attention", *arguments), re.escape(pattern))
