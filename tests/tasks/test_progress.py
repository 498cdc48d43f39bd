"""What a validation prints."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from medse.tasks.callbacks.budget import Budget
from medse.tasks.callbacks.progress import ProgressDisplay


def printed(dice: dict[str, float]) -> str:
    text = io.StringIO()
    display = ProgressDisplay(Console(file=text, width=400), Budget(1, None))
    metrics = {"loss": 0.5, "dice": 0.25} | {f"dice_{name}": value for name, value in dice.items()}
    trainer: Any = SimpleNamespace(callback_metrics=metrics, current_epoch=3)
    display.on_validation_end(trainer, None)  # type: ignore[arg-type]
    return text.getvalue()


@pytest.mark.parametrize(
    ("dice", "end"),
    [
        ({"b": 0.9, "a": 0.1}, "0.250  b 0.900  a 0.100\n"),
        ({f"c{i}": i / 10 for i in range(9)}, "0.250  lowest of 9 classes: c0 0.000  c1 0.100  c2 0.200\n"),
        ({"absent": float("nan"), "a": 0.1}, "0.250  a 0.100\n"),
    ],
)
def test_classes_in_a_line(dice: dict[str, float], end: str) -> None:
    assert printed(dice).endswith(end)
