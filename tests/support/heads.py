"""Pictures that look a little like slices of a head: a bright rim, and texture inside that no two seeds share."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

Picture = npt.NDArray[np.uint8]


def head(seed: int, size: int = 128) -> Picture:
    """Return ``(size, size)`` grey values."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    tilt = random.uniform(-0.1, 0.1)
    radius = np.hypot((x + tilt * y) / random.uniform(0.6, 0.72), y / random.uniform(0.72, 0.82))
    texture = sum(
        ndimage.zoom(random.normal(size=(n, n)), size / n, order=3, grid_mode=True, mode="nearest") / n**0.5
        for n in (4, 8, 16, 32)
    )
    values = 90 + 40 * texture + 12 * x
    values = np.where(radius < 0.9, values, np.where(radius < 1, 220, 2))
    return np.clip(ndimage.gaussian_filter(values, 0.6), 0, 255).astype(np.uint8)


def save(path: Path, values: npt.NDArray[np.generic], **options: int) -> Path:
    """Write a picture, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)
    return path
