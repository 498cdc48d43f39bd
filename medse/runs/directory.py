"""A run directory: the files in which training and prediction meet."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medse.config.classification import ClassificationConfig
from medse.config.run import Config, dump_config, load_config
from medse.data.splits import Split
from medse.errors import InputError
from medse.files import PART, read_json, refuse_existing, write_json, write_text
from medse.labels import Labels, read_dataset_labels
from medse.runs.lock import LOCK
from medse.tasks.callbacks.recording import RESUME, RUN_ID

REMEDY = "train again with another run folder (--run), or restore the file"
"""What to do about a file of a run that is missing or damaged."""

TRAINED = "trained_images"
"""Key under which the provenance lists the marks of images that were trained on."""
DEALT = "split_method"
"""Key under which the provenance says how images were dealt to the folds."""

START = "make room or give another run folder (--run) that can be written to"
"""What to do where a training cannot write its first files."""


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

    def to_mapping(self) -> dict[str, Any]:
        """Return them as ``dataset.json`` holds them."""
        return {
            "name": self.name,
            "channel_names": {str(i): name for i, name in enumerate(self.channels)},
            "labels": self.labels.to_mapping(),
            "spacing_mm": self.spacing_mm,
            "oriented": self.oriented,
        }


@dataclass(frozen=True)
class ImageFacts:
    """What a run that gives images a class learnt from its data set.

    Attributes:
        channels: 1 for grey images, 3 for colours.
        classes: In the order of the network's outputs.
    """

    name: str
    channels: int
    classes: tuple[str, ...]

    def to_mapping(self) -> dict[str, Any]:
        """Return them as ``dataset.json`` holds them."""
        return {"name": self.name, "channels": self.channels, "classes": list(self.classes)}


class RunDir:
    """Names of the files of a run, and the reading and writing of those that describe it.

    Reading one that is missing or damaged raises an :class:`InputError`.

    Attributes:
        config: The resolved configuration.
        dataset: Channels, labels and spacing, in the form of an nnU-Net ``dataset.json``.
        splits: All folds, and which of them this run validates on.
        validation_cases: Ids of the validation cases, one per line; where cases are grouped, with their group after
            a tab.
        provenance: Which run this is, versions, commit, seed, data fingerprint, device; what changed when the run was
            resumed.
        log: A row per epoch.
        checkpoints: Folder of ``last.ckpt``, ``previous.ckpt`` and ``best.ckpt``.
        weights: The network's final weights; exists when the training is complete.
        weights_before: The final weights of a training that was given more time and goes on.
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
        self.weights_before = path / "model_before.safetensors"

    def refuse_started(self) -> None:
        """Raise when the folder holds anything but what a start left that was killed before it was a run.

        Raises:
            InputError: It does.
        """
        if not self._only_remains():
            remedy = "continue that run (--resume), or " if self.config.is_file() else ""
            refuse_existing(self.path, f"{remedy}give another run folder (--run)")

    def remove_unfinished(self) -> None:
        """Remove the unfinished files that a killed training left; to be called by one that holds the lock."""
        for folder in (self.path, self.checkpoints):
            for path in folder.glob(f"{PART}*"):
                path.unlink()

    def _only_remains(self) -> bool:
        """Whether all there is was written by a start that did not come to ``config.yaml``, its last file."""
        if not (self.path / LOCK).is_file():
            return False
        first = {
            LOCK,
            *(path.name for path in (self.dataset, self.splits, self.validation_cases, self.provenance)),
        }
        return all(path.name in first or path.name.startswith(PART) for path in self.path.iterdir())

    def write(
        self,
        config: Config,
        learnt: Mapping[str, Any],
        folds: tuple[Split, ...],
        fold: int,
        groups: Mapping[str, str],
        provenance: dict[str, Any],
    ) -> None:
        """Write everything that is known before the first step; ``learnt`` is for ``dataset.json``.

        The configuration comes last: with it the folder is a run.
        """
        write_json(self.dataset, learnt, START)
        write_json(self.splits, {"fold": fold, "folds": [asdict(split) for split in folds]}, START)
        self._write_validation_cases(folds[fold], groups, START)
        write_json(self.provenance, provenance, START)
        write_text(self.config, dump_config(config), START)

    def restore_validation_cases(self, groups: Mapping[str, str]) -> None:
        """Write the list of the validation cases again where it is missing."""
        if not self.validation_cases.exists():
            self._write_validation_cases(self.read_folds()[self.read_fold()], groups, RESUME)

    def _write_validation_cases(self, split: Split, groups: Mapping[str, str], remedy: str) -> None:
        lines = (name if groups[name] == name else f"{name}\t{groups[name]}" for name in split.validation)
        write_text(self.validation_cases, "".join(f"{line}\n" for line in lines), remedy)

    def check_files(self) -> None:
        """Raise where what a training writes as a file is a folder or anything else."""
        for path in (self.log, self.weights, self.weights_before, self.validation_cases):
            if path.exists() and not path.is_file():
                raise InputError(f"{path} is no file, and medse writes one of that name; move it elsewhere.")

    def add_resumed(self, facts: dict[str, Any]) -> None:
        """Add to the provenance how the run was resumed."""
        before = read_json(self.provenance, REMEDY)
        earlier = before.get("resumed")
        all_of_them = [*(earlier if isinstance(earlier, list) else []), facts]
        write_json(self.provenance, {**before, "resumed": all_of_them}, RESUME)

    def read_changed(self) -> dict[str, list[Any]]:
        """Return key -> value as configured, and as last resumed, where they differ."""
        earlier = read_json(self.provenance, REMEDY).get("resumed", [])
        match earlier:
            case []:
                return {}
            case [*_, {"changed": dict() as changed}] if all(
                isinstance(both, list) and len(both) == 2 for both in changed.values()
            ):
                return changed
        raise InputError(f"{self.provenance} does not say how the run was resumed; {REMEDY}.")

    def read_config(self) -> Config:
        """Read the configuration."""
        if not self.path.exists():
            raise InputError(f"{self.path} does not exist; give a run directory that train made.")
        if not self.config.is_file():
            if self.path.is_dir() and self._only_remains():
                raise InputError(
                    f"{self.path} is no run yet: its start ended before the first step; start it again without "
                    "--resume."
                )
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

    def read_image_facts(self) -> ImageFacts:
        """Read what a run that gives images a class learnt from its data set."""
        facts = read_json(self.dataset, REMEDY)
        try:
            classes = tuple(str(name) for name in facts["classes"])
            return ImageFacts(str(facts["name"]), int(facts["channels"]), classes)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self.dataset} is damaged ({error!r}); {REMEDY}.") from error

    def read_split_facts(self, config: ClassificationConfig) -> dict[str, str]:
        """Return in words how training and validation images of a run were told apart."""
        fold = self.read_fold()
        split = self.read_folds()[fold]
        data = config.data
        return {
            "method": str(read_json(self.provenance, REMEDY).get(DEALT, data.split)),
            "groups when dealt": "ignored" if data.split == "images" else "kept together",
            "folds": str(len(self.read_folds())),
            "fold": str(fold),
            "trained on": str(len(split.training)),
            "validated on": str(len(split.validation)),
            "duplicates across": data.duplicates,
            "slice_axis": str(data.slice_axis),
            "labels": "dealt at random, a control" if data.random_labels else "as given",
        }

    def read_trained(self) -> frozenset[str]:
        """Read the marks of the images that a run of task classification was trained on."""
        found = read_json(self.provenance, REMEDY).get(TRAINED)
        if not isinstance(found, list):
            raise InputError(f"{self.provenance} does not say which images the run was trained on; {REMEDY}.")
        return frozenset(map(str, found))

    def read_duplicates(self) -> list[dict[str, str]] | None:
        """Return the pairs of images found to be the same on both sides of the split; None where nobody looked."""
        found = read_json(self.provenance, REMEDY).get("duplicates")
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            return None
        return [{str(key): str(value) for key, value in one.items()} for one in found]

    def check_dataset(self, config: Config) -> None:
        """Raise unless what a run of ``config`` learnt from its data set can be read."""
        if isinstance(config, ClassificationConfig):
            self.read_image_facts()
        else:
            self.read_dataset()

    def read_fingerprint(self) -> str:
        """Read the hash of the data the run was started on."""
        return self._read_provenance("data_sha256", "which data the run was started on")

    def read_identity(self) -> str:
        """Read which run this is; its files of weights say the same."""
        return self._read_provenance(RUN_ID, "which run this is")

    def read_precision(self) -> str:
        """Read in which precision the run trains, by Lightning's name."""
        return self._read_provenance("precision", "in which precision the run trains")

    def _read_provenance(self, key: str, what: str) -> str:
        found = read_json(self.provenance, REMEDY).get(key)
        if not isinstance(found, str):
            raise InputError(f"{self.provenance} does not say {what}; {REMEDY}.")
        return found

    def read_fold(self) -> int:
        """Read which fold the run validates on."""
        fold = read_json(self.splits, REMEDY).get("fold")
        if type(fold) is not int or fold < 0:
            raise InputError(f"{self.splits} names no fold; {REMEDY}.")
        return fold

    def read_folds(self) -> tuple[Split, ...]:
        """Read how the cases were dealt to folds."""
        try:
            folds = read_json(self.splits, REMEDY)["folds"]
            return tuple(Split(tuple(each["training"]), tuple(each["validation"])) for each in folds)
        except (KeyError, TypeError) as error:
            raise InputError(f"{self.splits} is damaged ({error!r}); {REMEDY}.") from error
