"""What the options of a model may be, in words, and what is wrong with those that it refuses."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails, core_schema

from medse.errors import nearest

KeyPath = tuple[str | int, ...]
"""Keys (and list positions, from 0) that lead from the root to a value."""

LONGEST = 60

BOUNDS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
NOUNS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "none"}

Schema = Mapping[str, Any]
"""One place in a JSON schema, without references."""


def explained(error: ValidationError, tree: object, model: type[BaseModel]) -> dict[KeyPath, str]:
    """Return everything that is wrong with ``tree``, which ``model`` refused.

    Returns:
        Path of the key -> the key, what was given, what is allowed and the nearest name.
    """
    root = schema_of(model)
    found = dict(pair for detail in error.errors() for pair in _explain(detail, tree, root))
    around = {path[:length] for path in found for length in range(len(path))}
    return {path: text for path, text in found.items() if path not in around}


def schema_of(model: type[BaseModel]) -> Schema:
    """Return the JSON schema of ``model``, each reference replaced by what it refers to."""
    whole = model.model_json_schema()
    definitions = whole.pop("$defs", {})

    @cache
    def definition(name: str) -> Any:
        return inlined(definitions[name])

    def inlined(part: Any) -> Any:
        if isinstance(part, list):
            return list(map(inlined, part))
        if not isinstance(part, dict):
            return part
        own = {key: inlined(value) for key, value in part.items() if key != "$ref"}
        return {**definition(part["$ref"].rpartition("/")[2]), **own} if "$ref" in part else own

    schema: Schema = inlined(whole)
    return schema


class Annotation:
    """What an argument of a function may be, by its annotation.

    Strictly: a text is no number, 1 is not true, and a mapping is no object of a class that could be made of it.
    """

    def __init__(self, annotation: Any) -> None:
        config = ConfigDict(arbitrary_types_allowed=True, strict=True)
        self._adapter: TypeAdapter[Any] = TypeAdapter(_by_class(annotation), config=config)

    def takes(self, value: object) -> bool:
        """Whether ``value`` is allowed; a scalar of NumPy is the number that it holds."""
        try:
            self._adapter.validate_python(value.item() if isinstance(value, np.generic) else value)
        except ValidationError:
            return False
        return True

    @property
    def words(self) -> str:
        return allowed(self._adapter.json_schema(schema_generator=_NamesOfClasses))


class _Instance:
    """In an annotation: an object of a class, however the class could be made of other things."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(self.cls)


def _by_class(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(map(_by_class, get_args(annotation)))]  # noqa: UP007
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation)):
        return Annotated[Any, _Instance(annotation)]
    return annotation


class _NamesOfClasses(GenerateJsonSchema):
    """Says of what is an object of a class only the name of the class."""

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> dict[str, Any]:
        return {"type": "instance", "title": schema["cls"].__name__}

    def is_subclass_schema(self, schema: core_schema.IsSubclassSchema) -> dict[str, Any]:
        return {"type": "instance", "title": f"type of {schema['cls'].__name__}"}

    def callable_schema(self, schema: core_schema.CallableSchema) -> dict[str, Any]:  # noqa: ARG002
        return {"type": "instance", "title": "function"}


def members(schema: Schema) -> list[Schema]:
    """Return the alternatives of a union, unions in it dissolved; the schema itself where it is none."""
    parts = schema.get("anyOf") or schema.get("oneOf")
    return [schema] if parts is None else [member for part in parts for member in members(part)]


def choices(schema: Schema) -> list[Any]:
    """Return the values that may be written literally."""
    return [
        choice
        for member in members(schema)
        for choice in member.get("enum", [member["const"]] if "const" in member else [])
    ]


def keys(schema: Schema) -> list[str]:
    """Return the keys that a section may have here, in alphabetical order."""
    return sorted({key for member in members(schema) for key in member.get("properties", ())})


def child(schema: Schema, key: str | int) -> Schema:
    """Return the schema of ``key`` in the section or list here; an empty one where it is unknown."""
    found = [inner for member in members(schema) if isinstance(inner := _inner(member, key), dict)]
    return found[0] if len(found) == 1 else {"anyOf": found} if found else {}


def meant(schema: Schema, value: object) -> Schema:
    """Return the alternative that ``value`` names, as a section with a ``name`` or bare; ``schema`` if none."""
    name = value.get("name") if isinstance(value, dict) else value
    named = (member for member in members(schema) if name in _names(member))
    return next(named, schema)


