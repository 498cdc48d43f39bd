"""What a configuration allows at one place, in words."""

from collections.abc import Mapping
from typing import Any

from medse.config.json_schema import Schema
from medse.config.scalars import plain_scalar
from medse.config.wording import listed, shown

BOUNDS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
NOUNS = {"integer": "whole number", "number": "number", "boolean": "true or false", "null": "none"}
PATHS = {"path": "path", "file-path": "path of a file", "directory-path": "path of a folder"}


def allowed(schema: Schema) -> str:
    """Return what may be given, such as ``a number > 0 or none`` or ``one of cse, scse or se``."""
    names = sorted(map(_word, schema.choices))
    others = [
        _one(member)
        for member in schema.members
        if not member.choices and not (schema.nameable and "name" in member.keys)
    ]
    words = dict.fromkeys([*names, *sorted(others, key=_last)])
    return ("one of " if len(names) > 1 else "") + listed([*words])


def _last(words: str) -> int:
    """Sort key: none comes late and a section last, since its list of keys would swallow what follows."""
    return 2 if words.startswith("a section") else int(words == "none")


def _word(choice: object) -> str:
    """Return ``choice`` as it has to be written, so in quotes only where YAML would take it for no text."""
    return choice if isinstance(choice, str) and plain_scalar(choice) == choice else shown(choice)


def _one(schema: Schema) -> str:
    """Return the words for a schema that is neither a union nor a choice."""
    kind = schema.raw.get("type")
    if kind == "array":
        return _list(schema)
    if kind == "object":
        return _section(schema)
    noun = _noun(schema.raw)
    return noun if kind in ("boolean", "null") or noun.startswith(("text", "any")) else f"a {noun}"


def _noun(raw: Mapping[str, Any]) -> str:
    if raw.get("type") != "string":
        bounds = [f"{sign} {raw[bound]}" for bound, sign in BOUNDS.items() if bound in raw]
        return " ".join([NOUNS.get(raw.get("type", ""), "any value"), " and ".join(bounds)]).strip()
    pattern = f" that matches {raw['pattern']}" if "pattern" in raw else ""
    return PATHS.get(raw.get("format", ""), "text" + (pattern or " that is not empty" * ("minLength" in raw)))


def _list(schema: Schema) -> str:
    raw = schema.raw
    low, high = raw.get("minItems", 0), raw.get("maxItems")
    each = [schema.child(index) for index in range(len(raw.get("prefixItems", ())))]
    words = [allowed(item) for item in each]
    if len(set(words)) > 1:
        return f"a list of {len(words)} values: {', '.join(words)}"
    return f"a list of {_count(low, high)}{_plural(each[0] if each else schema.child(0))}"


def _count(low: int, high: int | None) -> str:
    """Return how many items a list may have and a space, or nothing where any number will do."""
    if high is None:
        return "one or more " if low == 1 else f"at least {low} " if low else ""
    return f"{low} " if low == high else f"{low} {'or' if low + 1 == high else 'to'} {high} "


def _plural(schema: Schema) -> str:
    kind, words = schema.raw.get("type"), _noun(schema.raw)
    if kind not in ("integer", "number", "string") or schema.choices:
        return f"values, each {allowed(schema)}"
    noun = NOUNS.get(kind, words)
    return words.replace(noun, f"{noun}s", 1)


def _section(schema: Schema) -> str:
    if schema.keys:
        return f"a section with the keys {', '.join(schema.keys)}"
    each = allowed(schema.child("")) if isinstance(schema.raw.get("additionalProperties"), dict) else ""
    return f"a section in which each key has {each}" if each else "a section"
