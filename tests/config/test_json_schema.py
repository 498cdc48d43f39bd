"""The exported schema is what editors expect, and the walk along it finds its way."""

import json

import pytest

from medse.config.allowed import allowed
from medse.config.json_schema import Schema, schema_text
from tests.support.example_models import Config, Section


def test_the_text_is_a_stable_schema_for_editors() -> None:
    text = schema_text(Config)
    schema = json.loads(text)
    assert text.endswith("}\n")
    assert next(iter(schema)) == "$schema"
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "Config"
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Config.model_fields)
    assert schema_text(Config) == text


def test_bare_names_complete_in_editors() -> None:
    net = json.loads(schema_text(Config))["properties"]["net"]
    assert {"enum": ["unet", "plain"], "type": "string"} in net["anyOf"]


def test_the_option_of_a_named_member_is_found() -> None:
    net = Schema.of(Config).child("net")
    member = net.select({"name": "plain"})
    assert member is not None
    assert member.keys == ("depth", "name")
    assert net.select("plain") == member
    assert net.select({"name": "x"}) is None
    assert net.select({}) is None
    assert net.select(3) is None


def test_only_a_table_gives_a_bare_name_a_meaning() -> None:
    root = Schema.of(Config)
    assert root.child("net").nameable
    assert root.child("loss").nameable
    assert not root.child("norm").nameable
    assert not root.child("data").nameable
    assert not root.child("nothing").nameable


class Words(Section):
    text: str
    any_of: list[int | None]
    pairs: dict[str, list[bool]]
    up_to: list[int]
    anything: object
    group: dict[str, object]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("text", "text"),
        ("any_of", "a list of values, each a whole number or none"),
        ("pairs", "a section in which each key has a list of values, each true or false"),
        ("anything", "any value"),
        ("group", "a section"),
        ("unknown", "any value"),
    ],
)
def test_words_for_what_is_allowed(key: str, words: str) -> None:
    assert allowed(Schema.of(Words).child(key)) == words


LIST: dict[str, object] = {"type": "array"}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (LIST | {"items": {"type": "integer"}, "maxItems": 3}, "a list of 0 to 3 whole numbers"),
        (LIST | {"items": {"type": "number"}, "minItems": 2, "maxItems": 3}, "a list of 2 or 3 numbers"),
        (LIST | {"items": {"type": "string", "format": "path"}}, "a list of paths"),
        (LIST | {"items": {"type": "string"}, "minItems": 1}, "a list of one or more texts"),
        ({"type": "string", "minLength": 1}, "text that is not empty"),
        ({"type": "string", "pattern": "^a$"}, "text that matches ^a$"),
        ({"type": "string", "format": "directory-path"}, "a path of a folder"),
        ({"type": "number", "exclusiveMinimum": 0.5, "maximum": 1}, "a number > 0.5 and <= 1"),
        ({"type": "integer", "maximum": 1234567}, "a whole number <= 1234567"),
        ({"anyOf": [{"type": "number"}, {"type": "number"}]}, "a number"),
        ({"const": 3}, "3"),
        ({"enum": [1, 2]}, "one of 1 or 2"),
        (
            {"anyOf": [{"enum": ["b", "a"]}, {"type": "null"}, {"type": "number"}]},
            "one of a, b, a number or none",
        ),
    ],
)
def test_words_for_other_schemas(raw: dict[str, object], words: str) -> None:
    assert allowed(Schema(raw, {})) == words