def allowed(schema: Schema) -> str:
    """Return what may be given, such as ``a number > 0 or none`` or ``one of cse, scse or se``."""
    words = sorted(one if isinstance(one, str) else shown(one) for one in choices(schema))
    several = "one of " if len(words) > 1 else ""
    others = {_one(m): None for m in members(schema) if not (choices(m) or (words and _names(m)))}
    words += sorted(others, key=lambda other: (other.startswith("a section"), other == "none"))
    return several + " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def shown(value: object) -> str:
    """Return ``value`` roughly as it would be written in YAML, shortened."""
    text = re.sub(r"\s*\n\s*", " ", _flow(value))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def dotted(path: KeyPath) -> str:
    """Return the key as it is written in an override: ``net.attention.name``, ``data.patch_size[1]``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_plain(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def _explain(error: ErrorDetails, value: Any, schema: Schema) -> Iterator[tuple[KeyPath, str]]:
    """Yield the keys that ``error`` is about, and what is wrong with each.

    Args:
        error: What pydantic found; its location has names of a union's alternatives among the keys.
        value: All that was given.
        schema: The schema of it.
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
        at, names = (*path, "name"), child(schema, "name")
        yield at, _refused(at, given["name"], names) if "name" in given else _missing(at, names)
        for key in given:
            if key not in keys(schema):
                yield (*path, key), _unknown((*path, key), given[key], schema)
    else:
        yield path, _refused(path, given, schema, finite=kind == "finite_number")


def _has(value: object, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list | tuple) and isinstance(step, int) and step < len(value)


def _missing(path: KeyPath, schema: Schema) -> str:
    return f"{dotted(path)} is missing; expected {allowed(schema)}"


def _unknown(path: KeyPath, given: object, section: Schema) -> str:
    hint = nearest(str(path[-1]), keys(section))
    return (
        f"{dotted(path)} = {shown(given)}: unknown key;{hint} allowed: {', '.join(keys(section)) or 'none'}"
    )


def _refused(path: KeyPath, given: object, schema: Schema, *, finite: bool = False) -> str:
    words, names = allowed(schema), [choice for choice in choices(schema) if isinstance(choice, str)]
    if isinstance(given, str) and names:
        hint = nearest(given, names)
        return f"{dotted(path)}: unknown name {shown(given)};{hint} allowed: {words.removeprefix('one of ')}"
    return f"{dotted(path)} = {shown(given)}: {'must be finite; ' * finite}expected {words}"


def _inner(schema: Schema, key: str | int) -> Any:
    if isinstance(key, int):
        return dict(enumerate(schema.get("prefixItems", ()))).get(key, schema.get("items"))
    return schema.get("properties", {}).get(key, schema.get("additionalProperties"))


def _names(section: Schema) -> list[Any]:
    """Return the names by which a section of a table is chosen; none of any other schema."""
    return choices(section.get("properties", {}).get("name", {}))


def _one(schema: Schema) -> str:
    """Return the words for a schema that is neither a union nor a choice."""
    kind = schema.get("type", "")
    if kind == "object":
        inner = schema.get("additionalProperties")
        has = f" in which each key has {allowed(inner)}" if isinstance(inner, dict) and inner else ""
        return f"a section with the keys {', '.join(keys(schema))}" if keys(schema) else f"a section{has}"
    if kind == "array":
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        count = f"{least} or more " if least else ""
        if most is not None:
            count = f"{least} " if least == most else f"{least} {'or' if most == least + 1 else 'to'} {most} "
        each = dict.fromkeys(map(allowed, schema.get("prefixItems", [schema.get("items", {})])))
        return f"a list of {count}values, each {' or '.join(each)}"
    if kind == "instance":
        return f"{'an' if schema['title'][0] in 'AEIOU' else 'a'} {schema['title']}"
    if kind == "string":
        return "a path" if schema.get("format") == "path" else "text"
    bounds = " and ".join(f"{sign} {schema[bound]}" for bound, sign in BOUNDS.items() if bound in schema)
    return f"{NOUNS.get(kind, 'any value')} {bounds}".strip()


def _flow(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_plain(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return repr(value)


def _plain(key: object) -> str:
    return key if isinstance(key, str) and re.fullmatch(r"[\w -]+", key) else repr(key)
