"""The command line as the tests run it, and small scans to run it on."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medse.cli import app as cli
from tests.support.generated import AFFINE

SHAPE = (18, 22, 16)


def medse(*arguments: object) -> int:
    """Run the command line in this process and return its exit code."""
    before = sys.argv
    sys.argv = ["medse", *map(str, arguments)]
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.argv = before
    return 0


def scan(path: Path, change: Callable[[nib.Nifti1Image], object] = lambda _image: None) -> None:
    """Write a usable scan, changed before it is saved."""
    values = np.random.default_rng(0).normal(50, 10, SHAPE).astype(np.float32)
    image = nib.Nifti1Image(values, AFFINE)
    change(image)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)


def refused(capsys: pytest.CaptureFixture[str], code: int, pattern: str, lines: int = 1) -> None:
    message = capsys.readouterr().err.strip()
    assert code == 2, message
    assert len(message.splitlines()) == lines, message
    assert "Traceback" not in message
    assert re.search(pattern, message), message
    assert message.startswith("Error: ")
    assert message.endswith("."), message
    assert ";" in message, message
