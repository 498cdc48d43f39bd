"""The section of a configuration that says how predictions are scored."""

from typing import Annotated, Literal

from pydantic import Field

from medse.config.sections import Section
from medse.metrics.conventions import ConventionName

Tolerance = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Evaluation(Section):
    """How predictions are scored."""

    convention: ConventionName = "medse"
    """Rules for empty masks, surfaces and percentiles; it is named in every report."""
    beside: tuple[ConventionName, ...] = ()
    """Other conventions whose numbers are shown beside."""
    classes: tuple[str, ...] | None = None
    """Classes to score, in this order; all and the merged ones unless given."""
    merged: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Further classes, each the union of others: {kidneys: [kidney_left, kidney_right]}."""
    distances: bool = True
    """Whether to compute surface distances beside overlap and volumes."""
    tolerance_mm: Tolerance | dict[str, Tolerance] | None = None
    """Deviation of a surface that counts as agreement, for all classes or by class; without one there is no NSD."""
    centreline: tuple[str, ...] = ()
    """Classes that are tubes, whose centrelines are compared."""
    lesions: tuple[str, ...] = ()
    """Classes that are taken apart into lesions (connected components)."""
    lesion_connectivity: Literal["faces", "edges", "corners"] = "corners"
    """What voxels of one lesion must share."""
    lesion_iou: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Least IoU of two lesions that belong together."""
    unit: Literal["case", "group"] = "case"
    """What counts once in means and intervals: a case, or a group (patient) by the mean of its cases."""
