"""What segmentation brings to a training."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

from medse.config.run import SegmentationConfig
from medse.data.loading import PreparedCases
from medse.data.patches import PatchDataset
from medse.data.splits import copies, refuse_copies, some_of
from medse.preprocess import window
from medse.runs import build
from medse.runs.directory import DatasetFacts
from medse.runs.training import Training
from medse.tasks.callbacks.budget import Budget
from medse.tasks.optimizers import poly
from medse.tasks.segmentation import SegmentationTask


class SegmentationTraining(Training):
    """Patches of volumes with their label maps."""

    def __init__(self, config: SegmentationConfig) -> None:
        self.config = config
        self.cases = build.dataset(config.data)
        self.by_id = {case.id: case for case in self.cases.cases}
        self.root, self.workers = config.data.root, config.data.workers
        self.folds = build.folds(config, self.cases)
        self.groups = {case.id: case.group for case in self.cases.cases}
        self.files = {case.id: (*case.images, case.label) for case in self.cases.cases}

    @cached_property
    def data(self) -> build.PreparedData:
        """What follows from the headers."""
        return build.prepare_data(self.config, self.cases)

    def network(self) -> nn.Module:
        """Build the network."""
        return build.net(self.config, len(self.cases.channels), self.cases.labels.classes)

    def check_files(self, fold: int) -> None:
        """Raise where a scan that is trained on is validated on, by the bytes of its files."""
        contents = {
            case.id: b"".join(self.digests[path] for path in case.images) for case in self.cases.cases
        }
        refuse_copies(copies(self.folds[fold], self.by_id, contents))

    def task(self, fold: int, network: nn.Module, budget: Budget) -> SegmentationTask:  # noqa: ARG002
        """Read the headers and build the task."""
        config, labels = self.config, self.cases.labels
        segment = build.segmenter(config, network, self.data.preprocessing, labels, len(self.cases.channels))
        return SegmentationTask(
            net=network,
            loss=build.loss(config, labels),
            make_optimizer=build.make_optimizer(config),
            decay=poly,
            share_done=budget.share_done,
            augment=self.data.augmentation,
            scores=segment.scores,
            classes=labels.names,
        )

    def load(self, fold: int) -> tuple[Dataset[Any], DataLoader[Any]]:
        """Read the volumes of a fold; those that lie in training and in validation are refused."""
        config, split = self.config, self.folds[fold]
        watched = some_of(split.validation, config.trainer.validation_cases, config.seed, fold)
        ordered = [self.by_id[name] for name in (*split.training, *watched)]
        prepared = PreparedCases(ordered, self.data.headers.grids, self.data.loader, config.data.cache_gb)
        refuse_copies(copies(split, self.by_id, prepared.contents))
        patches = PatchDataset(
            Subset(prepared, range(len(split.training))),
            window(config.data.patch_size, config.data.slice_axis),
            self.cases.labels.classes,
            config.data.foreground,
            build.slice_axis(config.data),
            self.data.augmentation,
        )
        validation = Subset(prepared, range(len(split.training), len(ordered)))
        return patches, DataLoader(validation, batch_size=None, collate_fn=lambda case: case)

    def learnt(self) -> Mapping[str, Any]:
        """Return channels, labels and spacing."""
        spacing_mm, oriented = self.data.preprocessing.spacing_mm, self.data.headers.oriented
        cases = self.cases
        return DatasetFacts(cases.name, cases.channels, cases.labels, spacing_mm, oriented).to_mapping()

    def facts(self) -> Mapping[str, Any]:
        """Return which cases took the affine of their image."""
        return {"geometry_fixed": self.data.headers.copied}
