"""Small pictures with a class each, and a configuration that learns them in seconds."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("blank", "spot", "stripes")
SIZE = 24

CONFIG = """\
task: classification
data:
  root: {root}
  size: [24, 24]
  folds: 3
net:
  name: resnetv2
  channels: 4
  blocks: [1, 1]
  strides: 2
  attention: se
loss:
  name: cross_entropy
  outline: {outline}
optimizer:
  name: adamw
  lr: 1e-2
trainer:
  max_epochs: 2
  steps_per_epoch: 3
  batch_size: 6
  validate_every: 1
  device: cpu
  precision: fp32
  averaging: 0.9
  augmentation:
    mirror_axes: [0]
inference:
  mirror_axes: [0]
  batch_size: 5
"""


def picture(label: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a spot, with stripes, or alone; and what of it is the spot or the stripes."""
    mask = np.zeros((SIZE, SIZE), bool)
    row, column = random.integers(4, SIZE - 10, 2)
    if label == "spot":
        mask[row : row + 6, column : column + 6] = True
    if label == "stripes":
        mask[row : row + 6 : 2, :] = True
    image = random.normal(90, 12, mask.shape) + 110 * mask
    return image.clip(0, 255).astype(np.uint8), mask


def write_pictures(root: Path, groups: int = 4, each: int = 2, *, masks: bool = True) -> Path:
    """Write ``cases.csv`` and its files: of every class some groups of some pictures."""
    random = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    rows = []
    for label in CLASSES:
        for group in range(groups):
            for number in range(each):
                name = f"{label}{group}{number}.png"
                image, mask = picture(label, random)
                Image.fromarray(image).save(root / "images" / name)
                Image.fromarray(mask.astype(np.uint8) * 255).save(root / "masks" / name)
                row = {"image": f"images/{name}", "label": label, "group": f"{label}{group}"}
                rows.append({**row, "mask": f"masks/{name}"} if masks else row)
    with (root / "cases.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return root


def write_picture_config(path: Path, root: Path, outline: float = 1.0) -> Path:
    path.write_text(CONFIG.format(root=root, outline=outline))
    return path
