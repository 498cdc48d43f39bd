"""MONAI can be imported by a user id without a name, from whichever room comes first."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import medse

ROOT = Path(medse.__file__).parent
NAMELESS = """
import os, pwd
def nobody(_uid):
    raise KeyError("uid not found")
pwd.getpwuid = nobody
import {module}
assert "monai" in __import__("sys").modules
assert not os.environ.keys() & {{"LOGNAME", "USER", "LNAME", "USERNAME"}}, "the name is taken back"
"""


def test_every_room_that_stands_on_monai_imports_it_with_a_name_first() -> None:
    users = [
        path
        for path in ROOT.rglob("*.py")
        if re.search(r"^(from|import) monai", path.read_text("utf-8"), re.M)
    ]
    rooms = {path.relative_to(ROOT).parts[0] for path in users} - {"layers"}
    assert {"attention", "nets", "tasks", "data"} <= rooms
    for room in rooms:
        lines = (ROOT / room / "__init__.py").read_text("utf-8").splitlines()
        imports = [line for line in lines if line.startswith("from medse.")]
        assert imports[0].startswith("from medse.layers import"), room


@pytest.mark.parametrize("module", ["medse.attention.cbam", "medse.tasks.losses"])
def test_a_user_without_a_name(module: str) -> None:
    environment = {
        key: value for key, value in os.environ.items() if key not in ("LOGNAME", "USER", "LNAME", "USERNAME")
    }
    done = subprocess.run(
        [sys.executable, "-c", NAMELESS.format(module=module)],
        capture_output=True, text=True, timeout=300, check=False, env=environment, cwd=ROOT.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
