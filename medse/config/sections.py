"""The sections of a configuration that need no torch."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from medse.data.readers import DERIVED, READERS
from medse.data.splits import Method
from medse.files import given_path
from medse.labels import Labels
from medse.machine import DEVICE, Precision
from medse.metrics.conventions import ConventionName
from medse.preprocess import Normalization
from medse.registry import one_of

Fraction = Annotated[float, Field(ge=0, le=1)]
Tolerance = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _named(value: object) -> object:
    """Read a bare number as the name of the class that is named after this value."""
    return str(value) if type(value) is int else value


def different(names: tuple[str, ...]) -> tuple[str, ...]:
    """Raise a ``ValueError`` if a name stands twice."""
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{', '.join(map(repr, repeated))} twice; each name counts once; leave one out")
    return names


def _device(name: str) -> str:
    if not re.fullmatch(DEVICE, name):
        raise ValueError(
            f"device is {name!r}; allowed are auto, cpu, cuda, cuda:0, cuda:1 and so on, and mps; give one of them"
        )
    return name


ClassName = Annotated[str, BeforeValidator(_named)]
Classes = Annotated[tuple[ClassName, ...], AfterValidator(different)]
SomeClasses = Annotated[tuple[ClassName, ...], Field(min_length=1), AfterValidator(different)]

if TYPE_CHECKING:

    class Format(BaseModel):
        """A reader with its options, as far as a type checker can know it."""

        name: str
        images: tuple[str, ...] | None

else:
    Format = one_of(READERS, DERIVED)


class Section(BaseModel):
    """A strict, frozen part of a configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Data(Section):
    """Where the cases are and how they reach the network."""

    root: Annotated[Path, AfterValidator(given_path), AfterValidator(Path.absolute)]
    """Folder of the data set, relative to where the command runs, or from the home folder on (~/)."""
    format: Format = Field(default="msd", validate_default=True)
    """Layout of that folder: msd (dataset.json of the Medical Segmentation Decathlon), nnunet, csv or folders."""
    labels: dict[str, int | list[int]] | None = None
    """Class name to its value in label files, or to a list of values that are merged; none takes dataset.json's."""
    fix_geometry: Literal["copy-affine"] | None = None
    """How headers that disagree are made to agree: copy-affine takes the image's; none refuses them."""
    patch_size: Annotated[tuple[PositiveInt, ...], Field(min_length=2, max_length=3)]
    """Voxels the network sees at once, in RAS order, on the grid of spacing_mm; two lengths make it a 2-D network."""
    slice_axis: Literal[0, 1, 2] = 2
    """Axis in RAS order that a 2-D network's slices are cut across."""
    spacing_mm: Annotated[tuple[PositiveFloat, ...], Field(min_length=2, max_length=3)] | None = None
    """Spacing volumes are resampled to, in RAS order; none takes the median of the cases."""
    normalization: Normalization = "zscore"
    """Intensities: zscore per volume, zscore_nonzero without the skull, hounsfield for CT, none as in the file."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Number of folds for cross-validation; whole groups are dealt to them, unless the data gives its own folds."""
    split: Method = "random"
    """How groups are dealt: random, or contiguous in the order of their names, each fold's neighbours left out."""
    foreground: Fraction = 0.67
    """Share of training patches centred on a foreground class."""
    cache_gb: PositiveFloat = 8.0
    """Memory for prepared cases in GB; cases beyond it are read each time."""
    workers: NonNegativeInt = 0
    """Processes that prepare patches beside the training; 0 is right while all cases fit the cache."""

    @field_validator("labels")
    @classmethod
    def _classes(cls, labels: dict[str, int | list[int]] | None) -> dict[str, int | list[int]] | None:
        if labels is not None:
            Labels.from_mapping(labels, "the mapping")
        return labels

    @field_validator("slice_axis")
    @classmethod
    def _slices(cls, axis: int, given: ValidationInfo) -> int:
        if axis != 2 and len(given.data.get("patch_size", ())) == 3:
            raise ValueError(
                "patch_size has 3 lengths, so there are no slices; give patch_size 2 lengths or leave slice_axis out"
            )
        return axis

    @field_validator("spacing_mm")
    @classmethod
    def _as_many(
        cls, spacing_mm: tuple[float, ...] | None, given: ValidationInfo
    ) -> tuple[float, ...] | None:
        lengths = len(given.data.get("patch_size", spacing_mm or ()))
        if spacing_mm is not None and len(spacing_mm) != lengths:
            raise ValueError(f"expected as many lengths as patch_size has, {lengths}; give one for each axis")
        return spacing_mm


class Inference(Section):
    """How whole volumes are segmented."""

    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share by which neighbouring windows overlap."""
    batch_size: PositiveInt = 1
    """Windows the network sees at once."""


class Evaluation(Section):
    """How predictions are scored."""

    convention: ConventionName = "medse"
    """Rules for empty masks, surfaces and percentiles; it is named in every report."""
    beside: Annotated[tuple[ConventionName, ...], AfterValidator(different)] = ()
    """Other conventions whose numbers are shown beside."""
    classes: SomeClasses | None = None
    """Classes to score, in this order; all and the merged ones unless given."""
    merged: dict[str, SomeClasses] = Field(default_factory=dict)
    """Further classes, each the union of others: {kidneys: [kidney_left, kidney_right]}."""
    distances: bool = True
    """Whether to compute surface distances beside overlap and volumes."""
    tolerance_mm: Tolerance | dict[str, Tolerance] | None = None
    """Deviation of a surface that counts as agreement, for all classes or by class; without one there is no NSD."""
    centreline: Classes = ()
    """Classes that are tubes, whose centrelines are compared."""
    lesions: Classes = ()
    """Classes that are taken apart into lesions (connected components)."""
    lesion_connectivity: Literal["faces", "edges", "corners"] = "corners"
    """What voxels of one lesion must share."""
    lesion_iou: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Least IoU of two lesions that belong together."""
    unit: Literal["case", "group"] = "case"
    """What counts once in means and intervals: a case, or a group (patient) by the mean of its cases."""

    @model_validator(mode="after")
    def _beside_another(self) -> Self:
        if self.convention in self.beside:
            raise ValueError(
                f"{self.convention} is the convention and stands beside itself; leave it out of beside"
            )
        return self


class Schedule(Section):
    """How long a training lasts: ``max_epochs``, ``max_minutes`` or whichever comes first of both."""

    max_epochs: PositiveInt | None = None
    """Epochs after which the training ends."""
    max_minutes: PositiveFloat | None = None
    """Minutes after which the training ends, its learning rate schedule complete."""
    steps_per_epoch: PositiveInt = 50
    """Optimizer steps in an epoch."""
    batch_size: PositiveInt = 2
    """Patches in a step."""
    validate_every: PositiveInt = 5
    """Epochs between validations on whole volumes."""
    validation_cases: PositiveInt | None = None
    """Cases that these see, chosen by seed and fold; none sees all of the fold. The best epoch is best on them."""
    device: Annotated[str, AfterValidator(_device), Field(json_schema_extra={"pattern": DEVICE})] = "auto"
    """Where to train: auto, cpu, cuda, cuda:1 and so on, or mps; auto takes the first CUDA GPU when there is one."""
    precision: Literal["auto", Precision] = "auto"
    """Precision of the training step: bf16, fp16 with scaled gradients, or fp32; auto takes what the hardware has."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.max_epochs is None and self.max_minutes is None:
            raise ValueError("a training needs an end; set max_epochs, max_minutes or both")
        return self
