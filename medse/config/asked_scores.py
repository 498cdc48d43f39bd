"""What ``evaluate`` is asked for, from a configuration and the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ConfigDict

from medse.config.evaluation import Evaluation
from medse.config.mistakes import validate
from medse.config.overrides import apply_overrides
from medse.config.packaged import find_config
from medse.config.strict_yaml import Source, read_yaml
from medse.metrics.conventions import ConventionName
from medse.registry import pick

ALL = "all"
_NAMES: dict[str, ConventionName] = {name: name for name in get_args(ConventionName)}


class Asked(BaseModel):
    """The part of a configuration that says what to compute; the rest is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    evaluation: Evaluation = Evaluation()


def read_asked(path: Path | None, overrides: Sequence[str], conventions: str | None) -> Evaluation:
    """Read the ``evaluation`` section of a YAML file, and replace values of it.

    Args:
        path: A configuration, or a file with only this section; None for the defaults.
        overrides: ``evaluation.key=value`` each.
        conventions: Names with commas between them: the first makes the scores, the others stand beside; or ``all``:
            all others beside the one of the section.

    Raises:
        InputError: The file cannot be read, or a key, a value or a name does not exist.
    """
    source = Source(Path("The command line"), {}, {}) if path is None else read_yaml(find_config(path))
    options = validate(apply_overrides(source, overrides, Asked), Asked).evaluation
    if conventions is None:
        return options
    if conventions == ALL:
        first, others = options.convention, [name for name in _NAMES.values() if name != options.convention]
    else:
        first, *others = (
            pick(_NAMES, name.strip(), "convention") for name in dict.fromkeys(conventions.split(","))
        )
    return options.model_copy(update={"convention": first, "beside": tuple(others)})
