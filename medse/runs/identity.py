"""Which run a file of weights belongs to."""

import hashlib
import json
from typing import Any

from medse.config.run import Config

NO_WEIGHT = {
    "data.root",  # its content counts
    "data.workers",
    "data.cache_gb",
    "trainer.validate_every",
    "trainer.device",
    "trainer.precision",  # what it means on the device counts
    "inference.batch_size",
}
"""Values of a configuration on which no weight depends, nor on any of ``evaluation``."""


def run_identity(config: Config, fold: int, data_sha256: str, precision: str) -> str:
    """Return what is alike for runs that are started alike and end with the same weights, 16 hexadecimal digits.

    Training files, validation cases, seed and length count. It is made once, at the start: a run that is prolonged
    keeps it.
    """
    values = {key: value for key, value in flat(config).items() if key not in NO_WEIGHT}
    counted = {key: value for key, value in values.items() if not key.startswith("evaluation.")}
    text = json.dumps([counted, fold, data_sha256, precision], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def flat(config: Config) -> dict[str, Any]:
    """Return dotted key -> value, as JSON has it, of the whole configuration."""
    return _flat(config.model_dump(mode="json"), "")


def _flat(tree: dict[str, Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found
