"""What a configuration for classification would train on; nothing is trained or written."""

from collections import Counter
from dataclasses import dataclass

import torch

from medse.config.classification import ClassificationConfig
from medse.data.images.loading import load_all
from medse.profiling.facts import NetFacts, net_facts
from medse.runs.classification import ClassificationTraining, classifier, image_loader
from medse.runs.hardware import resolve_device, resolve_precision


@dataclass(frozen=True)
class ClassCount:
    """How often a class occurs: images, groups, and images of fold 0 in training and validation."""

    name: str
    images: int
    groups: int
    training: int
    validation: int


@dataclass(frozen=True)
class CheckedImages:
    """What ``medse check`` prints.

    Attributes:
        test: Images that no fold trains or validates on.
        left_out: Images that fold 0 leaves out because their group stands beside the validation part.
        outlined: Images with a mask.
        across: Pairs of images that are the same, or nearly so, on two sides of a fold.
        steps_per_epoch: Optimizer steps in an epoch.
        epochs: Epochs, None when minutes alone end the training.
        minutes: Minutes, None when epochs alone end the training.
    """

    name: str
    images: int
    groups: int
    training: int
    validation: int
    test: int
    left_out: int
    channels: int
    outlined: int
    classes: tuple[ClassCount, ...]
    net: NetFacts
    device: str
    split: str
    across: int
    steps_per_epoch: int
    epochs: int | None
    minutes: float | None


def check_images(config: ClassificationConfig) -> CheckedImages:
    """Read every image, build the network without memory, and count.

    Raises:
        InputError: The configuration, a file or the device cannot be used, or images lie on both sides of a split.
    """
    device = resolve_device(config.trainer.device)
    training = ClassificationTraining(config)
    cases = training.cases.cases
    if config.trainer.weights is None:
        training.check_outlines()
    else:
        training.network()  # reads the weights too
    for fold in range(len(training.folds)):
        training.check_files(fold)
    across = {
        frozenset((one.one, one.other))
        for fold in range(len(training.folds))
        for one in training.across(fold)
    }
    load_all(cases, image_loader(config.data, training.channels))
    split = training.folds[0]
    sides = {name: side for side, names in enumerate((split.training, split.validation)) for name in names}
    dealt = {name for one in training.folds for name in (*one.training, *one.validation)}
    counts = Counter((case.label, sides.get(case.id)) for case in cases)
    return CheckedImages(
        name=training.cases.name,
        images=len(cases),
        groups=len({case.group for case in cases}),
        training=len(split.training),
        validation=len(split.validation),
        test=len(cases) - len(dealt),
        left_out=len(dealt) - len(sides),
        channels=training.channels,
        outlined=sum(case.mask is not None for case in cases),
        classes=tuple(
            ClassCount(
                name,
                sum(case.label == name for case in cases),
                len({case.group for case in cases if case.label == name}),
                counts[name, 0],
                counts[name, 1],
            )
            for name in training.cases.classes
        ),
        net=_facts(config, training, device),
        device=device.type,
        split=training.method,
        across=len(across),
        steps_per_epoch=config.trainer.steps_per_epoch,
        epochs=config.trainer.max_epochs,
        minutes=config.trainer.max_minutes,
    )


def _facts(config: ClassificationConfig, training: ClassificationTraining, device: torch.device) -> NetFacts:
    """Build the network without memory, and once more without its attention; both without the outline's output."""
    config = config.model_copy(update={"loss": config.loss.model_copy(update={"outline": 0.0})})
    plain = config.model_copy(update={"net": config.net.model_copy(update={"attention": None})})
    channels, classes = training.channels, len(training.cases.classes)
    with torch.device("meta"):
        network, without = (classifier(one, channels, classes) for one in (config, plain))
    return net_facts(
        network,
        None if plain == config else without,
        (config.trainer.batch_size, channels, *config.data.size),
        precision=resolve_precision(config.trainer.precision, device),
        device=device.type,
    )
