"""The sections of a configuration that need no torch."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from medse.preprocess import Normalization

Fraction = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A strict, frozen part of a configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Data(Section):
    """Where the cases are and how they reach the network."""

    root: Annotated[Path, AfterValidator(Path.absolute)]
    """Folder of the data set, relative to where the command runs."""
    format: Literal["msd"] = "msd"
    """Layout of that folder: msd is the Medical Segmentation Decathlon's (dataset.json)."""
    patch_size: tuple[PositiveInt, PositiveInt, PositiveInt]
    """Voxels the network sees at once, in RAS order, on the grid of spacing_mm."""
    spacing_mm: tuple[PositiveFloat, PositiveFloat, PositiveFloat] | None = None
    """Spacing volumes are resampled to, in RAS order; none takes the median of the cases."""
    normalization: Normalization = "zscore"
    """Intensities: zscore per volume, zscore_nonzero for skull-stripped scans, none for as in the file."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Number of folds for cross-validation; whole groups are dealt to them."""
    foreground: Fraction = 0.67
    """Share of training patches centred on a foreground class."""
    cache_gb: PositiveFloat = 8.0
    """Memory for prepared cases in GB; cases beyond it are read each time."""
    workers: NonNegativeInt = 0
    """Processes that prepare patches beside the training; 0 is right while all cases fit the cache."""


class Inference(Section):
    """How whole volumes are segmented."""

    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share by which neighbouring windows overlap."""
    batch_size: PositiveInt = 1
    """Windows the network sees at once."""


class Evaluation(Section):
    """How predictions are scored."""

    convention: Literal["medse"] = "medse"
    """Rules for empty masks and means; it is named in every report."""


class Scoring(BaseModel):
    """The part of a configuration that ``evaluate`` needs; the rest is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    data: Data
    evaluation: Evaluation = Evaluation()


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
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; auto takes the GPU when there is one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Precision of the training step; auto takes bf16 where the hardware computes in it."""

    @model_validator(mode="after")
    def _ends(self) -> "Schedule":
        if self.max_epochs is None and self.max_minutes is None:
            raise ValueError("a training needs an end; set max_epochs, max_minutes or both")
        return self
