"""The JSON schema of a configuration: written out for editors, and walked to explain mistakes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text(model: type[BaseModel]) -> str:
    """Return the JSON schema of ``model`` with which editors complete and check YAML."""
    schema = {"$schema": DIALECT, **model.model_json_schema(mode="validation")}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Schema:
    """One place in a JSON schema, with references resolved.

    A union of models is told apart by their ``name``, as :func:`medse.registry.one_of` makes it.

    Attributes:
        raw: The schema at this place.
        definitions: What ``$ref`` refers to.
    """

    raw: Mapping[str, Any]
    definitions: Mapping[str, Any]

    @classmethod
    def of(cls, model: type[BaseModel]) -> "Schema":
        """Return the root of the schema of ``model``."""
        raw = model.model_json_schema(mode="validation")
        return cls({}, raw.get("$defs", {}))._at(raw)

    @property
    def members(self) -> tuple["Schema", ...]:
        """The alternatives of a union, unions in it dissolved; the schema itself where it is none."""
        alternatives = self.raw.get("anyOf") or self.raw.get("oneOf")
        if alternatives is None:
            return (self,)
        return tuple(member for raw in alternatives for member in self._at(raw).members)

    @property
    def tags(self) -> frozenset[str]:
        """The names by which pydantic tells alternatives apart; they stand in the locations of its errors."""
        unions = (self._at(raw).raw for raw in (self.raw, *self.raw.get("anyOf", ())))
        return frozenset(tag for raw in unions for tag in raw.get("discriminator", {}).get("mapping", ()))

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values that may be written literally, here or in an alternative of a union."""
        one = (member.raw["const"] for member in self.members if "const" in member.raw)
        several = (value for member in self.members for value in member.raw.get("enum", ()))
        return (*one, *several)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that a section may have here, in alphabetical order."""
        return tuple(sorted({key for member in self.members for key in member.raw.get("properties", ())}))

    @property
    def nameable(self) -> bool:
        """Whether a bare name may stand for a section with that ``name``."""
        return "name" in self.keys and any(isinstance(choice, str) for choice in self.choices)

    def select(self, value: object) -> "Schema | None":
        """Return the alternative that ``value``, judged by its kind and name, is meant for, if clear."""
        name = value.get("name") if isinstance(value, dict) else value
        fitting = [member for member in self.members if member._takes(value)]
        if len(fitting) > 1 or isinstance(value, str):
            fitting = [member for member in fitting if name in member.child("name").choices]
        return fitting[0] if len(fitting) == 1 else None

    def has(self, key: str | int, value: object) -> bool:
        """Return whether ``key`` leads from here into ``value``: it is known, or it is written there."""
        if isinstance(key, int):
            return self.raw.get("type") == "array"
        return key in self.keys or (isinstance(value, dict) and key in value)

    def child(self, key: str | int) -> "Schema":
        """Return the schema of ``key`` in the section or list here; an empty one where it is unknown."""
        found = [raw for member in self.members if (raw := member._inner(key))]
        return self._at(found[0] if len(found) == 1 else {"anyOf": found} if found else {})

    def _inner(self, key: str | int) -> Mapping[str, Any]:
        if isinstance(key, int):
            first = self.raw.get("prefixItems", ())
            raw = first[key] if key < len(first) else self.raw.get("items")
        else:
            raw = self.raw.get("properties", {}).get(key, self.raw.get("additionalProperties"))
        return raw if isinstance(raw, dict) else {}

    def _takes(self, value: object) -> bool:
        written = {"array": list, "object": dict | str}.get(self.raw.get("type", ""))
        return written is not None and isinstance(value, written)

    def _at(self, raw: Mapping[str, Any]) -> "Schema":
        target = raw.get("$ref", "").removeprefix("#/$defs/")
        return Schema({**self.definitions[target], **raw} if target else raw, self.definitions)
