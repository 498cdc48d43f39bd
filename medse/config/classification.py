"""The configuration of a run that gives images a class."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from medse.config.classification_scoring import ClassificationEvaluation
from medse.config.sections import ClassName, Schedule, Section, different
from medse.data.augmentation.augmentation import DERIVED as AUGMENTATION_DERIVED
from medse.data.augmentation.augmentation import Augmentation
from medse.data.images.loading import ImageNormalization
from medse.data.images.readers import DERIVED as READER_DERIVED
from medse.data.images.readers import IMAGE_READERS
from medse.data.images.splits import ImageMethod
from medse.files import given_path
from medse.nets import CLASSIFICATION_NETS
from medse.nets.network import DERIVED as NET_DERIVED
from medse.registry import one_of, options_model
from medse.tasks.classification_losses import CLASSIFICATION_LOSSES
from medse.tasks.classification_losses import DERIVED as LOSS_DERIVED
from medse.tasks.optimizers import DERIVED as OPTIMIZER_DERIVED
from medse.tasks.optimizers import OPTIMIZERS

if TYPE_CHECKING:

    class Named(BaseModel):
        """A member of a table with its options, as far as a type checker can know it."""

        name: str

    ImageFormat = Named
    ClassificationNet = Named
    ImageOptimizer = Named
    ImageAugmentation = Named

    class ClassificationLoss(Named):
        """The same of a loss."""

        outline: float

else:
    ImageFormat = one_of(IMAGE_READERS, READER_DERIVED)
    ClassificationNet = one_of(CLASSIFICATION_NETS, NET_DERIVED)
    ClassificationLoss = one_of(CLASSIFICATION_LOSSES, LOSS_DERIVED)
    ImageOptimizer = one_of(OPTIMIZERS, OPTIMIZER_DERIVED)
    ImageAugmentation = options_model(Augmentation, AUGMENTATION_DERIVED)

Axes = tuple[Literal[0, 1, 2], ...]
Share = Annotated[float, Field(ge=0, lt=1)]


class ImageData(Section):
    """Where the images are and how they reach the network."""

    root: Annotated[Path, AfterValidator(given_path), AfterValidator(Path.absolute)]
    """Folder of the data set, relative to where the command runs, or from the home folder on (~/)."""
    format: ImageFormat = Field(default="csv", validate_default=True)
    """Layout of that folder: csv (a table of image, label, mask, group, split) or class_folders."""
    classes: Annotated[tuple[ClassName, ...], Field(min_length=2), AfterValidator(different)] | None = None
    """Names of the classes in the order of the outputs; none takes those found, in natural order."""
    size: Annotated[tuple[PositiveInt, ...], Field(min_length=2, max_length=3)]
    """Pixels to which images are scaled: rows and columns, or three lengths (RAS) for whole volumes."""
    slice_axis: Literal[0, 1, 2] = 2
    """Axis in RAS order that slices of volumes are cut across."""
    normalization: ImageNormalization = "zscore"
    """Intensities: zscore per image, zscore_nonzero without 0s, unit from 0 to 1, signed_unit for Keras' weights."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Number of folds for cross-validation; whole groups are dealt to them, unless the data gives its own folds."""
    split: ImageMethod = "random"
    """How groups are dealt: random, contiguous, or images, which ignores groups and scores too well."""
    duplicates: Literal["refuse", "allow"] = "refuse"
    """Whether an image may lie in training and, the same or nearly so, in validation; what was found is recorded."""
    random_labels: bool = False
    """Whether the classes are dealt to the groups at random: a control, whose accuracy must be that of guessing."""


class ClassifierTrainer(Schedule):
    """Length, hardware, augmentation and averaging of a training; the rate warms up and falls as a cosine."""

    batch_size: PositiveInt = 32
    """Images in a step."""
    warmup: Share = 0.05
    """Share of the training in which the learning rate rises to its value."""
    averaging: Annotated[float, Field(gt=0, lt=1)] | None = 0.998
    """Decay of the moving average of the weights, which is what is kept; none keeps the last weights themselves."""
    mixup: NonNegativeFloat = 0.0
    """Parameter of the Beta distribution by whose shares two images are added up; 0 for no mixup."""
    cutmix: NonNegativeFloat = 0.0
    """The same for the share that a box cut from another image takes; 0 for no CutMix."""
    closer: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the images with an outline that are seen from close by, as enlarged as inference.closer says."""
    augmentation: ImageAugmentation | None = None
    """Random changes to each image, lengths in pixels of data.size; none for no augmentation."""
    weights: Annotated[Path, AfterValidator(given_path), AfterValidator(Path.absolute)] | None = None
    """File of published weights to begin with, all but the last layer; nothing is downloaded."""


class ClassifierInference(Section):
    """How images are classified: the mean over the views of each."""

    mirror_axes: Axes = ()
    """Axes (RAS order, 0 is left-right) along which each image is seen mirrored too."""
    zooms: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (1.0,)
    """Sizes at which each image is seen, 1 as it is; above 1 its middle is enlarged."""
    closer: tuple[Annotated[float, Field(gt=1)], ...] = ()
    """How often enlarged the surroundings of the outline that the network draws are seen beside the whole image."""
    batch_size: PositiveInt = 64
    """Images that the network sees at once."""


class ClassificationConfig(Section):
    """One run of medse that gives images a class: data, network, loss, optimizer, training, inference, evaluation."""

    task: Literal["classification"]
    """What is learnt: a class for each image."""
    data: ImageData
    net: ClassificationNet
    loss: ClassificationLoss
    optimizer: ImageOptimizer
    trainer: ClassifierTrainer
    inference: ClassifierInference = ClassifierInference()
    evaluation: ClassificationEvaluation = ClassificationEvaluation()
    seed: NonNegativeInt = 0
    """Seed of the folds, the weights, the order of the images and the augmentation."""

    @model_validator(mode="after")
    def _closer(self) -> Self:
        if self.inference.closer and not self.loss.outline:
            raise ValueError(
                f"inference.closer is {list(self.inference.closer)}, and no outline is learnt around which to look; "
                "give loss.outline a weight above 0, or leave inference.closer out"
            )
        if self.trainer.closer and not self.inference.closer:
            raise ValueError(
                f"trainer.closer is {self.trainer.closer:g}, and inference.closer does not say how often enlarged; "
                "give both, such as inference.closer: [1.5, 2.0, 2.5]"
            )
        return self

    @model_validator(mode="after")
    def _axes(self) -> Self:
        flat = len(self.data.size) == 2
        if not flat and self.data.slice_axis != 2:
            raise ValueError("data.size has 3 lengths, so there are no slices; leave data.slice_axis out")
        chosen: Any = self.trainer.augmentation
        given = {"inference.mirror_axes": self.inference.mirror_axes}
        if chosen is not None:
            given["trainer.augmentation.mirror_axes"] = chosen.mirror_axes
        for key, axes in given.items():
            if len(set(axes)) < len(axes):
                raise ValueError(f"{key} is {list(axes)}; each axis counts once; leave one out")
            if flat and self.data.slice_axis in axes:
                raise ValueError(
                    f"{key} is {list(axes)} and slices are cut across axis {self.data.slice_axis}; they have no "
                    "such axis; leave it out"
                )
        return self
