"""The exported schema is what editors expect, and it says in words what is allowed."""

import json

import pytest

from medse.allowed import Schema, allowed, child, keys, meant, schema_of
from medse.config.json_schema import schema_text
from tests.support.example_models import Config


def test_the_text_is_a_schema_for_editors() -> None:
    text = schema_text({"only": Config})
    whole = json.loads(text)
    assert text.endswith("}\n")
    assert whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert whole["$ref"] == "#/$defs/Config"
    schema = whole["$defs"]["Config"]
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Config.model_fields)
    assert {"enum": ["unet", "plain"], "type": "string"} in schema["properties"]["net"]["oneOf"]


def test_the_options_of_a_named_member_are_found() -> None:
    net = child(schema_of(Config), "net")
    assert "$ref" not in json.dumps(net)
    assert keys(meant(net, {"name": "plain"})) == keys(meant(net, "plain")) == ["depth", "name"]
    assert all(meant(net, value) == net for value in ({"name": "x"}, {}, 3))
    assert child(net, "nothing") == {}


LIST: Schema = {"type": "array"}
WHOLE: Schema = {"type": "integer"}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({}, "any value"),
        ({**LIST, "items": WHOLE, "maxItems": 3}, "a list of 0 to 3 values, each a whole number"),
        ({**LIST, "items": WHOLE, "minItems": 2, "maxItems": 3}, "a list of 2 or 3 values, each a whole number"),
        ({**LIST, "items": {"type": "string", "format": "path"}}, "a list of values, each a path"),
        ({**LIST, "items": {"anyOf": [WHOLE, {"type": "null"}]}, "minItems": 1},
         "a list of 1 or more values, each a whole number or none"),
        ({**LIST, "prefixItems": [WHOLE, WHOLE], "minItems": 2, "maxItems": 2},
         "a list of 2 values, each a whole number"),
        ({"type": "string"}, "text"),
        ({"type": "number", "exclusiveMinimum": 0.5, "maximum": 1}, "a number > 0.5 and <= 1"),
        ({"anyOf": [{"type": "number"}, {"type": "number"}]}, "a number"),
        ({"type": "object"}, "a section"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}},
         "a section in which each key has true or false"),
        ({"anyOf": [{"type": "object", "properties": {"b": {}, "a": {}}}, {"type": "null"}]},
         "none or a section with the keys a, b"),
        ({"const": 3}, "3"),
        ({"enum": [1, 2]}, "one of 1 or 2"),
        ({"anyOf": [{"enum": ["b", "a"]}, {"type": "null"}, {"type": "number"}]},
         "one of a, b, a number or none"),
    ],
)  # fmt: skip
def test_words_for_what_is_allowed(schema: Schema, words: str) -> None:
    assert allowed(schema) == words
