"""``medse net``: the networks on the terminal."""

import re
from collections.abc import Callable

import pytest
import yaml
from rich.console import Console

from medse.cli import net as net_command
from medse.cli.tables.quantities import memory, percent, short
from medse.nets import NETS
from medse.nets.unet import UNet
from medse.profiling.cost import cost
from medse.profiling.receptive_field import receptive_field
from medse.profiling.step_memory import step_memory
from tests.support.commands import medse


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that runs the command on a terminal of so many columns and returns what it prints."""

    def command(*arguments: object, columns: int = 120) -> str:
        monkeypatch.setattr(net_command, "console", Console(width=columns))
        assert medse("net", *arguments) == 0
        return capsys.readouterr().out

    return command


@pytest.mark.parametrize(("columns", "dims"), [(80, 3), (120, 2)])
def test_all_networks(run: Callable[..., str], dims: int, columns: int) -> None:
    text = run("--dims", dims, "--classes", 3, columns=columns)
    assert max(map(len, text.splitlines())) <= columns
    assert "…" not in text
    rows = {cells[1].strip(): cells for line in text.splitlines() if len(cells := line.split("│")) == 7}
    assert [name for name in rows if name] == list(NETS)
    found = cost(UNet(dims, 1, 3), (1, 1, *((256, 256) if dims == 2 else (96, 96, 96))))
    assert rows["unet"][2].strip() == f"{found.parameters:,}"
    assert rows["unet"][3].strip() == short(found.flops)
    assert f"1 channel of {' x '.join(['256'] * 2 if dims == 2 else ['96'] * 3)} to 3 classes" in text


def test_a_network_that_the_setting_does_not_suit_does_not_cost_the_others(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(UNet):
        def __init__(self, *_: object) -> None:
            super().__init__(2, 1, 2, channels=(8, 8), strides=(2, 2))

    monkeypatch.setitem(NETS, "sdnet", Refusing)
    monkeypatch.delitem(NETS, "densenet")  # which takes longest
    text = run("--dims", 2)
    assert re.search(r"│ sdnet +│ +- │ +- │", text)
    assert re.search(r"│ unet +│ +[\d,]+ │", text)
    assert "sdnet: strides has 2 entries; this network needs 1" in text


@pytest.mark.parametrize("name", NETS)
def test_one_network(run: Callable[..., str], name: str) -> None:
    text = run(name, "--dims", 2, columns=80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith(f"{name}: {NETS[name].title}")
    assert f"in YAML          net: {{name: {name}}}" in text
    assert re.search(r"attention adds +-\s", text)
    assert f"here             {NETS[name].task} from 1 channel of 256 x 256 to 2 classes" in text


def test_what_a_page_says(run: Callable[..., str]) -> None:
    given = (
        "channels=[32, 64]",
        "attention={name: scse, combine: add}",
        "norm=batch",
        "kernel_size=[[1, 3, 3], 3]",
    )
    options = ("--patch", "6,32,40", "--batch", 3, "--in-channels", 2, "--classes", 5, "--precision", "bf16")
    text = " ".join(run("unet", *given, *options).split())
    chosen = {"channels": (32, 64), "norm": "batch", "kernel_size": ((1, 3, 3), 3)}
    net = UNet(3, 2, 5, **chosen, attention={"name": "scse", "combine": "add"})
    plain = UNet(3, 2, 5, **chosen)
    (found, without), shape = (cost(each, (1, 2, 6, 32, 40)) for each in (net, plain)), (3, 2, 6, 32, 40)
    step, plain_step = (step_memory(each, shape, half=True).total for each in (net, plain))
    seen = receptive_field(plain, 3, 2)
    assert seen[0] > 6
    assert max(seen[1:]) < 32
    new = found.parameters - without.parameters
    for part in (
        "U-Net: Convolutional Networks for Biomedical Image Segmentation. MICCAI, 2015.",
        "segmentation from 2 channels of 6 x 32 x 40 to 5 classes",
        f"parameters {found.parameters:,} ",
        f"FLOPs {short(found.flops)} forward on a patch of 6 x 32 x 40",
        f"receptive field {seen[0]} x {seen[1]} x {seen[2]} voxels; the patch is shorter along axis 0 ",
        f"step memory about {memory(step)} for 3 patches in bf16: ",
        f"attention adds {new:,} parameters ({percent(new, without.parameters)}), "
        f"{percent(found.flops - without.flops, without.flops)} to the FLOPs, "
        f"{percent(step - plain_step, plain_step)} to the step memory",
        "│ variant │ plain │ one of plain, residual or residual_encoder │",
    ):
        assert part in text
    written = re.search(r"in YAML net: (\{.*?\}) Options", text)
    assert written
    assert yaml.safe_load(written[1]) == {
        "name": "unet",
        "channels": [32, 64],
        "attention": {"name": "scse", "combine": "add"},
        "norm": "batch",
        "kernel_size": [[1, 3, 3], 3],
    }


def test_a_nested_option_and_no_attention_as_in_a_configuration(run: Callable[..., str]) -> None:
    assert "{name: unet, attention: {name: scse, combine: mul}}" in run(
        "unet", "attention=scse", "attention.combine=mul", "--patch", 16
    )
    assert re.search(r"attention adds +-\s", run("unet", "attention=none", "--patch", 16))


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["unett"], "Unknown network 'unett'; did you mean 'unet'? available: "),
        (
            ["unet", "chanels=[8, 8]"],
            "unet, override .*: chanels = [8, 8]: unknown key; did you mean 'channels'? allowed:",
        ),
        (["unet", "attention=scsee"], "attention: unknown name 'scsee'; did you mean 'scse'? allowed: "),
        (["unet", "channels=[8]"], "channels = [8]: expected a list of 2 or more values"),
        (["unet", "channels"], "there is no '='; write section.key=value"),
        (["unet", "channels=[8, 8]", "strides=[2, 2]"], "strides has 2 entries; this network needs 1; give"),
        (["--dims", 4], "'--dims'.*'4'.*'2', '3'"),
        (
            ["--patch", "8,8"],
            "patch is '8,8'; allowed is one whole number or 3 with commas between; write it like",
        ),
        (["--patch", "big"], "patch is 'big'; allowed is"),
        (["--patch", 0], "patch is 0 x 0 x 0; allowed are 1 to 4096; choose"),
        (["--batch", 0], "batch is 0; allowed are 1 to 4096"),
        (["--in-channels", -1], "in-channels is -1; allowed"),
        (["--classes", 5000], "classes is 5000; allowed"),
        (["--precision", "bf61"], "'--precision'.*'bf61'.*'bf16', 'fp16', 'fp32'"),
    ],
)
def test_refusals(capsys: pytest.CaptureFixture[str], arguments: list[object], pattern: str) -> None:
    code = medse("net", *arguments)
    message = capsys.readouterr().err.strip()
    assert code == 2
    assert len(message.splitlines()) == 1
    assert message.startswith("Error: ")
    assert re.search(".*".join(map(re.escape, pattern.split(".*"))), message), message
