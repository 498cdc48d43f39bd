"""Images at the size of a network's input, in memory as far as they fit."""

import logging
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from medse.arrays import AnyArray, ImageArray
from medse.data.images.cases import ImageCase
from medse.data.images.placement import Placement, placed
from medse.data.images.scaling import scaled, scaled_mask
from medse.data.loading import MEMORY_SHARE
from medse.errors import InputError, Refusals
from medse.machine import available_memory, cores, fitting, memory_for
from medse.preprocess.intensities import normalize
from medse.volumes.entrance import open_given
from medse.volumes.formats.opened import Opened
from medse.volumes.grid import Grid, check_same_grid
from medse.volumes.reading import (
    IMAGE_OPENERS,
    channels_of,
    grid_of,
    images_of,
    label_map_of,
    open_volume,
)

ImageNormalization = Literal["zscore", "zscore_nonzero", "unit", "signed_unit"]
COPIES = 4
"""How often an image is held, as float32, while it is prepared."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageLoader:
    """Reads an image and brings it to the size of a network's input; the deterministic part of the pipeline.

    The image is scaled by one factor (in mm, where the pixels have a size) so that it just fits, and centred; what
    is beside it holds its darkest value.

    Attributes:
        size: Rows and columns, or three lengths in RAS order for whole volumes.
        channels: 1 for grey, 3 for colours.
        normalization: ``zscore``: zero mean and unit variance over the image, all channels together;
            ``zscore_nonzero``: the same over what is not 0, which stays 0; ``unit``: the darkest value is 0 and the
            brightest 1; ``signed_unit``: -1 to 1 is what a pixel of the file can store, as Keras' networks expect.
        slice_axis: Which RAS axis slices of volumes are cut across.
    """

    size: tuple[int, ...]
    channels: int
    normalization: ImageNormalization
    slice_axis: int = 2

    def __call__(self, case: ImageCase) -> dict[str, Any]:
        """Return the ``id``, ``image`` ``(C, *size)`` float32 and ``mask`` ``(1, *size)`` uint8 or None.

        A picture lies as it is displayed, ``(C, rows, columns)``; so does a slice of a volume, with the later of its
        RAS axes up and the earlier to the right; a volume is ``(C, X, Y, Z)`` in RAS order.

        Raises:
            InputError: A file cannot be used, the image is constant or not of the network's kind, the slice is not
                there, or the mask has another size or more than one value beside 0.
        """
        return self.of_file([case])[0]

    def of_file(self, cases: Sequence[ImageCase]) -> list[dict[str, Any]]:
        """As for one case; for several slices of one file, which is read once."""
        with memory_for(str(cases[0].image)):
            opened = open_image(cases[0].image)
            voxels, grid = self._read(opened)
            masks: dict[Path, npt.NDArray[np.bool_]] = {}
            items = []
            for case in cases:
                place = self.placement(grid, case.slice)
                mask = None
                if case.mask is not None:
                    if case.mask not in masks:
                        masks[case.mask] = _read_mask(case.mask, grid)
                    small = scaled_mask(place.cut(masks[case.mask][None])[0], place.content)
                    mask = place.padded(small[None], 0)
                items.append({"id": case.id, "image": self._prepared(voxels, place, opened), "mask": mask})
        return items

    def image(self, given: Any, affine: Any = None, *, slice: int | None = None) -> ImageArray:
        """Return one image ``(C, *size)`` from what a file would be: its path, an array with its affine, ...

        Args:
            given: As of :func:`medse.volumes.entrance.open_given`, or the path of a DICOM slice.
            slice: Index of the slice that is meant.
        """
        opened = open_image(given, affine)
        with memory_for(str(opened.path)):
            voxels, grid = self._read(opened)
            return self._prepared(voxels, self.placement(grid, slice), opened)

    def place_of(self, case: ImageCase) -> Placement:
        """Return where the image of a case has its place in the network's input, from the header of its file."""
        opened = open_image(case.image)
        return self.placement(grid_of(opened, channels_of(opened)), case.slice)

    def placement(self, grid: Grid, slice: int | None) -> Placement:
        """Return where the image that lies on ``grid`` has its place in the network's input.

        Raises:
            InputError: It is a volume and the network is for pictures, or the other way round; or it has no such
                slice.
        """
        return placed(grid, self.size, self.slice_axis, slice)

    def _read(self, opened: Opened) -> tuple[ImageArray, Grid]:
        """Read ``(C, X, Y, Z)`` on the file's own axes; grey that is stored as colours is grey."""
        if self.channels == 1 and opened.components == 3:
            grid = grid_of(opened, 3)
            colours = images_of([opened], grid)
            if not _is_grey(colours):
                raise InputError(
                    f"{opened.path} has colours and the network takes grey images; all images must be of one kind; "
                    "convert it to grey."
                )
            return colours[:1], grid
        grid = grid_of(opened, self.channels)
        return images_of([opened], grid), grid

    def _prepared(self, voxels: ImageArray, place: Placement, opened: Opened) -> ImageArray:
        content = scaled(place.cut(voxels), place.content)
        source = str(opened.path)
        everywhere = (slice(None),) * content.ndim
        if self.normalization in ("zscore", "zscore_nonzero"):
            how: Literal["zscore", "zscore_nonzero"] = (
                "zscore" if self.normalization == "zscore" else "zscore_nonzero"
            )
            values = normalize(content, everywhere, how, source)
        else:
            values = normalize(content, everywhere, None, source)
            low, high = self._range(values, opened)
            values = (values - np.float32(low)) / np.float32(high - low)
            if self.normalization == "signed_unit":
                values = 2 * values - 1
        darkest = float(values.flat[int(content.argmin())])
        return place.padded(values, darkest)

    def _range(self, values: ImageArray, opened: Opened) -> tuple[float, float]:
        if self.normalization == "unit":
            return float(values.min()), float(values.max())
        if not opened.largest:
            raise InputError(
                f"{opened.path} is no PNG or JPEG, and normalization signed_unit needs to know the largest number "
                "that a pixel can store; use data.normalization=zscore or convert it."
            )
        return 0.0, float(opened.largest)


