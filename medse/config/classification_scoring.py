"""What ``evaluate`` reads of a configuration when the predictions are probabilities of classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from medse.config.overrides import apply_overrides
from medse.config.scoring import read_source
from medse.config.sections import Section
from medse.config.validation import validate
from medse.data.images.readers import DERIVED, IMAGE_READERS
from medse.registry import one_of

if TYPE_CHECKING:
    Layout = BaseModel
else:
    Layout = one_of(IMAGE_READERS, DERIVED)


class ClassificationEvaluation(Section):
    """How predictions of classes are scored."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Probability from which on a case is called of a class, in the table of each class against the rest."""
    decision_curve: bool = False
    """Whether to compute the net benefit of acting on each class, over thresholds."""


class ReferencesOfClasses(BaseModel):
    """How a configuration says that the references are laid out; the rest is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Layout = Field(default="csv", validate_default=True)


class AskedOfClasses(BaseModel):
    """The part of a configuration that says what to compute; the rest is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    data: ReferencesOfClasses = ReferencesOfClasses()
    evaluation: ClassificationEvaluation = ClassificationEvaluation()

    @property
    def columns(self) -> dict[str, str]:
        """Which column of the table of references holds what; none unless they are in a table."""
        chosen = self.data.format.model_dump()
        return {key: column for key, column in chosen.items() if key not in ("name", "file")}


def read_asked_of_classes(path: Path | None, overrides: Sequence[str]) -> AskedOfClasses:
    """Read the ``evaluation`` section of a YAML file and its ``data.format``, and replace values of the first.

    Args:
        path: A configuration, or a file with only this section; None for the defaults.
        overrides: ``evaluation.key=value`` each.

    Raises:
        InputError: The file cannot be read, or a key or a value does not exist.
    """
    source = read_source(path, overrides)
    return validate(apply_overrides(source, overrides, AskedOfClasses), AskedOfClasses)
