"""What classification brings to a training, and what is built of its configuration."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property, partial
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from medse.config.classification import ClassificationConfig, ImageData
from medse.config.run import options
from medse.data.augmentation.augmentation import Augmentation
from medse.data.images.batches import Closer, ImageItems
from medse.data.images.cases import TEST, ImageDataset
from medse.data.images.copies import across, contradictory, described
from medse.data.images.duplicates import Duplicate, find_duplicates
from medse.data.images.loading import ImageLoader, count_channels, load_all
from medse.data.images.readers import IMAGE_READERS
from medse.data.images.splits import make_image_folds, method_of
from medse.data.splits import refuse_copies, some_of
from medse.errors import InputError
from medse.inference.views import Views
from medse.nets import CLASSIFICATION_NETS
from medse.nets.network import Classifier
from medse.nets.outlined import Outlined
from medse.nets.weight_files import load_weights_file
from medse.registry import pick
from medse.runs.directory import DEALT, TRAINED, ImageFacts
from medse.runs.hardware import resolve_precision
from medse.runs.provenance import digest_of, image_mark
from medse.runs.training import Training
from medse.tasks.callbacks.budget import Budget
from medse.tasks.classification import ClassificationTask
from medse.tasks.classification_losses import CLASSIFICATION_LOSSES
from medse.tasks.mixing import Mixing
from medse.tasks.optimizers import OPTIMIZERS, cosine


class ClassificationTraining(Training):
    """Images with their classes."""

    workers = 0
    began_with: str | None = None
    checked: int | None = None

    def __init__(self, config: ClassificationConfig) -> None:
        self.config = config
        self.root = config.data.root
        self.cases = image_data(config.data)
        self.folds = make_image_folds(self.cases.cases, config.data.folds, config.seed, config.data.split)
        self.method = method_of(self.cases.cases, config.data.split)
        if config.data.random_labels:
            self.cases = _dealt_at_random(self.cases, config.seed)
        self.by_id = {case.id: case for case in self.cases.cases}
        self.aside = {case.id for case in self.cases.cases if case.fold == TEST}
        self.groups = {case.id: case.group for case in self.cases.cases}
        self.files = {
            case.id: (case.image, case.mask) if case.mask else (case.image,) for case in self.cases.cases
        }

    @cached_property
    def channels(self) -> int:
        """1 for grey images, 3 for colours."""
        return count_channels(self.cases.cases)

    def fingerprint(self) -> str:
        """Return what is alike for data sets whose files, slices and classes are alike."""
        named = {f"{case.id}\t{case.label}\t{case.slice}": self.files[case.id] for case in self.cases.cases}
        return digest_of(named, self.digests)

    def network(self) -> nn.Module:
        """Build the network, with the weights that the configuration begins with."""
        self.check_outlines()
        net = classifier(self.config, self.channels, len(self.cases.classes))
        if (file := self.config.trainer.weights) is not None:
            self.began_with = load_weights_file(net.net if isinstance(net, Outlined) else net, file)
        return net

    def check_outlines(self) -> None:
        """Raise where outlines are to be learnt and there are none."""
        if self.config.loss.outline > 0 and not any(case.mask for case in self.cases.cases):
            raise InputError(
                f"loss.outline is {self.config.loss.outline:g}, and no case in {self.root} has a mask; give masks "
                "in a column of the table, or leave loss.outline out."
            )

    @cached_property
    def copies(self) -> tuple[Duplicate, ...]:
        """The images of the data set that are the same, or nearly so."""
        return find_duplicates(self.cases.cases, self.config.data.slice_axis)

    def across(self, fold: int) -> tuple[Duplicate, ...]:
        """Return the copies that lie on two sides of a fold, or in what is kept aside."""
        return across(self.copies, self.folds[fold], self.aside)

    def check_files(self, fold: int) -> None:
        """Raise where what is trained on is validated on or kept aside, or of two classes, by what the images show.

        Raises:
            InputError: It is, and ``data.duplicates`` does not allow it.
        """
        self.checked = fold
        if self.config.data.duplicates == "refuse":
            twice = [] if self.config.data.random_labels else contradictory(self.copies, self.by_id)
            refuse_copies([*twice, *described(self.copies, self.by_id, self.folds[fold], self.aside)])

    def task(self, fold: int, network: nn.Module, budget: Budget) -> ClassificationTask:
        """Build the task."""
        config, classes = self.config, self.cases.classes
        found = Counter(self.by_id[name].label for name in self.folds[fold].training)
        if lacking := [name for name in classes if not found[name]]:  # of classes dealt at random
            raise InputError(
                f"Fold {fold} trains on no image of class {lacking[0]!r} once the classes are dealt at random; every "
                "fold needs images of each class; give another seed, or leave data.random_labels out."
            )
        loss = pick(CLASSIFICATION_LOSSES, config.loss.name, "loss")
        return ClassificationTask(
            net=cast(Classifier, network),  # what network() returns
            loss=loss(**options(config.loss), counts=[found[name] for name in classes]),
            make_optimizer=partial(
                pick(OPTIMIZERS, config.optimizer.name, "optimizer"), **options(config.optimizer)
            ),
            decay=partial(cosine, warmup=config.trainer.warmup),
            share_done=budget.share_done,
            augment=image_augmentation(config),
            mixing=Mixing(config.trainer.mixup, config.trainer.cutmix),
            classes=classes,
            averaging=config.trainer.averaging,
            probabilities=views(config),
        )

    def load(self, fold: int) -> tuple[Dataset[Any], DataLoader[Any]]:
        """Read all images of a fold."""
        config, split = self.config, self.folds[fold]
        loader = image_loader(config.data, self.channels)
        watched = some_of(split.validation, config.trainer.validation_cases, config.seed, fold)
        names = (*split.training, *watched)
        prepared = load_all([self.by_id[name] for name in names], loader)
        targets = [self.cases.classes.index(self.by_id[name].label) for name in names]
        count = len(split.training)
        zooms = config.inference.closer or (1.0,)
        closer = Closer(config.trainer.closer, (min(zooms), max(zooms)))
        items = ImageItems(prepared, targets[:count], image_augmentation(config), closer)
        beside = [(number, targets[number]) for number in range(count, len(names))]
        return items, DataLoader(
            beside,  # type: ignore[arg-type]
            batch_size=config.inference.batch_size,
            collate_fn=partial(_validated, prepared),
        )

    def learnt(self) -> Mapping[str, Any]:
        """Return classes and channels."""
        return ImageFacts(self.cases.name, self.channels, self.cases.classes).to_mapping()

    def facts(self) -> Mapping[str, Any]:
        """Return what is trained on, what lies on two sides of the fold, and which weights it began with."""
        began = {"began_with": self.began_with} if self.began_with else {}
        if self.checked is None:
            return began
        trained = [self.by_id[name] for name in self.folds[self.checked].training]
        marks = sorted({image_mark(self.digests[case.image], case.slice) for case in trained})
        duplicates = [asdict(one) for one in self.across(self.checked)]
        return {TRAINED: marks, DEALT: self.method, "duplicates": duplicates, **began}


def image_data(data: ImageData) -> ImageDataset:
    """Read the data set's index."""
    return pick(IMAGE_READERS, data.format.name, "data format")(
        data.root, data.classes, **options(data.format)
    )


