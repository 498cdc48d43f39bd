"""From a case to the picture that explains it, on the image's own pixels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medse.arrays import AnyArray, FloatArray, ImageArray
from medse.data.images.cases import ImageCase
from medse.data.images.loading import ImageLoader, open_image
from medse.data.images.placement import Placement
from medse.explain.cases import UNKNOWN
from medse.explain.gates import Gates, attention_gates
from medse.explain.grad_cam import grad_cam
from medse.explain.overlays import ChannelGates, GatePanel, Overlay
from medse.volumes.reading import IMAGE_OPENERS, channels_of, grid_of, images_of, label_map_of, open_volume

MOST_PANELS = 4
"""Gates that a picture shows: of the last block at each resolution, the finest first."""
MOST_CLASSES = 6
"""Classes whose probability a heading gives: the most probable."""


@runtime_checkable
class Classifier(Protocol):
    """What is needed of a trained run, as :func:`medse.load_run` gives it of a classifier."""

    @property
    def net(self) -> nn.Module: ...
    @property
    def loader(self) -> ImageLoader: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def device(self) -> torch.device: ...


def probabilities_of(net: nn.Module, images: Tensor) -> FloatArray:
    """Return the softmax of the net's logits ``(B, K)``."""
    with torch.no_grad():
        return net(images).double().softmax(1).cpu().numpy()  # type: ignore[no-any-return]


def picture_of(run: Classifier, case: ImageCase) -> Overlay:
    """Put together what the picture of a case shows.

    A volume is shown by the horizontal slice in which its map is largest.

    Raises:
        InputError: A file cannot be used.
    """
    opened = open_image(case.image)
    grid = grid_of(opened, channels_of(opened))
    place = run.loader.placement(grid, case.slice)
    prepared = torch.as_tensor(run.loader(case)["image"])[None].to(run.device)
    probabilities = probabilities_of(run.net, prepared)[0]
    heat = _restored(grad_cam(run.net, prepared)[0], place)
    view = _View(place, heat)
    gates = attention_gates(run.net, prepared)
    per_channel = [one for one in gates if one.places is None]
    return Overlay(
        image=view.of(place.cut(images_of([opened], grid))),
        heat=view.of(heat),
        mask=None if case.mask is None else view.of(_mask(case.mask, place)),
        places=[
            GatePanel(name, view.of(_restored(_enlarged(places, run.loader.size), place)))
            for name, places in _shown(gates)
        ],
        channels=ChannelGates(
            tuple(f"{one.block} ({one.mechanism})" for one in per_channel),
            tuple(one.channels[0] for one in per_channel),
        )
        if per_channel
        else None,
        heading=_heading(case, run.classes, probabilities, view),
        aspect=view.aspect,
    )


class _View:
    """Which plane of an image is shown, ``(..., rows, columns)`` of it."""

    def __init__(self, place: Placement, heat: ImageArray) -> None:
        spacing = place.grid.canonical_spacing_mm
        columns, rows = (
            mm for axis, mm in enumerate(spacing) if axis != (2 if place.axis is None else place.axis)
        )
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


def _enlarged(places: ImageArray, size: Sequence[int]) -> ImageArray:
    mode = "bilinear" if len(size) == 2 else "trilinear"
    return F.interpolate(torch.as_tensor(places)[None], tuple(size), mode=mode)[0, 0].numpy()


def _shown(gates: Sequence[Gates]) -> list[tuple[str, ImageArray]]:
    """Return name and gates of the last block at each resolution whose gates differ over the image."""
    last = {
        one.places.shape: (
            f"gates of {one.mechanism}, {' × '.join(map(str, one.places.shape[1:]))} cells\n{one.block}",
            one.places,
        )
        for one in gates
        if one.places is not None
    }
    return list(last.values())[:MOST_PANELS]


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
