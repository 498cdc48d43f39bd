"""What ``evaluate`` reads of a configuration: the names of the classes, and what to compute."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ConfigDict

from medse.config.overrides import apply_overrides
from medse.config.packaged import find_config
from medse.config.sections import Data, Evaluation
from medse.config.strict_yaml import Source, read_yaml
from medse.config.validation import validate
from medse.errors import InputError, nearest
from medse.labels import Labels, read_dataset_labels
from medse.metrics.conventions import ConventionName
from medse.registry import pick

ALL, SECTION = "all", "evaluation"
_NAMES: dict[str, ConventionName] = {name: name for name in get_args(ConventionName)}


class Scoring(BaseModel):
    """The part of a configuration that ``evaluate`` needs; the rest is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    data: Data


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
    source = read_source(path, overrides)
    options = validate(apply_overrides(source, overrides, Asked), Asked).evaluation
    if conventions is None:
        return options
    if conventions == ALL:
        first, others = options.convention, [name for name in _NAMES.values() if name != options.convention]
    else:
        first, *others = (
            pick(_NAMES, name, "convention")
            for name in dict.fromkeys(name.strip() for name in conventions.split(","))
        )
    return options.model_copy(update={"convention": first, "beside": tuple(others)})


def read_source(path: Path | None, overrides: Sequence[str]) -> Source:
    """Read a YAML file, or an empty one, whose section ``evaluation`` the overrides are about.

    Raises:
        InputError: It cannot be read, has another spelling of the section, or an override is about something else.
    """
    source = Source(Path("The command line"), {}, {}) if path is None else read_yaml(find_config(path))
    _refuse_ignored(source, overrides)
    return source


def find_labels(labels: Path | None, config: Path | None) -> Labels | None:
    """Read the classes from ``labels``, or else from ``config`` if that has a data section.

    Raises:
        InputError: They cannot be read.
    """
    if labels is None and config is not None and "data" in read_yaml(find_config(config)).tree:
        labels = config
    return None if labels is None else read_scored_labels(labels)


def read_scored_labels(path: Path) -> Labels:
    """Read the classes from a ``dataset.json``, or from a configuration or the data set that it names.

    Raises:
        InputError: They cannot be read.
    """
    if path.suffix == ".json":
        return read_dataset_labels(path)
    data = validate(read_yaml(find_config(path)), Scoring).data
    if data.labels is not None:
        return Labels.from_mapping(data.labels, f"data.labels of {path}")
    return read_dataset_labels(data.root / "dataset.json")


def _refuse_ignored(source: Source, overrides: Sequence[str]) -> None:
    """Raise where something was clearly meant for the section and would not be looked at."""
    for override in overrides:
        key, equals, _ = override.partition("=")
        if equals and key.split(".")[0].strip() not in ("", SECTION):
            raise InputError(
                f"{override!r} changes nothing here; only {SECTION}.key=value is looked at; correct the key or leave "
                "it out."
            )
    if SECTION not in source.tree and (meant := nearest(SECTION, source.tree)):
        raise InputError(f"{source.path} has no section {SECTION};{meant} correct its name.")