def image_loader(data: ImageData, channels: int) -> ImageLoader:
    """Return what prepares an image."""
    return ImageLoader(data.size, channels, data.normalization, data.slice_axis)


def classifier(config: ClassificationConfig, channels: int, classes: int) -> Classifier:
    """Build the network, with its second output where the outline is learnt.

    In 2-D its weights lie channels last, in which a CPU trains a narrow ResNet-V2 1.4 times as fast in bf16; but for
    nets that torch 2.13 would crash in.
    """
    dims = len(config.data.size)
    net = pick(CLASSIFICATION_NETS, config.net.name, "network")(
        dims, channels, classes, **options(config.net)
    )
    whole: Classifier = Outlined(net, dims) if config.loss.outline > 0 else net
    if dims == 3 or any(_narrow_step(part) for part in whole.modules()):
        return whole
    return whole.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]


def _narrow_step(part: nn.Module) -> bool:
    """Whether it is a convolution whose gradient oneDNN, channels last, writes beyond its memory (its issue 6035)."""
    if not isinstance(part, nn.Conv2d) or part.in_channels >= 16:
        return False
    return max(part.kernel_size) == 1 < max(part.stride)


def image_augmentation(config: ClassificationConfig) -> Augmentation | None:
    """Build the augmentation; lengths are in pixels of the network's input."""
    chosen = config.trainer.augmentation
    if chosen is None:
        return None
    settings = options(chosen)
    size = config.data.size
    settings["mirror_axes"] = image_axes(config.data, settings["mirror_axes"])
    return Augmentation(**settings, patch_size=size, spacing_mm=(1.0,) * len(size))


def image_axes(data: ImageData, axes: Sequence[int]) -> tuple[int, ...]:
    """Return which axes of a prepared image those in RAS order are: a slice lies as it is displayed."""
    if len(data.size) == 3:
        return tuple(axes)
    columns, rows = (axis for axis in range(3) if axis != data.slice_axis)
    return tuple({rows: 0, columns: 1}[axis] for axis in axes)


def views(config: ClassificationConfig) -> Views:
    """Return how images are looked at."""
    return Views(
        mirrors=image_axes(config.data, config.inference.mirror_axes),
        zooms=config.inference.zooms,
        closer=config.inference.closer,
        precision=partial(resolve_precision, config.trainer.precision),
    )


def _dealt_at_random(cases: ImageDataset, seed: int) -> ImageDataset:
    """Deal the classes of the groups to the groups anew; a group keeps one class for all its images."""
    label_of = {case.group: case.label for case in cases.cases}
    dealt = np.random.default_rng(seed).permutation(list(label_of.values())).tolist()
    anew = dict(zip(label_of, dealt, strict=True))
    return replace(cases, cases=tuple(replace(case, label=anew[case.group]) for case in cases.cases))


def _validated(prepared: Sequence[dict[str, Any]], numbers: Sequence[tuple[int, int]]) -> dict[str, Any]:
    images = [torch.from_numpy(prepared[number]["image"]) for number, _ in numbers]
    return {"image": torch.stack(images), "target": [target for _, target in numbers]}
