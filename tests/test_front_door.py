"""What ``import medse`` offers: at once, without torch, and under names that no room of the package hides."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

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
    assert name in ("InputError", "LoadedRun") or doctest.DocTestParser().get_examples(offered.__doc__ or "")
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
