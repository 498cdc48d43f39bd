"""From a case to the picture that explains it, on the image's own pixels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from medse.arrays import AnyArray, FloatArray, ImageArray
from medse.data.images.cases import ImageCase
from medse.data.images.loading import open_image
from medse.data.images.placement import Placement
from medse.explain.alignment import over_image, places_of
from medse.explain.cases import UNKNOWN
from medse.explain.classifier import TrainedClassifier, heat_maps
from medse.explain.gates import Gates, attention_gates
from medse.explain.overlays import ChannelGates, GatePanel, Overlay
from medse.volumes.reading import IMAGE_OPENERS, images_of, label_map_of, open_volume

MOST_PANELS = 4
"""Gates that a picture shows: of the last block at each resolution, the finest first."""
MOST_CLASSES = 6
"""Classes whose probability a heading gives: the most probable."""


def picture_of(run: TrainedClassifier, case: ImageCase) -> Overlay:
    """Put together what the picture of a case shows.

    A volume is shown by the horizontal slice in which its map is largest. Gates are those of the first network.

    Raises:
        InputError: A file cannot be used.
    """
    opened = open_image(case.image)
    place = run.loader.place_of(case)
    image = run.loader(case)["image"]
    prepared = torch.as_tensor(image)[None].to(run.device)
    probabilities = run.probabilities([image])[0]
    heat = _restored(heat_maps(run, prepared, [int(probabilities.argmax())])[0], place)
    view = _View(place, heat)
    gates = attention_gates(run.nets[0], prepared)
    per_channel = [one for one in gates if one.places is None]
    return Overlay(
        image=view.of(place.cut(images_of([opened], place.grid))),
        heat=view.of(heat),
        mask=None if case.mask is None else view.of(_mask(case.mask, place)),
        places=[
            GatePanel(title, view.of(_restored(values, place)))
            for title, values in _gate_maps(run.nets[0], prepared, gates)
        ],
        channels=ChannelGates(
            ", ".join(dict.fromkeys(one.mechanism for one in per_channel)),
            tuple(one.channels[0] for one in per_channel),
        )
        if per_channel
        else None,
        heading=_heading(case, run.classes, probabilities, view),
        aspect=view.aspect,
        sides=view.sides,
    )


class _View:
    """Which plane of an image is shown, ``(..., rows, columns)`` of it."""

    def __init__(self, place: Placement, heat: ImageArray) -> None:
        across = 2 if place.axis is None else place.axis
        self.sides = (("P", "A") if across == 0 else ("L", "R")) if place.grid.oriented else None
        spacing = place.grid.canonical_spacing_mm
        columns, rows = (mm for axis, mm in enumerate(spacing) if axis != across)
        self.aspect = rows / columns
        self.index = None if place.axis is not None else int(heat.max(axis=(0, 1)).argmax())

    def of(self, array: AnyArray) -> AnyArray:
        """Return the plane of what lies as displayed, or in RAS order."""
        return array if self.index is None else array[..., ::-1, self.index].swapaxes(-1, -2)


def _restored(values: ImageArray, place: Placement) -> ImageArray:
    """Return a map ``(*size)`` on the image's pixels: as displayed, or in RAS order."""
    restored = place.restored(values)
    return restored if place.axis is not None else place.grid.to_canonical(restored)


def _mask(path: Path, place: Placement) -> AnyArray:
    values, _ = label_map_of(open_volume(path, IMAGE_OPENERS))
    plane: AnyArray = place.cut((values != 0)[None])[0]
    return plane


def _gate_maps(net: nn.Module, images: Tensor, gates: Sequence[Gates]) -> list[tuple[str, ImageArray]]:
    """Return title and gates ``(*size)`` of the last block at each resolution whose gates differ over the image."""
    last = {one.places.shape: (one, one.places) for one in gates if one.places is not None}  # as they run
    shown = [*last.values()][:MOST_PANELS]
    cells = places_of(net, images, [one.block for one, _ in shown])
    found = []
    for one, places in shown:
        title = f"gates of {one.mechanism}, {' × '.join(map(str, places.shape[1:]))} cells\n{one.block}"
        enlarged = over_image(torch.as_tensor(places)[None], images.shape[2:], cells.get(one.block))
        found.append((title, enlarged[0, 0].numpy()))
    return found


def _heading(case: ImageCase, classes: Sequence[str], probabilities: FloatArray, view: _View) -> list[str]:
    order = np.argsort(-probabilities, kind="stable")[:MOST_CLASSES]
    said = classes[order[0]]
    wrong = " (wrong)" if case.label not in (UNKNOWN, said) else ""
    slice_ = case.slice if view.index is None else view.index
    return [
        case.id + ("" if slice_ is None else f", slice {slice_}"),
        (f"reference: {case.label}; " if case.label else "") + f"predicted: {said}{wrong}",
        "probabilities: " + ", ".join(f"{classes[k]} {probabilities[k]:.2f}" for k in order),
    ]
