"""The JSON schema of a configuration, for editors."""

import json
from collections.abc import Mapping

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text(models: Mapping[str, type[BaseModel]]) -> str:
    """Return the JSON schema with which editors complete and check YAML.

    Args:
        models: The value of ``task`` -> what a configuration then has; the first where it has no ``task``.
    """
    (_, default), *others = models.items()
    by_model, whole = models_json_schema([(model, "validation") for model in models.values()])
    rule = by_model[default, "validation"]
    for task, model in others:
        asked = {"properties": {"task": {"const": task}}, "required": ["task"]}
        rule = {"if": asked, "then": by_model[model, "validation"], "else": rule}
    return json.dumps({"$schema": DIALECT, **whole, **rule}, indent=2, ensure_ascii=False) + "\n"
