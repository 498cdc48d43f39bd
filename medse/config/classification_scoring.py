"""What ``evaluate`` reads of a configuration when the predictions are probabilities of classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from medse.config.overrides import apply_overrides
from medse.config.scoring import read_source
from medse.config.sections import Section
from medse.config.validation import validate


class ClassificationEvaluation(Section):
    """How predictions of classes are scored."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Probability from which on a case is called of a class, in the table of each class against the rest."""
    decision_curve: bool = False
    """Whether to compute the net benefit of acting on each class, over thresholds."""


class AskedOfClasses(BaseModel):
    """The part of a configuration that says what to compute; the rest is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    evaluation: ClassificationEvaluation = ClassificationEvaluation()


def read_asked_of_classes(path: Path | None, overrides: Sequence[str]) -> ClassificationEvaluation:
    """Read the ``evaluation`` section of a YAML file, and replace values of it.

    Args:
        path: A configuration, or a file with only this section; None for the defaults.
        overrides: ``evaluation.key=value`` each.

    Raises:
        InputError: The file cannot be read, or a key or a value does not exist.
    """
    source = read_source(path, overrides)
    return validate(apply_overrides(source, overrides, AskedOfClasses), AskedOfClasses).evaluation
