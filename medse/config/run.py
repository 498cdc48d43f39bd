"""The whole configuration of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, NonNegativeInt

from medse.config.overrides import apply_overrides
from medse.config.packaged import find_config
from medse.config.sections import Data, Evaluation, Inference, Schedule, Section
from medse.config.strict_yaml import dump_yaml, read_yaml
from medse.config.validation import validate
from medse.data.augmentation.augmentation import DERIVED as AUGMENTATION_DERIVED
from medse.data.augmentation.augmentation import Augmentation
from medse.files import given_path
from medse.nets import SEGMENTATION_NETS
from medse.nets.network import DERIVED as NET_DERIVED
from medse.registry import check_arguments, one_of, options_model
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


class Config(Section):
    """One run of medse: data, network, loss, optimizer, training, inference and evaluation."""

    data: Data
    net: Net
    loss: Loss
    optimizer: Optimizer
    trainer: Trainer
    inference: Inference = Inference()
    evaluation: Evaluation = Evaluation()
    seed: NonNegativeInt = 0
    """Seed of the folds, the weights, the patches and the augmentation."""


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
    return validate(apply_overrides(read_yaml(find_config(given_path(path))), overrides, Config), Config)


def dump_config(config: Config) -> str:
    """Return the configuration as YAML with every default written out."""
    return dump_yaml(config.model_dump(mode="json"))


def options(section: BaseModel) -> dict[str, Any]:
    """Return a section as plain keyword arguments, without its ``name``."""
    return {key: value for key, value in section.model_dump().items() if key != "name"}
