"""What ``import medse`` offers: at once, without torch, and under names that no room of the package hides."""

import ast
import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import medse


def test_the_import_is_quick_and_light() -> None:
    code = "import sys, medse; dir(medse); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "medse" in loaded
    assert not {"torch", "numpy", "nibabel", "pydantic", "rich", "typer", "medse.errors"} & set(loaded)


@pytest.fixture(scope="module")
def everything_is_imported() -> None:
    for module in pkgutil.walk_packages(medse.__path__, "medse."):
        if module.name != "medse.__main__":
            importlib.import_module(module.name)


@pytest.mark.parametrize("name", sorted(medse.HOMES))
@pytest.mark.usefixtures("everything_is_imported")
def test_no_room_hides_a_function_and_each_has_an_example(name: str) -> None:
    offered = getattr(medse, name)
    assert callable(offered)
    assert offered.__name__ == name
    classes = ("InputError", "LoadedRun", "LoadedClassifier")
    assert name in classes or doctest.DocTestParser().get_examples(offered.__doc__ or "")
    assert name in dir(medse)


def test_type_checkers_see_what_is_offered() -> None:
    tree = ast.parse(Path(medse.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert {alias.asname: node.module for node in imports for alias in node.names} == medse.HOMES


def test_the_version_and_no_other_name() -> None:
    assert medse.__version__ == version("medse")
    with pytest.raises(AttributeError, match="'trian_run'"):
        medse.trian_run  # noqa: B018


NET = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU())
ARRAY = np.ones((4, 5, 6), np.float32)
WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "load_run": (lambda: medse.load_run(None), r"run_dir = none; text or a path is expected"),
    "load_run weights": (lambda: medse.load_run("r", weights="bset"), "'bset'; one of best or final"),
    "load_run device": (lambda: medse.load_run("r", device=3), "device = 3; text is"),
    "load_config": (lambda: medse.load_config(3), "path = 3"),
    "load_config overrides": (
        lambda: medse.load_config("quickstart.yaml", "seed=1"),
        "overrides = 'seed=1'; a list",
    ),
    "load_config mapping": (
        lambda: medse.load_config("quickstart.yaml", {"seed": 1}),
        "overrides = {seed: 1}; a list",
    ),
    "load_config none": (lambda: medse.load_config("quickstart.yaml", [None]), r"overrides = \[none\]"),
    "train_run": (
        lambda: medse.train_run(None, "r"),
        "config = none; .*a ClassificationConfig.* is expected",
    ),
    "train_run fold": (
        lambda: medse.train_run("quickstart.yaml", "r", fold=True),
        "fold = true; a whole number",
    ),
    "train_run progress": (
        lambda: medse.train_run("quickstart.yaml", "r", progress=3),
        "progress = 3; a function or",
    ),
    "predict_scans": (lambda: medse.predict_scans("r", None, "o"), "inputs = none"),
    "predict_scans list": (lambda: medse.predict_scans("r", [3], "o"), r"inputs = \[3\]"),
    "read_volume": (lambda: medse.read_volume(None), "given as None"),
    "read_volume labels": (lambda: medse.read_volume("a.nii", labels="yes"), "labels = 'yes'; true or false"),
    "evaluate labels": (lambda: medse.evaluate_folders("a", "b", "c", "tumour"), "labels = 'tumour'"),
    "evaluate keys": (lambda: medse.evaluate_folders("a", "b", "c", {1: 2}), "labels = "),
    "evaluate cases": (
        lambda: medse.evaluate_folders("a", "b", "c", cases=["x"]),
        r"cases = \['x'\]; text, a path or none",
    ),
    "evaluate missing": (lambda: medse.evaluate_folders("a", "b", "c", missing="wrost"), "missing = 'wrost'"),
    "evaluate options": (
        lambda: medse.evaluate_folders("a", "b", "c", options={}),
        "options = {}; an Evaluation or none",
    ),
    "evaluate pixel": (
        lambda: medse.evaluate_folders("a", "b", "c", pixel_mm="1"),
        "pixel_mm = '1'; a number",
    ),
    "write_report": (lambda: medse.write_report("o", "a", ["b"]), r"predictions = \['b'\]"),
    "compare_reports": (lambda: medse.compare_reports("a=b", "c"), "models = 'a=b'; a list of"),
    "compare_reports score": (lambda: medse.compare_reports(["a", "b"], "c", score=3), "score = 3"),
    "build_net dims": (
        lambda: medse.build_net("unet", "3", 1, 2),
        "spatial_dims = '3'; a whole number >= 2 and <= 3",
    ),
    "build_net 4-D": (lambda: medse.build_net("unet", 4, 1, 2), "spatial_dims = 4"),
    "build_net channels": (lambda: medse.build_net("unet", 3, 0, 2), "in_channels = 0; a whole number >= 1"),
    "build_net classes": (lambda: medse.build_net("unet", 3, 1, 0), "out_channels = 0"),
    "build_net float": (lambda: medse.build_net("unet", 3, 1.0, 2), "in_channels = 1.0"),
    "build_net name": (lambda: medse.build_net(None, 3, 1, 2), "network is none; a name, or"),
    "build_net list": (lambda: medse.build_net({"name": ["unet"]}, 3, 1, 2), "Unknown network"),
    "make_attention": (lambda: medse.make_attention(3, 2, 8), "attention block is 3; a name, or a mapping"),
    "make_attention dims": (lambda: medse.make_attention("se", None, 8), "spatial_dims = none"),
    "make_attention channels": (lambda: medse.make_attention("se", 2, -8), "channels = -8"),
    "attach net": (lambda: medse.attach("net", "se", "0"), "net = 'net'; a Module"),
    "attach where": (lambda: medse.attach(NET, "se", 3), "where = 3"),
    "attach object": (lambda: medse.attach(NET, "se", NET), "where = "),
    "attach attention": (lambda: medse.attach(NET, 3, nn.ReLU), "attention block is 3"),
    "attach example": (lambda: medse.attach(NET, "se", nn.ReLU, example=ARRAY), "example = "),
    "detach": (lambda: medse.detach(None), "net = none; a Module is expected"),
    "dice": (lambda: medse.dice(None, ARRAY), "reference"),
    "hd95": (lambda: medse.hd95(ARRAY, ARRAY, None), "spacing_mm"),
    "surface_dice": (lambda: medse.surface_dice(ARRAY, ARRAY, (1, 1, 1), None), "tolerance_mm"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_type_is_refused_in_a_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, said = WRONG[name]
    with pytest.raises(medse.InputError, match=said) as caught:
        call()
    assert re.fullmatch(r".*;.*\.", str(caught.value))
    assert not list(tmp_path.iterdir())


def test_what_is_as_good_as_its_type_is_taken() -> None:
    net = medse.build_net("unet", np.int64(2), np.int64(1), 2)
    assert isinstance(net, nn.Module)
    assert medse.load_config(Path("quickstart.yaml"), ("seed=4",)).seed == 4
    assert medse.attach(nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU()), "eca", (nn.ReLU,)) == ["1"]
