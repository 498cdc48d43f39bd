"""A trained classifier asked why: maps, pictures, and scores of how far to believe them."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medse.arrays import ImageArray, bounding_box
from medse.data.images.cases import ImageCase
from medse.data.images.placement import Placement
from medse.errors import InputError, Refusals, some
from medse.explain.cases import UNKNOWN
from medse.explain.classifier import Together, TrainedClassifier, heat_maps
from medse.explain.faithfulness import VOXELS_AT_ONCE, insertion_deletion, random_order
from medse.explain.gate_table import GateTable
from medse.explain.maps import write_heat_map
from medse.explain.overlays import write_overlay
from medse.explain.pictures import picture_of
from medse.explain.pointing import inside_share, pointing_hit
from medse.explain.result import Explained, Explanation, explanation_of, write_explanation
from medse.files import given_path, refuse_existing
from medse.registry import check_arguments

MAPS, OVERLAYS = "maps", "overlays"
MOST = 24
"""Pictures that are drawn unless another number is asked for."""


@dataclass(frozen=True)
class CaseExplained:
    """An image was explained, the ``done``-th of ``number``."""

    case: str
    done: int
    number: int


@dataclass(frozen=True)
class CaseRefused:
    """An image could not be used; ``reason`` is a sentence."""

    case: str
    reason: str


Progress = Callable[[CaseExplained | CaseRefused], object]


@check_arguments("run")
def explain_images(
    run: TrainedClassifier,
    cases: Sequence[ImageCase],
    out: str | Path,
    *,
    most: int = MOST,
    progress: Progress | None = None,
) -> Explanation:
    """Explain what a classifier says of images, and judge the explanations.

    Writes into ``out``: ``explain.csv``, a line per image; ``explain.json``, the means with 95 % intervals, for which
    groups are drawn; ``maps/CASE.png`` (``.nii.gz`` of volumes), the Grad-CAM on the image's own pixels;
    ``overlays/CASE.png``, pictures of the most confident mistakes and then of the least confident others; and, of a
    net with attention, ``gates.csv`` with mean and standard deviation over the images of each channel's gate.

    Class and probability are those of ``medse predict``. Maps, insertion and deletion are of one view of each image,
    and of all networks where a run has several; gates are those of the first. Outlines are compared with the map on
    the prepared image, without its padding.

    Args:
        run: A trained classifier, as :func:`medse.load_run` gives it.
        cases: Those of a data set, or of :func:`medse.data.images.inputs.collect_images`; with class, group and
            outline where they are known.
        out: Folder for all of it; new or empty.
        most: Pictures that are drawn at most.
        progress: Called after each image.

    Returns:
        What ``explain.json`` holds, with the lines of ``explain.csv`` in the order of the cases.

    Raises:
        InputError: ``out`` is not empty, there are no cases, or a label is none of the run's classes; at the end, for
            images that cannot be used.
    """
    folder = given_path(out)
    refuse_existing(folder, "give another output folder (--out)")
    _check(run, cases, most)
    tell = progress or (lambda _event: None)
    reasons: dict[str, str] = {}
    table, together = GateTable(), Together(run)
    rows: list[Explained] = []
    for batch, images, masks in _batches(run, cases, reasons, tell):
        probabilities = run.probabilities([*images.cpu().numpy()])
        predicted = probabilities.argmax(1).tolist()
        heats = heat_maps(run, images, predicted)
        table.add(run.nets[0], images)
        for n, case in enumerate(batch):
            place = run.loader.place_of(case)
            write_heat_map(folder / MAPS, case.id, heats[n], place)
            row = Explained(
                case=case.id,
                group=case.group,
                reference=case.label,
                predicted=run.classes[predicted[n]],
                probability=float(probabilities[n, predicted[n]]),
                **_faithfulness(together, case, images[n], heats[n], predicted[n]),
                **_pointing(heats[n], masks[n], place),
            )
            rows.append(row)
            tell(CaseExplained(case.id, len(rows) + len(reasons), len(cases)))
    refused = Refusals(reasons.values())
    if not rows:
        refused.raise_any()
    by_id = {case.id: case for case in cases}
    for row in first_to_show(rows)[:most]:
        write_overlay(folder / OVERLAYS / f"{row.case}.png", picture_of(run, by_id[row.case]))
    found = explanation_of(rows, run.nets[0], reasons)
    write_explanation(folder, found)
    table.write(folder)
    refused.raise_any()
    return found


def first_to_show(rows: Sequence[Explained]) -> list[Explained]:
    """Return the images in the order of interest: the most confident mistakes, then the least confident others."""
    return sorted(rows, key=lambda row: (0, -row.probability) if row.wrong else (1, row.probability))


def _check(run: TrainedClassifier, cases: Sequence[ImageCase], most: int) -> None:
    if not cases:
        raise InputError("No images were given to explain; one at least is expected; give images or folders.")
    if most < 0:
        raise InputError(f"{most} pictures were asked for; 0 or more are allowed; correct the number.")
    if strange := {case.label for case in cases} - {*run.classes, UNKNOWN}:
        raise InputError(
            f"The references have classes that the run was not trained on: {some(strange)}; it knows "
            f"{', '.join(run.classes)}; correct the references, or give the run that was trained on them."
        )


def _batches(
    run: TrainedClassifier, cases: Sequence[ImageCase], reasons: dict[str, str], tell: Progress
) -> Iterator[tuple[list[ImageCase], Tensor, list[ImageArray | None]]]:
    """Yield cases, their images ``(B, C, *size)`` and masks ``(*size)``; ``reasons`` gets what refuses the others."""
    size = max(1, VOXELS_AT_ONCE // int(np.prod(run.loader.size)))
    for start in range(0, len(cases), size):
        batch: list[ImageCase] = []
        items: list[dict[str, Any]] = []
        for case in cases[start : start + size]:
            try:
                items.append(run.loader(case))
                batch.append(case)
            except InputError as error:
                reasons[case.id] = str(error)
                tell(CaseRefused(case.id, reasons[case.id]))
        if batch:
            images = torch.as_tensor(np.stack([item["image"] for item in items])).to(run.device)
            yield batch, images, [None if item["mask"] is None else item["mask"][0] for item in items]


def _faithfulness(
    net: nn.Module, case: ImageCase, image: Tensor, heat: ImageArray, target: int
) -> dict[str, float]:
    random = random_order(heat.shape, zlib.crc32(case.id.encode("utf-8", "surrogateescape")))
    found, control = (insertion_deletion(net, image, order, target) for order in (heat, random))
    return {
        "insertion": found.insertion,
        "deletion": found.deletion,
        "insertion_random": control.insertion,
        "deletion_random": control.deletion,
    }


def _pointing(heat: ImageArray, mask: ImageArray | None, place: Placement) -> dict[str, float | bool | None]:
    """Compare a map with an outline, both without the padding of the prepared image."""
    if mask is None or not mask.any():
        return {}
    box = bounding_box(place.padded(np.ones((1, *place.content), bool), False)[0])
    inner, inside = heat[box], mask[box] > 0
    share = inside_share(inner, inside)
    return {
        "inside_share": None if np.isnan(share) else share,
        "area_share": float(inside.mean()),
        "hit": pointing_hit(inner, inside),
    }
