"""What a configuration would do, found out without training."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from medse.check.labels import LabelFindings, LabelSurvey, merge_surveys, survey_label
from medse.config.run import SegmentationConfig
from medse.data.augmentation.augmentation import Augmentation
from medse.data.augmentation.mirroring import LEFT_RIGHT, swapped_pairs
from medse.data.cases import Case, Dataset, Headers
from medse.data.loading import contents
from medse.data.splits import Split, copies
from medse.errors import Refusals
from medse.labels.laterality import pairs
from medse.machine import cores, fitting, memory_for
from medse.preprocess import Preprocessing
from medse.profiling.facts import NetFacts, net_facts
from medse.runs import build
from medse.runs.build import prepare_data
from medse.runs.hardware import resolve_device, resolve_precision
from medse.volumes.names import PICTURES, suffix_of
from medse.volumes.reading import read_images, read_label_map

VOXEL_BYTES = 16
"""Memory that reading and normalising takes for a voxel of a channel."""


@dataclass(frozen=True)
class CheckedDataset:
    """What ``medse check`` prints.

    Attributes:
        training: Cases trained on in fold 0.
        validation: Cases validated on in fold 0.
        spacing_mm: Spacing of the training grid, RAS order.
        shape_min: Smallest volume on that grid.
        shape_max: Largest volume on that grid.
        epochs: Epochs, None when minutes alone end the training.
        minutes: Minutes, None when epochs alone end the training.
        swapped: Left-right pairs of classes that a mirror swaps; None when nothing is mirrored left-right.
        pictures: Whether the scans are pictures, without mm.
        oriented: Whether the scans say where the patient's left is.
        copied: Cases in which an affine was copied.
        problems: What is wrong with the data, a sentence each.
    """

    name: str
    cases: int
    training: int
    validation: int
    channels: tuple[str, ...]
    spacing_mm: tuple[float, float, float]
    shape_min: tuple[int, ...]
    shape_max: tuple[int, ...]
    net: NetFacts
    device: str
    prepared_bytes: int
    steps_per_epoch: int
    epochs: int | None
    minutes: float | None
    labels: LabelFindings
    swapped: tuple[tuple[str, str], ...] | None
    pairs: int
    pictures: bool
    oriented: bool
    copied: tuple[str, ...]
    problems: Refusals


def check(config: SegmentationConfig) -> CheckedDataset:
    """Read every file, build the network without memory, and count.

    Raises:
        InputError: The configuration, a header or the device cannot be used. What is wrong with single files is
            in ``problems`` instead.
    """
    device = resolve_device(config.trainer.device)
    cases = build.dataset(config.data)
    folds = build.folds(config, cases)
    data = prepare_data(config, cases)
    headers, preprocessing = data.headers, data.preprocessing
    sizes = [data.loader.size(grid) for grid in headers.grids.values()]
    net = _net_facts(config, cases, device)
    labels, problems = _read_all(cases, folds, headers, preprocessing)
    return CheckedDataset(
        name=cases.name,
        cases=len(cases.cases),
        training=len(folds[0].training),
        validation=len(folds[0].validation),
        channels=cases.channels,
        spacing_mm=preprocessing.spacing_mm,
        shape_min=tuple(min(lengths) for lengths in zip(*(size.shape for size in sizes), strict=True)),
        shape_max=tuple(max(lengths) for lengths in zip(*(size.shape for size in sizes), strict=True)),
        net=net,
        device=device.type,
        prepared_bytes=sum(size.bytes for size in sizes),
        steps_per_epoch=config.trainer.steps_per_epoch,
        epochs=config.trainer.max_epochs,
        minutes=config.trainer.max_minutes,
        labels=labels,
        swapped=_swapped(data.augmentation, cases),
        pairs=len(pairs(cases.labels.names)),
        pictures=all(suffix_of(case.images[0]) in PICTURES for case in cases.cases),
        oriented=headers.oriented,
        copied=headers.copied,
        problems=problems,
    )


def _net_facts(config: SegmentationConfig, cases: Dataset, device: torch.device) -> NetFacts:
    """Build the network without memory, and once more without its attention."""
    channels, classes = len(cases.channels), cases.labels.classes
    plain = config.model_copy(update={"net": config.net.model_copy(update={"attention": None})})
    with torch.device("meta"):
        network = build.net(config, channels, classes)
        without = build.net(plain, channels, classes)
    return net_facts(
        network,
        None if plain == config else without,
        (config.trainer.batch_size, channels, *config.data.patch_size),
        precision=resolve_precision(config.trainer.precision, device),
        device=device.type,
    )


def _swapped(augment: Augmentation | None, cases: Dataset) -> tuple[tuple[str, str], ...] | None:
    if augment is None or LEFT_RIGHT not in augment.mirror_axes:
        return None
    return swapped_pairs(augment.mirror_axes, cases.labels.names)


def _read_all(
    cases: Dataset, folds: Sequence[Split], headers: Headers, preprocessing: Preprocessing
) -> tuple[LabelFindings, Refusals]:
    """Read the voxels of every case; raise only if not one can be used."""
    problems, surveys, seen = Refusals(), [], dict[str, bytes]()

    def look(case: Case) -> LabelSurvey:
        grid = headers.grids[case.id]
        with memory_for(str(case.images[0])):
            array, _ = read_images(
                case.images, len(cases.channels), copy_affine=True
            )  # the headers were checked
            seen[case.id] = contents(array)
            preprocessing.normalize(array, grid)
            values, _ = read_label_map(case.label)
            return survey_label(str(case.label), values, grid, cases.labels)

    each = VOXEL_BYTES * max(math.prod(grid.shape) for grid in headers.grids.values()) * len(cases.channels)
    with ThreadPoolExecutor(fitting(each, cores())) as pool:
        for future in [pool.submit(look, case) for case in cases.cases]:
            with problems:
                surveys.append(future.result())
    if not surveys:
        problems.raise_any()
    by_id = {case.id: case for case in cases.cases}
    problems.sentences.extend(sentence for split in folds for sentence in copies(split, by_id, seen))
    for survey in surveys:
        if survey.undeclared:
            problems.sentences.append(cases.labels.describe_undeclared(survey.undeclared, survey.source))
        if survey.misplaced:
            problems.sentences.append(survey.misplacement)
    return merge_surveys(surveys, cases.labels), problems
