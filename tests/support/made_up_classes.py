"""Data sets of images with classes, predictions of them and reports, made up for tests."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from medse.evaluate.classification import evaluate_predictions
from medse.scores.predictions import Predictions, write_predictions

CLASSES = ("cyst", "glioma", "none")


def write_table(folder: Path, labels, groups=None) -> Path:
    """Write a table of as many images as labels (indices); the images are all the same."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, picture = ["image,label,group"], _picture()
    for k, label in enumerate(labels):
        name = f"case_{k:03}.png"
        (folder / name).write_bytes(picture)
        lines.append(f"{name},{CLASSES[label]},{groups[k] if groups is not None else f'g{k}'}")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    return folder


def _picture() -> bytes:
    data = io.BytesIO()
    Image.fromarray((np.arange(64, dtype=np.uint8) * 3).reshape(8, 8)).save(data, "PNG")
    return data.getvalue()


def probabilities(labels, seed, gain=1.5, classes=3):
    """Probabilities that know something of the labels."""
    logits = np.random.default_rng(seed).normal(size=(len(labels), classes))
    logits[np.arange(len(labels)), labels] += gain
    raised = np.exp(logits)
    return raised / raised.sum(axis=1, keepdims=True)


def write_predicted(folder: Path, table, classes=CLASSES, first=0) -> Path:
    """Write predictions of the cases of :func:`write_table`."""
    names = tuple(f"case_{first + k:03}" for k in range(len(table)))
    write_predictions(
        folder / "predictions.csv", Predictions(tuple(classes), names, ("",) * len(names), np.asarray(table))
    )
    return folder


def evaluated(folder: Path, labels, table, groups=None, name="report", **more):
    """Write references, predictions and their report; return its folder."""
    references = write_table(folder / f"references_{name}", labels, groups)
    predicted = write_predicted(folder / f"predictions_{name}", table)
    evaluate_predictions(references, predicted, folder / name, **more)
    return folder / name
