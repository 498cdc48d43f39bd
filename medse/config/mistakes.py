"""Checking a configuration against a model, and explaining everything that is wrong with it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from medse.config.allowed import allowed
from medse.config.json_schema import Schema
from medse.config.strict_yaml import Source
from medse.config.wording import KeyPath, Mistake, dotted, refuse, shown
from medse.registry import nearest

M = TypeVar("M", bound=BaseModel)

SPOKEN = {"value_error": "Value error, ", "assertion_error": "Assertion failed, "}
"""Errors that a validator worded itself -> what pydantic puts before its words."""
UNTAGGED = ("union_tag_not_found", "union_tag_invalid")
ABSENT = object()


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
        schema = Schema.of(model)
        found = [finding for detail in error.errors() for finding in _explain(detail, schema, source.tree)]
        refuse(source.path, [Mistake(source.place(f.path), f.text) for f in _one_per_value(found)])


@dataclass(frozen=True)
class _Finding:
    path: KeyPath
    text: str
    rank: int
    """0: in a validator's own words; 1: about this value; 2: less telling than what is wrong inside the value."""


@dataclass(frozen=True)
class _Spot:
    """Where an error location of pydantic leads, without the tags and labels that it puts in."""

    path: KeyPath
    schema: Schema
    value: object
    section: Schema
    certain: bool

    @classmethod
    def of(cls, location: Sequence[str | int], schema: Schema, tree: object) -> "_Spot":
        spot = cls((), schema, tree, schema, certain=True)
        tags = schema.tags
        for step in location:
            inside = spot.schema.select(spot.value)
            if step in tags:
                tags = frozenset()
            elif inside is None or not inside.has(step, spot.value):
                spot = replace(spot, certain=False)
            else:
                inner = inside.child(step)
                spot = cls((*spot.path, step), inner, _item(spot.value, step), inside, certain=True)
                tags = inner.tags
        return spot

    @property
    def long_enough(self) -> bool:
        """Whether a list has its length; pydantic calls it too short as well when items in it are wrong."""
        inside = self.schema.select(self.value)
        return isinstance(self.value, list) and len(self.value) >= (
            inside.raw.get("minItems", 0) if inside else 0
        )


def _item(value: object, step: str | int) -> object:
    if isinstance(value, dict):
        return value.get(step, ABSENT)
    return value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else ABSENT


def _explain(error: ErrorDetails, schema: Schema, tree: object) -> list[_Finding]:
    kind, location = error["type"], error["loc"]
    if kind == "missing" and isinstance(location[-1], int):
        kind, location = "too_short", location[:-1]
    spot = _Spot.of(location, schema, tree)
    about_key = "the key is not allowed: " if location[-1:] == ("[key]",) else ""
    if about_key or kind in SPOKEN or kind not in get_args(ErrorType):
        given = "" if isinstance(spot.value, dict) else f" = {shown(spot.value)}"
        key = f"{dotted(spot.path)}{given}: {about_key}" if spot.path else ""
        return [_Finding(spot.path, key + error["msg"].removeprefix(SPOKEN.get(kind, "")), 0)]
    if kind in UNTAGGED and isinstance(spot.value, dict):
        return _misnamed(spot.path, spot.value, spot.schema)
    if kind == "extra_forbidden" and spot.certain:
        return [_Finding(spot.path, _unknown(spot.path, spot.value, spot.section), 1)]
    sure = spot.certain and not (kind == "too_short" and spot.long_enough)
    return [_Finding(spot.path, _unexpected(spot.path, spot.value, spot.schema), 1 if sure else 2)]


def _misnamed(path: KeyPath, section: dict[str, object], schema: Schema) -> list[_Finding]:
    """Explain a section whose ``name`` says nothing, and its keys that would be unknown in any case."""
    name = _unexpected((*path, "name"), section.get("name", ABSENT), schema.child("name"))
    strangers = [key for key in section if key not in schema.keys]
    return [
        _Finding((*path, "name"), name, 1),
        *(_Finding((*path, key), _unknown((*path, key), section[key], schema), 1) for key in strangers),
    ]


def _unknown(path: KeyPath, value: object, section: Schema) -> str:
    hint = nearest(str(path[-1]), section.keys)
    return f"{dotted(path)} = {shown(value)}: unknown key;{hint} allowed: {', '.join(section.keys)}"


def _unexpected(path: KeyPath, value: object, schema: Schema) -> str:
    key, words = dotted(path), allowed(schema)
    names = [choice for choice in schema.choices if isinstance(choice, str)]
    if value is ABSENT:
        return f"{key} is missing; expected {words}"
    if isinstance(value, str) and names:
        choices = words.removeprefix("one of ")
        return f"{key}: unknown name {shown(value)};{nearest(value, names)} allowed: {choices}"
    finite = "must be finite; " if isinstance(value, float) and not isfinite(value) else ""
    return f"{key} = {shown(value)}: {finite}expected {words}"


def _one_per_value(findings: Sequence[_Finding]) -> list[_Finding]:
    """Keep the most telling finding per value, and what is wrong inside one rather than rank 2 about it."""
    best: dict[KeyPath, _Finding] = {}
    for finding in sorted(findings, key=lambda finding: finding.rank):
        best.setdefault(finding.path, finding)
    inner = {path[:length] for path in best for length in range(len(path))}
    return [finding for path, finding in best.items() if finding.rank < 2 or path not in inner]
