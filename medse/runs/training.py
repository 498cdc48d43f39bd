"""What each task brings to a training; :mod:`medse.train` does the rest."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn
from torch.utils.data import DataLoader, Dataset

from medse.data.splits import Split
from medse.runs.provenance import digest_of, file_digests
from medse.tasks.callbacks.budget import Budget
from medse.tasks.task import Task


class Training(ABC):
    """A configuration with its data set, from the index of cases to batches; each method does more work.

    Attributes:
        root: Folder of the data set.
        folds: How its cases are dealt.
        groups: Case id -> group.
        files: Case id -> the files of its case.
        workers: Processes that prepare batches beside the training.
    """

    root: Path
    folds: tuple[Split, ...]
    groups: Mapping[str, str]
    files: Mapping[str, tuple[Path, ...]]
    workers: int

    @cached_property
    def digests(self) -> Mapping[Path, bytes]:
        """The SHA-256 of every file."""
        return file_digests([path for files in self.files.values() for path in files])

    def fingerprint(self) -> str:
        """Return what is alike for data sets whose files are alike."""
        return digest_of(self.files, self.digests)

    @abstractmethod
    def network(self) -> nn.Module:
        """Build the network with new weights, or those that the configuration begins with."""

    @abstractmethod
    def check_files(self, fold: int) -> None:
        """Raise where what is trained on is validated on, as far as the bytes of the files tell."""

    @abstractmethod
    def task(self, fold: int, network: nn.Module, budget: Budget) -> Task:
        """Read what is needed beside the images, and build what Lightning trains."""

    @abstractmethod
    def load(self, fold: int) -> tuple[Dataset[Any], DataLoader[Any]]:
        """Read the images: what ``(case, seed)`` pairs become for training, and batches for validation.

        Raises:
            InputError: One cannot be used, or is trained on and validated on.
        """

    @abstractmethod
    def learnt(self) -> Mapping[str, Any]:
        """Return what the run has to know of its data set to be applied to anything else, for ``dataset.json``."""

    @abstractmethod
    def facts(self) -> Mapping[str, Any]:
        """Return what else is recorded of the data in ``provenance.json``."""
