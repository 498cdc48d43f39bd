"""Checking a configuration against a model."""

import json
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from medse.allowed import KeyPath, explained
from medse.config.strict_yaml import Mistake, Source, refuse

M = TypeVar("M", bound=BaseModel)


def validate(source: Source, model: type[M], reasons: Mapping[KeyPath, str] | None = None) -> M:
    """Return ``source`` as a ``model``.

    Values are taken strictly: ``"3"`` is not a number and ``1`` is not true.

    Args:
        reasons: Key path -> what to say of it where ``model`` refuses it, instead of what the model tells.

    Raises:
        InputError: Anything is unknown, missing or not allowed; all of it is listed, each with its place,
            its key, what was given, what is allowed and the nearest name.
    """
    try:
        return model.model_validate_json(json.dumps(source.tree), strict=True)
    except ValidationError as error:
        found = explained(error, source.tree, model)
        found |= {path: text for path, text in (reasons or {}).items() if path in found}
        refuse(source.path, [Mistake(source.place(path), text) for path, text in found.items()])
