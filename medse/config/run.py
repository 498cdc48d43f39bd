"""The whole configuration of a run, of either task."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, NonNegativeInt

from medse.allowed import KeyPath, Schema, child, dotted, keys, meant, schema_of, shown
from medse.config.classification import ClassificationConfig
from medse.config.overrides import apply_overrides
from medse.config.packaged import find_config
from medse.config.sections import Data, Evaluation, Inference, Schedule, Section
from medse.config.strict_yaml import Source, dump_yaml, read_yaml
from medse.config.validation import validate
from medse.data.augmentation.augmentation import DERIVED as AUGMENTATION_DERIVED
from medse.data.augmentation.augmentation import Augmentation
from medse.files import given_path
from medse.nets import SEGMENTATION_NETS
from medse.nets.network import DERIVED as NET_DERIVED
from medse.registry import check_arguments, one_of, options_model, pick
from medse.tasks.losses import DERIVED as LOSS_DERIVED
from medse.tasks.losses import LOSSES
from medse.tasks.optimizers import DERIVED as OPTIMIZER_DERIVED
from medse.tasks.optimizers import OPTIMIZERS

if TYPE_CHECKING:

    class Net(BaseModel):
        """A member of a table with its options, as far as a type checker can know it."""

        name: str

    Loss = Net
    Optimizer = Net
    AugmentationOptions = Net
else:
    Net = one_of(SEGMENTATION_NETS, NET_DERIVED)
    Loss = one_of(LOSSES, LOSS_DERIVED)
    Optimizer = one_of(OPTIMIZERS, OPTIMIZER_DERIVED)
    AugmentationOptions = options_model(Augmentation, AUGMENTATION_DERIVED)


class Trainer(Schedule):
    """Length, hardware and augmentation of a training."""

    augmentation: AugmentationOptions | None = None
    """Random changes to each batch; none for no augmentation."""


class SegmentationConfig(Section):
    """One run of medse that labels voxels: data, network, loss, optimizer, training, inference and evaluation."""

    task: Literal["segmentation"] = "segmentation"
    """What is learnt: a class for each voxel."""
    data: Data
    net: Net
    loss: Loss
    optimizer: Optimizer
    trainer: Trainer
    inference: Inference = Inference()
    evaluation: Evaluation = Evaluation()
    seed: NonNegativeInt = 0
    """Seed of the folds, the weights, the patches and the augmentation."""


Config = SegmentationConfig | ClassificationConfig
TASKS: dict[str, type[Config]] = {"segmentation": SegmentationConfig, "classification": ClassificationConfig}
"""``task`` in a config -> what the config then has; the first where it has none."""


@check_arguments()
def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration by its path or packaged name, apply ``section.key=value`` overrides and check every value.

    Raises:
        InputError: The file or an override has mistakes; all of them are listed, each with its line, key,
            what was given and what is allowed.

    Example:
        >>> config = load_config("quickstart.yaml", ["optimizer.lr=1e-3", "net.attention=none"])
        >>> config.optimizer.lr, config.net.attention
        (0.001, None)
    """
    source = read_yaml(find_config(given_path(path)))
    model = _model(source, overrides)
    source = apply_overrides(source, overrides, model)
    return validate(source, model, _of_another_task(model, source.tree))


def dump_config(config: Config) -> str:
    """Return the configuration as YAML with every default written out."""
    return dump_yaml(config.model_dump(mode="json"))


def options(section: BaseModel) -> dict[str, Any]:
    """Return a section as plain keyword arguments, without its ``name``."""
    return {key: value for key, value in section.model_dump().items() if key != "name"}


def _model(source: Source, overrides: Sequence[str]) -> type[Config]:
    """Return what a configuration of the task that an override or else ``source`` names has."""
    named = [text.partition("=")[2].strip() for text in overrides if text.partition("=")[0].strip() == "task"]
    task = named[0] if named else source.tree.get("task", next(iter(TASKS)))
    return pick(TASKS, str(task), "task")


def _of_another_task(model: type[Config], tree: Mapping[str, Any]) -> dict[KeyPath, str]:
    """Return the keys in ``tree`` that not ``model`` but the configuration of another task has, each with why."""
    (own,) = (name for name, one in TASKS.items() if one is model)
    found: dict[KeyPath, str] = {}

    def look(path: KeyPath, section: Mapping[str, Any], here: Schema, there: Schema, other: str) -> None:
        here, there = meant(here, section), meant(there, section)
        for key, value in section.items():
            if key in keys(here):
                if isinstance(value, Mapping):
                    look((*path, key), value, child(here, key), child(there, key), other)
            elif key in keys(there):
                found[*path, key] = (
                    f"{dotted((*path, key))} = {shown(value)}: it is for task {other} and this is task {own}; leave "
                    f"it out, or set task: {other}"
                )

    for other, its in TASKS.items():
        if its is not model:
            look((), tree, schema_of(model), schema_of(its), other)
    return found
