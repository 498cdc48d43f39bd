"""Every command and code block of README and the pages is run here, or listed with the reason why it is not."""

import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml
from markdown_it import MarkdownIt
from monai.networks.nets import resnet50

from medse.config.run import load_config
from tests.support.commands import medse, scan
from tests.support.generated import AFFINE
from tests.support.small_run import save

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
PAGES = [ROOT / "README.md", GITHUB / "CONTRIBUTING.md", *sorted((GITHUB / "docs").glob("*.md"))]

NOT_RUN = {
    "python -m pip install . && medse quickstart": "installs; the release workflow and tests/cli/test_quickstart.py",
    'python -m pip install -e ".[dev]" && python -m pytest -n auto': "installs, and runs this; .ci/run does both",
    "pre-commit install": "changes the checkout; its hooks are the commands of .ci/run",
    "bash .ci/run": "runs this; the workflow ci",
    "bash .ci/minimum": "installs other releases and runs this; the workflow minimum",
    'python -m pip install -e ".[docs]"': "installs; the workflow docs",
    "sphinx-build -W --keep-going -b html .github/docs build/docs": "needs the extra docs; the workflow docs",
}
"""Command -> why it is not run."""

NOT_CODE = {
    "bibtex": "text to copy; tests/docs/test_statements.py compares its version",
    "": "a drawing",
    "{toctree}": "built by Sphinx",
    "{eval-rst}": "built by Sphinx",
}
"""Language of a block -> why it is not run."""


@dataclass(frozen=True)
class Example:
    """A command or a block of a page."""

    place: str
    language: str
    text: str


def examples(page: Path) -> Iterator[Example]:
    """Yield the blocks of a page in order, those of the shell command by command."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        assert token.type != "code_block", f"{page.name}:{token.map}: indented code; fence it"
        if token.type == "fence":
            language = token.info.strip()
            texts = commands(token.content) if language == "sh" else [token.content]
            yield from (Example(f"{page.name}:{(token.map or [0])[0] + 1}", language, text) for text in texts)


def commands(block: str) -> list[str]:
    """Take a block of the shell apart, without its comments."""
    lines = block.replace("\\\n", " ").splitlines()
    return [line for line in lines if not line.startswith("#")]


EXAMPLES = [example for page in PAGES for example in examples(page)]


def of(language: str) -> list[Any]:
    return [
        pytest.param(e.text, id=f"{e.place} {' '.join(e.text.split())[:60]}")
        for e in EXAMPLES
        if e.language == language and e.text not in NOT_RUN
    ]


@pytest.fixture(scope="session")
def prepared(world: Path, picture_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    data = folder / "DATA"
    shutil.copytree(world / "set", data)
    shutil.copytree(world / "run", folder / "runs" / "hip")
    shutil.copy(world / "tiny.yaml", folder / "hippocampus_unet_scse.yaml")
    shutil.copytree(picture_world / "pictures", folder / "TUMOUR")
    shutil.copytree(picture_world / "classifier", folder / "runs" / "tumour")
    shutil.copy(picture_world / "pictures.yaml", folder / "tumour_small_se.yaml")
    (folder / "scoring.yaml").write_text("evaluation: {tolerance_mm: 2, lesions: [dim]}")
    for name in ("scan", "other"):
        scan(folder / f"{name}.nii.gz")
    for k, path in enumerate(sorted((data / "labelsTr").iterdir())):
        shutil.copy(path, folder / "label.nii.gz")
        label = nib.load(path)
        values = np.asarray(label.dataobj)
        for moved, predicted in enumerate(("pred", "pred2", "pred3")):
            save(folder / predicted / path.name, np.roll(values, moved, axis=0), label.affine)
        for root in ("masks", "masks_predicted")[: 2 if k else 1]:  # one prediction is missing
            for value in (3, 7):
                mask = (values == value).astype(np.uint8)
                save(folder / root / f"case{k}" / f"class{value}.nii.gz", mask, label.affine)
    for number in ("", "2", "3"):
        given = (data / "labelsTr", folder / f"pred{number}", "--out", folder / f"report{number}")
        assert medse("evaluate", *given, "--labels", data / "dataset.json") == 0
    convolution = {"sSE.conv.weight": torch.zeros(1, 64, 1, 1, 1), "sSE.conv.bias": torch.zeros(1)}
    first = {"cSE.fc1.weight": torch.zeros(32, 64), "cSE.fc1.bias": torch.zeros(32)}
    second = {"cSE.fc2.weight": torch.zeros(64, 32), "cSE.fc2.bias": torch.zeros(64)}
    torch.save(first | second | convolution, folder / "scse.pt")
    return folder


@pytest.fixture
def here(prepared: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy of it, in which the test runs."""
    copy = tmp_path / "here"
    shutil.copytree(prepared, copy)
    config = copy / "runs" / "hip" / "config.yaml"  # holds the data's whole path
    config.write_text(config.read_text().replace(str(world / "set"), str(copy / "DATA")))
    monkeypatch.chdir(copy)
    return copy


def test_every_block_is_run_or_listed() -> None:
    languages = {example.language for example in EXAMPLES}
    assert languages - {"sh", "python", "yaml"} == set(NOT_CODE)
    assert {example.text for example in EXAMPLES} >= set(NOT_RUN)


@pytest.mark.parametrize("command", of("sh"))
def test_command(command: str, here: Path) -> None:
    program, *arguments = shlex.split(command, comments=True)
    assert program == "medse", f"{command!r}: run it here, or list it in NOT_RUN"
    if "--resume" not in arguments:
        for option in {"--run", "--out"} & set(arguments):  # what the command makes must be new
            made = here / arguments[arguments.index(option) + 1]
            shutil.rmtree(made, ignore_errors=True)
    assert medse(*arguments) == 0


@pytest.mark.parametrize("code", of("python"))
def test_python(code: str, here: Path) -> None:
    random = np.random.default_rng(0)
    given = {
        "reference": random.random((8, 9, 10)) > 0.5,
        "prediction": random.random((8, 9, 10)) > 0.5,
        "array": np.asarray(nib.load(here / "scan.nii.gz").dataobj),
        "affine": AFFINE,
    }
    if "resnet50.pth" in code:  # MONAI's ResNet has torchvision's names; 100 MB, so only where it is needed
        net = resnet50(spatial_dims=2, n_input_channels=3, num_classes=1000, bias_downsample=False)
        torch.save(net.state_dict(), here / "resnet50.pth")
    exec(compile(code, "example", "exec"), given)


@pytest.mark.parametrize("text", of("yaml"))
def test_yaml(text: str, here: Path) -> None:
    config = here / "hippocampus_unet_scse.yaml"
    content = yaml.safe_load(config.read_text())
    given = yaml.safe_load(text) or {}
    for section, values in {} if "task" in given else given.items():
        content[section] = content.get(section, {}) | values
    content = given if "task" in given else content
    config.write_text(yaml.safe_dump(content))
    load_config(config)
