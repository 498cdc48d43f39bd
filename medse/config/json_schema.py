"""The JSON schema of a configuration: written out for editors, and walked to say what is allowed at a place."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from medse.config.mistakes import shown
from medse.config.strict_yaml import plain_scalar

DIALECT = "https://json-schema.org/draft/2020-12/schema"
BOUNDS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
NOUNS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "none"}
PATHS = {"path": "a path", "file-path": "a path of a file", "directory-path": "a path of a folder"}

Schema = Mapping[str, Any]
"""One place in a JSON schema, without references."""


def schema_text(model: type[BaseModel]) -> str:
    """Return the JSON schema of ``model`` with which editors complete and check YAML."""
    return json.dumps({"$schema": DIALECT, **model.model_json_schema()}, indent=2, ensure_ascii=False) + "\n"


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
    words = sorted(map(_word, choices(schema)))
    several = "one of " if len(words) > 1 else ""
    others = {_one(m): None for m in members(schema) if not (choices(m) or (words and _names(m)))}
    words += sorted(others, key=lambda other: (other.startswith("a section"), other == "none"))
    return several + " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _inner(schema: Schema, key: str | int) -> Any:
    if isinstance(key, int):
        return dict(enumerate(schema.get("prefixItems", ()))).get(key, schema.get("items"))
    return schema.get("properties", {}).get(key, schema.get("additionalProperties"))


def _names(section: Schema) -> list[Any]:
    """Return the names by which a section of a table is chosen; none of any other schema."""
    return choices(section.get("properties", {}).get("name", {}))


def _word(choice: object) -> str:
    """Return ``choice`` as it has to be written, so in quotes only where YAML would take it for no text."""
    return choice if isinstance(choice, str) and plain_scalar(choice) == choice else shown(choice)


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
    if kind == "string":
        text = f"text that matches {schema['pattern']}" if "pattern" in schema else "text"
        return PATHS.get(schema.get("format", ""), text + " that is not empty" * ("minLength" in schema))
    bounds = " and ".join(f"{sign} {schema[bound]}" for bound, sign in BOUNDS.items() if bound in schema)
    return f"{NOUNS.get(kind, 'any value')} {bounds}".strip()
