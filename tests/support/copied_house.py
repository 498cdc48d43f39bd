"""A copy of the package with something added to it, and commands that run there, in processes of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copied_house(root: Path, *tests: str) -> None:
    """Copy the package, what its tests share, and these folders and files of ``tests`` to ``root``."""
    parts = ("medse", "configs", "pyproject.toml", "tests/__init__.py", "tests/conftest.py", "tests/support")
    for part in (*parts, *(f"tests/{test}" for test in tests)):
        source, target = ROOT / part, root / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
            (target.parent / "__init__.py").touch()


def add_member(table: Path, import_line: str, after: str, line: str) -> None:
    """Add a line to the table in a module, after another line of it, and what it imports before the first import."""
    text = table.read_text()
    first = "\nfrom medse"
    assert text.count(after) == 1
    table.write_text(text.replace(first, f"\n{import_line}{first}", 1).replace(after, after + line))


def run(root: Path, *command: object) -> str:
    """Run ``python -m command`` there and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
