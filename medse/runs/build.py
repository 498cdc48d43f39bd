"""From a configuration to objects: the only place where a name becomes a thing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
from torch import nn, optim

from medse.config.run import SegmentationConfig, options
from medse.config.sections import Data
from medse.data.augmentation.augmentation import Augmentation
from medse.data.cases import Dataset, Headers, read_headers
from medse.data.loading import CaseLoader
from medse.data.patches import check_patch_size
from medse.data.readers import READERS
from medse.data.splits import Split, make_folds
from medse.errors import InputError
from medse.inference.segmenter import Segmenter
from medse.inference.torch_backend import TorchBackend
from medse.labels import Labels
from medse.labels.laterality import one_sided, pairs
from medse.nets import SEGMENTATION_NETS
from medse.preprocess import Preprocessing, window
from medse.registry import pick
from medse.runs.hardware import resolve_precision
from medse.tasks.losses import LOSSES, DeepSupervision
from medse.tasks.optimizers import OPTIMIZERS
from medse.volumes.grid import Grid


def dataset(data: Data) -> Dataset:
    """Read the data set's index."""
    labels = None if data.labels is None else Labels.from_mapping(data.labels, "data.labels")
    return pick(READERS, data.format.name, "data format")(data.root, labels, **options(data.format))


def folds(config: SegmentationConfig, cases: Dataset) -> tuple[Split, ...]:
    """Deal the cases to folds."""
    return make_folds(cases.cases, config.data.folds, config.seed, config.data.split)


def slice_axis(data: Data) -> int | None:
    """Return the axis that slices are cut across for a 2-D network, None for a 3-D one."""
    return data.slice_axis if len(data.patch_size) == 2 else None


def preprocessing(data: Data, grids: Iterable[Grid]) -> Preprocessing:
    """Return what resamples to the training grid; its spacing is the cases' median unless configured."""
    given, across = data.spacing_mm, slice_axis(data)
    if given is None or across is not None:
        median = np.median([grid.canonical_spacing_mm for grid in grids], axis=0).round(6).tolist()
        given = median if given is None else (*given[:across], median[across], *given[across:])
    x, y, z = given
    return Preprocessing((x, y, z), data.normalization, across)


def net(config: SegmentationConfig, channels: int, classes: int) -> nn.Module:
    """Build the network."""
    build = pick(SEGMENTATION_NETS, config.net.name, "network")
    spatial_dims = len(config.data.patch_size)
    built = build(spatial_dims, channels, classes, **options(config.net))
    check_patch_size(config.data.patch_size, cast(tuple[int, ...], built.stride))
    return built


def loss(config: SegmentationConfig, labels: Labels) -> nn.Module:
    """Build the loss of what the network returns while it trains."""
    one = pick(LOSSES, config.loss.name, "loss")(**options(config.loss), ignored=bool(labels.ignored))
    return DeepSupervision(one)


def make_optimizer(config: SegmentationConfig) -> Callable[[Iterable[nn.Parameter]], optim.Optimizer]:
    """Return the function that builds the optimizer from parameters."""
    return partial(pick(OPTIMIZERS, config.optimizer.name, "optimizer"), **options(config.optimizer))


def augmentation(
    config: SegmentationConfig, cases: Dataset, spacing_mm: Sequence[float], oriented: bool
) -> Augmentation | None:
    """Build the augmentation on a training grid of ``spacing_mm`` (RAS), None when the configuration has none.

    Raises:
        InputError: A mirror would run across the slices, or turn a class that names a side into one of the other.
    """
    chosen = config.trainer.augmentation
    if chosen is None:
        return None
    settings = options(chosen)
    sided = pairs(cases.labels.names) or one_sided(cases.labels.names)
    if settings["mirror_axes"] and sided and not oriented:
        raise InputError(
            f"trainer.augmentation.mirror_axes is {list(settings['mirror_axes'])}, but {cases.name} has classes that "
            "name a side and scans that do not say where the patient's left is; any mirror may swap the sides; leave "
            "mirror_axes out."
        )
    across = slice_axis(config.data)
    return Augmentation(
        **settings,
        patch_size=config.data.patch_size,
        spacing_mm=tuple(mm for axis, mm in enumerate(spacing_mm) if axis != across),
        slice_axis=across,
        classes=cases.labels.names,
    )


def segmenter(
    config: SegmentationConfig, network: Any, preprocessing: Preprocessing, labels: Labels, channels: int
) -> Segmenter:
    """Return what makes a label map of a volume with ``network``; a GPU computes in the precision of the training."""
    backend = TorchBackend(
        network, slice_axis(config.data), partial(resolve_precision, config.trainer.precision)
    )
    return Segmenter(
        preprocessing=preprocessing,
        labels=labels,
        channels=channels,
        patch_size=window(config.data.patch_size, config.data.slice_axis),
        infer=backend,
        sums=backend.sums,
        overlap=config.inference.overlap,
        batch_size=config.inference.batch_size,
    )


@dataclass(frozen=True)
class PreparedData:
    """What a configuration makes of its data set before the first voxel is read."""

    headers: Headers
    preprocessing: Preprocessing
    augmentation: Augmentation | None
    loader: CaseLoader


def prepare_data(config: SegmentationConfig, dataset: Dataset) -> PreparedData:
    """Read all headers; ``medse check`` and ``medse train`` see the same."""
    copy_affine = config.data.fix_geometry is not None
    headers = read_headers(dataset, copy_affine)
    way = preprocessing(config.data, headers.grids.values())
    return PreparedData(
        headers=headers,
        preprocessing=way,
        augmentation=augmentation(config, dataset, way.spacing_mm, headers.oriented),
        loader=CaseLoader(way, dataset.labels, len(dataset.channels), copy_affine=copy_affine),
    )
