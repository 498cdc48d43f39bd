"""The command line as its users meet it: in a process of its own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def medse(*arguments: object, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *python, "-m", "medse", *map(str, arguments)]
    environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)


def refused(*arguments: object) -> str:
    """Run a command that must be refused, and return its message without the prefix."""
    done = medse(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Error: "), done.stderr
    return done.stderr.removeprefix("Error: ").rstrip("\n")


def test_mistakes_in_a_configuration(tiny_config: Path, tmp_path: Path) -> None:
    text = tiny_config.read_text()
    tiny_config.write_text(text.replace("lr: 5e-3", "lr: fast").replace("channels: [8", "chanels: [8"))
    message = refused("train", tiny_config, "--run", tmp_path / "run")
    assert f"{tiny_config.name} has 2 mistakes:" in message
    assert "line 14: optimizer.lr = 'fast': expected a number" in message
    assert "net.chanels" in message
    assert "did you mean 'channels'?" in message
    assert not (tmp_path / "run").exists()


def test_help_answers_at_once_and_names_the_commands() -> None:
    medse("--help")
    started = time.perf_counter()
    done = medse("--help")
    elapsed = time.perf_counter() - started
    assert done.returncode == 0
    stages = {"quickstart", "check", "train", "predict", "evaluate", "compare", "resample"}
    assert stages | {"attention", "net", "schema"} <= set(done.stdout.split())
    assert elapsed < 2, "0.5 s is the aim on an idle machine; this bound only catches an import gone astray"


def test_check_prints_what_a_training_would_be(tiny_config: Path) -> None:
    done = medse("check", tiny_config)
    assert done.returncode == 0, done.stderr
    for text in (
        "Balls, 4 cases (2 training, 2 validation in fold 0)",
        "│ bright     │     3 │     4 │",
        "18 x 22 x 16 voxels at 1 x 1 x 1 mm",
        "2 epochs, 3 steps per epoch",
    ):
        assert text in done.stdout
    assert done.stderr == ""


def test_train_predict_evaluate(tiny_config: Path, tmp_path: Path) -> None:
    root, run = tmp_path / "balls", tmp_path / "run"
    done = medse(
        "train", tiny_config, "trainer.max_epochs=6", "trainer.steps_per_epoch=10", "--fold", 1, "--run", run
    )
    assert done.returncode == 0, done.stderr
    assert "validation Dice (proxy)" in done.stdout
    assert "Tip" not in done.stdout + done.stderr
    done = medse("predict", run, root / "imagesTr", "--out", tmp_path / "pred")
    assert done.returncode == 0, done.stderr
    assert "4 label maps in" in done.stdout
    given = [
        root / "labelsTr",
        tmp_path / "pred",
        "--out",
        tmp_path / "report",
        "--labels",
        run / "config.yaml",
    ]
    cases = ["--cases", run / "validation_cases.txt", "--images", root / "imagesTr"]
    done = medse("evaluate", *given, *cases, python=("-X", "importtime"))
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert imported & {"numpy", "torch", "lightning", "monai"} == {"numpy"}
    assert "bright" in done.stdout
    written = ["details.csv", "report.html", "scores.csv", "scores.json", "table.md", "table.tex"]
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == written
    assert json.loads((tmp_path / "report" / "scores.json").read_text())["convention"] == "medse"


def test_other_refusals(tiny_config: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert "continue that run (--resume)" in refused("train", tiny_config, "--run", run)
    assert "did you mean 'tiny.yaml'" not in refused("check", tmp_path / "tyni.yaml")
    assert "gone does not exist; give a configuration" in refused("check", tmp_path / "gone")
    labels = tmp_path / "balls" / "labelsTr"
    assert "is not a folder" in refused("evaluate", labels, tmp_path / "gone", "--out", tmp_path / "r")
    assert sorted(tmp_path.rglob("*")) == before


def test_debug_shows_the_traceback(tiny_config: Path) -> None:
    done = medse("check", tiny_config, "net.attention=x", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_without_torch_the_package_still_imports() -> None:
    code = "import sys, medse, medse.cli.app, medse.evaluate.evaluate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