class PreparedImages(Sequence[dict[str, Any]]):
    """What an :class:`ImageLoader` returns for each case: in memory, or read at each use where it does not fit."""

    def __init__(
        self, cases: Sequence[ImageCase], loader: ImageLoader, memory: Sequence[dict[str, Any]]
    ) -> None:
        self.cases, self.loader, self.memory = cases, loader, memory

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: Any) -> Any:
        if index < 0 or index >= len(self):
            raise IndexError(index)
        return self.memory[index] if index < len(self.memory) else self.loader(self.cases[index])


def load_all(cases: Sequence[ImageCase], loader: ImageLoader) -> PreparedImages:
    """Load the cases side by side, as many as :data:`medse.data.loading.MEMORY_SHARE` of the free memory holds.

    Raises:
        InputError: As :class:`ImageLoader`; one sentence for each case.
    """
    each = math.prod(loader.size) * (4 * loader.channels + any(case.mask is not None for case in cases))
    free = available_memory()
    kept = min(len(cases), int(MEMORY_SHARE * free) // each)
    if kept < len(cases):
        log.warning(
            "%d of %d prepared images are kept in memory, of which %.1f GB are free; the others are read at each use",
            kept,
            len(cases),
            free / 1e9,
        )
    by_file: dict[Path, list[int]] = {}
    for k, case in enumerate(cases[:kept]):
        by_file.setdefault(case.image, []).append(k)

    def load(numbers: list[int]) -> list[dict[str, Any]] | InputError:
        try:
            return loader.of_file([cases[k] for k in numbers])
        except InputError as error:
            return error

    largest = max(by_file, key=lambda path: path.stat().st_size if path.is_file() else 0, default=None)
    with ThreadPoolExecutor(1 if largest is None else _threads(largest)) as pool:
        loaded = list(pool.map(load, by_file.values()))
    Refusals(str(error) for error in loaded if isinstance(error, InputError)).raise_any()
    found: dict[int, dict[str, Any]] = {}
    for numbers, items in zip(by_file.values(), loaded, strict=True):
        if not isinstance(items, InputError):
            found.update(zip(numbers, items, strict=True))
    return PreparedImages(cases, loader, [found[k] for k in range(kept)])


def _threads(largest: Path) -> int:
    """Return how many files of which one is the ``largest`` may be loaded side by side."""
    try:
        opened = open_image(largest)
    except InputError:  # is said when it is loaded
        return 1
    pixels = math.prod(opened.shape) * opened.components
    return fitting(opened.stored_bytes + COPIES * 4 * pixels, cores())


def open_image(given: Any, affine: Any = None) -> Opened:
    """Check the header of an image to classify: of a file of any known format, DICOM too, or of what is in memory."""
    if isinstance(given, Path) and affine is None:
        return open_volume(given, IMAGE_OPENERS)
    return open_given(given, affine, oriented=True)


def count_channels(cases: Sequence[ImageCase]) -> int:
    """Return how many channels a network for these images has: 1 for grey, 3 for colours.

    Colours beside 8-bit grey are looked at: if they are all shades of grey, the images are.

    Raises:
        InputError: A header cannot be used, or grey and colour are mixed.
    """
    refused = Refusals()
    first: dict[str, Path] = {}
    colours: list[Path] = []
    for path in dict.fromkeys(case.image for case in cases):
        with refused:
            kind = _kind(open_image(path))
            first.setdefault(kind, path)
            if kind == COLOUR:
                colours.append(path)
    refused.raise_any()
    if COLOUR not in first:
        return 1
    others = [kind for kind in first if kind != COLOUR]
    if not others:
        return 3
    if others == [GREY] and all(_grey_files(colours)):
        return 1
    other = max(others, key=lambda kind: kind == DEEP)
    raise InputError(
        f"{first[other]} is a {other} image and {first[COLOUR]} a {COLOUR} image; 16-bit or grey images and colours "
        "cannot be mixed, since a network sees one kind; convert all to grey, or all to colours."
    )


GREY, DEEP, COLOUR = "grey", "16-bit grey", "colour"


def _kind(opened: Opened) -> str:
    channels = channels_of(opened)
    grid_of(opened, channels)
    if channels not in (1, 3):
        raise InputError(
            f"{opened.path} has {channels} values for each pixel; 1 (grey) or 3 (colours) are expected; split it."
        )
    if channels == 3:
        return COLOUR
    return DEEP if opened.largest > 255 else GREY


def _grey_files(paths: Sequence[Path]) -> Iterator[bool]:
    for path in paths:
        opened = open_image(path)
        yield _is_grey(images_of([opened], grid_of(opened, 3)))


def _is_grey(colours: AnyArray) -> bool:
    return bool((colours[0] == colours[1]).all() and (colours[0] == colours[2]).all())


def _read_mask(path: Path, grid: Grid) -> npt.NDArray[np.bool_]:
    """Read a mask on the grid of its image."""
    values, found = label_map_of(open_volume(path, IMAGE_OPENERS))
    if found.spatial_shape != grid.spatial_shape:
        one, other = (" x ".join(map(str, g.shape)) for g in (found, grid))
        raise InputError(
            f"{path} has {one} pixels and its image {grid.source} {other}; a mask has the size of its image; save it "
            "at that size."
        )
    check_same_grid(grid, found, copy_affine=None)
    marked: npt.NDArray[np.bool_] = values != 0
    held = values[marked]
    if held.size and (held != held.flat[0]).any():
        more = sorted({int(held.min()), int(held.max())})
        raise InputError(
            f"{path} holds {' and '.join(map(str, more))}; a mask holds 0 and one other value; merge the values, or "
            "save the one that is meant."
        )
    return marked
