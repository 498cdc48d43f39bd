"""The section of a configuration that says how predictions are scored."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from medse.config.sections import Section
from medse.metrics.conventions import ConventionName

Tolerance = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _named(value: object) -> object:
    """Read a bare number as the name of the class that is named after this value."""
    return str(value) if type(value) is int else value


def _different(names: tuple[str, ...]) -> tuple[str, ...]:
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{', '.join(map(repr, repeated))} twice; each name counts once; leave one out")
    return names


ClassName = Annotated[str, BeforeValidator(_named)]
Classes = Annotated[tuple[ClassName, ...], AfterValidator(_different)]
SomeClasses = Annotated[tuple[ClassName, ...], Field(min_length=1), AfterValidator(_different)]


class Evaluation(Section):
    """How predictions are scored."""

    convention: ConventionName = "medse"
    """Rules for empty masks, surfaces and percentiles; it is named in every report."""
    beside: Annotated[tuple[ConventionName, ...], AfterValidator(_different)] = ()
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
