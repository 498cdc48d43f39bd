"""From a configuration to objects: the only place where a name becomes a thing."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

import numpy as np
from torch import nn, optim

from medse.config.run import Config, options
from medse.config.sections import Data
from medse.data import READERS
from medse.data.augmentation import Augmentation
from medse.data.cases import Dataset
from medse.data.patches import CaseLoader, check_patch_size
from medse.inference.segmenter import Segmenter
from medse.inference.torch_backend import TorchBackend
from medse.labels import Labels
from medse.losses import LOSSES
from medse.nets import NETS
from medse.optimizers import OPTIMIZERS
from medse.preprocess import Preprocessing
from medse.registry import pick
from medse.volumes.reading import read_grids


def dataset(data: Data) -> Dataset:
    """Read the data set's index.

    Raises:
        InputError: It cannot be used.
    """
    return pick(READERS, data.format, "data format")(data.root)


def preprocessing(data: Data, cases: Dataset) -> Preprocessing:
    """Return the way to the network's grid; the spacing is the cases' median unless configured.

    Raises:
        InputError: A header cannot be read.
    """
    spacing_mm = data.spacing_mm
    if spacing_mm is None:
        spacings = [read_grids(case.images, len(cases.channels)).canonical_spacing_mm for case in cases.cases]
        x, y, z = np.median(spacings, axis=0).round(6).tolist()
        spacing_mm = (x, y, z)
    return Preprocessing(spacing_mm=spacing_mm, normalization=data.normalization)


def net(config: Config, channels: int, classes: int) -> nn.Module:
    """Build the network.

    Raises:
        InputError: Its options do not fit each other or the patch.
    """
    build = pick(NETS, config.net.name, "network")
    spatial_dims = len(config.data.patch_size)
    built = build(spatial_dims, channels, classes, **options(config.net))
    check_patch_size(config.data.patch_size, cast(int, built.stride))
    return built


def loss(config: Config) -> nn.Module:
    """Build the loss of one resolution."""
    return pick(LOSSES, config.loss.name, "loss")(**options(config.loss))


def make_optimizer(config: Config) -> Callable[[Iterable[nn.Parameter]], optim.Optimizer]:
    """Return the function that builds the optimizer from parameters."""
    return partial(pick(OPTIMIZERS, config.optimizer.name, "optimizer"), **options(config.optimizer))


def augmentation(config: Config) -> Augmentation | None:
    """Build the augmentation, None when the configuration has none."""
    chosen = config.trainer.augmentation
    return None if chosen is None else Augmentation(**options(chosen))


def loader(way: Preprocessing, cases: Dataset) -> CaseLoader:
    """Return the function that reads and prepares a case."""
    return CaseLoader(way, cases.labels, len(cases.channels))


def segmenter(config: Config, network: Any, way: Preprocessing, labels: Labels, channels: int) -> Segmenter:
    """Return the way from a volume to its label map with ``network``."""
    return Segmenter(
        preprocessing=way,
        labels=labels,
        channels=channels,
        patch_size=config.data.patch_size,
        infer=TorchBackend(network),
        overlap=config.inference.overlap,
        batch_size=config.inference.batch_size,
    )
