"""Checking a configuration against a model, and explaining everything that is wrong with it."""

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from medse.config.json_schema import Schema, allowed, child, choices, keys, meant, schema_of
from medse.config.mistakes import KeyPath, Mistake, dotted, refuse, shown
from medse.config.strict_yaml import Source
from medse.registry import nearest

M = TypeVar("M", bound=BaseModel)


def validate(source: Source, model: type[M]) -> M:
    """Return ``source`` as a ``model``.

    Values are taken strictly: ``"3"`` is not a number and ``1`` is not true.

    Raises:
        InputError: Anything is unknown, missing or not allowed; all of it is listed, each with its place,
            its key, what was given, what is allowed and the nearest name.
    """
    try:
        return model.model_validate_json(json.dumps(source.tree), strict=True)
    except ValidationError as error:
        root = schema_of(model)
        found = dict(pair for detail in error.errors() for pair in _explain(detail, source.tree, root))
        around = {path[:length] for path in found for length in range(len(path))}
        refuse(
            source.path,
            [Mistake(source.place(path), text) for path, text in found.items() if path not in around],
        )


def _explain(error: ErrorDetails, value: Any, schema: Schema) -> Iterator[tuple[KeyPath, str]]:
    """Yield the keys that ``error`` is about, and what is wrong with each.

    Args:
        error: What pydantic found; its location has names of a union's alternatives among the keys.
        value: The whole configuration as it was written.
        schema: The schema of the whole.
    """
    kind, given, section = error["type"], error["input"], schema
    path: KeyPath = ()
    for step in error["loc"]:
        here = _has(value, step)
        if here or (kind == "missing" and step == error["loc"][-1]):
            section = meant(schema, value)
            path, schema = (*path, step), child(section, step)
            value = value[step] if here else None
    if kind == "value_error":  # a validator's own words
        shape = "" if isinstance(given, dict) else f" = {shown(given)}"
        key = f"{dotted(path)}{shape}: " if path else ""
        yield path, f"{key}{error['ctx']['error']}"
    elif kind == "missing":
        yield path, _missing(path, schema)
    elif kind == "extra_forbidden":
        yield path, _unknown(path, given, section)
    elif kind == "union_tag_invalid" and isinstance(given, dict):
        path_of_name, names = (*path, "name"), child(schema, "name")
        absent = "name" not in given
        yield (
            path_of_name,
            _missing(path_of_name, names) if absent else _refused(path_of_name, given["name"], names),
        )
        for key in given:
            if key not in keys(schema):
                yield (*path, key), _unknown((*path, key), given[key], schema)
    elif kind != "too_short" or len(given) < error["ctx"]["min_length"]:  # not: short without its wrong items
        yield path, _refused(path, given, schema, finite=kind == "finite_number")


def _has(value: object, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _missing(path: KeyPath, schema: Schema) -> str:
    return f"{dotted(path)} is missing; expected {allowed(schema)}"


def _unknown(path: KeyPath, given: object, section: Schema) -> str:
    hint = nearest(str(path[-1]), keys(section))
    return f"{dotted(path)} = {shown(given)}: unknown key;{hint} allowed: {', '.join(keys(section))}"


def _refused(path: KeyPath, given: object, schema: Schema, *, finite: bool = False) -> str:
    words, names = allowed(schema), [choice for choice in choices(schema) if isinstance(choice, str)]
    if isinstance(given, str) and names:
        hint = nearest(given, names)
        return f"{dotted(path)}: unknown name {shown(given)};{hint} allowed: {words.removeprefix('one of ')}"
    return f"{dotted(path)} = {shown(given)}: {'must be finite; ' * finite}expected {words}"
