"""A run directory: the files in which training and prediction meet."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medse.config.run import Config, dump_config, load_config
from medse.data.splits import Split
from medse.errors import InputError
from medse.files import read_json, write_json, write_text
from medse.labels import Labels, read_dataset_labels

REMEDY = "train again or restore the file"
"""What to do about a file of a run that is missing or damaged."""


@dataclass(frozen=True)
class DatasetFacts:
    """What a run learnt from its data set: needed to apply the network to anything else.

    Attributes:
        channels: Channel names in file order.
        spacing_mm: Spacing of the training grid in RAS order.
        oriented: Whether its scans say where the patient's left is; those to predict must do the same.
    """

    name: str
    channels: tuple[str, ...]
    labels: Labels
    spacing_mm: tuple[float, float, float]
    oriented: bool


class RunDir:
    """Names of the files of a run, and the reading and writing of those that describe it.

    Reading one that is missing or damaged raises an :class:`InputError`.

    Attributes:
        config: The resolved configuration.
        dataset: Channels, labels and spacing, in the form of an nnU-Net ``dataset.json``.
        splits: All folds, and which of them this run validates on.
        validation_cases: Ids of the validation cases, one per line; where cases are grouped, with their group after
            a tab.
        provenance: Versions, commit, seed, data fingerprint and device.
        log: A row per epoch.
        checkpoints: Folder of ``last.ckpt`` and ``best.ckpt``.
        weights: The network's final weights; exists when the training is complete.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.dataset = path / "dataset.json"
        self.splits = path / "splits.json"
        self.validation_cases = path / "validation_cases.txt"
        self.provenance = path / "provenance.json"
        self.log = path / "log.csv"
        self.checkpoints = path / "checkpoints"
        self.weights = path / "model.safetensors"

    def write(
        self,
        config: Config,
        learnt: DatasetFacts,
        folds: tuple[Split, ...],
        fold: int,
        groups: Mapping[str, str],
        provenance: dict[str, Any],
    ) -> None:
        """Write everything that is known before the first step; ``groups`` is the group of each case."""
        write_text(self.config, dump_config(config))
        facts = {
            "name": learnt.name,
            "channel_names": {str(i): name for i, name in enumerate(learnt.channels)},
            "labels": learnt.labels.to_mapping(),
            "spacing_mm": learnt.spacing_mm,
            "oriented": learnt.oriented,
        }
        write_json(self.dataset, facts)
        write_json(self.splits, {"fold": fold, "folds": [asdict(split) for split in folds]})
        lines = (
            name if groups[name] == name else f"{name}\t{groups[name]}" for name in folds[fold].validation
        )
        write_text(self.validation_cases, "".join(f"{line}\n" for line in lines))
        write_json(self.provenance, provenance)

    def read_config(self) -> Config:
        """Read the configuration."""
        if not self.config.is_file():
            raise InputError(
                f"{self.path} is not a run directory: it has no config.yaml; give one that train made."
            )
        return load_config(self.config)

    def read_dataset(self) -> DatasetFacts:
        """Read what the run learnt from its data set."""
        facts = read_json(self.dataset, REMEDY)
        labels = read_dataset_labels(self.dataset)
        try:
            channels = tuple(str(name) for name in facts["channel_names"].values())
            x, y, z = (float(length) for length in facts["spacing_mm"])
            return DatasetFacts(str(facts["name"]), channels, labels, (x, y, z), bool(facts["oriented"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{self.dataset} is damaged ({error!r}); {REMEDY}.") from error

    def read_fingerprint(self) -> str:
        """Read the hash of the data the run was started on."""
        found = read_json(self.provenance, REMEDY).get("data_sha256")
        if not isinstance(found, str):
            raise InputError(f"{self.provenance} does not say which data the run was started on; {REMEDY}.")
        return found

    def read_fold(self) -> int:
        """Read which fold the run validates on."""
        fold = read_json(self.splits, REMEDY).get("fold")
        if not isinstance(fold, int):
            raise InputError(f"{self.splits} names no fold; {REMEDY}.")
        return fold
