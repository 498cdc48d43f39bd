"""What the command line takes: choices from the library's own lists, and arguments for what they are."""

import re
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pytest

from medse.check.scans import is_config
from medse.cli.quickstart import COHORTS
from medse.config.json_schema import schema_text
from medse.config.packaged import packaged_configs
from medse.config.run import TASKS
from medse.config.sections import Evaluation
from medse.errors import InputError
from medse.phantoms import Body
from tests.support.commands import medse, scan

CONFIG = "# mine\ntrainer: {max_epochs: 1}\nnet:\n  name: unet\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "run", "scans", "--out", "new", "--weights", "worst"],
        ["quickstart", "--out", "new", "--body", "torsos"],
        ["evaluate", "a", "b", "--out", "new", "--missing", "zero"],
        ["compare", "a", "b", "--out", "new", "--score", "dices"],
        ["net", "--precision", "fp8"],
        ["attention", "--dims", "4"],
        ["chek"],
        ["predict", "run"],
    ],
)
def test_what_typer_refuses_is_one_sentence_too(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert medse(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith("Error: ")
    assert line.endswith(" --help.")
    given = repr(arguments[-1]) if len(arguments) != 2 else "'inputs"  # older Typers: INPUTS...
    assert given in line.lower()
    if "--weights" in arguments:
        assert "'final', 'best'" in line


def test_help_shows_brackets_as_they_are_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert medse("evaluate", "--help") == 0
    shown = capsys.readouterr().out
    assert "evaluation.lesions=[tumour]" in shown
    assert "{kidneys: [kidney_left" in shown


def test_help_shows_every_key_of_the_section(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert medse("evaluate", "--help") == 0
    shown = capsys.readouterr().out
    for key in Evaluation.model_fields:
        assert f" evaluation.{key} " in shown
    assert "connected components" in re.sub(r"[\s│]+", " ", shown)


@pytest.mark.parametrize("command", ["quickstart", "predict", "evaluate", "compare", "resample", "schema"])
def test_out_has_its_short_form(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert medse(command, "--help") == 0
    assert re.search(r"--out\b.*-o\b", capsys.readouterr().out)


def test_every_body_can_be_generated() -> None:
    assert set(COHORTS) == set(get_args(Body))


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert medse("--version") == 0
    assert capsys.readouterr().out == f"medse {version('medse')}\n"


def test_the_schema_is_shown_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert medse("schema") == 0
    assert capsys.readouterr().out == schema_text(TASKS)
    assert medse("schema", "--out", tmp_path / "schema.json") == 0
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == schema_text(TASKS)


@pytest.mark.parametrize("name", ["x.yaml", "x.conf", "x", "x.txt"])
def test_a_configuration_is_known_by_what_it_holds(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(CONFIG)
    assert is_config(tmp_path / name)
    (tmp_path / name).write_text('{"data": {"root": "."}}')
    assert is_config(tmp_path / name)
    (tmp_path / name).write_text("net: [unet\n  nonsense")
    assert is_config(tmp_path / name), "its mistake is to be told with its line"


def test_a_packaged_name_or_a_missing_yaml_file_is_meant_as_a_configuration(tmp_path: Path) -> None:
    assert all(is_config(Path(name)) for name in packaged_configs())
    assert is_config(tmp_path / "missing.yaml")
    assert not is_config(tmp_path / "missing")


@pytest.mark.parametrize("name", ["x.nii.gz", "x.yaml.nii", "x", "x.img2", "folder.yaml"])
def test_a_scan_is_known_by_what_it_holds(name: str, tmp_path: Path) -> None:
    scan(tmp_path / "scan.nii")
    if name == "folder.yaml":
        (tmp_path / name).mkdir()
    else:
        shutil.copyfile(tmp_path / "scan.nii", tmp_path / name)
    assert not is_config(tmp_path / name)


def test_text_that_is_neither_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes").write_text("the data: see below\n  net: 3\n")
    with pytest.raises(InputError, match=r"notes is neither a configuration.*data, net, .*nor a volume"):
        is_config(tmp_path / "notes")
    (tmp_path / "header.nhdr").write_text("NRRD0004\ntype: short\n")
    assert not is_config(tmp_path / "header.nhdr")
    assert medse("check", tmp_path / "header.nhdr") == 2
    assert "header.nhdr" in capsys.readouterr().err
