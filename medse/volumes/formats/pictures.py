"""PNG and JPEG: 2-D pictures without a place in the world."""

import math
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from medse.arrays import AnyArray
from medse.errors import InputError
from medse.volumes.formats.opened import Opened

UPRIGHT = np.diag([1.0, -1.0, 1.0, 1.0])
"""Columns run to the right and rows down, one pixel is 1."""

_ORIENTATION = 0x0112
_COPIES = 3
"""How often Pillow holds the pixels while they become an array."""
_COMPONENTS = {"1": 1, "L": 1, "P": 1, "LA": 1, "I;16": 1, "I;16B": 1, "RGB": 3, "RGBA": 3}


def open_picture(path: Path) -> Opened:
    """Open a ``.png``, ``.jpg`` or ``.jpeg`` file."""
    png = path.suffix.lower() == ".png"
    with path.open("rb") as file:
        head = file.read(26)
    if not head.startswith(b"\x89PNG\r\n\x1a\n" if png else b"\xff\xd8\xff"):
        raise InputError(
            f"{path} is no {'PNG' if png else 'JPEG'} file as its name says; convert or rename it."
        )
    depth, colour = (head[24], head[25]) if png and len(head) == 26 else (8, 0)
    if depth == 16 and colour != 0:
        raise InputError(
            f"{path} has 16-bit colours or transparency; pictures may have 8-bit colours or 16-bit grey; save it "
            "in one of them."
        )
    with _picture(path) as picture:
        size, mode, palette = picture.size, picture.mode, picture.mode == "P"
        if mode not in _COMPONENTS:
            raise InputError(f"{path} has the colour model {mode}; expected grey or RGB; convert it.")
        if getattr(picture, "n_frames", 1) != 1:
            raise InputError(f"{path} holds several pictures; expected one; save each in a file of its own.")
        transparent = "transparency" in picture.info and not palette
        if not png:
            _check_upright(path, picture)
    if transparent:
        raise InputError(f"{path} has a transparent colour; pictures must be opaque; save it without.")
    levels = 1 if palette or depth > 8 else 2**depth - 1
    return Opened(
        path,
        size,
        UPRIGHT.copy(),
        lambda: _pixels(path, levels),
        _COPIES * math.prod(size) * max(_COMPONENTS[mode], depth // 8),
        components=_COMPONENTS[mode],
        oriented=False,
        unfit_image="its colours are stored in a palette; save it as grey or RGB" if palette else "",
        unfit_labels=_unfit_labels(png, mode),
        largest=2**depth - 1,
    )


def _unfit_labels(png: bool, mode: str) -> str:
    if not png:
        return "JPEG changes values when it compresses; save the labels as PNG"
    if mode == "LA":
        return "it has transparency; save the labels as grey without it"
    return (
        "colours do not say which class they mean; save the labels as grey" if mode.startswith("RGB") else ""
    )


def _picture(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(path, formats=("PNG", "JPEG"))
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{path} has more pixels than can be opened safely ({error}); cut it into tiles."
        ) from error
    except (UnidentifiedImageError, SyntaxError, ValueError, OSError) as error:
        raise InputError(
            f"{path} cannot be read as a picture ({error}); copy or convert it again."
        ) from error
    return picture


def _check_upright(path: Path, picture: Image.Image) -> None:
    if (turn := picture.getexif().get(_ORIENTATION, 1)) != 1:
        raise InputError(
            f"{path} is to be turned by its EXIF tag (orientation {turn}); only 1 is allowed; save it upright "
            "and without the tag."
        )


def _pixels(path: Path, levels: int) -> AnyArray:
    """Read ``(columns, rows)`` or ``(columns, rows, 3)``; grey of fewer than 8 bits as it is stored."""
    try:
        with _picture(path) as picture:
            picture.load()
            _check_upright(path, picture)
            pixels = np.asarray(picture)
    except (SyntaxError, ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path} cannot be read to its end ({error}); it is truncated or damaged; copy it again."
        ) from error
    if picture.mode in ("LA", "RGBA"):
        if pixels[..., -1].min() < 255:
            raise InputError(
                f"{path} is partly transparent; pictures must be opaque; save it without transparency."
            )
        pixels = pixels[..., 0] if picture.mode == "LA" else pixels[..., :3]
    if picture.mode == "1":
        pixels = pixels.astype(np.uint8)
    elif picture.mode == "L" and levels < 255:
        pixels = pixels // np.uint8(255 // levels)
    return pixels.swapaxes(0, 1)
